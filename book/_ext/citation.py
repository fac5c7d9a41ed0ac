"""How to cite the book, in words and as BibTeX, made from CITATION.cff, so that there is one place to keep it right.

A page asks for them by the comments `<!-- citation -->` and `<!-- bibtex -->`. Nothing here needs Sphinx.
"""

import re

import yaml

from ledger import LedgerError

FILE = "CITATION.cff"
WORDS, BIBTEX = "<!-- citation -->", "<!-- bibtex -->"
NEEDED = ("title", "authors", "version", "license")


def filled(text, root):
    """A page with the citation put where its comments ask for it. root: Path of the book. -> str"""
    if WORDS not in text and BIBTEX not in text:
        return text
    facts = read(root / FILE)
    return text.replace(WORDS, in_words(facts)).replace(BIBTEX, f"```bibtex\n{bibtex(facts)}\n```")


def read(path):
    """The facts of a CITATION.cff, as a dict. Raises LedgerError that says what is missing."""
    try:
        facts = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise LedgerError([f"{path.name} cannot be read: {error}"]) from None
    missing = [key for key in NEEDED if not (isinstance(facts, dict) and facts.get(key))]
    if missing:
        raise LedgerError([f"{path.name} has no {' and no '.join(missing)}: the page on how to cite the book needs it"])
    return facts


def authors(facts):
    """The names of the authors, in order; an author is a person or, with `name`, a body."""
    return [one.get("name") or f"{one['given-names']} {one['family-names']}" for one in facts["authors"]]


def year(facts):
    """The year of the release, or ""."""
    return str(facts.get("date-released") or "")[:4]


def address(facts):
    """Where the book can be found, or ""."""
    return facts.get("url") or facts.get("repository-code") or ""


def in_words(facts):
    """Authors (year). *Title*, version. Address."""
    names, when = " and ".join(authors(facts)), year(facts)
    parts = [f"{names}{f' ({when})' if when else ''}", f"*{facts['title']}*, version {facts['version']}"]
    return "> " + ". ".join(parts + [f"<{address(facts)}>"] * bool(address(facts))) + "."


def bibtex(facts):
    """The same as an entry for BibTeX; what has no value is left out."""
    bodies = {one["name"] for one in facts["authors"] if one.get("name")}
    fields = {
        "title": re.sub(r"\b([A-Z]{2,})\b", r"{\1}", facts["title"]),
        "author": " and ".join(f"{{{name}}}" if name in bodies else name for name in authors(facts)),
        "year": year(facts),
        "version": str(facts["version"]),
        "url": address(facts),
    }
    key = re.sub(r"\W+", "-", facts["title"].lower()).strip("-")
    lines = [f"  {field:<7} = {{{value}}}," for field, value in fields.items() if value]
    return "\n".join([f"@misc{{{key},", *lines, "}"])
