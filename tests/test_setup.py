"""The set-up, the make targets, the pins, the hooks and the workflows. Nothing is installed, and no network needed."""

import ast
import errno
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = re.findall(r"^([a-z-]+):.*?## ", MAKEFILE, re.M)
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def load(name):
    """The module book/<name>.py, which is a script and on no path."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "book" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


environment, colab, hashes = load("environment"), load("colab"), load("hashes")


def requirements(name):
    """The requirements in a file, by name; a name may stand several times, under different conditions."""
    found = {}
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith(("#", "-c ")):
            requirement = Requirement(line.split(" #")[0])
            found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


# The environment


class Rehearsal(environment.Environment):
    """An environment whose venv and pip are played: what they were asked for is in `asked`, and pip fails as told."""

    def __init__(self, root):
        super().__init__(root)
        self.asked, self.failure, self.site = [], None, Path(self.path, "lib", "python3", "site-packages")

    def make(self, lock=()):
        self.asked.append("venv")
        shutil.rmtree(self.path, ignore_errors=True)
        self.write_record({})
        os.makedirs(os.path.dirname(self.python))
        os.symlink(sys.executable, self.python)
        Path(self.path, "pyvenv.cfg").touch()
        self.site.mkdir(parents=True)

    def install(self, extras, lock=()):
        self.asked.append("pip " + ",".join(extras))
        if self.failure:
            raise self.failure
        Path(self.site, "numpy").mkdir(parents=True, exist_ok=True)

    def run(self, *extras, python=None):
        """What a set-up for `extras` does now."""
        self.asked = []
        self.ensure(extras, python)
        return self.asked


@pytest.fixture
def book(tmp_path):
    """A folder with a space in its name, and in it the files that decide what is installed."""
    root = tmp_path / "a book"
    root.mkdir()
    for name in ("pyproject.toml", "requirements.txt", "constraints.txt"):
        shutil.copy(ROOT / name, root)
    return root


@pytest.fixture
def made(book):
    """An environment of `book` that is complete and up to date."""
    rehearsal = Rehearsal(book)
    assert rehearsal.run() == ["venv", "pip "]
    return rehearsal


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_nothing_is_done_twice(made, capsys):
    capsys.readouterr()
    assert made.run() == []
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("requirements.txt", "numpy==", "numpy>="),
        ("constraints.txt", "numpy==", "numpy>="),
        ("pyproject.toml", '"codespell",', ""),
        ("pyproject.toml", "setuptools==", "setuptools>="),
    ],
)
def test_changed_requirements_are_installed_once(made, book, name, old, new):
    edit(book / name, old, new)
    assert made.run() == ["pip "]
    assert made.run() == []


def test_what_is_no_requirement_changes_nothing(made, book):
    edit(book / "pyproject.toml", "line-length = 120", "line-length = 100")
    (book / "requirements.txt").touch()
    assert made.run() == []


def test_extras_come_on_top_and_stay(made, book):
    assert made.run("test") == ["pip test"]
    assert made.run() == made.run("test") == []
    edit(book / "requirements.txt", "numpy==", "numpy>=")
    assert made.run() == ["pip test"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), environment.SetUpError("no network")])
def test_a_first_set_up_that_did_not_finish_is_made_again(book, failure, capsys):
    rehearsal = Rehearsal(book)
    rehearsal.failure = failure
    with pytest.raises(type(failure)):
        rehearsal.run()
    rehearsal.failure = None
    assert rehearsal.run() == ["venv", "pip "]
    assert "left unfinished" in capsys.readouterr().out
    assert rehearsal.run() == []


def test_an_interrupted_change_is_made_again(made, book):
    edit(book / "requirements.txt", "numpy==", "numpy>=")
    made.failure = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        made.run()
    made.failure = None
    assert made.run() == ["venv", "pip "]


def test_a_change_that_pip_could_not_begin_leaves_what_was_there(made, book):
    before = (book / "requirements.txt").read_text()
    edit(book / "requirements.txt", "numpy==", "numpy>=")
    made.failure = environment.SetUpError("no network")
    with pytest.raises(environment.SetUpError):
        made.run()
    (book / "requirements.txt").write_text(before)
    assert made.run() == []


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda venv: (venv / "bin/python").unlink(), "incomplete"),
        (lambda venv: (venv / "pyvenv.cfg").unlink(), "incomplete"),
        (lambda venv: (venv / "book.json").write_text('{"digest": "12'), "unfinished"),
        (lambda venv: (venv / "lib/python3/site-packages/numpy").rmdir(), "lost 1 of what was installed: numpy"),
    ],
    ids=["no python", "no pyvenv.cfg", "half a record", "a package is gone"],
)
def test_a_damaged_environment_is_made_again(made, damage, says, capsys):
    damage(Path(made.path))
    assert made.run() == ["venv", "pip "]
    assert says in capsys.readouterr().out


def test_a_copied_environment_is_made_again(made, book):
    copy = shutil.copytree(book, book.with_name("moved"), symlinks=True)
    assert Rehearsal(copy).run() == ["venv", "pip "]


def test_another_python_is_taken_only_when_asked_for(made):
    own = ".".join(map(str, sys.version_info[:3]))
    assert made.run(python=own) == made.run(python=None) == []
    assert made.run(python="3.99.0") == ["venv", "pip "]


def test_an_environment_made_by_hand_is_filled_if_it_works(book):
    venv = book / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "pyvenv.cfg").touch()
    (venv / "bin/python").symlink_to(sys.executable)
    assert Rehearsal(book).run() == ["pip "]
    (venv / "book.json").unlink()
    (venv / "bin/python").unlink()
    (venv / "bin/python").symlink_to("/bin/false")
    assert Rehearsal(book).run() == ["venv", "pip "]


def test_too_old_a_python_is_told_what_to_do():
    with pytest.raises(environment.SetUpError, match=r"3\.11 or newer, and this is Python 3\.10\.13(?s:.*)PYTHON="):
        environment.check_python((3, 10, 13))
    with pytest.raises(environment.SetUpError, match=r"no module `venv_`(?s:.*)apt install python3-venv"):
        environment.check_python(modules=("venv_",))
    environment.check_python((3, 11, 0))


def test_the_oldest_python_is_the_one_declared():
    assert PROJECT["project"]["requires-python"] == ">={}.{}".format(*environment.OLDEST)


def test_an_old_python_can_read_the_script():
    source = (ROOT / "book/environment.py").read_bytes()
    assert source.isascii()
    new = (ast.JoinedStr, ast.NamedExpr, ast.AnnAssign, ast.Nonlocal, ast.YieldFrom, ast.Await, ast.Match, ast.MatMult)
    for node in ast.walk(ast.parse(source)):
        assert not isinstance(node, new), ast.unparse(node)
        assert not (isinstance(node, ast.Raise) and node.cause)
        assert not (isinstance(node, ast.arguments) and (node.kwonlyargs or any(a.annotation for a in node.args)))


@pytest.mark.parametrize(
    ("status", "output", "says"),
    [
        (1, "ERROR: No matching distribution found for torch==2.13.0", "Is there a network?"),
        (1, "NewConnectionError: Failed to establish a new connection", "Is there a network?"),
        (2, "OSError: [Errno 28] No space left on device", "the disk is full"),
        (-9, "", "something killed pip (signal 9)"),
        (1, "ERROR: a wholly new kind of trouble", "a wholly new kind of trouble"),
    ],
)
def test_pips_failures_are_explained(status, output, says):
    advice = environment.Environment.advice(status, output)
    assert says in advice
    assert "run the same command again" in advice


class OnlyHashed(environment.Environment):
    """An environment of this Python, whose pip looks at what hashes/ names but installs nothing."""

    def __init__(self, root):
        super().__init__(root)
        os.makedirs(self.path)
        self.python, self.rest = sys.executable, []

    def pip(self, arguments, log, lock):
        if "--require-hashes" in arguments:
            super().pip([*arguments, "--dry-run"], log, lock)
        else:
            self.rest += arguments


def test_a_file_that_is_not_the_one_named_stops_the_set_up(tmp_path, monkeypatch):
    wheel, named = tmp_path / "small-1.0-py3-none-any.whl", tmp_path / "hashes/book.txt"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("small-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: small\nVersion: 1.0\n")
        file.writestr("small-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr("small-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    named.parent.mkdir()
    real = OnlyHashed(tmp_path)

    named.write_text("small==1.0 --hash=sha256:" + "0" * 64)
    with pytest.raises(environment.SetUpError) as told:
        real.install([])
    assert re.search(r"is not the one that hashes/ names\.\s+small==1\.0 .*\s+Got +[0-9a-f]{64}", str(told.value))
    assert "run the same command again" in str(told.value) and real.rest == []

    named.write_text("small==1.0 --hash=sha256:" + hashlib.sha256(wheel.read_bytes()).hexdigest())
    real.install([])
    assert "Would install small-1.0" in Path(real.log_path).read_text() and "requirements.txt" in real.rest


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.EROFS, "Read-only file system (/book/.venv)\nCopy the book to a folder that you may write to"),
        (errno.ENOSPC, "No space left on device (/book/.venv)\nWhen that is mended, run the same command again."),
    ],
)
def test_what_the_system_refuses_is_explained(monkeypatch, capsys, number, says):
    def refuse(*anything):
        raise OSError(number, os.strerror(number), "/book/.venv")

    monkeypatch.setattr(environment.Environment, "ensure", refuse)
    monkeypatch.setattr(environment.signal, "signal", lambda *anything: None)
    assert environment.main([]) == 1
    assert f"\nThe book's environment could not be made: {says}" in capsys.readouterr().err


def test_a_full_disk_is_told_where_venv_only_says_that_it_failed(book, monkeypatch):
    monkeypatch.setattr(environment.sys, "executable", "/bin/false")
    usage = shutil.disk_usage(book)
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda path: usage._replace(free=3 * 10**6))
    with pytest.raises(environment.SetUpError, match="could not make a virtual environment(?s:.*)disk has 3 MB left"):
        environment.Environment(book).make()
    monkeypatch.undo()
    assert environment.Environment(book).record() == {}


def test_two_set_ups_do_not_work_at_once(book):
    pytest.importorskip("fcntl")
    with environment.only_one(book) as lock:
        code = f"import environment\nwith environment.only_one({str(book)!r}): print('mine')"
        other = subprocess.Popen(
            [sys.executable, "-u", "-c", code], cwd=ROOT / "book", stdout=subprocess.PIPE, text=True, pass_fds=()
        )
        assert "waiting for it" in other.stdout.readline()
        assert lock and other.poll() is None
    assert other.communicate(timeout=10)[0] == "mine\n"


# The make targets


def make(*arguments):
    outer = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON")
    env = {name: value for name, value in os.environ.items() if name not in outer}
    run = [shutil.which("make") or pytest.skip("no make here"), *arguments]
    return subprocess.run(run, cwd=ROOT, env=env, capture_output=True, text=True)


def test_make_lists_every_target():
    listed = re.findall(r"^  make (\S+)", make().stdout, re.M)
    assert listed == TARGETS
    assert {"book", "test", "lab", "mutants", "clean"} <= set(TARGETS)


def test_a_python_that_is_not_there_is_a_clear_message():
    run = make("book", "PYTHON=no-such-python")
    assert run.returncode != 0
    assert "no 'no-such-python' here" in run.stdout
    assert "Python 3.11 or newer" in run.stdout


def test_every_make_command_in_the_documents_exists():
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "book/how_to_read.md"):
        text = (ROOT / name).read_text(encoding="utf-8") if (ROOT / name).exists() else ""
        code = re.findall(r"```.*?```|`[^`\n]+`", text, re.S)
        named = set(re.findall(r"(?:^|`|=\S+ )make ([a-z-]+)", "\n".join(code), re.M))
        assert named <= set(TARGETS), name


def test_every_file_that_the_documents_name_exists():
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        named = re.findall(r"\]\(([^)#:]+)\)", re.sub(r"(?s)```.*?```|`[^`]*`", "", text))
        named += re.findall(r"`((?:book|notebooks|tests)/[\w./-]*)`", text)
        named += re.findall(r"(?:-r |python )([\w/]+\.(?:txt|py))", text)
        assert named
        for path in named:
            assert (ROOT / path).exists(), f"{name} names {path}"


# The pins


def test_jupyter_book_is_version_1():
    assert metadata.version("jupyter-book").split(".")[0] == "1"


def test_direct_dependencies_are_pinned_and_everything_is_frozen():
    direct, frozen = requirements("requirements.txt"), requirements("constraints.txt")
    pins = [pin for pins in (direct | frozen).values() for pin in pins] + [
        Requirement(line) for line in PROJECT["build-system"]["requires"]
    ]
    for pin in pins:
        assert re.fullmatch(r"==[\w.]+", str(pin.specifier)), pin
    for (pin,) in direct.values():
        assert [str(p.specifier) for p in frozen[canonicalize_name(pin.name)]] == [str(pin.specifier)]
    for line in [*PROJECT["project"]["optional-dependencies"]["test"], "setuptools"]:
        name = canonicalize_name(Requirement(line).name)
        assert name in frozen, f"run `make freeze`: {name} is not in constraints.txt"
    build = Requirement(PROJECT["build-system"]["requires"][0])
    assert str(build.specifier) == str(frozen["setuptools"][0].specifier)


def test_what_is_installed_is_what_is_frozen():
    """All that the requirements bring along, conditions and extras minded, at the frozen versions."""
    frozen = requirements("constraints.txt")
    seen, ahead = set(), [(canonicalize_name(name), "") for name in requirements("requirements.txt")]
    tools = map(Requirement, PROJECT["project"]["optional-dependencies"]["test"])
    ahead += [(canonicalize_name(tool.name), "") for tool in tools if tool.marker is None or tool.marker.evaluate()]
    while ahead:
        name, extra = ahead.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        applying = [pin for pin in frozen.get(name, []) if pin.marker is None or pin.marker.evaluate()]
        assert applying, f"run `make freeze`: {name} is not in constraints.txt"
        found = metadata.distribution(name)
        assert applying[0].specifier.contains(found.version.split("+")[0], prereleases=True), f"{name} {found.version}"
        for line in found.requires or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                ahead += [(canonicalize_name(needed.name), wanted) for wanted in ("", *needed.extras)]
    assert len(seen) > 100


def test_whatever_is_frozen_has_its_hashes():
    """All but what comes from PyTorch's index, each in one of the two files."""
    frozen = {line for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if line[0] != "#"}
    hashed, names = [], {}
    for name in ("book", "test"):
        text = (ROOT / f"hashes/{name}.txt").read_text(encoding="utf-8")
        entries = re.findall(r"^(\w.*) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.M)
        assert hashes.HEAD + "".join(f"{line} \\\n{sums}" for line, sums in entries) == text, f"hashes/{name}.txt"
        hashed += [line for line, _ in entries]
        names[name] = {canonicalize_name(Requirement(line).name) for line, _ in entries}
    assert sorted(hashed) == sorted(filter(lambda line: not hashes.FROM_ITS_INDEX.match(line), frozen)), "`make freeze`"
    assert requirements("requirements.txt").keys() - names["book"] == {"torch"}
    tools = {canonicalize_name(Requirement(line).name) for line in PROJECT["project"]["optional-dependencies"]["test"]}
    assert tools <= names["book"] | names["test"]


def test_the_requirements_name_no_index():
    for name in ("requirements.txt", "constraints.txt", "pyproject.toml", "hashes/book.txt", "hashes/test.txt"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"://|--(extra-)?index-url|--find-links|file:", text), name


# The branch of notebooks


def git(root, *arguments):
    identity = ["-c", "user.name=A Reader", "-c", "user.email=reader@localhost"]
    return subprocess.run(
        ["git", *identity, "-C", str(root), *arguments], check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def published(tmp_path):
    """A small repository whose branch of notebooks was pushed to a remote of its own. -> (repository, remote)"""
    root, remote = tmp_path / "repository", tmp_path / "remote.git"
    notebook = {
        "cells": [
            {"cell_type": "markdown", "id": "title", "metadata": {}, "source": ["# Gibbs' ≥ 0"]},
            {
                "cell_type": "code",
                "execution_count": None,
                "id": "setup",
                "metadata": {},
                "outputs": [],
                "source": "import os\nimport numpy.linalg as la\nfrom scipy.special import xlogy\n\nimport elbokit",
            },
        ],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    for path in ("notebooks/01.ipynb", "notebooks/solutions/01.ipynb"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (root / "notebooks/elbokit.py").write_text("print('elbokit is here')\n")
    git(tmp_path, "init", "-q", "--bare", str(remote))
    git(tmp_path, "init", "-q", str(root))
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "A book")
    git(root, "remote", "add", "origin", str(remote))
    colab.publish(remote.as_uri(), "origin", root)
    return root, remote


def test_the_branch_differs_only_in_the_first_cells(published):
    root, remote = published
    assert git(root, "status", "--porcelain") == ""
    git(root, "fetch", "-q", "origin", "notebooks")
    changed = git(root, "diff", "--numstat", "HEAD", "FETCH_HEAD")
    assert re.findall(r"^\d+\t0\t(.+)", changed, re.M) == ["notebooks/01.ipynb", "notebooks/solutions/01.ipynb"]
    cells = json.loads(git(remote, "show", "notebooks:notebooks/01.ipynb"))["cells"]
    assert [cell["id"] for cell in cells] == ["fetch", "title", "setup"]
    assert remote.as_uri() in "".join(cells[0]["source"])
    assert "['executing', 'numpy', 'scipy']" in "".join(cells[0]["source"])
    assert git(remote, "log", "--format=%an", "notebooks") == "A Reader\n"
    colab.publish(remote.as_uri(), "origin", root)
    assert len(git(remote, "log", "--format=%h", "notebooks").splitlines()) == 1


def test_publishing_without_an_address_is_a_clear_message():
    env = {name: value for name, value in os.environ.items() if name != "ELBO_REPOSITORY"}
    run = subprocess.run([sys.executable, ROOT / "book/colab.py"], env=env, capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.startswith("Set ELBO_REPOSITORY")


# Habits


def test_workflows_only_call_make_targets():
    assert [path.stem for path in WORKFLOWS] == ["deploy", "test"]
    for path in WORKFLOWS:
        for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values():
            for step in job["steps"]:
                if "run" in step:
                    command, *targets = step["run"].splitlines()[0].split()
                    assert command == "make" and targets and set(targets) <= set(TARGETS), step
                else:
                    assert re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"]), step


def test_workflows_test_every_python_and_pass_on_the_address():
    test, deploy = (yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text()) for name in ("test", "deploy"))
    assert test["jobs"]["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert deploy["env"]["ELBO_REPOSITORY"] == "${{ github.server_url }}/${{ github.repository }}"
    assert deploy["env"]["ELBO_SITE"] == "${{ vars.ELBO_SITE }}"


def test_ci_runs_the_tests_and_the_mutants():
    script = ROOT / ".ci/run"
    text = script.read_text(encoding="utf-8")
    assert subprocess.run(["bash", "-n", script]).returncode == 0
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in text
    assert re.search(r"^make test\nmake mutants$", text, re.M)


HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]


def test_the_hooks_use_the_frozen_tools():
    assert [repo["repo"] for repo in HOOKS] == ["local"]
    frozen = requirements("constraints.txt")
    for hook in HOOKS[0]["hooks"]:
        assert hook["entry"].startswith(".venv/bin/")
        assert hook["id"] in frozen


@pytest.mark.parametrize("tool", ["ruff check", "nbstripout --keep-id --verify", "codespell"])
def test_the_files_pass_the_hooks(tool):
    files = git(ROOT, "ls-files").splitlines()
    name, *arguments = tool.split()
    suffixes = {"ruff": (".py", ".ipynb"), "nbstripout": (".ipynb",), "codespell": ("",)}[name]
    chosen = [file for file in files if file.endswith(suffixes) and (ROOT / file).is_file()]
    command = [Path(sys.executable).with_name(name), *arguments, *chosen]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
