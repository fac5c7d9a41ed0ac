"""Gives the table of symbols that heads a chapter, and the one of the page of notation, the anchor `symbols`."""
from docutils import nodes
from sphinx.transforms import SphinxTransform

from symbols import ANCHOR

HEADS = ["symbol", "in code"]


class SymbolTables(SphinxTransform):
    """Finds the first table whose heads are those of a table of symbols."""

    default_priority = 790  # before MyST resolves `[…](#symbols)`

    def apply(self, **kwargs):
        for table in self.document.findall(nodes.table):
            heads = [entry.astext() for head in table.findall(nodes.thead) for entry in head.findall(nodes.entry)]
            if heads[:2] == HEADS:
                table["ids"].append(ANCHOR)
                self.document.myst_slugs[ANCHOR] = (table.line or 0, ANCHOR, "the symbols")
                return


def setup(app):
    app.add_transform(SymbolTables)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
