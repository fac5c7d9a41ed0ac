"""What of others' work the site ships: what it is, of which version, under what licence, in which of its files.

A page asks for the list by the comment `<!-- licences -->`. The licences' texts, which have to travel with every copy,
stand in the site as licences.txt. Versions and texts are read from the packages that the files come from; nothing that
the theme brings and no page loads is shipped.
"""

import fnmatch
import importlib.metadata
import importlib.util
import re
import shutil
from pathlib import Path
from typing import NamedTuple

LIST = "<!-- licences -->"
FILE = "licences.txt"
OWN = ("equations.js",)  # beside all that stands in book/_static
UNUSED = ("locales", "images/logo_*", "vendor", "*-macros.html", "scripts/fontawesome.js*")  # in _static, of the theme


class Part(NamedTuple):
    """Others' work in the site; `package` is the installed one that brings it."""

    name: str
    package: str
    files: tuple  # patterns of names in the site's _static
    licence: str
    notice: str = ""  # whose it is, where the package carries no text of this licence
    version: tuple = ()  # (file of the package, pattern of the version in it), where it is not the package's own


THEME = "theme/pydata_sphinx_theme/static/scripts/"
BOOTSTRAP = ("scripts/bootstrap.js*", "styles/pydata-sphinx-theme.css*")
ICONS = ("check-solid.svg", "copy-button.svg", "copybutton.js")
FONTS = "mathjax/output/chtml/fonts/woff-v2/*"
RESERVED = "AMS Caligraphic Fraktur Main Math SansSerif Script Size1 Size2 Size3 Size4 Typewriter Zero".split()
PARTS = (
    Part("MathJax", "sphinx-mathjax-offline", ("mathjax/*.js",), "Apache-2.0",
         "Copyright (c) 2009-2022 The MathJax Consortium\n"
         "color.js: Copyright (c) 2018-2022 Omar Al-Ithawi and The MathJax Consortium\n"
         "mhchem.js: Copyright (c) 2015-2021 Martin Hensel",
         ("static/mathjax/startup.js", r'VERSION="([\d.]+)"')),
    Part("MathJax's fonts", "sphinx-mathjax-offline", (FONTS,), "OFL-1.1",
         "Copyright (c) 2009-2010, Design Science, Inc. (<www.mathjax.org>),\nwith Reserved Font Names "
         + ", ".join(f"MathJax_{name}" for name in RESERVED) + ".",
         ("static/mathjax/startup.js", r'VERSION="([\d.]+)"')),
    Part("Sphinx", "sphinx",
         ("basic.css", "doctools.js", "documentation_options.js", "language_data.js", "searchtools.js",
          "sphinx_highlight.js", "file.png", "minus.png", "plus.png"), "BSD-2-Clause"),
    Part("Pygments", "pygments", ("pygments.css",), "BSD-2-Clause"),
    Part("MyST-NB", "myst-nb", ("mystnb.*.css",), "BSD-3-Clause"),
    Part("Sphinx Book Theme", "sphinx-book-theme",
         ("scripts/sphinx-book-theme.js*", "styles/sphinx-book-theme.css*"), "BSD-3-Clause"),
    Part("PyData Sphinx Theme", "pydata-sphinx-theme",
         ("scripts/pydata-sphinx-theme.js*", "styles/pydata-sphinx-theme.css*", "styles/theme.css"), "BSD-3-Clause"),
    Part("Bootstrap", "pydata-sphinx-theme", BOOTSTRAP, "MIT", "Copyright (c) 2011-2024 The Bootstrap Authors",
         (f"{THEME}bootstrap.js.LICENSE.txt", r"Bootstrap v([\d.]+)")),
    Part("Popper", "pydata-sphinx-theme", BOOTSTRAP[:1], "MIT", "Copyright (c) 2019 Federico Zivolo", None),
    Part("Font Awesome's style rules", "pydata-sphinx-theme", BOOTSTRAP[1:], "MIT", "Copyright 2024 Fonticons, Inc.",
         (f"{THEME}fontawesome.js.LICENSE.txt", r"Free ([\d.]+)")),
    Part("compare-versions", "pydata-sphinx-theme", ("scripts/pydata-sphinx-theme.js*",), "MIT",
         "Copyright (c) 2015-2021 Ole Michelsen", None),
    Part("sphinx-copybutton", "sphinx-copybutton", ("copybutton*",), "MIT"),
    Part("clipboard.js", "sphinx-copybutton", ("clipboard.min.js",), "MIT", "Copyright (c) Zeno Rocha",
         ("_static/clipboard.min.js", r"clipboard.js v([\d.]+)")),
    Part("Tabler's icons", "sphinx-copybutton", ICONS, "MIT", "Copyright (c) 2020-2025 Paweł Kuna", None),
)
# Where the text of a licence is that the package which brings the work lacks: (package, file, what it begins with).
TEXTS = {
    "Apache-2.0": ("packaging", "LICENSE.APACHE", ""),
    "OFL-1.1": ("matplotlib", "LICENSE_STIX", "SIL OPEN FONT LICENSE"),
}


def folder(package):
    """Where an installed package's files are."""
    place = importlib.util.find_spec(package) or importlib.util.find_spec(package.replace("-", "_"))
    return Path(place.origin).parent


def version(part):
    """The version of a part, or "" where nothing that is installed tells it."""
    if part.version is None:
        return ""
    if not part.version:
        return importlib.metadata.version(part.package)
    file, pattern = part.version
    return re.search(pattern, (folder(part.package) / file).read_text(encoding="utf-8"))[1]


def text(part, root):
    """The notice and the text of a part's licence. Raises LookupError where an installed package lacks it."""
    if part.licence == "MIT" and part.notice:  # the same words as the book's own
        return f"{part.notice}\n\n" + (root / "LICENSE").read_text(encoding="utf-8").split("\n\n", 2)[2]
    package, name, begins = TEXTS[part.licence] if part.notice else (part.package, "LICENSE", "")
    for file in importlib.metadata.files(package) or ():
        if file.name == name or file.stem == name:
            words = file.locate().read_text(encoding="utf-8")
            return f"{part.notice}\n\n".lstrip() + words[words.index(begins):]
    raise LookupError(f"{package} brings no {name}: say in licences.py where the text of {part.licence} is")


def listing():
    """The list as a table in Markdown."""
    rows = ["| Work | Version | Licence | In `_static` |", "|---|---|---|---|"]
    for part in PARTS:
        rows.append(f"| {part.name} | {version(part)} | {part.licence} | {', '.join(f'`{f}`' for f in part.files)} |")
    return "\n".join(rows)


def filled(page):
    """A page with the list put where its comment asks for it."""
    return page.replace(LIST, listing()) if LIST in page else page


def texts(root):
    """What stands in the site's licences.txt."""
    rule = "=" * 79
    lines = ["Parts of this site are the work of others. Here is each, with its licence, its files in the",
             "folder _static, and the licence's text."]
    for part in PARTS:
        called = f"{part.name} {version(part)}".strip()
        lines += ["", rule, f"{called} ({part.licence}): {', '.join(part.files)}", rule, "", text(part, root).strip()]
    return "\n".join(lines) + "\n"


def unnamed(static, own):
    """The files in a site's _static that are neither the book's own nor of any part. -> sorted names"""
    known = [*own, *OWN, *(pattern for part in PARTS for pattern in part.files)]
    files = (path.relative_to(static).as_posix() for path in static.rglob("*") if path.is_file())
    return sorted(name for name in files if not any(fnmatch.fnmatchcase(name, pattern) for pattern in known))


def finish(app, exception):
    """Takes out of the site what no page loads, and puts the texts into it."""
    if exception is not None or app.builder.format != "html":
        return
    for pattern in UNUSED:
        for path in Path(app.outdir, "_static").glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    Path(app.outdir, FILE).write_text(texts(Path(app.srcdir)), encoding="utf-8")


def setup(app):
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
