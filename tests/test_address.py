"""What the site is to the world: its address, what links to it show, its doors to the notebooks, and life in a folder.

A small book, in the look of this one, is built where it knows its repository, and then where it does not.
"""

import functools
import http.server
import json
import re
import shutil
import struct
import sys
import threading
import xml.etree.ElementTree as ElementTree
from html import unescape
from pathlib import Path

import pytest

from browser import Quiet, open_page
from test_build import Book
from test_site import PAGES

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import address as public  # noqa: E402
import card  # noqa: E402
import doors  # noqa: E402
import run  # noqa: E402

REPOSITORY = "https://github.com/Someone/elbo"
SITE = "https://someone.github.io/elbo/"


# ---- The address ----


@pytest.mark.parametrize(
    ("settings", "site"),
    [
        ({}, ""),
        ({"ELBO_REPOSITORY": "", "ELBO_SITE": ""}, ""),
        ({"ELBO_REPOSITORY": REPOSITORY}, SITE),
        ({"ELBO_REPOSITORY": f"{REPOSITORY}.git/"}, SITE),
        ({"ELBO_REPOSITORY": "https://github.com/Someone/someone.github.io"}, "https://someone.github.io/"),
        ({"ELBO_REPOSITORY": REPOSITORY, "ELBO_SITE": "https://elbo.example.org"}, "https://elbo.example.org/"),
        ({"ELBO_SITE": "http://localhost:8000/a/b/"}, "http://localhost:8000/a/b/"),
    ],
)
def test_the_address_of_the_site(settings, site):
    assert public.site(settings) == site


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("ELBO_REPOSITORY", "someone/elbo"),
        ("ELBO_REPOSITORY", "git@github.com:someone/elbo"),
        ("ELBO_REPOSITORY", "https://github.com/someone"),
        ("ELBO_SITE", "elbo.example.org"),
        ("ELBO_SITE", 'https://example.org/"elbo"'),
        ("ELBO_SITE", "https://example.org/?page=elbo"),
    ],
)
def test_a_wrong_address_is_told_before_anything_is_built(name, wrong):
    with pytest.raises(run.BuildError) as told:
        public.site({name: wrong})
    assert str(told.value).startswith(f"✗ {name} is {wrong!r}: it must look like https://")


# ---- The doors ----


@pytest.mark.parametrize("repository", ["", "https://github.com/someone/elbo"])
def test_a_page_offers_what_can_be_had(repository):
    def offered(source):
        found = doors.links(source, repository, lambda path, _: path, source)
        return {text: address for text, address, _ in found}, doors.line(found, "how.html")

    notebook, line = offered("notebooks/01_kl.ipynb")
    wanted = {
        "Download notebook": "_sources/notebooks/01_kl.ipynb",
        "Download with outputs": "_executed/notebooks/01_kl.ipynb",
    }
    if repository:
        in_book = "someone/elbo/blob/notebooks/notebooks/01_kl.ipynb"
        wanted |= {
            "Open in Colab": f"https://colab.research.google.com/github/{in_book}",
            "Open on Binder": "https://mybinder.org/v2/gh/someone/elbo/HEAD?urlpath=lab/tree/notebooks/01_kl.ipynb",
            "View source": f"{repository}/blob/HEAD/notebooks/01_kl.ipynb",
        }
    assert notebook == wanted
    shown = [address for text, address in wanted.items() if text != "View source"]
    assert sorted(re.findall('href="([^"]+)"', line)) == sorted([*shown, "how.html"])
    text, line = offered("book/index.md")
    assert text == ({"View source": f"{repository}/blob/HEAD/book/index.md"} if repository else {})
    assert line == ""


def test_the_site_hands_out_each_notebook_with_its_outputs(site):
    for page in (page for page in PAGES if page.startswith("notebooks/")):
        handed = json.loads((site / doors.EXECUTED / page).with_suffix(".ipynb").read_text(encoding="utf-8"))
        assert any(cell.get("outputs") for cell in handed["cells"]), page
        assert "elbo" not in handed["metadata"]


# ---- A small book ----


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """A small book that knows its repository."""
    book = Book(tmp_path_factory.mktemp("known") / "book")
    for name in ("_config.yml", "LICENSE"):
        shutil.copy(ROOT / name, book.root)
    for folder in ("_static", "_templates"):
        shutil.copytree(ROOT / "book" / folder, book.root / "book" / folder)
    text = "# A small book\n\n*What is “a < b” worth?*\n\nSee [(sum)](../notebooks/01_a.ipynb#eq-sum).\n"
    book.write("book/index.md", text)
    said = book.build(ELBO_REPOSITORY=REPOSITORY, ELBO_SITE="")
    assert said.returncode == 0, said.stdout + said.stderr
    return book


def tags(page):
    """{name: content} of a page's meta tags, its canonical address among them."""
    found = re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)"', page)
    found += re.findall('<link rel="(canonical)" href="([^"]+)"', page)
    return {name: unescape(text) for name, text in found}


def test_a_link_to_a_page_shows_what_it_is(known):
    for name in ("book/index", "index"):  # the second leads to the first, and is what people pass on
        found = tags(known.page(name))
        assert found["description"] == found["og:description"] == "What is “a < b” worth?"
        assert found["canonical"] == found["og:url"] == f"{SITE}book/index.html"
        assert found["og:image"] == f"{SITE}social-card.png"
        assert found["twitter:card"] == "summary_large_image"
    assert tags(known.page("notebooks/02_b"))["canonical"] == f"{SITE}notebooks/02_b.html"
    assert "canonical" not in tags(known.page("search")) | tags(known.page("404"))
    png = (known.site / "social-card.png").read_bytes()
    assert png.startswith(b"\x89PNG") and struct.unpack(">II", png[16:24]) == (card.WIDTH, card.HEIGHT) == (1200, 630)


def test_the_site_says_which_pages_it_has(known):
    places = [place.text for place in ElementTree.parse(known.site / "sitemap.xml").iter() if place.tag.endswith("loc")]
    docs = ["book/index", "book/ledger", "notebooks/01_a", "notebooks/02_b", "notebooks/solutions/01_a"]
    assert places == [f"{SITE}{doc}.html" for doc in docs]
    assert f"Sitemap: {SITE}sitemap.xml" in (known.site / "robots.txt").read_text()


def test_what_the_site_hands_out_can_fetch_the_rest(known):
    for folder in ("_sources", doors.EXECUTED):
        cells = json.loads((known.site / folder / "notebooks/02_b.ipynb").read_text())["cells"]
        assert cells[0]["id"] == "fetch" and REPOSITORY in "".join(cells[0]["source"])


class Pages(Quiet):
    """GitHub Pages: the site in a folder named as the repository; 404.html where there is nothing, at any depth."""

    def send_error(self, code, message=None, explain=None):
        body = Path(self.directory, "elbo", "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def github(tmp_path):
    """github(folder): serves a site as GitHub Pages does. -> its address"""
    servers = []

    def serve(folder):
        (tmp_path / "elbo").symlink_to(folder)
        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Pages, directory=tmp_path)))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/elbo/"

    yield serve
    for server in servers:
        server.shutdown()


def test_an_address_that_is_not_there_leads_back_into_the_book(known, github, browser):
    home = github(known.site)
    with browser.new_context() as window:
        page, faults = open_page(window, f"{home}notebooks/no/such/page.html", home)
        assert [fault for fault in faults if "404" not in fault] == []
        assert sum(fault.startswith("404: ") for fault in faults) == 1, faults  # the page, and nothing that it asks for
        assert "not here" in page.locator("h1").last.inner_text()
        links = page.evaluate("[...document.querySelectorAll('a[href]')].map((link) => link.href)")
        assert f"{home}book/index.html" in links and f"{home}notebooks/02_b.html" in links
        for link in links:
            assert link.startswith(home) and (known.site / link.removeprefix(home)).is_file(), link
        page.locator("article input[type=search]").fill("sums")
        page.locator("article input[type=search]").press("Enter")
        page.wait_for_url(f"{home}search.html?q=sums")


def test_the_site_lives_in_a_folder(site, github, browser):
    home = github(site)
    with browser.new_context() as window:
        page, faults = open_page(window, home, home)
        assert page.url == f"{home}book/index.html"
        page.locator("article a[href*='notebooks/']").first.click()
        page.wait_for_selector("html[data-ready=true]", state="attached", timeout=30_000)
        assert page.url.startswith(f"{home}notebooks/") and page.locator("mjx-container").count()
        assert faults == []


def test_where_the_repository_is_not_known_nothing_of_it_is_left(known):
    before = set(known.files())
    said = known.build(ELBO_REPOSITORY="", ELBO_SITE="")
    assert said.returncode == 0, said.stdout + said.stderr
    assert before - set(known.files()) == {"404.html", "robots.txt", "sitemap.xml", "social-card.png"}
    for name in ("index", "book/index", "notebooks/02_b"):
        page = known.page(name)
        assert not tags(page).keys() & {"canonical", "og:url", "og:image", "twitter:card"}
        assert "github" not in page
    handed = json.loads((known.site / "_sources/notebooks/02_b.ipynb").read_text())
    assert "fetch" not in [cell["id"] for cell in handed["cells"]]


# ---- Titles ----


def test_every_page_has_a_title_of_its_own_and_a_language(site):
    titles = {}
    for name in [*PAGES, "search.html", "index.html"]:
        page = (site / name).read_text(encoding="utf-8")
        assert re.search(r'<html lang="en"[ >]', page), name
        (title,) = re.findall(r"<title>\s*([^<]+?)\s*</title>", page)
        assert title.count("The ELBO, Step by Step") == 1, name
        titles.setdefault(title, []).append(name)
    assert {name for names in titles.values() if len(names) > 1 for name in names} == {"book/index.html", "index.html"}
