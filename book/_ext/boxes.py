"""Boxes: a blockquote that starts with one of the book's bold words is drawn as a box of that kind.

    > **Claim.** The bound is tight exactly when q = p.

Everywhere else (JupyterLab, Colab, GitHub) it stays a blockquote. An exercise's box gets an anchor:
**Exercise 1.3 (name)** is `#exercise-1-3`.
"""
import re

from docutils import nodes
from sphinx.transforms import SphinxTransform

KINDS = ("Definition", "Claim", "Why", "Careful", "Break it", "In the wild", "Exercise", "Predict", "Summary",
         "Question")
LEAD = re.compile(rf"({'|'.join(KINDS)})\b(?:\s+(\d+)\.(\d+))?")


class Boxes(SphinxTransform):
    """Turns block quotes that begin with a bold box word into admonitions of the classes `box` and `box-<kind>`."""

    default_priority = 790  # before MyST resolves `[…](#exercise-1-3)`

    def apply(self, **kwargs):
        for quote in list(self.document.findall(nodes.block_quote)):
            lead = leading_bold(quote)
            match = lead is not None and LEAD.match(lead.astext())
            if not match:
                continue
            kind, chapter, number = match.groups()
            box = nodes.admonition("", *quote.children, classes=["box", "box-" + kind.lower().replace(" ", "-")])
            lead["classes"].append("box-lead")
            if number:
                anchor = f"exercise-{chapter}-{number}"
                box["ids"] = [anchor]
                self.document.myst_slugs[anchor] = (quote.line, anchor, f"{kind} {chapter}.{number}")
            quote.replace_self(box)


def leading_bold(quote):
    """The bold words a block quote begins with, or None. (An empty text may stand before them.)"""
    first = quote.children[0] if quote.children else None
    if not isinstance(first, nodes.paragraph):
        return None
    words = [child for child in first.children if child.astext().strip()]
    return words[0] if words and isinstance(words[0], nodes.strong) else None


def setup(app):
    app.add_transform(Boxes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
