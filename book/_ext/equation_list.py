"""The list of all named equations, from A to Z: what each says, where it stands, and where else it is used.

A page asks for it by the comment `<!-- equations -->`; `filled` writes it from the chapters themselves, so that it
cannot drift. Nothing here needs Sphinx.
"""

import posixpath
import re

import ledger

LIST = "<!-- equations -->"
REFERENCE = re.compile(r"\]\([^)\s]*#eq-([A-Za-z0-9-]+)\)")


def filled(text, doc, pages, book):
    """A page with the list put where its comment asks for it; pages: {doc: notebook or Markdown}; book: the ledger."""
    return text.replace(LIST, listing(doc, pages, book)) if LIST in text else text


def listing(doc, pages, book):
    """The list as Markdown for the page `doc`: a row of letters, and for each letter its equations."""
    used, by_letter = uses(pages, book), {}
    for name, (home, tex) in sorted(ledger.tags(pages).items(), key=lambda item: item[0].lower()):
        elsewhere = [page for page in used.get(name, ()) if page != home]
        by_letter.setdefault(name[0].upper(), []).append(_entry(doc, pages, name, home, tex, elsewhere))
    lines = [letters(by_letter)]
    for letter, entries in by_letter.items():
        lines += [f"## {letter}", *entries]
    return "\n\n".join(lines)


def letters(headings):
    """A row of links to the headings of a page, each of them one word."""
    return ":::{container} letters\n" + "\n".join(f"[{heading}](#{heading.lower()})" for heading in headings) + "\n:::"


def uses(pages, book):
    """{name: [notebook, …]}: those that link to an equation or hold a check of it, solutions aside, in order."""
    found = {entry["name"]: {check["url"].partition(".html")[0] for check in entry["checks"]}
             for entry in book["equations"]}
    for doc, page in pages.items():
        for text in ledger.markdown_of(page) if isinstance(page, dict) else ():
            for name in REFERENCE.findall(text):
                found.setdefault(name, set()).add(doc)
    chapters = [doc for doc in pages if not ledger.is_solutions(doc)]
    return {name: [doc for doc in chapters if doc in docs] for name, docs in found.items()}


def _entry(doc, pages, name, home, tex, elsewhere):
    """One equation as a term and its definition: its name and chapter; its TeX, and the other pages that use it."""
    term = f"**{source(pages, doc, home, f'({name})', f'eq-{name}')}** {ledger.title_of(pages[home])}"
    lines = [f": $$ {' '.join(tex.split())} $$"]
    if elsewhere:
        lines += ["", "  Used in " + ", ".join(source(pages, doc, page, short(page)) for page in elsewhere)]
    return "\n".join([term, *lines])


def source(pages, doc, page, words, anchor=""):
    """A link from one page of the book to another, in Markdown."""
    path = posixpath.relpath(page, posixpath.dirname(doc) or ".")
    suffix = ".md" if isinstance(pages[page], str) else ".ipynb"
    return f"[{words}]({path}{suffix}{'#' * bool(anchor)}{anchor})"


def short(doc):
    """A chapter's number, as the text calls it: "notebooks/02_log_z" -> "02"; other pages keep their name."""
    name = posixpath.basename(doc)
    return name.partition("_")[0] if re.match(r"(\d+|[A-Z])_", name) else name
