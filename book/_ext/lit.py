r"""Terms of an equation that light up their part of the gauge, and are lit by it.

log Z is the ceiling, −J the line, KL the gap, by whatever name the chapter calls them. The build puts MathJax's
`\class{term-gap}{…}` around the terms, which changes nothing in how they are set; gauge.js does the rest. In the
notebook nothing shows of it.
"""
from sphinx.errors import ExtensionError

# {equation: {part of the gauge: (what the gauge calls it, the term in TeX as it stands in the notebook)}}
TERMS = {
    "log-Z": {
        "ceiling": ("log Z", r"\log Z"),
        "gap": ("KL(q‖p)", r"\mathrm{KL}(q\,\|\,p)"),
        "line": ("−J(q)", "- J(q)"),
    },
    "bound": {
        "ceiling": ("log Z", r"\log Z"),
        "gap": ("KL(q‖p)", r"\mathrm{KL}(q\,\|\,p)"),
        "line": ("−J(q)", "-J(q)"),
    },
    "log-px": {
        "ceiling": ("log p(x)", r"\log p(x)"),
        "gap": ("KL(q(z|x)‖p(z|x))", r"\mathrm{KL}\bigl(q(z\mid x)\,\|\,p(z\mid x)\bigr)"),
        "line": ("−J(q)", "- J(q)"),
    },
    "ELBO-gap": {
        "ceiling": ("log p(x)", r"\log p(x)"),
        "gap": ("KL(q(z|x)‖p(z|x))", r"\mathrm{KL}\bigl(q(z|x)\,\|\,p(z|x)\bigr)"),
        "line": ("ℒ(q)", r"\mathcal L(q)"),
    },
    "LVAE-gap": {
        "ceiling": ("log p(x)", r"\log p(x)"),
        "gap": ("½[Σ log Mᵢᵢ − log |M|]", r"\tfrac12\bigl[\textstyle\sum_i\log M_{ii} - \log|M|\bigr]"),
        "line": ("ℒ(x)", r"\mathcal L(x)"),
    },
    "VAE-log-Z": {
        "ceiling": ("log p(x)", r"\log p(x)"),
        "gap": ("KL(q(z|x)‖p(z|x))", r"\mathrm{KL}\bigl(q(z|x)\,\|\,p(z|x)\bigr)"),
        "line": ("−J(x)", "- J(x)"),
    },
}


def lit(name, tex):
    r"""An equation's TeX with its terms in `\class{…}`. Raises ExtensionError if a term is not there. -> str"""
    for part, (_, term) in TERMS.get(name, {}).items():
        if term not in tex:
            raise ExtensionError(f"({name}) has no {term}: say in lit.py what its {part} is now")
        tex = tex.replace(term, rf"\class{{term-{part}}}{{{term}}}")
    return tex


def attributes(name, tex):
    """What the script needs of an equation: its TeX with the terms marked, the gauge's names of them. {} of most."""
    parts = {f"data-{part}": words for part, (words, _) in TERMS.get(name, {}).items()}
    return {**parts, "data-tex": lit(name, tex)} if parts else {}


def add_script(app, pagename, templatename, context, doctree):
    """Loads the script and the style of the gauge where a page has such an equation."""
    if any(name in TERMS for name, *_ in getattr(app.env, "elbo_equations", {}).get(pagename, ())):
        app.add_js_file("gauge.js", loading_method="defer")
        app.add_css_file("gauge.css", priority=900)


def setup(app):
    app.connect("html-page-context", add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
