"""What the tests share: the notebooks as written, as executed, and as a built site."""
import ast
import builtins
import functools
import json
import subprocess
import sys
from pathlib import Path

import pytest

try:
    import fcntl
except ImportError:  # Windows has none
    fcntl = None

import mutants  # before NumPy, which it holds to one thread

pytest.register_assert_rewrite("judges", "explorers", "properties")
pytest_plugins = ["browser"]  # its fixtures

ROOT = Path(__file__).resolve().parent.parent


def tiny_chapter(root, cells):
    """Makes a book of one chapter, 01_tiny, below `root`, and forgets any before it. cells: {id: source} of code"""
    code = [{"cell_type": "code", "id": name, "metadata": {}, "source": text} for name, text in cells.items()]
    (root / "notebooks" / "solutions").mkdir(parents=True, exist_ok=True)
    (root / "notebooks" / "01_tiny.ipynb").write_text(json.dumps({"cells": code}))
    mutants.load.cache_clear()
    mutants.warm_up([])


def docs():
    """Every notebook on disk as a document name: "notebooks/01_kl", "notebooks/solutions/01_kl", …"""
    folders = [ROOT / "notebooks", ROOT / "notebooks" / "solutions", ROOT / "notebooks" / "primers"]
    found = [path for folder in folders for path in folder.glob("*.ipynb")]
    return sorted(path.relative_to(ROOT).with_suffix("").as_posix() for path in found)


@functools.cache
def source(doc):
    """The notebook as committed, parsed JSON. Read it, don't change it."""
    return json.loads((ROOT / f"{doc}.ipynb").read_text(encoding="utf-8"))


def cells(doc, kind):
    """(id, source) of each cell of one kind ("code" or "markdown")."""
    return [(c.get("id", "?"), "".join(c["source"])) for c in source(doc)["cells"] if c["cell_type"] == kind]


@functools.cache
def definitions(doc):
    """A notebook's imports, settings of torch, top-level functions, the constants these read: name -> object."""
    notebook = mutants.load(doc.removeprefix("notebooks/"))
    read = mutants.closure(set().union(*notebook.later.values()), assigned(notebook))
    names = {"__name__": doc}
    for cell in notebook.cells:
        for node in cell.tree.body:
            is_definition = isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef))
            is_definition |= isinstance(node, ast.Expr) and ast.unparse(node).startswith("torch.set_")
            if is_definition or is_constant(node, read, names):
                exec(compile(ast.Module([node], []), f"<{doc}, cell {cell.id}>", "exec"), names)
    return names


def assigned(notebook):
    """Name -> the names that its top-level assignments read."""
    reads = {}
    for cell in notebook.cells:
        for node in filter(lambda node: isinstance(node, ast.Assign), cell.tree.body):
            flow = mutants.Flow.of(node)
            reads.update({name: reads.get(name, set()) | flow.reads for name in flow.binds})
    return reads


def is_constant(node, read, names):
    """Is this an assignment that a function needs, made from definitions alone (nothing random, nothing left out)?"""
    flow = mutants.Flow.of(node)
    return isinstance(node, ast.Assign) and flow.binds & read and flow.reads <= names.keys() | vars(builtins).keys()


@functools.cache
def _made(program, *some):
    """Has a program of the book bring things up to date, one process of the tests at a time. -> what failed, or "" """
    command = [sys.executable, ROOT / "book" / program, *some]
    (ROOT / "_build").mkdir(exist_ok=True)
    with open(ROOT / "_build" / ".tests", "w") as file:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX)  # the workers of pytest-xdist ask for the same
        done = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout if done.returncode else ""


@functools.cache
def executed(doc):
    """The executed notebook, parsed JSON; run first if it is out of date (one execution serves build and tests)."""
    if _made("_ext/run.py") and (failure := _made("_ext/run.py", doc)):
        pytest.fail(f"{doc} does not run:\n{failure}", pytrace=False)
    return json.loads((ROOT / "_build" / "executed" / f"{doc}.ipynb").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def site():
    """The folder of the built site, brought up to date."""
    if failure := _made("build.py"):
        pytest.fail(f"the book does not build:\n{failure}", pytrace=False)
    return ROOT / "_build" / "html"


# The same helpers as fixtures, for tests that prefer to be handed them.
pytest.fixture(name="definitions", scope="session")(lambda: definitions)
pytest.fixture(name="executed", scope="session")(lambda: executed)
