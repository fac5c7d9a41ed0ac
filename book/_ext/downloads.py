"""Where a page says `<!-- downloads -->`, the book's PDF and its offline copy are offered, if it is published.

The deploy puts both beside the site on GitHub Pages (see .github/workflows/deploy.yml), whose address follows from the
repository's (ELBO_REPOSITORY). The links name that address in full, so that they hold in an offline copy as well.
"""

PLACE = "<!-- downloads -->"
PDF, ARCHIVE = "the-elbo-step-by-step.pdf", "the-elbo-step-by-step.zip"


def site_of(repository):
    """The address of a repository's GitHub Pages: "https://github.com/o/n" -> "https://o.github.io/n"."""
    owner, name = repository.rstrip("/").split("/")[-2:]
    home = f"{owner.lower()}.github.io"
    return f"https://{home}" if name.lower() == home else f"https://{home}/{name}"


def offered(repository):
    """The sentence that offers the downloads, in Markdown; "" where the book is not published."""
    if not repository:
        return ""
    site = site_of(repository)
    return (
        f"To take along: [the book as a PDF]({site}/{PDF}), "
        f"and [these pages in one archive]({site}/{ARCHIVE}) that opens without a network."
    )


def fill(app, docname, source):
    source[0] = source[0].replace(PLACE, offered(app.config.elbo_repository))


def setup(app):
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
