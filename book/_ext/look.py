"""The site around the pages: style, script, MathJax served from the site itself, and no way out to the network."""
import hashlib
import importlib.util
import itertools
import pathlib
import re
import shutil

from docutils import nodes
from pygments.formatters import HtmlFormatter
from sphinx.errors import ExtensionError
from sphinx.highlighting import PygmentsBridge
from sphinx.writers.html5 import HTML5Translator

BOOK = pathlib.Path(__file__).resolve().parents[1]
MATHJAX = (  # all that a page loads of 24 MB
    "startup.js", "core.js", "input/tex.js", "input/tex/extensions", "output/chtml.js", "output/chtml/fonts/tex.js",
    "output/chtml/fonts/woff-v2", "a11y/assistive-mml.js")
LEADING = re.compile(r"(?:<[^>]*>)*( *)")
SIZE = re.compile(r'style="width: (\d+)px; height: (\d+)px;?"')
OPENING = 3  # paragraphs and images that fit in the first screen of a page
POLICY = "; ".join((  # the browser itself refuses all else: requests to others, scripts that are no file of the site
    "default-src 'none'",
    "script-src 'self'",
    "font-src 'self'",
    "img-src 'self' data:",  # the icons in the style
    "style-src 'self' 'unsafe-inline'",  # MathJax writes a style, and each formula and line of code says its size
    "form-action 'self'",  # the search
    "base-uri 'self'",  # where 404.html stands
))


def copy_mathjax(app):
    """Copies the part of MathJax that pages load into the site, once."""
    if app.builder.format != "html":
        return
    source = pathlib.Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
    target = pathlib.Path(app.outdir, "_static", "mathjax")
    for part in MATHJAX:
        files = sorted((source / part).rglob("*")) if (source / part).is_dir() else [source / part]
        for file in files:
            copy = target / file.relative_to(source)
            if file.is_file() and not (copy.is_file() and copy.stat().st_size == file.stat().st_size):
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)


def policy():
    """The content policy as a line of HTML."""
    return f'<meta http-equiv="Content-Security-Policy" content="{POLICY}" />\n'


def content_policy(app, pagename, templatename, context, doctree):
    """Gives the page's template the content policy, first of all: it binds only what follows it.

    Who may show the site in a frame (frame-ancestors) can't be said in a page, only by the server that sends it."""
    context["metatags"] = policy() + context.get("metatags", "")


def explorer_scripts(app, pagename, templatename, context, doctree):
    """Gives a page with explorers the frame and their scripts; raises ExtensionError where there is no such script."""
    names = getattr(app, "elbo_explorers", {}).get(pagename, [])
    for name in ["frame", *names] if names else []:
        script = f"_static/explore/{name}.js"
        if not (BOOK / script).is_file():
            raise ExtensionError(f"{pagename} has the explorer {name!r}, but there is no book/{script}")
        app.add_js_file(f"explore/{name}.js", loading_method="defer")


class WrappingLines(HtmlFormatter):
    """Code with each line in a block of its own that knows its indentation: so a long line can wrap below itself."""

    def wrap(self, source):
        return super().wrap(self.lines(source))

    def lines(self, source):
        for is_code, line in source:
            indent = len(LEADING.match(line)[1])
            yield is_code, f'<span class="line" style="--indent: {indent}">{line}</span>' if is_code else line


def visit_image(writer, node):
    """An image with its size as attributes: from those a browser keeps its place before it has come, not from style.

    It comes when the reader is near, unless it opens the page."""
    HTML5Translator.visit_image(writer, node)
    image = SIZE.sub(r'width="\1" height="\2"', writer.body[-1])
    start = itertools.islice(writer.document.findall(lambda n: isinstance(n, (nodes.image, nodes.paragraph))), OPENING)
    writer.body[-1] = image if any(n is node for n in start) else image.replace("<img ", '<img loading="lazy" ')


def look_version():
    """A hash of the book's extensions, style, script and templates: when one changes, every page is made again."""
    files = [file for folder in ("_ext", "_static", "_templates") for file in (BOOK / folder).rglob("*")]
    content = [file.read_bytes() for file in sorted(files) if file.is_file() and file.suffix != ".pyc"]
    return int(hashlib.sha256(b"".join(content)).hexdigest()[:12], 16)


def setup(app):
    app.add_config_value("comments_config", {}, "")  # Jupyter Book sets it; the extension it is for is not loaded
    app.add_css_file("book.css", priority=900)
    app.add_js_file("book.js", loading_method="defer")
    app.add_node(nodes.image, override=True, html=(visit_image, None))
    PygmentsBridge.html_formatter = WrappingLines
    app.connect("builder-inited", copy_mathjax)
    app.connect("html-page-context", content_policy, priority=990)  # after all who add tags
    app.connect("html-page-context", explorer_scripts)
    return {"env_version": look_version(), "parallel_read_safe": True, "parallel_write_safe": True}
