"""The build: honest (what fails, fails every time, and says where), quick (nothing is executed twice), and whole.

Everything here happens in small books of its own, with a stand-in for elbokit that leaves records and little else.
"""

import errno
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import run

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "book"))
import build

ROOT = Path(__file__).resolve().parents[1]

TOC = """\
format: jb-book
root: book/index
chapters:
  - file: notebooks/01_a
    sections:
      - file: notebooks/solutions/01_a
  - file: notebooks/02_b
  - file: book/ledger
"""
CONFIG = """\
title: A small book
only_build_toc_files: true
sphinx:
  local_extensions: {run: book/_ext, equations: book/_ext}
  config:
    extensions: [myst_nb, jupyter_book, sphinx_comments, sphinx_external_toc, run, equations]
    html_theme: basic
    html_theme_options: {}
    myst_enable_extensions: [dollarmath]
"""
CHECK = '''\
"""Stands in for elbokit.check."""
from IPython.display import display

class CheckFailed(AssertionError):
    pass

def equal(name, lhs, rhs, kind="equal"):
    if lhs != rhs:
        raise CheckFailed(f"({name}) fails: {lhs} is not {rhs}")
    record = {"schema": 1, "name": name, "kind": kind, "instances": 1, "worst": 0.0, "tolerance": 1e-12, "passed": True}
    display({"text/plain": f"✓ ({name})  1 instance", "application/vnd.elbokit.check+json": record}, raw=True)

def exercise(number, fn):
    data = {"schema": 1, "exercise": number, "verdict": "right", "text": "right"}
    display({"text/plain": "✓ right", "application/vnd.elbokit.exercise+json": data}, raw=True)
'''
SETUP = "from elbokit import check\nimport os, sys"
A = [
    "# A",
    SETUP,
    "Sums:\n\n$$ a + b = b + a \\tag{sum} $$",
    "def f(a, b):\n    return a + b",
    'check.equal("sum", f(1, 2), 3)',
]
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
B = [
    "# B",
    SETUP,
    "By [(sum)](01_a.ipynb#eq-sum):\n\n$$ b = b \\tag{b} $$",
    'check.equal("b", 1, 1)\ncheck.equal("sum", 5, 5)',
    f"from IPython.display import display\ndisplay({{'image/png': '{PNG}'}}, raw=True)",
]


def notebook(*cells):
    """A notebook of these cells: Markdown where the text begins with a capital, # or >, else code."""
    made = []
    for number, source in enumerate(cells):
        lines = source.splitlines(keepends=True)  # as the format has it, and JupyterLab writes it
        cell = {"id": f"cell-{number}", "metadata": {}, "source": lines}
        if re.match(r"[A-Z#>]", source):
            made.append({"cell_type": "markdown"} | cell)
        else:
            made.append({"cell_type": "code", "execution_count": None, "outputs": []} | cell)
    return {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


class Book:
    """A book in a folder of its own."""

    def __init__(self, root):
        self.root, self.site = root, root / "_build" / "html"
        shutil.copytree(ROOT / "book" / "_ext", root / "book" / "_ext", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "book" / "build.py", root / "book")
        self.write("_toc.yml", TOC)
        self.write("_config.yml", CONFIG)
        self.write("requirements.txt", "nbclient\n")
        self.write("notebooks/elbokit/__init__.py", "")
        self.write("notebooks/elbokit/check.py", CHECK)
        self.write("notebooks/data/numbers.csv", "1,2\n")
        self.write("notebooks/solutions/01_a.slips.toml", "")
        self.write(
            "book/index.md", "# Index\n\nSee [(sum)](../notebooks/01_a.ipynb#eq-sum).\n\n<!-- ledger-summary -->\n"
        )
        self.write("book/ledger.md", "# Ledger\n\n<!-- ledger -->\n")
        self.cells("notebooks/01_a", *A)
        self.cells("notebooks/solutions/01_a", "# Solutions", SETUP, 'check.equal("b", 1, 1)')
        self.cells("notebooks/02_b", *B)

    def write(self, name, text):
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text, encoding="utf-8")

    def cells(self, doc, *cells):
        self.write(f"{doc}.ipynb", json.dumps(notebook(*cells)))

    def run(self, **options):
        """Runs the notebooks in this process. -> the docs that were executed, the executed notebooks"""
        said = []
        done = run.run(self.root, say=said.append, **options)
        return {m[1] for line in said if (m := re.match(r"  [✓✗] (\S+) +[\d.]+ s ", line))}, done

    def refused(self, **options):
        """What the runner refuses to go on with. -> the message"""
        with pytest.raises(run.BuildError) as caught:
            self.run(**options)
        assert "\x1b" not in str(caught.value)
        return str(caught.value)

    def build(self, *arguments, **environment):
        """Runs book/build.py as make does. -> the finished process"""
        command = [sys.executable, "book/build.py", *arguments]
        return self.process(command, environment)

    def process(self, command, environment=None):
        environment = os.environ | (environment or {})
        return subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, timeout=120)

    def page(self, name):
        return (self.site / f"{name}.html").read_text(encoding="utf-8")

    def files(self):
        """Every file of the site and what it says."""
        return {p.relative_to(self.site).as_posix(): p.read_bytes() for p in self.site.rglob("*") if p.is_file()}


@pytest.fixture
def book(tmp_path):
    return Book(tmp_path)


@pytest.fixture
def fake(monkeypatch):
    """Notebooks that are "executed" without a kernel, at once: what is executed is known, not what it prints."""

    def execute(self):
        for cell in self.notebook.cells:
            if cell.cell_type == "code":
                cell.update(execution_count=1, outputs=[{"output_type": "stream", "name": "stdout", "text": "ran"}])
        return ["✗ failed"] if "fail" in str(self.notebook.cells) else []

    monkeypatch.setattr(run.Execution, "run", execute)
    monkeypatch.setattr(run, "_make_fonts", lambda env: None)


ALL = {"notebooks/01_a", "notebooks/solutions/01_a", "notebooks/02_b"}


# -------------------------------------------------------------------------------------------- what is executed again


def test_nothing_is_executed_twice(book, fake):
    assert book.run()[0] == ALL
    assert book.run()[0] == set()
    assert book.run(force=True)[0] == ALL
    assert book.run(force=True, docs=["notebooks/02_b"])[0] == {"notebooks/02_b"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("notebooks/elbokit/check.py", CHECK + "\n"),
        ("notebooks/elbokit/new.py", ""),
        ("notebooks/elbokit/look.mplstyle", "lines.linewidth: 2"),
        ("notebooks/data/numbers.csv", "1,3\n"),
        ("notebooks/data/deep/er.bin", "new"),
        ("requirements.txt", "nbclient  # the same, said differently\n"),
        ("constraints.txt", "numpy==2\n"),
    ],
)
def test_a_change_that_all_can_see_executes_all(book, fake, name, text):
    book.run()
    book.write(name, text)
    assert book.run()[0] == ALL
    assert book.run()[0] == set()


@pytest.mark.parametrize(
    "name", ["book/index.md", "_toc.yml", "README.md", "notebooks/elbokit/__pycache__/check.pyc", "tests/test_x.py"]
)
def test_a_change_that_no_notebook_can_see_executes_nothing(book, fake, name):
    book.run()
    book.write(name, TOC if name == "_toc.yml" else "other")
    assert book.run()[0] == set()


def test_a_removed_helper_executes_all(book, fake):
    book.write("notebooks/elbokit/old.py", "")
    book.run()
    (book.root / "notebooks/elbokit/old.py").unlink()
    assert book.run()[0] == ALL


def test_a_module_beside_the_notebooks_counts(book, fake):
    book.run()
    for text in ("x = 1", "x = 2"):
        book.write("notebooks/helper.py", text)
        assert book.run()[0] == ALL and book.run()[0] == set()


def test_a_touched_helper_executes_all(book, fake):
    book.run()
    os.utime(book.root / "notebooks/elbokit/check.py", (1, 1))
    assert book.run()[0] == ALL and book.run()[0] == set()


def test_the_seed_and_python_count(book, fake, monkeypatch):
    book.run()
    monkeypatch.setenv("ELBO_SEED", "7")
    assert book.run()[0] == ALL
    assert book.run(seed=7)[0] == set()
    assert book.run(seed=0)[0] == ALL
    monkeypatch.setattr(run.platform, "python_version", lambda: "3.99.0")
    assert book.run(seed=0)[0] == ALL
    monkeypatch.setattr(run.importlib.metadata, "version", lambda name: "99")
    assert book.run(seed=0)[0] == ALL


def test_a_change_of_code_executes_that_notebook_alone(book, fake):
    book.run()
    book.cells("notebooks/02_b", *B, "x = 1")
    assert book.run()[0] == {"notebooks/02_b"}


def test_code_is_kept_apart_by_cell(book, fake):
    book.cells("notebooks/02_b", "x = 1\ny = 2")
    book.run()
    book.cells("notebooks/02_b", "x = 1", "y = 2")
    assert book.run()[0] == {"notebooks/02_b"}


def test_what_a_notebook_names_it_sees(book, fake):
    book.write("notebooks/extra.txt", "1")
    book.cells("notebooks/02_b", *B, 'elbokit.load("01_a")', "open('extra.txt')")
    book.run()
    book.cells("notebooks/01_a", *A, "x = 1")
    assert book.run()[0] == {"notebooks/01_a", "notebooks/02_b"}
    book.cells("notebooks/01_a", "# A new title", *A[1:], "x = 1")
    assert book.run()[0] == set()
    book.write("notebooks/extra.txt", "2")
    assert book.run()[0] == {"notebooks/02_b"}


def test_notebooks_may_name_each_other_in_a_ring(book, fake):
    book.cells("notebooks/01_a", *A, 'load("02_b")')
    book.cells("notebooks/02_b", *B, 'load("01_a.ipynb")', 'load("02_b")')
    book.run()
    book.cells("notebooks/01_a", *A, 'load("02_b")', "x = 1")
    assert book.run()[0] == {"notebooks/01_a", "notebooks/02_b"}


def test_an_exercise_sees_its_solutions_and_their_slips(book, fake):
    book.cells("notebooks/02_b", *B, 'check.exercise("1.3", f)')
    book.run()
    book.cells("notebooks/solutions/01_a", "# Solutions", "x = 2")
    assert book.run()[0] == {"notebooks/02_b", "notebooks/solutions/01_a"}
    book.write("notebooks/solutions/01_a.slips.toml", "# new")
    assert book.run()[0] == {"notebooks/02_b"}
    book.write("notebooks/solutions/03_c.slips.toml", "# of another chapter")
    assert book.run()[0] == set()


def test_new_text_takes_over_the_outputs(book, fake):
    _, before = book.run()
    book.cells("notebooks/02_b", "# B, better", "A new paragraph", *B[1:3], "Another", *B[3:])
    executed, after = book.run()
    assert executed == set()
    shown = after["notebooks/02_b"]
    assert [cell["source"] for cell in shown["cells"]][:2] == ["# B, better", "A new paragraph"]
    outputs = [
        [c["outputs"] for c in made["notebooks/02_b"]["cells"] if c["cell_type"] == "code"] for made in (before, after)
    ]
    assert outputs[0] == outputs[1] and all(outputs[1])
    assert book.run()[1]["notebooks/02_b"] == shown


def test_stored_outputs_are_neither_seen_nor_shown(book, fake):
    _, before = book.run()
    stored = json.loads((book.root / "notebooks/02_b.ipynb").read_text())
    for cell in stored["cells"]:
        if cell["cell_type"] == "code":
            cell.update(execution_count=41, outputs=[{"output_type": "stream", "name": "stdout", "text": "stale"}])
    book.write("notebooks/02_b.ipynb", json.dumps(stored))
    executed, after = book.run()
    assert executed == set()
    assert "stale" not in json.dumps(after)


def test_a_failure_is_never_kept_and_success_beside_it_is(book, fake):
    book.run()
    book.cells("notebooks/01_a", "fail")
    book.cells("notebooks/02_b", *B, "x = 1")
    assert book.refused() == "✗ failed"
    assert book.refused() == "✗ failed"
    book.cells("notebooks/01_a", *A)
    assert book.run()[0] == set()  # what it printed before the mistake is still good


def test_a_damaged_record_is_made_again(book, fake):
    book.run()
    for text in ("", "{", "[]", '{"metadata": {}}', '{"metadata": {"elbo": {"key": 1}}}'):
        book.write("_build/executed/notebooks/02_b.ipynb", text)
        assert book.run()[0] == {"notebooks/02_b"}


def test_the_longest_run_first_and_so_does_the_unknown(book, fake, monkeypatch):
    book.run()
    for doc, seconds in (("notebooks/01_a", 5), ("notebooks/02_b", 50)):
        path = book.root / f"_build/executed/{doc}.ipynb"
        made = json.loads(path.read_text())
        made["metadata"]["elbo"]["seconds"] = seconds
        path.write_text(json.dumps(made))
    (book.root / "_build/executed/notebooks/solutions/01_a.ipynb").unlink()
    order = []
    monkeypatch.setattr(run.Execution, "run", lambda self: order.append(self.doc) or [])
    book.run(force=True, jobs=1)
    assert order == ["notebooks/solutions/01_a", "notebooks/02_b", "notebooks/01_a"]


# ------------------------------------------------------------------------------------------- what cannot be a book


def test_a_page_of_the_toc_that_is_not_there(book):
    (book.root / "notebooks/02_b.ipynb").unlink()
    (book.root / "book/ledger.md").unlink()
    message = book.refused()
    assert "_toc.yml names notebooks/02_b, but there is no" in message and "book/ledger" in message


def test_a_notebook_that_is_not_in_the_toc(book):
    book.cells("notebooks/03_c", "# C")
    book.cells("notebooks/.ipynb_checkpoints/01_a-checkpoint", "# A")
    assert book.refused() == "✗ notebooks/03_c.ipynb is not in _toc.yml: add it there, or move it away"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"cells": [', "is not valid JSON: Expecting value: line 1 column 12"),
        ("", "is not valid JSON"),
        ("[]", "is not a notebook"),
        ('{"nbformat": 4, "cells": 1}', "is not a notebook"),
        ('{"nbformat": 4, "cells": [{}]}', "is not a notebook"),
        ('{"nbformat": 3, "worksheets": []}', "is not a notebook"),
    ],
)
def test_what_is_no_notebook_is_named(book, text, said):
    book.write("notebooks/01_a.ipynb", text)
    book.write("notebooks/02_b.ipynb", text)
    message = book.refused()
    assert f"✗ notebooks/01_a.ipynb {said}" in message and f"✗ notebooks/02_b.ipynb {said}" in message


def test_a_table_of_contents_that_cannot_be_read(book):
    book.write("_toc.yml", "a: [")
    assert "_toc.yml cannot be read" in book.refused()
    (book.root / "_toc.yml").unlink()
    assert "_toc.yml cannot be read" in book.refused()


def test_the_notebooks_themselves_are_never_written_over(book):
    assert "choose another folder" in book.refused(out=book.root)


def test_an_unknown_notebook_is_asked_for(book):
    assert book.refused(docs=["notebooks/99"]) == "✗ notebooks/99 is no notebook in _toc.yml"


def test_a_build_folder_that_cannot_be_written(book):
    book.write("_build", "a file, where the folder should be")
    assert book.refused().startswith(f"✗ cannot write to {book.root}/_build")
    failed = book.build()
    assert failed.returncode == 1 and "✗ cannot write to" in failed.stderr and "Traceback" not in failed.stderr


def test_a_read_only_checkout_runs_its_notebooks_into_another_folder(book, fake, monkeypatch, tmp_path_factory):
    book.write("_build", "a file, where the folder should be")
    out, kernels = tmp_path_factory.mktemp("out"), []
    monkeypatch.setattr(run, "_make_fonts", kernels.append)
    assert book.run(out=out)[0] == ALL
    assert all(kernels[0][name].startswith(str(out)) for name in ("MPLCONFIGDIR", "IPYTHONDIR"))


def test_two_at_once(book):
    with run.lock(book.root / "_build" / "executed" / ".lock"):
        assert (
            book.refused()
            == f"✗ another execution of the notebooks is running (process {os.getpid()}): wait for it, or stop it"
        )
    with run.lock(book.root / "_build" / ".lock"):
        failed = book.build()
    assert failed.returncode == 1
    assert f"✗ another build is running (process {os.getpid()}): wait for it, or stop it" in failed.stderr


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    run.write(tmp_path / "deep" / "file", "old")
    monkeypatch.setattr(run.os, "replace", lambda *names: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run.write(tmp_path / "deep" / "file", "new")
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["file"]
    assert (tmp_path / "deep" / "file").read_text() == "old"


# -------------------------------------------------------------------------------------------------- in real kernels


def test_all_that_fails_is_told_with_notebook_cell_line_and_message(book):
    """One run of seven notebooks, six of which fail, each in its own way."""
    book.cells(
        "notebooks/01_a", *A[:4], "x = 1\nfor i in range(2):\n    check.equal(\n        'sum', f(1, 2),\n        i)"
    )
    book.cells("notebooks/02_b", SETUP, "import warnings", "def g():\n    warnings.warn('be careful')", "g()", "x = 1")
    book.cells("notebooks/solutions/01_a", SETUP, "x = 1\nos.kill(os.getpid(), 9)")
    book.cells("notebooks/03_c", "x = 1", "import time\ntime.sleep(60)")
    book.cells("notebooks/04_d", "def f(x):\n    y = 1\n    return y / x", "f(0)")
    book.cells("notebooks/05_e", "x = 1", "y = (1\n")
    book.cells("notebooks/06_f", "x = 1")
    docs = "".join(f"  - file: notebooks/{name}\n" for name in ("03_c", "04_d", "05_e", "06_f"))
    book.write("_toc.yml", TOC + docs)
    message = book.refused(timeout=6, jobs=4)
    assert [line for line in message.splitlines() if line.startswith("✗")] == [
        '✗ notebooks/01_a.ipynb, cell "cell-4", line 3: this failed',
        '✗ notebooks/solutions/01_a.ipynb, cell "cell-1": the kernel died',
        '✗ notebooks/02_b.ipynb, cell "cell-3": wrote to stderr, which a page must not:',
        '✗ notebooks/03_c.ipynb, cell "cell-1": still running after 6 s',
        '✗ notebooks/04_d.ipynb, cell "cell-1", line 1: this failed',
        '✗ notebooks/05_e.ipynb, cell "cell-1", line 1: this failed',
    ]
    assert (
        "    | check.equal(\n    |     'sum', f(1, 2),\n    |     i)\n    CheckFailed: (sum) fails: 3 is not 0"
        in message
    )
    assert "UserWarning: be careful" in message
    assert (
        '    | f(0)\n    in cell "cell-0", line 3:\n    | return y / x\n    ZeroDivisionError: division by zero'
        in message
    )
    assert "SyntaxError" in message
    made = {
        p.relative_to(book.root / "_build/executed").as_posix() for p in book.root.glob("_build/executed/**/*.ipynb")
    }
    assert made == {"notebooks/06_f.ipynb"}


def test_the_kernel_a_notebook_finds(book, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    monkeypatch.setenv("OMP_NUM_THREADS", "9")
    stray = tmp_path_factory.mktemp("stray") / "kernels" / "python3" / "kernel.json"
    stray.parent.mkdir(parents=True)
    stray.write_text(json.dumps({"argv": ["/no/such/python"], "display_name": "x", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(stray.parents[2]))
    say = (
        "import os, sys, json, warnings, elbokit\nprint(json.dumps([os.environ['ELBO_BOOK'], os.environ['ELBO_SEED'], "
        "os.environ['OMP_NUM_THREADS'], os.getcwd(), sys.executable, elbokit.__file__, os.environ['MPLBACKEND']]))"
    )
    book.cells("notebooks/solutions/01_a", say)
    done = book.run(docs=["notebooks/solutions/01_a"], seed=3)[1]["notebooks/solutions/01_a"]
    found = json.loads("".join(done["cells"][0]["outputs"][0]["text"]))
    folder = book.root / "notebooks"
    assert found[:3] == ["1", "3", "1"]
    assert found[3:6] == [str(folder / "solutions"), sys.executable, str(folder / "elbokit" / "__init__.py")]
    assert found[6] == "module://matplotlib_inline.backend_inline"


def test_stopped_by_hand_nothing_is_left_running(book):
    pid = book.root / "pid"
    book.cells("notebooks/01_a", f"import os, time\nopen({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(100)")
    command = [sys.executable, "book/build.py"]
    process = subprocess.Popen(
        command, cwd=book.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests run in the background ignore it
    )
    deadline = time.monotonic() + 60
    while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and said == "the build stopped\n"
    deadline = time.monotonic() + 10
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < deadline:
            os.kill(int(pid.read_text()), 0)
            time.sleep(0.05)
    assert not (book.root / "_build/executed/notebooks/01_a.ipynb").exists()


# --------------------------------------------------------------------------------------------------- the whole build


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """A small book that was built, with what the build said, and a copy of it all."""
    book = Book(tmp_path_factory.mktemp("once") / "book")
    book.said = book.build()
    assert book.said.returncode == 0, book.said.stdout + book.said.stderr
    book.kept = book.root.with_name("kept")
    shutil.copytree(book.root, book.kept)
    return book


@pytest.fixture
def built(once):
    """That book, as it was built, whatever other tests do to it."""
    yield once
    shutil.rmtree(once.root)
    shutil.copytree(once.kept, once.root)


def test_the_site_is_whole(built):
    assert (built.site / "index.html").as_uri() in built.said.stdout
    book = json.loads((built.site / "ledger.json").read_text())
    assert [entry["name"] for entry in book["equations"]] == ["sum", "b"]
    for doc in ("book/index", "book/ledger", *ALL):
        assert (built.site / f"{doc}.html").is_file()
    assert "2 named equations in 2 chapters, held by 4 checks on 4 instances" in built.page("book/index")
    assert '<a href="../notebooks/02_b.html#check-sum">equal</a>' in built.page("book/ledger")
    assert 'href="../notebooks/01_a.html#eq-sum"' in built.page("book/ledger")
    assert '<a href="01_a.html#eq-sum">(sum)</a>' in built.page("notebooks/02_b")
    assert 'class="dark-light"' in built.page("notebooks/02_b")
    assert 'id="check-sum"' in built.page("notebooks/01_a") and 'id="eq-sum"' in built.page("notebooks/01_a")
    assert json.loads((built.site / "_sources/notebooks/01_a.ipynb").read_text()) == notebook(
        *A
    )  # not the executed one


def test_the_second_build_does_nothing_and_takes_no_time(built):
    before = built.files()
    start = time.monotonic()
    again = built.build()
    assert again.returncode == 0 and "nothing to execute" in again.stdout and "nothing has changed" in again.stdout
    assert "executing" not in again.stdout and time.monotonic() - start < 10
    assert built.files() == before


def test_a_site_that_was_tampered_with_is_made_again(built):
    before = built.files()
    (built.site / "book" / "index.html").unlink()
    (built.site / "stray.html").write_text("stray")
    assert built.build().returncode == 0
    assert built.files() == before


def test_new_text_new_names_a_new_helper_and_pages_taken_out(built):
    built.write("notebooks/elbokit/check.py", CHECK.replace("  1 instance", "  one instance"))
    built.cells(
        "notebooks/01_a",
        "# A changed title",
        "New words",
        *A[1:2],
        A[2].replace("sum", "total"),
        A[3],
        A[4].replace("sum", "total"),
    )
    built.cells("notebooks/02_b", *[cell.replace("sum", "total") for cell in B])
    built.write("book/index.md", "# Index\n\n<!-- ledger-summary -->\n")
    made = built.build()
    assert made.returncode == 0, made.stderr
    assert "one instance" in built.page("notebooks/solutions/01_a")  # of which nothing else has changed
    assert "New words" in built.page("notebooks/01_a") and "eq-total" in built.page("notebooks/02_b")
    assert "A changed title" in built.page("book/ledger")

    built.write("_toc.yml", TOC.replace("  - file: notebooks/02_b\n", ""))
    (built.root / "notebooks/02_b.ipynb").unlink()
    built.cells("notebooks/solutions/01_a", "# Solutions")
    assert [name for name in built.files() if name.startswith("_images/")]
    made = built.build()
    assert made.returncode == 0 and "executing 1 notebook on 1 core" in made.stdout, made.stderr
    assert not [name for name in built.files() if "02_b" in name or name.startswith("_images/")]
    assert "1 named equation in 1 chapter" in built.page("book/index")
    assert "02_b" not in (built.site / "searchindex.js").read_text()


def test_a_warning_fails_every_time_and_the_last_good_site_stays(built):
    before = built.files()
    built.write("book/index.md", "# Index\n\n[nowhere](missing.md) and [lost](../notebooks/01_a.ipynb#lost)\n")
    for _ in range(2):
        failed = built.build()
        assert failed.returncode == 1 and "\x1b" not in failed.stderr
        assert (
            "✗ book/index.md:3: WARNING: " in failed.stderr
            and "missing.md" in failed.stderr
            and "lost" in failed.stderr
        )
        assert f"the last good site is still in {built.site}" in failed.stderr
        assert "Traceback" not in failed.stderr and "Extension" not in failed.stderr
        assert built.files() == before
    built.write("book/index.md", "# Index\n\n<!-- ledger-summary -->\n")
    assert built.build().returncode == 0


def test_a_build_killed_between_its_two_renames_has_lost_nothing(built):
    before = built.files()
    built.site.rename(built.root / "_build" / ".html.old")
    built.write("_toc.yml", "a: [")
    failed = built.build()
    assert failed.returncode == 1 and f"the last good site is still in {built.site}" in failed.stderr
    assert built.files() == before


def test_a_disk_that_fills_up_with_the_new_site_leaves_the_old_one(tmp_path, monkeypatch):
    made, site = tmp_path / "aside", tmp_path / "html"
    for folder, text in ((made, "new"), (site, "old")):
        folder.mkdir()
        for name in ("a.html", "b.html"):
            (folder / name).write_text(text)

    def copy(source, target):
        Path(target).touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), target)

    for name, place in (("BUILD", tmp_path), ("SITE", site), ("NEW", tmp_path / ".new"), ("OLD", tmp_path / ".old")):
        monkeypatch.setattr(build, name, place)
    monkeypatch.setattr(build.shutil, "copytree", functools.partial(shutil.copytree, copy_function=copy))
    with pytest.raises(OSError) as caught:
        build.put_in_place(made)
    assert "No space left on device" in build.in_short(caught.value) and len(build.in_short(caught.value)) < 500
    assert sorted(path.name for path in tmp_path.iterdir()) == ["aside", "html"]
    assert [path.read_text() for path in site.iterdir()] == ["old", "old"]


def test_a_warning_in_a_notebook_names_its_cell(built):
    built.cells("notebooks/02_b", *B, "# Part\n\n[nowhere](missing.md)")
    failed = built.build()
    assert f'✗ notebooks/02_b.ipynb, cell "cell-{len(B)}", line 3: WARNING: ' in failed.stderr, failed.stderr
    built.cells("notebooks/02_b", *B)
    assert built.build().returncode == 0


def test_a_link_that_another_page_breaks_is_noticed(built):
    built.write("book/index.md", "# Index\n\n[part](../notebooks/02_b.ipynb#part)\n")
    built.cells("notebooks/02_b", *B, "## Part")
    built.write("_config.yml", CONFIG + "    myst_heading_anchors: 2\n")
    assert built.build().returncode == 0
    built.cells("notebooks/02_b", *B, "## Section")
    failed = built.build()
    assert failed.returncode == 1 and "book/index.md:3: WARNING" in failed.stderr


def test_a_broken_ledger_or_notebook_stops_before_the_site(built):
    before = built.files()
    built.cells("notebooks/02_b", *B[:3])
    failed = built.build()
    assert failed.returncode == 1 and "\nsite\n" not in failed.stdout
    assert "✗ notebooks/02_b: (b) is checked in notebooks/solutions/01_a but not in its own notebook" in failed.stderr
    assert built.files() == before
    built.cells("notebooks/02_b", *B[:3], 'check.equal("b", 1, 2)')
    for _ in range(2):
        failed = built.build()
        assert failed.returncode == 1 and "\nsite\n" not in failed.stdout
        assert '✗ notebooks/02_b.ipynb, cell "cell-3", line 1: this failed' in failed.stderr
        assert "CheckFailed: (b) fails: 1 is not 2" in failed.stderr and built.files() == before


def test_plain_jupyter_book_is_as_honest(built):
    def plain(*options):
        return built.process([sys.executable, "-P", "-c", build.JUPYTER_BOOK, "build", ".", *options])

    shutil.rmtree(built.site)
    built.write("notebooks/elbokit/check.py", CHECK.replace("  1 instance", "  one instance"))
    made = plain()
    assert made.returncode == 0, made.stdout + made.stderr
    assert "executing 3 notebooks" in made.stdout and "one instance" in built.page("notebooks/02_b")
    assert (built.site / "ledger.json").is_file()

    built.write("book/index.md", "# Index\n\n[nowhere](missing.md)\n")
    for _ in range(2):
        failed = plain("-W", "-n", "--keep-going")
        assert failed.returncode == 1 and "missing.md" in failed.stderr

    built.cells("notebooks/02_b", *B[:3], 'check.equal("b", 1, 2)')
    failed = plain()
    assert failed.returncode == 1 and "CheckFailed: (b) fails: 1 is not 2" in failed.stderr


def test_the_script(built):
    script = [sys.executable, "book/_ext/run.py"]
    done = built.process([*script, "notebooks/01_a.ipynb"])
    assert done.returncode == 0 and "nothing to execute" in done.stdout
    done = built.process([*script, "--seed", "4", "--out", "elsewhere", "notebooks/02_b"])
    assert done.returncode == 0 and (built.root / "elsewhere/notebooks/02_b.ipynb").is_file()
    failed = built.process([*script, "notebooks/99"])
    assert failed.returncode == 1 and "is no notebook" in failed.stdout
