"""The book on paper and away from the network: one page of all, its PDF, the archive, and equations quoted on a sheet.

What only a browser can tell of the site itself is in test_site.py.
"""
import html
import os
import re
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup

from browser import chromium, needed

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "book"), str(ROOT / "book" / "_ext")]

import downloads  # noqa: E402
import ledger  # noqa: E402
import offline  # noqa: E402
import pdf  # noqa: E402
import quotes  # noqa: E402

CONTENTS = pdf.contents(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8")))


# ---- All pages in one ----

@pytest.fixture(scope="module")
def whole(site):
    return pdf.assembled(site, CONTENTS)


def attributes(name, text, tag=r"\w+"):
    """The values of one attribute of all elements, or of those of one kind. (Quotes in text are written &quot;.)"""
    return [html.unescape(value) for value in re.findall(rf'<(?:{tag})\b[^<>]*?\s{name}="([^"]*)"', text)]


def test_every_page_is_in_the_whole_and_in_its_contents(whole, site):
    assert re.findall(r'<section class="page" id="(.*?)">', whole) == [pdf.place(doc) for _, doc in CONTENTS]
    contents = whole[whole.index("<h2>Contents"):whole.index("</ul></section>")]
    assert attributes("href", contents, "a") == ["#" + pdf.place(doc) for _, doc in CONTENTS]
    pages = "".join((site / f"{doc}.html").read_text(encoding="utf-8") for _, doc in CONTENTS)
    for part in ('class="math ', 'class="cell ', 'class="check', "<table", "<figure", "<details>"):
        assert whole.count(part.replace("<details>", "<details open")) == pages.count(part) > 0, part


def test_ids_stay_apart_and_links_stay_inside(whole):
    ids = Counter(attributes("id", whole))
    assert [name for name, count in ids.items() if count > 1] == []
    links = set(attributes("href", whole, "a"))
    assert sorted(link for link in links if link.startswith("#") and link[1:] not in ids) == []
    assert sorted(link for link in links if not link.startswith(("#", "http"))) == []
    assert "#" + pdf.place("notebooks/02_log_z", "eq-log-Z") in links


def test_what_the_whole_shows_lies_beside_it(whole, site):
    found = attributes("src", whole) + attributes("href", whole, "link")
    assert len(found) > 50
    assert [name for name in found if not (site.parent / name.partition("?")[0]).is_file()] == []
    assert "<button" not in whole and "headerlink" not in whole


# ---- The PDF ----

def in_a_process(line, **variables):
    """Runs a line of Python that uses `pdf`: a second browser needs a process of its own. -> what it said"""
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'book')!r}); import pdf; from pathlib import Path; {line}"
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | variables, capture_output=True, text=True)
    return done.stderr


def test_a_pdf_has_links_bookmarks_and_page_numbers(site, tmp_path):
    chromium()
    reader = needed("pypdf").PdfReader
    assert not in_a_process(f"pdf.make(Path({str(site)!r}), {CONTENTS[:2]!r}, Path({str(tmp_path / 'book.pdf')!r}))")
    book = reader(tmp_path / "book.pdf")
    assert not list(tmp_path.glob(".*")) and not list(site.parent.glob(".whole-*"))

    places = {name[1:]: book.get_destination_page_number(there) for name, there in book.named_destinations.items()}
    links = [a.get_object() for page in book.pages for a in page.get("/Annots", [])]
    inside = [link["/Dest"].lstrip("/") for link in links if "/Dest" in link]
    second = pdf.place(CONTENTS[1][1])
    assert inside.count(second) >= 2, "the contents and the index lead to the second page"
    assert set(inside) <= places.keys()

    title, contents = book.pages[0].extract_text(), book.pages[1].extract_text()
    assert title.startswith("The ELBO, Step by Step") and "Contents" in contents
    listed = re.search(r"How to read and run it\s+(\d+)", contents)
    assert listed and int(listed[1]) == places[second] + 1
    assert listed[1] in book.pages[places[second]].extract_text().split("\n"), "the page's own number"

    def names(outline):
        return [name for item in outline for name in (names(item) if isinstance(item, list) else [item.title])]
    assert {"Contents", "About this book", "How to read and run it", "Reading"} <= set(names(book.outline))


def test_a_pdf_that_cannot_be_made_says_why_and_leaves_the_old_one(tmp_path, monkeypatch):
    old = tmp_path / "book.pdf"
    old.write_text("old")
    with pytest.raises(pdf.PdfError, match="the site has no book/index.*`make book`"):
        pdf.make(tmp_path, CONTENTS[:2], old)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "none"))
    with pytest.raises(pdf.PdfError, match="no Chromium found.*install chromium"):
        pdf.printed(tmp_path / "page.html", old)
    assert old.read_text() == "old" and list(tmp_path.iterdir()) == [old]


def test_a_browser_that_fails_leaves_the_old_pdf(tmp_path):
    needed("playwright.sync_api")
    old = tmp_path / "book.pdf"
    old.write_text("old")
    said = in_a_process(f"pdf.printed(Path({str(tmp_path / 'page.html')!r}), Path({str(old)!r}))", CHROMIUM="false")
    assert "PdfError" in said and "false could not print the book" in said
    assert old.read_text() == "old" and list(tmp_path.iterdir()) == [old]


# ---- The archive ----

def test_the_archive_holds_the_site_and_is_the_same_twice(site, tmp_path):
    one, two = tmp_path / "book.zip", tmp_path / "again" / "book.zip"
    two.parent.mkdir()
    offline.packed(site, one)
    offline.packed(site, two)
    assert one.read_bytes() == two.read_bytes()
    with zipfile.ZipFile(one) as zipped:
        held = {name: zipped.getinfo(name).file_size for name in zipped.namelist()}
    files = [path for path in site.rglob("*") if path.is_file()]
    assert held == {f"book/{path.relative_to(site).as_posix()}": path.stat().st_size for path in files}


def test_no_archive_without_a_site(tmp_path):
    with pytest.raises(offline.OfflineError, match="there is no site in .*`make book`"):
        offline.packed(tmp_path, tmp_path / "book.zip")
    assert list(tmp_path.iterdir()) == []


def test_downloads_are_offered_where_the_deploy_puts_them():
    assert downloads.offered("") == ""
    said = downloads.offered("https://someone.github.io/elbo/")
    assert re.findall(r"\((.*?)\)", said) == [f"https://someone.github.io/elbo/{name}"
                                              for name in (downloads.PDF, downloads.ARCHIVE)]
    assert (pdf.PDF.name, offline.ARCHIVE.name) == (downloads.PDF, downloads.ARCHIVE)
    steps = yaml.safe_load((ROOT / ".github" / "workflows" / "deploy.yml").read_text())["jobs"]["build"]["steps"]
    says = [step.get("run") or step.get("uses", "") for step in steps]
    assert says.index("make site") < next(i for i, say in enumerate(says) if "upload-pages" in say)
    recipe = re.search(r"^site: offline pdf .*\n\t@cp (.*) _build/html/$", (ROOT / "Makefile").read_text(), re.M)[1]
    assert recipe.split() == [f"_build/{name}" for name in (downloads.PDF, downloads.ARCHIVE)]
    places = [page for page in (ROOT / "book").glob("*.md") if downloads.PLACE in page.read_text(encoding="utf-8")]
    assert len(places) >= 2


# ---- Quoted equations ----

SCORE = r"\begin{aligned} \nabla f &= a && (1) \\ &= b \\ &\quad + c && (2) \\ &= d \\ &\quad - e && (3) \end{aligned}"
BOOK = {"score": {"name": "score", "url": "notebooks/08_g.html#eq-score", "tex": SCORE},
        "J": {"name": "J", "url": "notebooks/02_z.html#eq-J", "tex": r"J = \sum q"}}


def test_a_quote_becomes_the_equation_and_a_link():
    assert quotes.filled("- <!-- equation J --> Needs no $Z$.", "book/sheet", BOOK) == (
        "- $$ J = \\sum q $$\n  [(J)](../notebooks/02_z.ipynb#eq-J) Needs no $Z$.")
    assert quotes.filled("no quote", "book/sheet", BOOK) == "no quote"
    assert "(1)" not in quotes.filled("<!-- equation score -->", "book/sheet", BOOK)


def test_the_ends_of_a_derivation():
    short = quotes.filled("<!-- equation score: ends -->", "book/sheet", BOOK).split("\n")[0]
    assert short == r"$$ \begin{aligned} \nabla f &= d \\ &\quad - e \end{aligned} $$"
    assert quotes.ends(r"\begin{aligned} & A \\ &= B \\ &= C \end{aligned}") == r"\begin{aligned} A &= C \end{aligned}"


@pytest.mark.parametrize("quote, says", [
    ("<!-- equation K -->", r"book/sheet: <!-- equation K --> quotes an equation that no chapter names"),
    ("<!-- equation J: ends -->", r"book/sheet: .*\(J\) is no derivation in steps"),
    ("<!-- equation J: begins -->", r"book/sheet: .*is no quote: write <!-- equation log-Z -->")])
def test_a_wrong_quote_stops_the_build(quote, says):
    page = f"# Sheet\n\n- {quote}\n"
    notebook = {"cells": [{"cell_type": "markdown", "source": r"$$ J = \sum q \tag{J} $$", "id": "a"}]}
    with pytest.raises(ledger.LedgerError, match=says):
        ledger.build({"notebooks/02_z": notebook, "book/sheet": page})


def test_the_cheat_sheet_quotes_its_equations(site):
    sheet = (ROOT / "book" / "cheat_sheet.md").read_text(encoding="utf-8")
    built = BeautifulSoup((site / "book" / "cheat_sheet.html").read_text(encoding="utf-8"), "html.parser").article
    asked = [quote.split(":")[0].strip() for quote in quotes.QUOTE.findall(sheet)]
    shown = [link["href"].partition("#eq-")[2] for link in built.select("li > p:first-of-type > a:first-child")]
    assert shown == asked and len(asked) == len(set(asked)) == len(built.select("li > div.math"))


@pytest.mark.parametrize("module, name, listed", [(pdf, "PDF", CONTENTS[:2]), (offline, "ARCHIVE", None)])
def test_a_full_disk_is_named_and_leaves_the_old_one(module, name, listed, site, tmp_path):
    resource = pytest.importorskip("resource")  # stands in for the disk: no file may grow beyond 5 kB
    old, own = tmp_path / "old", tmp_path / "_build" / "html"  # a place of its own: others print at the same time
    old.write_text("old")
    own.parent.mkdir()
    own.symlink_to(site)
    line = (f"import {module.__name__} as m; m.SITE, m.{name}, m.contents = Path({str(own)!r}), Path({str(old)!r}), "
            f"lambda toc: {listed!r}; sys.exit(m.main())")  # fmt: skip
    code = (f"import resource, sys; from pathlib import Path; sys.path.insert(0, {str(ROOT / 'book')!r}); "
            f"resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, {resource.RLIM_INFINITY})); {line}")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1 and "was not written" in done.stderr and "still there" in done.stderr
    assert "Traceback" not in done.stderr
    assert old.read_text() == "old" and sorted(tmp_path.iterdir()) == [own.parent, old]
    assert list(own.parent.iterdir()) == [own]
