"""Where a page says `<!-- downloads -->`, the book's PDF and its offline copy are offered, if it is published.

`make site`, which the deploy calls, puts both into the site. The links name its address (address.py) in full, so that
they hold in an offline copy as well.
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


def fill(app, docname, source):
    source[0] = source[0].replace(PLACE, offered(app.config.elbo_site))


def setup(app):
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
