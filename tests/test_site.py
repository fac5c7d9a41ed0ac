"""The built site as a reader meets it: its links, its equations, and every page in a browser, on a phone too."""
import functools
import gzip
import html.parser
import io
import json
import re
import shutil
import sys
import time
import urllib.parse
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "book"), str(ROOT / "book" / "_ext")]

import equations  # noqa: E402
import lit  # noqa: E402
import look  # noqa: E402
import offline  # noqa: E402
from browser import needed, open_page  # noqa: E402

WIDTHS, NARROWEST, MODES = (390, 1280), 360, ("light", "dark")


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
        self.checks, self.quotes, self.open, self.policy, self.inline = [], [], [], "", []
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
        if tag == "script" and "src" not in attributes and attributes.get("type") != "application/json":  # that is data
            self.inline.append(self.get_starttag_text())
        self.inline += [text for text in attributes if text.startswith("on")]
        self.inline += [text for text in attributes.values() if text and text.strip().lower().startswith("javascript:")]
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


def test_every_page_has_the_policy_and_no_script_in_it(site):
    pages = {file.relative_to(site).as_posix(): parsed(file) for file in site.rglob("*.html")}
    assert pages.keys() >= {*PAGES, "index.html", "search.html"}
    assert [name for name, page in pages.items() if page.policy != look.POLICY] == []
    assert {name: page.inline for name, page in pages.items() if page.inline} == {}


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
FOR_GAUGE = {"gauge.js": "terms that light up their part of the gauge"}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_loads_the_scripts_it_uses_and_waits_for_none(site, page):
    content = parsed(site / page)
    allowed = SCRIPTS | (FOR_MATH if content.has_math else {}) | (FOR_CODE if content.has_code else {})
    allowed |= FOR_GAUGE if lit.TERMS.keys() & set(content.names) else {}
    explorers = re.findall(r'data-explorer="([a-z-]+)"', (site / page).read_text(encoding="utf-8"))
    allowed |= {f"explore/{name}.js": "a live picture, and its frame" for name in explorers + ["frame"] if explorers}
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
    if (!e.checkVisibility()) continue;   // an explorer stands in its place
    const {top, bottom} = e.getBoundingClientRect();
    if (!e.getAttribute('width') || !e.getAttribute('height')) faults.push(`image without its size: ${e.alt}`);
    if (top > innerHeight && e.loading !== 'lazy') faults.push(`image far down loads at once: ${e.alt}`);
    if (bottom < innerHeight && e.loading === 'lazy') faults.push(`image in view loads late: ${e.alt}`);
  }
  return faults;
}"""


MOST_SHIFT, MOST_WEIGHT = 0.05, 1.5e6  # Google's limit of a good page is 0.1; bytes, compressed
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


FOREIGN = """() => {   // what somebody who got a word into a page might try
  const run = (tag, set) => document.body.append(Object.assign(document.createElement(tag), set));
  run('script', {textContent: 'window.ran = "a script in the page"'});
  run('button', {id: 'bait'});
  document.getElementById('bait').setAttribute('onclick', 'window.ran = "a handler in the page"');
  document.getElementById('bait').click();
  run('script', {src: 'data:text/javascript,window.ran = "a script in an address"'});
  run('object', {data: 'search.html'});
  run('iframe', {src: 'search.html'});
}"""


def test_the_policy_lets_no_foreign_script_run_and_frames_nothing(site, window, address):
    for url, home in ((address, address), (f"{site.resolve().as_uri()}/", "file://")):
        page, faults = open_page(window, f"{url}book/cite.html", home)
        assert faults == []
        page.evaluate(FOREIGN)
        page.wait_for_timeout(200)
        assert page.evaluate("window.ran") is None
        refused = [fault for fault in faults if "Content Security Policy" in fault]
        page.close()
        assert len(refused) == 5, faults


PAINTED = """new MutationObserver((_, observer) => {   // the colours when the first of the page is there to be seen
  if (!document.body) return;
  observer.disconnect();
  const {theme, mode} = document.documentElement.dataset;
  window.first = [theme, mode, document.documentElement.dataset.ready];
}).observe(document, {childList: true, subtree: true});"""


@pytest.mark.parametrize("chosen", [None, "light", "dark"])
@pytest.mark.parametrize("system", MODES)
def test_the_colours_stand_before_anything_is_seen(browser, address, system, chosen):
    context = browser.new_context(color_scheme=system)
    context.add_init_script(PAINTED)
    if chosen:
        keep = "".join(f"localStorage.setItem('{key}', '{chosen}');" for key in ("mode", "theme"))
        context.add_init_script(keep)
    page = context.new_page()
    page.goto(f"{address}book/cite.html", wait_until="commit")
    page.wait_for_function("() => window.first")
    first = page.evaluate("window.first")
    context.close()
    assert first == [chosen or system, chosen or "auto", None]


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

# ---- Finding: the search, and the gauge beside an equation ----

FIRST_HITS = """(typed) => typed.map((words) => {
  const [page, title, anchor] = Search._performSearch(...Search._parseQuery(words)).pop() ?? [];
  return [page, anchor, title];
})"""


def test_the_search_finds_each_equation_by_its_name_first(site, window, address):
    book = json.loads((site / "ledger.json").read_text(encoding="utf-8"))["equations"]
    page, faults = open_page(window, address + "search.html", address)
    page.wait_for_function("Search.hasIndex()")
    for write in ("{}".format, "({})".format, str.lower, lambda name: name.replace("-", " ")):
        hits = page.evaluate(FIRST_HITS, [write(entry["name"]) for entry in book])
        wrong = [f"{write(entry['name'])}: {hit}" for entry, hit in zip(book, hits)
                 if f"{hit[0]}.html{hit[1]}" != entry["url"] or not hit[2].startswith(f"({entry['name']}) — ")]
        assert wrong == []
    page.close()
    assert faults == []


def test_a_reader_who_types_a_name_is_led_to_the_equation_also_from_files(site, window):
    page, faults = open_page(window, (site / "notebooks" / "01_kl.html").resolve().as_uri(), "file://")
    page.keyboard.press("Control+k")
    page.keyboard.type("log-Z")
    page.keyboard.press("Enter")
    hit = page.locator("#search-results li a").first
    hit.wait_for()
    assert hit.inner_text() == "(log-Z) — 02 The log Z identity"
    hit.click()
    page.wait_for_selector("html[data-ready=true]", state="attached")
    assert 0 <= page.locator("[id='eq-log-Z']").bounding_box()["y"] < 900
    page.close()
    assert faults == []


SAME_SIZE = r"""async (name) => {   // of an equation with its terms marked, and of the same as the notebook has it
  const display = document.getElementById(`eq-${name}`), plain = document.createElement("div");
  plain.className = "math";
  plain.textContent = `\\[${window.bookEquations[name]}\\]`;
  display.parentElement.append(plain);
  await MathJax.typesetPromise([plain]);
  const sizes = [display, plain].map((div) => div.querySelector("mjx-math").getBoundingClientRect());
  plain.remove();
  return sizes.map(({width, height}) => [width, height]);
}"""


def test_pointing_at_a_term_lights_its_part_of_the_gauge_and_back(site, window, address):
    page, faults = open_page(window, address + "notebooks/02_log_z.html", address)
    for name in ("log-Z", "bound"):
        marked, plain = page.evaluate(SAME_SIZE, name)
        assert marked == plain, f"({name}) is not set as it was"
    equation, gauge = page.locator("[id='eq-log-Z']"), page.locator(".gauge")
    height = page.evaluate("document.documentElement.scrollHeight")
    equation.evaluate("(e) => e.scrollIntoView({block: 'center'})")

    def lit(part):
        page.wait_for_selector(f"[id='eq-log-Z'][data-lit='{part}'] .gauge[data-lit='{part}']", timeout=3000)

    for part in ("gap", "ceiling", "line"):  # by mouse: from the term to the gauge, and from the gauge to the term
        equation.locator(f"mjx-math .term-{part}").hover()
        lit(part)
    colours = [equation.locator(f"mjx-math .term-{part}").evaluate("(e) => getComputedStyle(e).color")
               for part in ("line", "gap")]
    assert colours[0] != colours[1]  # the lit one is not as the others are
    for part in ("gap", "ceiling", "line"):
        gauge.locator(f"svg [data-part='{part}']").hover()
        lit(part)
    assert page.evaluate("document.documentElement.scrollHeight") == height
    page.mouse.move(5, 5)
    gauge.wait_for(state="hidden")

    equation.locator(".gauge-button").focus()  # by keyboard
    page.keyboard.press("Enter")
    for part in ("ceiling", "gap", "line"):
        page.keyboard.press("Tab")
        lit(part)
    page.keyboard.press("Escape")
    assert gauge.is_hidden() and equation.get_attribute("data-lit") is None
    assert page.evaluate("document.activeElement.className") == "gauge-button"
    page.close()
    assert faults == []


def test_a_tap_on_a_term_lights_the_gauge_on_a_phone(browser, address):
    phone = browser.new_context(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    page, faults = open_page(phone, address + "notebooks/07_latent.html", address, 390)
    equation, gauge = page.locator("[id='eq-ELBO-gap']"), page.locator(".gauge")
    equation.evaluate("(e) => e.scrollIntoView({block: 'center'})")
    equation.locator("mjx-math .term-gap").tap()
    assert gauge.get_attribute("data-lit") == "gap" and "KL(q(z|x)‖p(z|x))" in gauge.inner_text()
    box = gauge.bounding_box()
    assert 0 <= box["x"] and box["x"] + box["width"] <= 390
    gauge.locator("button[data-part='line']").tap()
    assert equation.get_attribute("data-lit") == "line"
    page.locator("h1, h2, h3").locator("visible=true").first.evaluate("(e) => e.dispatchEvent(new PointerEvent("
                                                                     "'pointerdown', {bubbles: true}))")
    assert gauge.is_hidden()
    phone.close()
    assert faults == []


def test_the_bibtex_can_be_copied(window, address):
    page, faults = open_page(window, address + "book/cite.html", address)
    assert page.locator(".highlight-bibtex button.copybtn").count() == 1
    page.close()
    assert faults == []


# ---- Away from the network, and on paper ----

def test_the_archive_reads_without_a_network(site, window, tmp_path):
    offline.packed(site, tmp_path / "book.zip")
    shutil.unpack_archive(tmp_path / "book.zip", tmp_path)
    window.set_offline(True)
    page, faults = open_page(window, (tmp_path / "book" / "index.html").as_uri(), "file://")
    start = page.url
    chapter, more = open_page(window, (tmp_path / "book" / "notebooks" / "01_kl.html").as_uri(), "file://")
    window.set_offline(False)
    faults += page.evaluate(FAULTS) + more + chapter.evaluate(FAULTS)
    figures, formulas = chapter.locator("article img").count(), chapter.locator("article mjx-container").count()
    page.close()
    chapter.close()
    assert start.endswith("book/book/index.html") and figures > 2 and formulas > 100
    assert not faults, "\n".join(faults)


def test_the_cheat_sheet_is_one_sheet(window, address):
    reader = needed("pypdf").PdfReader
    page, faults = open_page(window, f"{address}book/cheat_sheet.html", address)
    for paper in ("A4", "Letter"):
        sheets = reader(io.BytesIO(page.pdf(format=paper))).pages
        assert len(sheets) == 1 and "decoder-at-mean" in sheets[0].extract_text(), paper
    page.emulate_media(media="print")
    page.set_viewport_size({"width": int((210 - 2 * 8) / 25.4 * 96), "height": 900})  # A4 less its margins
    wide = page.evaluate("""() => [...document.querySelectorAll("article div.math")].filter((display) =>
      display.querySelector("mjx-math").getBoundingClientRect().width > display.clientWidth + 1
    ).map((display) => display.nextElementSibling.textContent)""")
    size = page.locator("article li > p").first.evaluate("(p) => parseFloat(getComputedStyle(p).fontSize)")
    page.close()
    assert not wide, f"wider than a column: {wide}"
    assert size > 8, "too small to read: less than 6 points"
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
