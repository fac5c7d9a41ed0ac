"""Writes hashes/: the hashes of all files that the set-up may install. `make freeze` runs it after constraints.txt.

hashes/book.txt has what the book needs, hashes/test.txt what its tests add, at the versions of constraints.txt.
PyTorch is in neither, nor is what its CUDA build brings along: readers choose the index that it comes from, and each
index has builds of its own. Whatever is named here pip compares with its hash before it opens it (environment.py).
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "hashes"
FROM_ITS_INDEX = re.compile(r"(torch|triton|(cuda|nvidia)-[\w-]+)==")
HEAD = "# Written by `make freeze`. The set-up installs no file but these; see CONTRIBUTING.md, Dependencies.\n"


def resolved(*arguments):
    """{requirement: it with its hashes, as pip reads them}, for every Python and system."""
    direct = "".join(line for line in (ROOT / "requirements.txt").open(encoding="utf-8") if not line.startswith("-c"))
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
    command += ["--no-annotate", "--no-header", "--generate-hashes", "--constraint", "constraints.txt", *arguments, "-"]
    done = subprocess.run(command, cwd=ROOT, input=direct, text=True, stdout=subprocess.PIPE)
    if done.returncode:
        sys.exit(done.returncode)  # uv has said why
    entries = re.findall(r"^\S.*\n(?:[ ].*\n)*", done.stdout, re.M)
    return {entry.partition(" \\\n")[0]: entry for entry in entries if not FROM_ITS_INDEX.match(entry)}


def main():
    book, both = resolved(), resolved("pyproject.toml", "--extra", "test")
    FOLDER.mkdir(exist_ok=True)
    for name, entries in (("book", book), ("test", {line: both[line] for line in both if line not in book})):
        (FOLDER / f"{name}.txt").write_text(HEAD + "".join(entries.values()), encoding="utf-8")


if __name__ == "__main__":
    main()
