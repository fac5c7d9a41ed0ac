"""What comes from outside: each file of others is named with its licence, and nothing is unpickled."""

import ast
import re
import sys
from pathlib import Path

import conftest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import licences  # noqa: E402

# ---- Licences ----


def test_every_file_of_others_is_named_with_its_licence(site):
    own = [file.relative_to(ROOT / "book/_static").as_posix() for file in (ROOT / "book/_static").rglob("*")]
    assert licences.unnamed(site / "_static", own) == [], "say in book/_ext/licences.py whose these are"
    for part in licences.PARTS:
        for pattern in part.files:
            assert list((site / "_static").glob(pattern)), f"{part.name}: {pattern} is no longer in the site"


WORDS = {
    "MIT": ("The above copyright notice and this permission notice shall be", "WITHOUT WARRANTY OF ANY KIND"),
    "BSD-2-Clause": ("Redistributions in binary form must reproduce the", "POSSIBILITY OF SUCH DAMAGE"),
    "BSD-3-Clause": ("Redistributions in binary form must reproduce the", "Neither the name of the copyright holder"),
    "Apache-2.0": ("TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION", "END OF TERMS AND CONDITIONS"),
    "OFL-1.1": ("SIL OPEN FONT LICENSE Version 1.1", "DEALINGS IN THE FONT SOFTWARE"),
}


def test_the_licences_texts_travel_with_the_site(site):
    sections = (site / licences.FILE).read_text(encoding="utf-8").split("=" * 79)
    assert len(sections) == 1 + 2 * len(licences.PARTS)
    page = (site / "book/sources.html").read_text(encoding="utf-8")
    assert f'href="../{licences.FILE}"' in page
    for part, head, text in zip(licences.PARTS, sections[1::2], sections[2::2]):
        assert head.strip().startswith(f"{part.name} {licences.version(part)}".strip())
        assert "opyright" in text and part.notice in text, part.name
        for words in WORDS[part.licence]:
            assert words in " ".join(text.split()), f"{part.name}: no {part.licence} in its text"
        row = f"<td><p>{part.name}</p></td>\n<td><p>{licences.version(part)}</p></td>"
        assert row in page.replace("’", "'"), f"{part.name} is not on the page"


# ---- Pickles: whoever makes one can have anything run where it is opened ----

PICKLES = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
PIPE = ("tests/mutants.py", "import pickle")  # from the process itself to its own parent


def unpickling(tree):
    """The statements and calls of some code by which a pickle could be opened. -> lines of source"""
    for node in ast.walk(tree):
        names = {alias.name.partition(".")[0] for alias in node.names} if isinstance(node, ast.Import) else set()
        names |= {node.module} if isinstance(node, ast.ImportFrom) else set()
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        allowed = [word for word in node.keywords if word.arg == "allow_pickle"] if called else []
        if names & PICKLES or called == "torch.load" or called.endswith("read_pickle") or any(
            ast.unparse(word.value) != "False" for word in allowed
        ):
            yield ast.unparse(node)


def test_nothing_is_unpickled():
    code = {str(file.relative_to(ROOT)): file.read_text(encoding="utf-8")
            for folder in ("book", "notebooks", "tests") for file in (ROOT / folder).rglob("*.py")}
    for doc in conftest.docs():
        code |= {f"{doc}, cell {name}": text for name, text in conftest.cells(doc, "code")}
    word = re.compile("|".join([*PICKLES, r"load\("]))
    found = [(where, line) for where, text in code.items() if word.search(text) for line in unpickling(ast.parse(text))]
    assert found == [PIPE]
