r"""Named equations: `$$ … \tag{log-Z} $$` in any page becomes the equation (log-Z), with the anchor `eq-log-Z`.

Text refers to it with an ordinary link, `[(log-Z)](02_log_z.ipynb#eq-log-Z)` or, on its own page,
`[(log-Z)](#eq-log-Z)`; book.js shows the equation where such a link is pointed at. The site's search finds it by its
name (search_scorer.js says how the hit is called). Beside the name stands the mark
that links to the output of the equation's check, when the ledger has one (`app.elbo_ledger`, from run.py).

A name used twice, or one that makes no anchor, stops the build and names the places.
"""
import json
import pathlib
import re

from docutils import nodes
from sphinx import addnodes
from sphinx.errors import ExtensionError
from sphinx.transforms import SphinxTransform
from sphinx.util.osutil import relative_uri

import lit
import sizes

TAG = re.compile(r"\s*\\tag\*?\{([^{}]*)\}")
STOP = re.compile(r"[,.;:!?)’”\]]+")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
SCORER = pathlib.Path(__file__).with_name("search_scorer.js")
LINE = 1.35  # em of a formula that fits between the lines of a text


class NamedEquations(SphinxTransform):
    r"""Turns each display's `\tag{name}` into its number, its id and a target that links resolve to.

    Before 879, where MyST resolves `[…](#…)`. The tag must leave the TeX: MathJax would set it a second time.
    """

    default_priority = 800

    def apply(self, **kwargs):
        slugs = getattr(self.document, "myst_slugs", {})
        found = []
        for node in list(self.document.findall(nodes.math_block)):
            tex = node.astext()
            for name in TAG.findall(tex)[:1]:
                tex = TAG.sub("", tex).strip()
                anchor = f"eq-{name}"
                found.append((name, tex, node.line))
                node.children = [nodes.Text(tex)]
                node.rawsource = tex
                node["label"] = node["number"] = name
                node["docname"] = self.env.docname
                node["ids"] = [anchor]
                slugs[anchor] = (node.line, anchor, f"({name})")
                node.parent.insert(node.parent.index(node), for_search(name, anchor))
        self.document.myst_slugs = self.env.metadata[self.env.docname]["myst_slugs"] = slugs
        by_page(self.env)[self.env.docname] = found


class Unbroken(SphinxTransform):
    """Keeps a comma or full stop on the line of the formula before it, which is a block, and lines break at blocks."""

    default_priority = 810

    def apply(self, **kwargs):
        for formula in list(self.document.findall(nodes.math)):
            text = formula.next_node(descend=False, siblings=True, ascend=False)
            stop = isinstance(text, nodes.Text) and STOP.match(text)
            if stop:
                parent, i = formula.parent, formula.parent.index(formula)
                pair = nodes.inline("", "", formula.deepcopy(), nodes.Text(stop[0]), classes=["unbroken"])
                parent[i : i + 2] = [pair, nodes.Text(text[stop.end():])]


def for_search(name, anchor):
    """What makes the search find an equation first, as one types its name: log-Z, (log-Z) or log Z. Shows nothing."""
    typed = dict.fromkeys((name, f"({name})", name.replace("-", " ")))
    return addnodes.index(entries=[("single", words, anchor, "main", None) for words in typed])


def by_page(env):
    """{page: [(name, TeX, line), …]} for the pages read so far."""
    if not hasattr(env, "elbo_equations"):
        env.elbo_equations = {}
    return env.elbo_equations


def forget_page(app, env, docname):
    by_page(env).pop(docname, None)


def merge_pages(app, env, docnames, other):
    by_page(env).update({doc: by_page(other).get(doc, []) for doc in docnames})


def all_equations(env):
    """{name: (page, TeX)} for the whole book. Raises ExtensionError for a bad name, or one used twice, saying where."""
    places, equations = {}, {}
    for doc, found in sorted(by_page(env).items()):
        for name, tex, line in found:
            places.setdefault(name, []).append(f"{env.doc2path(doc, base=False)}:{line}")
            equations[name] = (doc, tex)
    wrong = [f"({name}) is used {len(where)} times: {', '.join(where)}"
             for name, where in places.items() if len(where) > 1]
    wrong += [f"({name}) in {where[0]}: a name is letters, digits and hyphens, a letter first"
              for name, where in places.items() if not NAME.fullmatch(name)]
    if wrong:
        raise ExtensionError("equation names:\n  " + "\n  ".join(wrong))
    return equations


def publish(app, env):
    """Writes the names and their TeX for book.js; returns every page when they changed, so that no link stays dead."""
    equations = all_equations(env)
    if app.builder.format == "html":
        script = pathlib.Path(app.outdir, "_static", "equations.js")
        tex = json.dumps({name: tex for name, (_, tex) in sorted(equations.items())}, indent=0, ensure_ascii=False)
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(f"window.bookEquations = {tex};\n", encoding="utf-8")
    changed = equations != getattr(env, "elbo_published", None)
    env.elbo_published = equations
    return sorted(env.found_docs) if changed else []


def mark(writer, name):
    """The quiet mark beside a checked equation: a link to the check's output, in words what it found. HTML, or ''."""
    builder = writer.builder
    entry = getattr(builder.app, "elbo_ledger", {}).get(name)
    checks = [check for check in (entry or {}).get("checks", []) if check.get("url")]
    if not checks:
        return ""
    page, _, anchor = checks[0]["url"].partition("#")
    here = builder.get_target_uri(builder.current_docname)
    href = ("" if page == here else relative_uri(here, page)) + f"#{anchor}"
    count = sum(check["instances"] for check in checks)
    worst = max(checks, key=lambda check: check["worst"] / check["tolerance"] if check["tolerance"] else 0)
    says = (f"checked: {count:,} instance{'s' * (count != 1)}, "
            f"worst {worst['worst']:.1e} (allowed {worst['tolerance']:.0e})")
    return f'<a class="eq-mark" href="{href}" title="{says}" aria-label="({name}) {says}">✓</a>'


def visit_display(writer, node):
    """A display, with its name and mark before it; `--tall` lets the style keep its place before MathJax comes."""
    tex, name = node.astext().strip(), node.get("number")
    classes = "math notranslate nohighlight" + (" named" if name else "")
    called = {"role": "group", "aria-label": f"({name})", **lit.attributes(name, tex)} if name else {}
    _, above, below = sizes.size(tex, display=True)
    writer.body.append(writer.starttag(node, "div", CLASS=classes, STYLE=f"--tall: {above + below:.2f}", **called))
    if name:
        anchor = f'<a class="eq-name" href="#eq-{name}">({name})</a>'
        writer.body.append(f'<span class="eqno">{anchor}{mark(writer, name)}</span>')
    writer.body.append(rf"\[{writer.encode(tex)}\]</div>" + "\n")
    raise nodes.SkipNode


def name_hits(app, config):
    """Gives the search the script that calls a hit on an equation by its name."""
    config.html_search_scorer = str(SCORER)


def visit_inline(writer, node):
    """A formula in a line, with the room that it will take (see sizes.py); how tall, only where the line must grow."""
    tex = node.astext().strip()
    width, above, below = sizes.size(tex)
    tall = f"; --tall: {above + below:.2f}; --below: {below:.2f}" if above + below > LINE else ""
    writer.body.append(writer.starttag(node, "span", "", CLASS="math notranslate nohighlight",
                                       STYLE=f"--wide: {width:.2f}{tall}"))
    writer.body.append(rf"\({writer.encode(tex)}\)</span>")
    raise nodes.SkipNode


def use_own_display(app):
    if app.builder.format == "html":
        app.registry.html_inline_math_renderers["mathjax"] = (visit_inline, None)
        app.registry.html_block_math_renderers["mathjax"] = (visit_display, None)


def setup(app):
    app.add_transform(NamedEquations)
    app.add_transform(Unbroken)
    app.connect("config-inited", name_hits)
    app.connect("builder-inited", use_own_display)
    app.connect("env-purge-doc", forget_page)
    app.connect("env-merge-info", merge_pages)
    app.connect("env-updated", publish)
    app.add_js_file("equations.js", loading_method="defer")
    app.set_html_assets_policy("always")  # a page without a formula may refer to one, and then shows it
    return {"parallel_read_safe": True, "parallel_write_safe": True}
