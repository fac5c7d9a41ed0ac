"""The built site in a browser: the system's Chromium (CHROMIUM names another), driven by Playwright.

Without one, tests that ask for it skip and say so; in CI they fail. conftest.py makes the fixtures known to all tests.
"""
import functools
import http.server
import importlib
import os
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "book"))

import pdf

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
IN_CI = os.environ.get("CI") == "true"


def needed(module):
    """A module that the browser tests need. Without it: skips, or fails in CI."""
    return importlib.import_module(module) if IN_CI else pytest.importorskip(module)


def chromium():
    """The browser's path. Without one: skips, or fails in CI."""
    found = pdf.browser()
    if not found:
        say = pytest.fail if IN_CI else pytest.skip
        say("no Chromium found: the site was not opened in a browser")
    return found


@pytest.fixture(scope="session")
def browser():
    path = chromium()
    playwright = needed("playwright.sync_api")
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def address(site):
    """The site's address on this machine, ending in a slash."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="session")
def window(browser):
    """One browser window for all pages: what one has loaded the next finds in the cache."""
    window = browser.new_context()
    yield window
    window.close()


WATCH = """window.shifts = [];
new PerformanceObserver((list) => shifts.push(...list.getEntries().filter((shift) => !shift.hadRecentInput)))
  .observe({type: 'layout-shift', buffered: true});"""


def open_page(window, url, home, width=1280):
    """(page, faults): a page with all its math set, and what went wrong on the way."""
    page, faults = window.new_page(), []
    page.add_init_script(WATCH)
    page.on("console", lambda message: faults.append(f"console: {message.text}") if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(f"script: {error}"))
    page.on("request", lambda r: None if r.url.startswith((home, "data:")) else faults.append(f"not ours: {r.url}"))
    page.on("requestfailed", lambda request: faults.append(f"not loaded: {request.url}"))
    page.on("response", lambda r: faults.append(f"{r.status}: {r.url}") if r.status >= 400 else None)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(url)
    page.wait_for_selector("html[data-ready=true]", state="attached", timeout=30_000)
    return page, faults
