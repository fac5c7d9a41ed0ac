"""The built site as a reader meets it: its links, its equations, and every page in a browser on a phone and a desktop.

The browser is the system's Chromium (CHROMIUM names another). Without one the browser tests skip and say so; in CI
they fail.
"""
import functools
import gzip
import html.parser
import http.server
import importlib
import os
import shutil
import sys
import threading
import time
import urllib.parse
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import equations  # noqa: E402
import look  # noqa: E402

WIDTHS, NARROWEST, MODES = (390, 1280), 360, ("light", "dark")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]


def toc_pages():
    """The pages of the table of contents, as addresses within the site."""
    def walk(entry):
        if isinstance(entry, dict):
            name = entry.get("root") or entry.get("file")
            return ([name] if name else []) + [page for value in entry.values() for page in walk(value)]
        return [page for item in entry for page in walk(item)] if isinstance(entry, list) else []

    return [f"{name.removesuffix('.md')}.html" for name in walk(yaml.safe_load((ROOT / "_toc.yml").read_text()))]


PAGES = toc_pages()


# ---- The pages as files ----

class Page(html.parser.HTMLParser):
    """What a page holds: ids, links, equations with their marks, checks, block quotes that begin with a bold word."""

    def __init__(self, file):
        super().__init__()
        self.ids, self.links, self.references, self.names, self.marks = [], [], [], [], {}
        self.checks, self.quotes, self.open, self.policy = [], [], [], ""
        self.headings, self.scripts, self.has_math, self.has_code = [], {}, False, False
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        classes = (attributes.get("class") or "").split()
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
            if "#eq-" in attributes["href"] and "internal" in classes:
                self.references.append(attributes["href"])
            if "eq-mark" in classes:
                self.marks[self.names[-1]] = attributes["href"]
            if self.checks and self.checks[-1][1] is None:
                self.checks[-1][1] = attributes["href"]
        if tag == "script" and "src" in attributes:
            self.scripts[attributes["src"].partition("?")[0].partition("_static/")[2] or attributes["src"]] = attributes
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit() and "article" in self.open:
            self.headings.append(int(tag[1]))
        self.has_math |= "math" in classes or "#eq-" in (attributes.get("href") or "")
        self.has_code |= "highlight" in classes
        if "named" in classes and "math" in classes:
            self.names.append(attributes["id"].removeprefix("eq-"))
        if "check" in classes:
            self.checks.append([attributes.get("id"), None])
        if attributes.get("http-equiv") == "Content-Security-Policy":
            self.policy = attributes["content"]
        if tag == "strong" and self.open[-2:] == ["blockquote", "p"]:
            self.quotes.append(self.getpos())
        if tag not in ("meta", "link", "img", "br", "hr", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass


@functools.cache
def parsed(file):
    return Page(file)


def target(site, page, href):
    """(file, fragment) that a link on a page leads to; None for one that leaves the site."""
    address = urllib.parse.urlsplit(href)
    if address.scheme or address.netloc:
        return None
    path = urllib.parse.unquote(address.path)
    file = (site / page).parent / path if path else site / page
    return file.resolve(), urllib.parse.unquote(address.fragment)


def test_every_page_of_the_contents_was_built(site):
    assert [page for page in PAGES if not (site / page).is_file()] == []


@pytest.mark.parametrize("page", [*PAGES, "search.html"])
def test_no_internal_link_is_broken(site, page):
    broken = []
    for href in parsed(site / page).links:
        found = target(site, page, href)
        if found is None or href == "#":
            continue
        file, fragment = found
        if not file.is_file() or (fragment and file.suffix == ".html" and fragment not in parsed(file).ids):
            broken.append(href)
    assert broken == []


@pytest.mark.parametrize("page", PAGES)
def test_ids_are_unique_and_boxes_became_boxes(site, page):
    content = parsed(site / page)
    assert sorted({i for i in content.ids if content.ids.count(i) > 1}) == []
    assert content.quotes == [], "a block quote begins with a bold word that is no box: see KINDS in book/_ext/boxes.py"


@pytest.mark.parametrize("page", PAGES)
def test_the_browser_is_told_to_ask_no_one_else(site, page):
    assert parsed(site / page).policy == look.POLICY


@pytest.mark.parametrize("page", PAGES)
def test_headings_are_an_outline_without_gaps(site, page):
    found = parsed(site / page).headings
    assert found.count(1) == 1 and found[0] == 1
    assert [(above, below) for above, below in zip(found, found[1:]) if below > above + 1] == []


SCRIPTS = {  # what a page may load, and why
    "theme.js": "the colours, before anything is seen",
    "documentation_options.js": "read by the next ones",
    "doctools.js": "read by the next ones",
    "sphinx_highlight.js": "marks the words that a search was for",
    "scripts/bootstrap.js": "read by the theme's",
    "scripts/pydata-sphinx-theme.js": "the colours' button, the search's window, the contents on a phone",
    "scripts/sphinx-book-theme.js": "the sidebar's button, the line below the header",
    "book.js": "the book's own",
}
FOR_MATH = {"mathjax.js": "settings", "mathjax/startup.js": "MathJax", "equations.js": "previews of equations"}
FOR_CODE = {"clipboard.min.js": "read by the next one", "copybutton.js": "a button that copies code"}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_loads_the_scripts_it_uses_and_waits_for_none(site, page):
    content = parsed(site / page)
    allowed = SCRIPTS | (FOR_MATH if content.has_math else {}) | (FOR_CODE if content.has_code else {})
    assert content.scripts.keys() == allowed.keys()
    assert [name for name, script in content.scripts.items() if "defer" not in script] == ["theme.js"]


def test_each_equation_has_a_mark_that_leads_to_its_check_and_back(site):
    wrong = []
    for page in PAGES:
        content = parsed(site / page)
        for name in content.names:
            if name not in content.marks:
                wrong.append(f"({name}) in {page} has no mark")
                continue
            file, check = target(site, page, content.marks[name])
            back = dict(parsed(file).checks).get(check) if file.is_file() else None
            equation = ((site / page).resolve(), f"eq-{name}")
            if back is None or target(site, file.relative_to(site.resolve()), back) != equation:
                wrong.append(f"({name}) in {page}: {content.marks[name]} leads back to {back}")
    assert wrong == []
    assert any(parsed(site / page).names for page in PAGES), "no named equation in the whole book"


# ---- The extensions on their own ----

def book_of(pages):
    """A stand-in for Sphinx's environment with the equations of some pages: {page: [(name, TeX, line), …]}."""
    return SimpleNamespace(elbo_equations=pages, doc2path=lambda doc, base: f"{doc}.ipynb")


def test_a_name_used_twice_is_an_error_that_names_both_places():
    twice = book_of({"notebooks/01_kl": [("KL", "a", 3)], "notebooks/02_log_z": [("J", "b", 1), ("KL", "c", 9)]})
    with pytest.raises(Exception, match=r"\(KL\) is used 2 times: notebooks/01_kl.ipynb:3, notebooks/02_log_z.ipynb:9"):
        equations.all_equations(twice)
    with pytest.raises(Exception, match=r"\(K L\) in notebooks/01_kl.ipynb:3"):
        equations.all_equations(book_of({"notebooks/01_kl": [("K L", "a", 3)]}))
    fine = book_of({"notebooks/01_kl": [("KL", "a", 3)], "notebooks/02_log_z": [("J", "b", 1)]})
    assert equations.all_equations(fine) == {"KL": ("notebooks/01_kl", "a"), "J": ("notebooks/02_log_z", "b")}


@pytest.mark.parametrize("repository", ["", "https://github.com/someone/elbo", "https://github.com/someone/elbo/"])
def test_buttons_appear_only_where_the_repository_is_known(repository):
    env = SimpleNamespace(all_docs={"notebooks/01_kl", "book/index"},
                          doc2path=lambda doc, base: doc + (".ipynb" if "notebooks" in doc else ".md"))
    app = SimpleNamespace(env=env, config=SimpleNamespace(elbo_repository=repository))

    def links(page, source):
        context = {"sourcename": source, "pathto": lambda path, _: path}
        look.page_links(app, page, "page.html", context, None)
        return {text: address for text, address, _ in context["page_links"]}

    notebook, text = links("notebooks/01_kl", "notebooks/01_kl.ipynb"), links("book/index", "book/index.md")
    assert notebook.pop("Download notebook") == "_sources/notebooks/01_kl.ipynb"
    if not repository:
        assert not notebook and not text
        return
    assert notebook == {
        "Open in Colab": "https://colab.research.google.com/github/someone/elbo/blob/notebooks/notebooks/01_kl.ipynb",
        "Open on Binder": "https://mybinder.org/v2/gh/someone/elbo/HEAD?urlpath=lab/tree/notebooks/01_kl.ipynb",
        "View source": "https://github.com/someone/elbo/blob/HEAD/notebooks/01_kl.ipynb"}
    assert text == {"View source": "https://github.com/someone/elbo/blob/HEAD/book/index.md"}


# ---- The pages in a browser ----

FAULTS = r"""async () => {
  const start = (text) => text.trim().slice(0, 80);
  const describe = (e) => `<${e.localName} class="${e.getAttribute('class') ?? ''}"> ${start(e.textContent)}`;
  const all = (selector) => [...document.querySelectorAll(selector)];
  for (const e of all('main img')) e.loading = 'eager';
  await Promise.all(all('main img').map((e) => e.decode().catch(() => {})));
  const clipped = (e) => e && (getComputedStyle(e).overflowX !== 'visible' || clipped(e.parentElement));
  const faults = [];
  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 0) faults.push(`the page is ${wide} px wider than the screen`);
  for (const e of all('main article *')) {
    const box = e.getBoundingClientRect();
    const out = box.width && box.right > innerWidth + 1;
    if (out && !clipped(e.parentElement)) faults.push(`beyond the screen: ${describe(e)}`);
  }
  for (const e of all('main article *:not(mjx-container *)')) {
    if (!e.clientWidth || e.scrollWidth <= e.clientWidth + 1) continue;
    const {overflowX} = getComputedStyle(e);
    if (/hidden|clip/.test(overflowX)) faults.push(`cut off: ${describe(e)}`);
    if (/auto|scroll/.test(overflowX) && e.tabIndex < 0) faults.push(`scrolls, but not by keyboard: ${describe(e)}`);
  }
  for (const e of all('.math')) if (!e.querySelector('mjx-container')) faults.push(`math not rendered: ${describe(e)}`);
  for (const e of all('mjx-container')) {
    const spoken = e.querySelector('mjx-assistive-mml > math');
    if (!spoken?.textContent || spoken.closest('[aria-hidden=true]')) faults.push(`math not spoken: ${describe(e)}`);
  }
  for (const e of all('div.math.named'))
    if (e.role !== 'group' || e.ariaLabel !== `(${e.id.slice('eq-'.length)})`) faults.push(`no name: ${describe(e)}`);
  for (const e of all('[data-mjx-error]')) faults.push(`math in error: ${e.dataset.mjxError} ${describe(e)}`);
  const text = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
  while (text.nextNode()) {
    const {data, parentElement} = text.currentNode;
    const verbatim = parentElement.closest('pre, code, script, style, .check, mjx-container');
    if (!verbatim && /\$[^$]+\$|\\[a-z]{2,}|\\[()[\]]/.test(data))
      faults.push(`TeX left in the text: ${start(data)}`);
  }
  for (const e of all('main img')) {
    if (!e.complete || !e.naturalWidth) faults.push(`image not loaded: ${e.src}`);
    const words = e.alt.trim().split(/\s+/).length;
    if (words < 4 || /\.(png|svg|jpe?g)\b/i.test(e.alt)) faults.push(`no real alt text: '${e.alt}'`);
  }
  return [...new Set(faults)].slice(0, 12);
}"""


IMAGES = r"""() => {  // before anyone scrolls
  const faults = [];
  for (const e of document.querySelectorAll('main img')) {
    const {top, bottom} = e.getBoundingClientRect();
    if (!e.getAttribute('width') || !e.getAttribute('height')) faults.push(`image without its size: ${e.alt}`);
    if (top > innerHeight && e.loading !== 'lazy') faults.push(`image far down loads at once: ${e.alt}`);
    if (bottom < innerHeight && e.loading === 'lazy') faults.push(`image in view loads late: ${e.alt}`);
  }
  return faults;
}"""


MOST_SHIFT, MOST_WEIGHT = 0.05, 1.5e6  # Google's limit of a good page is 0.1; bytes, compressed
WATCH = """window.shifts = [];
new PerformanceObserver((list) => shifts.push(...list.getEntries().filter((shift) => !shift.hadRecentInput)))
  .observe({type: 'layout-shift', buffered: true});"""
MOVED = """() => {  // as in cumulative layout shift: the worst window of at most 5 seconds without a second's rest
  let worst = 0, sum = 0, first = -Infinity, last = -Infinity;
  for (const {value, startTime} of shifts) {
    if (startTime - last > 1000 || startTime - first > 5000) [sum, first] = [0, startTime];
    [sum, last] = [sum + value, startTime];
    worst = Math.max(worst, sum);
  }
  const places = shifts.flatMap((shift) => shift.sources.map(({node}) => node?.outerHTML ?? node?.textContent ?? ''));
  return [worst, places.slice(0, 3).map((place) => place.trim().slice(0, 80))];
}"""


IN_CI = os.environ.get("CI") == "true"


def needed(module):
    """A module that the browser tests need. Without it: skips, or fails in CI."""
    return importlib.import_module(module) if IN_CI else pytest.importorskip(module)


def chromium():
    """The browser's path. Without one: skips, or fails in CI."""
    names = [os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"]
    found = next((path for name in names if name and (path := shutil.which(name))), None)
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


def shifted(page):
    """What moved by itself since the page was opened, if it was too much."""
    moved, what = page.evaluate(MOVED)
    return [f"moved by {moved:.3f}: {what}"] if moved >= MOST_SHIFT else []


@functools.cache
def weight(file):
    """The bytes that a file takes on its way to a reader."""
    content = file.read_bytes()
    return len(content) if file.suffix in (".png", ".woff", ".woff2") else len(gzip.compress(content, 6))


LOADED = "[location.href, ...performance.getEntriesByType('resource').map((resource) => resource.name)]"


def heavy(site, page, home):
    """What the page had to load, if that was too much."""
    paths = {urllib.parse.urlsplit(url.removeprefix(home)).path for url in page.evaluate(LOADED)}
    total = sum(weight(site / path) for path in paths)
    return [f"loads {total / 1e6:.2f} MB in {len(paths)} files"] if total >= MOST_WEIGHT else []


OPEN_FOLDS = "document.querySelectorAll('article details').forEach((fold) => (fold.open = true))"
THINNED = """() => {  // thousands of elements that would tell axe the same, slowly
  const seen = {};
  for (const token of document.querySelectorAll('pre span[class]')) {  // of each kind of token in the code two stay
    seen[token.className] = (seen[token.className] ?? 0) + 1;
    if (seen[token.className] > 2) token.replaceWith(token.textContent);
  }
  for (const math of document.querySelectorAll('mjx-math')) {          // hidden from screen readers: its size is enough
    const {width, height} = math.getBoundingClientRect();
    math.replaceChildren();
    math.style = `display: inline-block; width: ${width}px; height: ${height}px`;
  }
}"""


def axe_faults(page, axe, **options):
    """What axe objects to."""
    options = {"preload": False, "resultTypes": ["violations"], **options}
    return [f"axe {found['id']}: {found['help']}: " + "; ".join(node["html"][:160] for node in found["nodes"][:3])
            for found in axe.run(page, options=options).response["violations"]]


def show(page, width, mode):
    """Gives the page another width and mode, and waits until it has them."""
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=mode)
    page.wait_for_selector(f"html[data-theme={mode}]", state="attached")
    page.evaluate("fitAll()")


@pytest.mark.parametrize("name", [*PAGES, "search.html"])
def test_page_in_the_browser(site, window, address, name):
    axe = needed("axe_playwright_python.sync_playwright").Axe()
    page, faults = open_page(window, address + name, address, WIDTHS[-1])
    faults += shifted(page) + page.evaluate(IMAGES)
    page.evaluate(OPEN_FOLDS)
    page.add_style_tag(content="* { transition: none !important }")
    for width in (*reversed(WIDTHS), NARROWEST):
        show(page, width, "light")
        faults += [f"{width} px: {fault}" for fault in page.evaluate(FAULTS)]
    faults += heavy(site, page, address)
    page.evaluate(THINNED)
    for width in WIDTHS:
        for mode in MODES:
            show(page, width, mode)
            seen = axe_faults(page, axe) if mode == "light" else axe_faults(page, axe, runOnly=["color-contrast"])
            faults += [f"{width} px, {mode}: {fault}" for fault in seen]
    page.close()
    assert not faults, "\n".join(faults)


def references(site):
    """(page, link) of a reference to an equation of its own page, and of one to another's; on the smallest pages."""
    found = {}
    for page in sorted(PAGES, key=lambda page: (site / page).stat().st_size):
        for href in parsed(site / page).references:
            found.setdefault(href.startswith("#"), (page, href))
    return list(found.values())


@pytest.mark.parametrize("width", WIDTHS)
def test_a_reference_shows_its_equation_on_hover_and_on_focus(site, window, address, width):
    assert references(site), "no reference to an equation in the whole book"
    for at, href in references(site):
        page, faults = open_page(window, address + at, address, width)
        page.evaluate(OPEN_FOLDS)
        link, shown = page.locator(f"article a.eq-link[href='{href}']").first, page.locator("#eq-preview")
        assert shown.is_hidden()

        link.hover()
        shown.wait_for(state="visible")
        assert shown.get_attribute("role") == "tooltip"
        assert link.get_attribute("aria-describedby") == "eq-preview"
        assert f"({href.partition('#eq-')[2]})" in shown.inner_text()
        assert shown.locator("mjx-container").count() == 1
        box = shown.bounding_box()
        assert 0 <= box["x"] and box["x"] + box["width"] <= width
        shown.hover()  # the pointer may move onto it
        page.wait_for_timeout(300)
        assert shown.is_visible()
        page.keyboard.press("Escape")
        assert shown.is_hidden() and link.get_attribute("aria-describedby") is None

        page.mouse.move(0, 0)
        page.keyboard.press("Tab")  # from here on focus is the keyboard's
        link.focus()
        shown.wait_for(state="visible")
        link.blur()
        shown.wait_for(state="hidden")
        page.close()
        assert not faults, "\n".join(faults)


def test_an_equation_can_be_linked_to(site, window, address):
    page_name = next(page for page in PAGES if parsed(site / page).names)
    name = parsed(site / page_name).names[-1]
    page, faults = open_page(window, f"{address}{page_name}#eq-{name}", address)
    top = page.locator(f"[id='eq-{name}']").bounding_box()["y"]
    page.close()
    assert 0 <= top < 900 and faults == []


def test_the_site_reads_from_files_too(site, window):
    page_name = next(page for page in PAGES if parsed(site / page).names)
    page, faults = open_page(window, (site / page_name).resolve().as_uri(), "file://")
    faults += page.evaluate(FAULTS)
    page.close()
    assert not faults, "\n".join(faults)


# ---- Quick, still, and within everyone's reach ----

CHAPTERS = [page for page in PAGES if page.startswith("notebooks/") and page.count("/") == 1]
SCROLL = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  for (let top = 0; top < document.documentElement.scrollHeight; top += 800) {
    scrollTo({top, behavior: 'instant'});
    await frame(); await frame();
  }
}"""
@pytest.mark.parametrize("name", CHAPTERS)
def test_nothing_moves_on_a_phone_while_a_page_loads(browser, address, name):
    context = browser.new_context(viewport={"width": WIDTHS[0], "height": 900})  # a cache of its own: empty
    context.route("**/mathjax/startup.js*", lambda route: (time.sleep(0.2), route.continue_()))  # text is seen first
    page, faults = open_page(context, address + name, address, WIDTHS[0])
    page.evaluate(SCROLL)
    faults += shifted(page)
    context.close()
    assert not faults, "\n".join(faults)


RINGS = r"""(kinds) => {
  const light = (colour) => {
    const linear = (c) => c <= .04 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
    const [r, g, b] = colour.match(/[\d.]+/g).map((c) => linear(c / 255));
    return .2126 * r + .7152 * g + .0722 * b + .05;
  };
  const paper = light(getComputedStyle(document.body).backgroundColor), faults = [];
  for (const kind of kinds) {
    const e = [...document.querySelectorAll(kind)].find((e) => e.checkVisibility({visibilityProperty: true}));
    e?.focus({focusVisible: true});
    if (!e || document.activeElement !== e) { faults.push(`takes no focus: ${kind}`); continue; }
    const {outlineStyle, outlineWidth, outlineColor} = getComputedStyle(e);
    const contrast = Math.max(paper / light(outlineColor), light(outlineColor) / paper);
    if (outlineStyle === 'none' || parseFloat(outlineWidth) < 2 || contrast < 3) faults.push(`no ring to see: ${kind}`);
  }
  return faults;
}"""
KINDS = {
    1280: [".book-name", ".search-button-field", ".book-sidebar li a", ".page-links summary", ".theme-switch-button",
           "article p a", ".eq-name", ".eq-mark", "article summary", "button.copybtn", ".check a", "nav.page-toc a",
           ".right-next"],
    390: [".primary-toggle", ".secondary-toggle", ".search-button", "article [tabindex='0']"],
}


@pytest.mark.parametrize("mode", MODES)
def test_all_that_takes_the_focus_shows_it(window, address, mode):
    page, faults = open_page(window, f"{address}notebooks/02_log_z.html", address)
    page.add_style_tag(content="* { transition: none !important }")
    page.keyboard.press("Tab")
    for width, kinds in KINDS.items():
        show(page, width, mode)
        faults += page.evaluate(RINGS, kinds)
    page.close()
    assert not faults, "\n".join(faults)


WITHOUT_SCRIPTS = r"""() => {
  const all = (selector) => [...document.querySelectorAll(selector)], faults = [];
  const seen = (e) => e.checkVisibility({opacityProperty: true, visibilityProperty: true});
  for (const e of all('article .math')) {
    const box = e.getBoundingClientRect(), {color, overflowX} = getComputedStyle(e);
    if (!/\\[(\[].+\\[)\]]/s.test(e.textContent) || /, 0\)$/.test(color) || overflowX === 'hidden'
        || !e.closest('details') && box.height < 10) faults.push(`no TeX to read: ${e.outerHTML.slice(0, 80)}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) faults.push('wider than the screen');
  for (const e of all('button, input, .btn')) if (seen(e)) faults.push(`does nothing: ${e.outerHTML.slice(0, 80)}`);
  for (const e of all('article :is(p, pre, img, h2):not(details *)'))
    if (!seen(e) || !e.getBoundingClientRect().height) faults.push(`unseen: ${e.outerHTML.slice(0, 80)}`);
  return faults.slice(0, 9);
}"""


@pytest.mark.parametrize("width", WIDTHS)
def test_the_book_reads_without_scripts(browser, address, width):
    context = browser.new_context(java_script_enabled=False, viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(f"{address}notebooks/02_log_z.html")
    faults = page.evaluate(WITHOUT_SCRIPTS)
    assert not faults, "\n".join(faults)
    page.locator(".book-sidebar a", has_text="03 Inference").first.click()
    reached = page.url
    page.locator(".left-prev").click()
    context.close()
    assert reached == f"{address}notebooks/03_inference.html"
