"""Prints the built book to one PDF: `make pdf`, or `python book/pdf.py`.

A browser keeps links working inside one document only. So the pages of the table of contents are put together into
one page beside the site: each id has its page's name before it, and each link leads to such an id. The system's
Chromium (CHROMIUM names another) lets MathJax set that page and prints it, with the headings as bookmarks.
"""

import html
import io
import os
import posixpath
import re
import shutil
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
PDF = ROOT / "_build" / "the-elbo-step-by-step.pdf"
STYLE = Path(__file__).with_suffix(".css")

NEEDED = ("mathjax", "book.js")  # of the site's scripts; the others serve its menus
ON_SCREEN = "script, button, .headerlink"  # what paper has no use for
PLAIN = re.compile(r'<span class="(?:n|nb|nn|bp|o|p|w)">([^<]*)</span>')  # code without a colour: 100,000 elements
NAMING = ("for", "headers", "aria-labelledby", "aria-describedby", "aria-controls")  # attributes that list ids

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
PAPER = {"prefer_css_page_size": True, "print_background": True}
PATIENCE = 600_000  # milliseconds that the browser may take for a step
SHRINK = """() => {  // formulas that are too long, to the room there is; nothing scrolls on paper
  for (const math of document.querySelectorAll("article mjx-container > mjx-math")) {
    const display = math.closest("div.math"), place = display ?? math.closest("p, li, td, th, dd, h2, h3, h4, div");
    const name = display?.querySelector(".eqno")?.offsetWidth ?? 0;
    const room = place.clientWidth - (name && name + 12), size = math.getBoundingClientRect().width;
    if (size > room) (display ?? math.closest("span.math")).style.fontSize = `${98 * room / size}%`;
  }
}"""
TOO_WIDE = """() => {  // what would be cut off at the right margin, in words
  const edge = document.querySelector("article").getBoundingClientRect().right + 1;
  return [...document.querySelectorAll("article *")]
    .filter((e) => e.getBoundingClientRect().right > edge && !e.closest("mjx-assistive-mml"))
    .map((e) => `${e.closest(".page")?.id}: <${e.localName} ${e.className}> ${e.textContent.trim().slice(0, 50)}`);
}"""
NUMBER = """(pages) => {  // the table of contents: its links' page numbers
  for (const link of document.querySelectorAll(".contents a")) link.dataset.page = pages[link.hash.slice(1)] ?? "";
}"""


class PdfError(Exception):
    """The book cannot be printed; the message says why, and what to do."""


# ------------------------------------------------------------------------------------------- all pages in one page


def contents(toc):
    """The book's pages in order, from what _toc.yml says. dict -> [(part, doc)], the index with the part "" first"""
    listed = [("", toc["root"])]
    for part in toc["parts"]:
        for chapter in part["chapters"]:
            listed += [(part["caption"], entry["file"]) for entry in [chapter, *chapter.get("sections", [])]]
    return [(part, re.sub(r"\.(md|ipynb)$", "", doc)) for part, doc in listed]


def place(doc, fragment=""):
    """The id that a place of a page has in the whole: its page's name, and there the id it had."""
    page = re.sub(r"\W+", "-", doc)
    return f"{page}--{fragment}" if fragment else page


def target(doc, address):
    """What an address on a page leads to: (file within the site, fragment), or None if it leaves the site."""
    there = urlsplit(address)
    if there.scheme or there.netloc:
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(doc), unquote(there.path))) if there.path else ""
    return path or f"{doc}.html", unquote(there.fragment)


def article(page, doc, docs, site):
    """A page's article, as a part of the whole. page: HTML; docs: all pages; site: its folder's name. -> element"""
    soup = BeautifulSoup(PLAIN.sub(r"\1", page), "html.parser").select_one("main article")
    for element in soup.select(ON_SCREEN):
        element.decompose()
    for element in soup.find_all(True):
        if level := re.fullmatch("h([1-5])", element.name):
            element.name = f"h{int(level[1]) + 1}"  # h1 is for the parts
        elif element.name == "details":
            element["open"] = ""
        elif element.get("src") and (found := target(doc, element["src"])):
            element["src"] = f"{site}/{found[0]}"
        element.attrs.pop("loading", None)  # on paper nothing is far away
        if element.get("id"):
            element["id"] = place(doc, element["id"])
        for name in NAMING:
            if element.get(name):
                listed = element[name] if isinstance(element[name], list) else element[name].split()
                element[name] = " ".join(place(doc, one) for one in listed)
    for link in soup.select("a[href]"):
        if found := target(doc, link["href"]):
            there = found[0].removesuffix(".html")
            if there in docs:
                link["href"] = "#" + place(there, found[1])
            else:  # a file beside the pages, which paper cannot bring along
                link.unwrap()
    return soup


def assembled(site, listed):
    """The book as one page, for the folder that holds the site's. listed: [(part, doc)], the index first. -> HTML"""
    docs = {doc for _, doc in listed}
    pages = {doc: (site / f"{doc}.html").read_text(encoding="utf-8") for _, doc in listed}
    articles = {doc: article(page, doc, docs, site.name) for doc, page in pages.items()}
    index = listed[0][1]
    book, lines, body = articles[index].h2.get_text(), [], []
    title = "".join(str(found.extract()) for found in articles[index].select("h2 + p, figure"))
    articles[index].h2.string = "About this book"
    before = ""
    for part, doc in listed:
        heading = ""
        if part != before:
            heading = f"<h1>{html.escape(part)}</h1>"
            lines.append(f'<li class="part">{html.escape(part)}</li>')
        before = part
        name = html.escape(articles[doc].h2.get_text())
        kind = ' class="solutions"' if "/solutions/" in doc else ""
        lines.append(f'<li{kind}><a href="#{place(doc)}"><span>{name}</span></a></li>')
        body.append(f'<section class="page" id="{place(doc)}">{heading}{articles[doc].decode_contents()}</section>')
    return f"""<!DOCTYPE html>
<html lang="en" data-theme="light" data-mode="light">
<head><meta charset="utf-8"><title>{html.escape(book)}</title>
{head(pages[index], index, site.name)}
<style>{STYLE.read_text(encoding="utf-8")}</style></head>
<body><main class="bd-main"><div class="bd-content"><article class="bd-article">
<section class="title-page"><h1>{html.escape(book)}</h1>{title}
<p class="licence">Text and figures: CC BY 4.0. Code: MIT.</p></section>
<section class="page contents"><h2>Contents</h2><ul>{"".join(lines)}</ul></section>
{"".join(body)}
</article></div></main></body></html>
"""


def head(page, doc, site):
    """What the whole takes from a page's head: the style, MathJax with its settings, and the book's script. -> HTML"""
    taken = []
    for element in BeautifulSoup(page, "html.parser").head.select('link[rel="stylesheet"], script'):
        if element.name == "link" or any(name in str(element).lower() for name in NEEDED):
            for name in ("href", "src"):
                if element.get(name):
                    element[name] = f"{site}/{target(doc, element[name])[0]}"
            taken.append(str(element))
    return "\n".join(taken)


# --------------------------------------------------------------------------------------------------------- printing


def browser():
    """The path of the browser that CHROMIUM names, or else of the system's; None where there is none."""
    names = filter(None, (os.environ.get("CHROMIUM"), *BROWSERS))
    return next(filter(None, map(shutil.which, names)), None)


def chromium():
    """The path of the browser; raises PdfError where there is none."""
    if not (found := browser()):
        raise PdfError("no Chromium found, which prints the book: install chromium (or Google Chrome), "
                       "or name it: CHROMIUM=/path/to/chrome make pdf")  # fmt: skip
    return found


def printed(page, pdf):
    """Prints an HTML file, and puts the PDF in its place as a whole or not at all. Raises PdfError."""
    try:
        from playwright.sync_api import Error, sync_playwright
        from pypdf import PdfReader
    except ImportError as error:
        raise PdfError(f"{error.name} is missing: `make pdf` installs it, or "
                       "`.venv/bin/python -m pip install playwright pypdf`") from None  # fmt: skip
    new = pdf.with_name(f".{pdf.name}.new")
    path = chromium()
    with sync_playwright() as play:
        try:
            with play.chromium.launch(executable_path=path, args=FLAGS) as browser:
                tab = browser.new_page(viewport={"width": 800, "height": 1000})
                tab.set_default_timeout(PATIENCE)
                tab.emulate_media(media="print", color_scheme="light")
                tab.goto(page.as_uri())
                tab.wait_for_selector("html[data-ready=true]", state="attached")
                tab.evaluate(SHRINK)
                if wide := tab.evaluate(TOO_WIDE):
                    raise PdfError("wider than the paper:\n  " + "\n  ".join(wide[:10]))
                draft = PdfReader(io.BytesIO(tab.pdf(**PAPER)))  # a browser cannot write page numbers into a page
                found = draft.named_destinations.items()
                tab.evaluate(NUMBER, {name[1:]: draft.get_destination_page_number(there) + 1 for name, there in found})
                tab.pdf(path=new, outline=True, tagged=True, **PAPER)
            new.replace(pdf)
        except Error as error:
            raise PdfError(f"{path} could not print the book: {error}") from None
        finally:
            new.unlink(missing_ok=True)


def make(site, listed, pdf):
    """The PDF of some pages of the site; raises PdfError."""
    missing = [doc for _, doc in listed if not (site / f"{doc}.html").is_file()]
    if missing:
        raise PdfError(f"the site has no {', '.join(missing)}: build it with `make book`")
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=site.parent, prefix=".whole-", suffix=".html") as whole:
        whole.write(assembled(site, listed))
        whole.flush()
        printed(Path(whole.name), pdf)


def main():
    """The command line. -> exit status"""
    listed = contents(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8")))
    try:
        make(SITE, listed, PDF)
    except (PdfError, OSError) as error:
        kept = "; the one that was there is still there" if PDF.is_file() else ""
        print(f"\n✗ {error}\n\nthe PDF was not written{kept}", file=sys.stderr)
        return 1
    print(f"\n  {PDF.as_uri()} ({PDF.stat().st_size / 1e6:.1f} MB)\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
