"""The cell that lets a notebook run alone: where the book's files are missing, it fetches them, and says so.

Colab opens one file and nothing beside it, and so does a reader who downloads one. Where the repository's address is
known, the notebooks that are handed out singly begin with this cell; the committed ones stay clean.
"""

import ast
import json
import sys
from pathlib import Path

BRANCH = "notebooks"  # of the repository: what the cell fetches; book/colab.py publishes it
CELL = '''\
# Run this first. Where the book's files are missing, as in Colab, it fetches them; elsewhere it does nothing.
import os, subprocess, sys
from importlib.util import find_spec

def fetch(what, *command):
    print("Fetching", what, flush=True)
    try:
        done = subprocess.run(command, env=os.environ | {{"GIT_TERMINAL_PROMPT": "0"}}, capture_output=True, text=True)
        failure = done.returncode and f"{{done.stderr.strip()}}\\nIs there a network?"
    except OSError as error:
        failure = f"{{error}}\\nIs {{command[0]}} installed?"
    if failure:
        raise RuntimeError(f"Could not fetch {{what}}:\\n{{failure}}")

if not find_spec("elbokit"):
    if not os.path.isdir("elbo/notebooks"):
        source, how = {address!r}, ["--quiet", "--depth=1", "--branch={branch}"]
        fetch(f"the book's files from {{source}}", "git", "clone", *how, source, "elbo")
    sys.path.insert(0, os.path.abspath("elbo/notebooks"))
    os.chdir({folder!r})
for name in {packages!r}:
    if not find_spec(name):
        fetch(f"the package {{name}}", sys.executable, "-m", "pip", "install", "--quiet", name)
'''


def packages(notebook):
    """The packages that a notebook (its JSON) imports, less elbokit and the standard library."""
    found = {"executing"}  # by which a check quotes its own source
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            for node in ast.walk(ast.parse("".join(cell["source"]))):
                if isinstance(node, ast.Import):
                    found.update(alias.name.split(".")[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom):
                    found.add(node.module.split(".")[0])
    return sorted(found - set(sys.stdlib_module_names) - {"elbokit"})


def with_cell(notebook, path, address):
    """The notebook (its JSON), which stands at `path` in the repository, with the cell before its first. -> new JSON"""
    folder = f"elbo/{Path(path).parent.as_posix()}"
    source = CELL.format(branch=BRANCH, address=address, folder=folder, packages=packages(notebook))
    cell = {"cell_type": "code", "execution_count": None, "id": "fetch", "metadata": {}, "outputs": []}
    return notebook | {"cells": [cell | {"source": source.splitlines(keepends=True)}, *notebook["cells"]]}


def text_of(notebook):
    """A notebook as the text of its file."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
