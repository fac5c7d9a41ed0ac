"""Where a page says `<!-- downloads -->`, the book's PDF and its offline copy are offered, if it is published.

`make site`, which the deploy calls, puts both into the site. The links name its address (address.py) in full, so that
they hold in an offline copy as well. Nothing here needs Sphinx.
"""

PLACE = "<!-- downloads -->"
PDF, ARCHIVE = "the-elbo-step-by-step.pdf", "the-elbo-step-by-step.zip"


def offered(site):
    """The sentence that offers the downloads of the site at that address, in Markdown; "" where it has none."""
    if not site:
        return ""
    return (
        f"To take along: [the book as a PDF]({site}{PDF}), "
        f"and [these pages in one archive]({site}{ARCHIVE}) that opens without a network."
    )


def filled(text, site):
    """A page with the sentence put where its comment asks for it. -> str"""
    return text.replace(PLACE, offered(site))
