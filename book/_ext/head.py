"""A page's head: what the page is about, in a sentence, and only the scripts that it uses, none of which it awaits."""
import html
import re

from docutils import nodes

FOR_MATH = ("mathjax", "equations.js")
FOR_CODE = ("clipboard.min.js", "copybutton")
FOR_SEARCH = ("documentation_options.js", "doctools.js", "sphinx_highlight.js")
LONGEST = 200  # characters of a description


def trim(app, pagename, templatename, context, doctree):
    """Leaves a page the scripts and styles it uses, and has every script wait until the page is read."""
    body = context.get("body", "")
    files = [file for file in context["script_files"] if file.filename]  # without: the theme's, for what the book lacks
    has_math = 'class="math' in body or "#eq-" in body  # a page without a formula may refer to one, and then shows it
    has_code = '<div class="highlight' in body

    def used(file):
        name = str(file.filename)
        return (has_math or not any(part in name for part in FOR_MATH)) and (
            has_code or not any(part in name for part in FOR_CODE))

    context["script_files"] = [file for file in files if used(file)]
    context["css_files"] = [file for file in context["css_files"] if used(file)]
    for file in context["script_files"]:  # the same objects for all pages
        file.attributes.pop("async", None)
        if pagename == "search" and str(file.filename).endswith(FOR_SEARCH):  # its own scripts call them at once
            file.attributes.pop("defer", None)
        else:
            file.attributes["defer"] = "defer"


def describe(app, pagename, templatename, context, doctree):
    """Gives the page its description: its first paragraph."""
    if pagename == "404":
        return
    text = description(doctree) if doctree else f"Search {app.config.html_title}."
    context["metatags"] = f'<meta name="description" content="{html.escape(text)}">\n' + context.get("metatags", "")


def description(doctree):
    """A page's first paragraph, in which a chapter says its question: as many whole sentences as are short enough."""
    text = " ".join(next((p.astext() for p in doctree.findall(nodes.paragraph)), "").split())
    if len(text) <= LONGEST:
        return text
    sentences = re.match(rf"(.{{1,{LONGEST - 1}}}[.?!])\s", text)
    return sentences[1] if sentences else text[:LONGEST].rpartition(" ")[0] + " …"


def setup(app):
    app.add_js_file("mathjax.js", priority=450)  # before MathJax itself
    app.connect("html-page-context", describe, priority=950)
    app.connect("html-page-context", trim, priority=999)  # after all who add scripts
    return {"parallel_read_safe": True, "parallel_write_safe": True}
