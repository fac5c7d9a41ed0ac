"""A notebook alone in a bare kernel, as Colab opens it: its first cell fetches the book, and then it runs to its end.

The environment is clean: a new one that holds nothing but the packages named here, with what they need, linked from the
tests' own. There is no network: a bare repository in a folder stands for the book's address, and pip has no index.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import fetching  # noqa: E402
import run  # noqa: E402

COLAB = ("ipykernel", "matplotlib", "numpy", "pip", "scipy", "torch")  # what the first cell may find
NOTEBOOKS = ("notebooks/01_kl", "notebooks/primers/torch", "notebooks/solutions/06_conjugate")


def needed(names):
    """The distributions of these names, and all that they need in turn."""
    found, ahead = {}, [(name, "") for name in names]
    while ahead:
        name, extra = ahead.pop()
        distribution = metadata.distribution(name)
        if (distribution.name, extra) in found:
            continue
        found[distribution.name, extra] = distribution
        for line in distribution.requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                ahead += [(requirement.name, wanted) for wanted in ("", *requirement.extras)]
    return found.values()


def bare(folder, *names):
    """A new environment with these packages and what they need, linked. -> its python"""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for distribution in needed(names):
        for part in {file.parts[0] for file in distribution.files if file.parts[0] not in ("..", "__pycache__")}:
            if not (site / part).exists():
                (site / part).symlink_to(distribution.locate_file(part))
    return folder / "bin" / "python"


def clean(folder, **settings):
    """An environment's variables: nothing of the tests' own but where programs are, and no network."""
    fonts = ROOT / "_build" / ".home" / "matplotlib"  # a list of the system's fonts, which takes long to make
    kept = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", "MPLCONFIGDIR": str(fonts)}
    kept |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "OMP_NUM_THREADS": "1"}
    return kept | {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"} | settings


def git(folder, *arguments):
    who = ["-c", "user.name=A Reader", "-c", "user.email=reader@localhost"]
    subprocess.run(["git", *who, "-C", folder, *arguments], check=True, capture_output=True)


def publish(book, remote):
    """Pushes the branch of notebooks, made from a folder, to a new repository. -> its address"""
    spec = importlib.util.spec_from_file_location("colab", ROOT / "book" / "colab.py")
    colab = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(colab)
    git(book.parent, "init", "-q", "--bare", remote)
    git(book, "init", "-q")
    git(book, "add", "-A")
    git(book, "commit", "-q", "-m", "A book")
    colab.publish(remote.as_uri(), remote, book)
    return remote.as_uri()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where the book's branch of notebooks can be fetched from, as this tree has them."""
    folder = tmp_path_factory.mktemp("published")
    built = shutil.ignore_patterns("__pycache__", "*.egg-info", ".ipynb_checkpoints", "_build")
    shutil.copytree(ROOT / "notebooks", folder / "book" / "notebooks", ignore=built)
    return publish(folder / "book", folder / "remote.git")


@pytest.fixture(scope="module")
def colab_python(tmp_path_factory):
    return bare(tmp_path_factory.mktemp("colab") / "environment", *COLAB)


def executed_alone(doc, address, python, folder):
    """Runs a notebook of the branch, alone in a folder, in a bare kernel. -> the notebook, failures"""
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class Bare(AsyncKernelManager):
        @property
        def kernel_spec(self):
            start = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=start, language="python")

    notebook = run.load(ROOT / f"{doc}.ipynb")
    notebook = fetching.with_cell(notebook, f"{doc}.ipynb", address)
    path = folder / Path(doc).with_suffix(".ipynb").name
    path.write_text(fetching.text_of(notebook), encoding="utf-8")
    execution = run.Execution(folder, doc, path, run.load(path, folder), clean(folder))
    execution.client.kernel_manager_class = Bare
    failures = execution.run()
    return execution.notebook, failures


def said(cell):
    """What a cell printed."""
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


@pytest.mark.parametrize("doc", NOTEBOOKS)
def test_a_notebook_runs_alone(doc, address, colab_python, tmp_path):
    notebook, failures = executed_alone(doc, address, colab_python, tmp_path)
    assert failures == []
    assert said(notebook.cells[0]) == f"Fetching the book's files from {address}\n"
    assert (tmp_path / "elbo" / "notebooks" / "elbokit").is_dir()


# ---- The first cell on its own ----


@pytest.fixture(scope="module")
def plain_python(tmp_path_factory):
    return bare(tmp_path_factory.mktemp("plain") / "environment", "numpy", "pip")


@pytest.fixture
def fetch(plain_python, tmp_path):
    """fetch(address, then, **settings): runs the cell of a notebook that needs NumPy and executing. -> the process"""
    code = {"cell_type": "code", "source": ["import numpy"]}

    def process(address, then="", **settings):
        notebook = fetching.with_cell({"cells": [code]}, "notebooks/solutions/01_kl.ipynb", address)
        cell = "".join(notebook["cells"][0]["source"])
        command = [plain_python, "-c", f"{cell}\n{then}"]
        return subprocess.run(command, cwd=tmp_path, env=clean(tmp_path, **settings), capture_output=True, text=True)

    return process


def wheel_of(name, folder):
    """An installed package, packed again. -> the folder"""
    distribution = metadata.distribution(name)
    with zipfile.ZipFile(folder / f"{name}-{distribution.version}-py3-none-any.whl", "w") as wheel:
        for file in distribution.files:
            if file.suffix != ".pyc" and file.parts[0] != "..":
                wheel.write(distribution.locate_file(file), file)
    return folder


def test_the_cell_says_what_it_fetches_and_does_nothing_twice(fetch, address, tmp_path):
    wheels = wheel_of("executing", tmp_path)
    then = "import elbokit, executing; print(os.getcwd())"
    expected = f"{tmp_path / 'elbo/notebooks/solutions'}\n"
    first = fetch(address, then, PIP_FIND_LINKS=wheels.as_uri())  # a path may have spaces
    assert first.stderr == ""
    assert first.stdout == f"Fetching the book's files from {address}\nFetching the package executing\n{expected}"
    again = fetch(address, then)  # as after a restart of the kernel
    assert (again.stderr, again.stdout) == ("", expected)


def test_without_a_network_the_cell_says_so(fetch, address, tmp_path):
    missing = (tmp_path / "nowhere.git").as_uri()
    failed = fetch(missing)
    assert failed.returncode == 1
    assert f"RuntimeError: Could not fetch the book's files from {missing}:\n" in failed.stderr
    assert failed.stderr.endswith("Is there a network?\n")
    failed = fetch(address, PATH=str(tmp_path))
    assert failed.returncode == 1 and failed.stderr.endswith("Is git installed?\n")


def test_a_package_that_cannot_be_had_is_named(fetch, address, plain_python, tmp_path):
    remove = [plain_python, "-m", "pip", "uninstall", "-qy", "executing"]
    subprocess.run(remove, env=clean(tmp_path), capture_output=True)
    failed = fetch(address)
    assert failed.returncode == 1
    assert "RuntimeError: Could not fetch the package executing:\n" in failed.stderr


def test_an_old_numpy_is_named_and_what_to_do(plain_python, tmp_path):
    code = "import sys, numpy; numpy.__version__ = '1.26.4'; sys.path.append(sys.argv[1]); import elbokit"
    command = [plain_python, "-c", code, ROOT / "notebooks"]
    failed = subprocess.run(command, cwd=tmp_path, env=clean(tmp_path), capture_output=True, text=True)
    assert "ImportError: The book needs NumPy 2.0 or newer, and this is NumPy 1.26.4: upgrade it" in failed.stderr


def test_the_environment_is_bare(colab_python, tmp_path):
    code = "import sys; from importlib.util import find_spec as f; print([n for n in sys.argv[1:] if f(n)])"
    names = ["numpy", "torch", "elbokit", "sphinx", "jupyter_book", "jupyterlab", "sklearn", "pytest", "yaml"]
    found = subprocess.run([colab_python, "-c", code, *names], env=clean(tmp_path), capture_output=True, text=True)
    assert found.stdout == "['numpy', 'torch']\n"
