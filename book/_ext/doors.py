"""The doors into a notebook, on its page: the file as written, the file with its outputs, Colab, Binder, its source.

Colab, Binder and the source need the repository's address (address.py). Colab opens the branch `notebooks`, which the
deploy publishes: its notebooks fetch what they need. Where the address is known, so do the files that the site itself
hands out, for a notebook that was downloaded stands as alone as one in Colab.
"""

import base64
import io
import json
from pathlib import Path

import fetching
import run

RECORDS = "application/vnd.elbokit."  # what the build reads of an output, and nobody else
EXECUTED = "_executed"  # the folder of the site with the notebooks and their outputs: addresses that stay


def links(source, repository, pathto, sourcename):
    """The menu of a page: what it offers. -> [(text, address, is a download)]

    source: the page's file in the repository."""
    found, is_notebook = [], source.endswith(".ipynb")
    book = "/".join(repository.split("/")[-2:])
    if is_notebook:
        found.append(("Download notebook", pathto(f"_sources/{sourcename}", 1), True))
        found.append(("Download with outputs", pathto(f"{EXECUTED}/{source}", 1), True))
    if is_notebook and repository:
        colab = f"https://colab.research.google.com/github/{book}/blob/{fetching.BRANCH}/{source}"
        found.append(("Open in Colab", colab, False))
        found.append(("Open on Binder", f"https://mybinder.org/v2/gh/{book}/HEAD?urlpath=lab/tree/{source}", False))
    if repository:
        found.append(("View source", f"{repository}/blob/HEAD/{source}", False))
    return found


def line(found, how):
    """The doors again, as a sentence under the title. `how`: the address of what to know about running it, or None."""
    if not found or not found[0][2]:
        return ""

    def link(text, words):
        return next(
            f'<a href="{address}"{" download" if is_download else ""}>{words}</a>'
            for name, address, is_download in found
            if name == text
        )

    ways = f"download it {link('Download notebook', 'to run')} or "
    ways += link("Download with outputs", "with its outputs, to read")
    if any(text == "Open in Colab" for text, *_ in found):
        ways = f"run it {link('Open in Colab', 'in Colab')} or {link('Open on Binder', 'on Binder')}, {ways}"
    told = f' <a href="{how}">How to run it</a>.' if how else ""
    return f'\n<p class="doors d-print-none">This page is a notebook: {ways}.{told}</p>'


def offer(app, pagename, templatename, context, doctree):
    """Gives a page's template its `page_links`, and a notebook's page the sentence."""
    context["page_links"] = []
    if doctree is None:  # the search page
        return
    source, pathto = app.env.doc2path(pagename, base=False), context["pathto"]
    found = links(source, app.config.elbo_repository, pathto, context["sourcename"])
    how = pathto("book/how_to_read") + "#running" if "book/how_to_read" in app.env.all_docs else None
    context["page_links"] = found
    context["body"] = context["body"].replace("</h1>", "</h1>" + line(found, how), 1)


def to_read(notebook):
    """An executed notebook that reads right in any program: check lines as plain text, figures on white. -> new dict"""
    notebook = json.loads(json.dumps(notebook))
    notebook["metadata"].pop("elbo", None)
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            for mime in [mime for mime in output.get("data", ()) if mime.startswith(RECORDS)]:
                del output["data"][mime]
                output["metadata"].pop(mime, None)
            if "image/png" in output.get("data", {}):
                output["data"]["image/png"] = on_white(output["data"]["image/png"])
                output["metadata"].pop("needs_background", None)
    return notebook


def on_white(png):
    """A figure, which the book's build makes transparent, on white: dark ink must not stand on a dark page. base64"""
    from PIL import Image

    figure = Image.open(io.BytesIO(base64.b64decode(png)))
    if "A" not in figure.getbands():
        return png
    white, file = Image.new("RGB", figure.size, "white"), io.BytesIO()
    white.paste(figure, mask=figure.getchannel("A"))
    white.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def handed_out(app, notebook, source):
    """The text of a notebook as the site hands it out: able to run alone, where the book's address is known."""
    address = app.config.elbo_repository
    return fetching.text_of(fetching.with_cell(notebook, source, address) if address else notebook)


def keep_executed(app, docname, content):
    """Puts a page's executed notebook into the site, whenever Sphinx reads the page again."""
    source = app.env.doc2path(docname, base=False)
    if source.endswith(".ipynb") and app.builder.format == "html":
        executed = run.load(Path(app.srcdir, "_build", "executed", source), app.srcdir)
        run.write(Path(app.outdir, EXECUTED, source), handed_out(app, to_read(executed), source))


def finish(app, exception):
    """Lets the notebooks that Sphinx copied run alone, and takes out those of pages that are no more."""
    if exception is not None or app.builder.format != "html":
        return
    for docname in app.env.found_docs if app.config.elbo_repository else ():
        source = app.env.doc2path(docname, base=False)
        if source.endswith(".ipynb"):
            notebook = run.load(Path(app.srcdir, source), app.srcdir)
            run.write(Path(app.outdir, "_sources", source), handed_out(app, notebook, source))
    for file in Path(app.outdir, EXECUTED).rglob("*.ipynb"):
        if file.relative_to(Path(app.outdir, EXECUTED)).with_suffix("").as_posix() not in app.env.found_docs:
            file.unlink()


def setup(app):
    app.connect("html-page-context", offer, priority=900)
    app.connect("source-read", keep_executed)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
