"""What the build writes into the pages of text, wherever a comment asks for it: run.py lets it fill each of them.

The ledger and quoted equations, the lists of equations and of symbols, how to cite the book, whose work else is in it,
and what can be taken along: each from where the truth is, so that no page can drift. Nothing here needs Sphinx.
"""

import citation
import downloads
import equation_list
import ledger
import licences
import symbols


def filled(text, doc, pages, book, root, site):
    """A page of text with all put in that its comments ask for; raises LedgerError that says what is missing.

    pages: {doc: notebook or Markdown}; book: the ledger; root: Path of the book; site: its public address, or ""."""
    text = ledger.filled(text, doc, book, {name: ledger.title_of(page) or name for name, page in pages.items()})
    text = equation_list.filled(text, doc, pages, book)
    text = symbols.filled(text, doc, pages)
    text = citation.filled(text, root)
    text = licences.filled(text)
    return downloads.filled(text, site)
