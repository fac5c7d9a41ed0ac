"""What the build writes into pages, beside the ledger: the lists of equations and of symbols, and how to cite the book.

Each is asked for by a comment of its own, and made from where the truth is: the chapters, and CITATION.cff.
"""
from pathlib import Path

from sphinx.errors import ExtensionError

import citation
import equation_list
import ledger
import run
import symbols


def fill(app):
    """Fills the pages that ask for something, after run.py has read the book; they are read again when it changes."""
    root = Path(app.srcdir)
    files = run.sources(root)
    pages = {doc: run.load(path) if path.suffix == ".ipynb" else path.read_text("utf-8") for doc, path in files.items()}
    for doc, page in pages.items():
        if isinstance(page, str):
            before = app.elbo_pages.get(doc, page)
            try:
                after = filled(before, doc, pages, app.elbo_book, root)
            except ledger.LedgerError as error:
                raise ExtensionError(f"{doc}:\n{error}") from None
            if after != before:
                app.elbo_pages[doc] = after
                app.elbo_hashes[doc] = run.digest(app.elbo_hashes[doc], after)


def filled(text, doc, pages, book, root):
    """A page with all put in that its comments ask for. Raises LedgerError that says what is missing. -> str"""
    text = equation_list.filled(text, doc, pages, book)
    text = symbols.filled(text, doc, pages)
    return citation.filled(text, root)


def setup(app):
    app.connect("builder-inited", fill, priority=200)  # run.py's stands at 100
    return {"parallel_read_safe": True, "parallel_write_safe": True}
