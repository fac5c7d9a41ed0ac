"""The book itself: how long it takes to build from nothing, unchanged, and after an edit; and how long its tests take.

The builds happen in a copy of the tree, in a temporary folder; the tests run where they are, as in `make test`.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import frame
import run

WHY = """
`python book/build.py` in a copy of this tree, as `make book` runs it, the environment set up already; two notebooks
at a time where there are two cores, each with one thread.
Cold: nothing was built before.
Warm: nothing has changed.
The edit of text adds a sentence to chapter 02, the edit of code a comment to chapter 04.
Beside the cold build stands the aim, 4 minutes on two cores; beside the notebooks what no schedule can beat, the
longest of them or all of them divided by the cores, whichever is more; beside the other builds the cold one.

What decides: two notebooks, 10 and 11, which train networks and measure them; and, where no notebook runs, Sphinx,
which reads what has changed but writes every page, since each page's navigation and links depend on all.
"""
WHY_TESTS = """
`pytest tests` after a build, on all cores, as `make test` runs it.
The aim for `make test` is 12 minutes on two cores.
"""
COLD, TESTS = 240.0, 720.0  # seconds, the aims
TEXT, CODE = "notebooks/02_log_z.ipynb", "notebooks/04_ising.ipynb"
LEAVE = shutil.ignore_patterns(".*", "_build", "__pycache__", "*.egg-info")
SHOWN = 12  # of the slowest


def section(small=False):
    """The rows. -> Section"""
    part = frame.Section("Building the book", WHY)
    if small:  # minutes: see `edit` and `table` in the tests
        return part
    with copy_of_the_tree() as root:
        cold, parts = built(root)
        notebooks = executed(root)
        warm = [built(root)[0] for _ in range(3)]
        text = [built_after(root, TEXT, "markdown", f"\n\nOne more sentence, number {i}.")[0] for i in range(2)]
        code = [built_after(root, CODE, "code", "\n# one more comment")[0]]
    jobs = run.cores()
    floor = max(max(notebooks.values()), sum(notebooks.values()) / jobs)
    part.rows += [
        frame.Row(f"cold build, {jobs} at a time", "the aim, 4 minutes", [cold], [COLD]),
        frame.Row(f"of it the notebooks, {jobs} at a time", "the best schedule", [parts["notebooks"]], [floor]),
        frame.Row("warm build", "cold", warm, [cold] * len(warm)),
        frame.Row("after an edit of text", "cold", text, [cold] * len(text)),
        frame.Row("after an edit of code", "cold", code, [cold] * len(code)),
    ]
    part.notes += ["Where the cold build's seconds go:", "", *table(("part", "seconds"), parts.items()), "",
                   "Seconds of each notebook:", "", *table(("notebook", "seconds"), Counter(notebooks).most_common())]
    return part


@contextmanager
def copy_of_the_tree(source=frame.ROOT):
    """A copy of what the book is built from, nothing built in it. -> its folder, deleted afterwards"""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "book")
        shutil.copytree(source, root, ignore=LEAVE)
        yield root


def built(root):
    """Builds the copy. -> seconds, {part: seconds}; raises frame.Different with what it said if it does not build"""
    watched = root.parent / "phases.json"
    command = [sys.executable, frame.ROOT / "tests" / "bench" / "phases.py", root / "book" / "build.py", watched]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ELBO_")}
    watched.unlink(missing_ok=True)
    start = time.perf_counter()
    done = subprocess.run(command, cwd=root, env=clean, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    whole = time.perf_counter() - start
    if done.returncode:
        raise frame.Different(f"the book does not build:\n{done.stdout}")
    sphinx = json.loads(watched.read_text()) if watched.exists() else {}
    said = done.stdout.rpartition("notebooks ")[2]  # "12.3 s, site 4.5 s"
    notebooks, site = (float(part.split(" s")[0]) for part in said.split(", site "))
    parts = {"notebooks": notebooks}
    if sphinx:
        search = sphinx["search index"]
        parts |= {"Sphinx, set-up": sphinx["set-up"], "Sphinx, reading": sphinx["reading"],
                  "Sphinx, writing": sphinx["writing"], "Sphinx, search index": search,
                  "Sphinx, other files": sphinx["finishing"] - search,
                  "the rest: imports, the site into its place": whole - notebooks - sum(
                      sphinx[name] for name in ("set-up", "reading", "writing", "finishing"))}
    return whole, parts


def built_after(root, name, kind, addition):
    """Builds the copy after an edit of a notebook."""
    edit(root / name, kind, addition)
    return built(root)


def edit(path, kind, addition):
    """Adds text to the end of a notebook's second cell of a kind, "markdown" or "code"."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cell = [cell for cell in notebook["cells"] if cell["cell_type"] == kind][1]
    cell["source"] = "".join(cell["source"]) + addition
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def executed(root):
    """Seconds that each notebook took. -> {doc: seconds}"""
    paths = (root / "_build" / "executed").rglob("*.ipynb")
    return {path.stem if path.parent.name == "notebooks" else f"{path.parent.name}/{path.stem}":
            json.loads(path.read_text(encoding="utf-8"))["metadata"]["elbo"]["seconds"] for path in paths}


def table(head, rows):
    """A Markdown table of names and seconds."""
    return [f"| {' | '.join(head)} |", "|---|--:|", *(f"| {name} | {seconds:.1f} |" for name, seconds in rows)]


def tests(arguments=()):
    """The seconds of the whole suite, its files and its slowest tests. -> Section"""
    part = frame.Section("Running the tests", WHY_TESTS)
    subprocess.run([sys.executable, frame.ROOT / "book" / "build.py"], cwd=frame.ROOT, check=True)
    with tempfile.TemporaryDirectory() as folder:
        report, start = Path(folder, "report.xml"), time.perf_counter()
        command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "--dist", "worksteal", "tests"]
        command += [f"--junit-xml={report}", *arguments]
        done = subprocess.run(command, cwd=frame.ROOT)
        whole = time.perf_counter() - start
        if done.returncode:
            raise frame.Different("the tests do not pass: the seconds of those that do say little")
        files, each = durations(report)
    part.rows.append(frame.Row("all the tests", "the aim, 12 minutes", [whole], [TESTS]))
    for what, seconds in (("file", files), ("test", each)):
        part.notes += [f"The slowest {what}s, of {len(seconds)}:", ""]
        part.notes += [*table((what, "seconds"), seconds.most_common(SHOWN)), ""]
    return part


def durations(report):
    """Seconds of each file and of each test, fixtures included, from pytest's JUnit report. -> two Counters"""
    files, each = Counter(), Counter()
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        file, seconds = case.get("classname").rpartition(".")[2], float(case.get("time"))
        files[file] += seconds
        each[f"{file}: {case.get('name')}"] += seconds
    return files, each
