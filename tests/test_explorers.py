"""The explorers in a browser: their numbers against the notebooks' Python, and every way to move them."""
import importlib
import json
from pathlib import Path

import numpy as np
import pytest

import ledger
from browser import open_page
from conftest import docs, executed

ROOT = Path(__file__).resolve().parent.parent
NAMES = sorted(file.stem for file in (ROOT / "tests" / "explorers").glob("[a-z]*.py"))
MODULES = {name: importlib.import_module(f"explorers.{name}") for name in NAMES}
FACTS = [(name, fact) for name in NAMES for fact in vars(MODULES[name]) if fact.startswith("fact_")]
TOLERANCE = 1e-9


class Explorer:
    """One explorer on an open page."""

    def __init__(self, page, name):
        self.page, self.name, self.module = page, name.replace("_", "-"), MODULES[name]
        self.root = page.locator(f".explorer[data-explorer='{self.name}']")
        page.bring_to_front()  # a page behind another draws once in a long while
        self.root.scroll_into_view_if_needed()
        self.data = json.loads(self.root.locator("script[type='application/json']").text_content())

    @property
    def state(self):
        return self.root.evaluate("(root) => ({...root.explorer.state})")

    def settle(self):
        self.root.evaluate(DRAWN)

    def at(self, state):
        """Its values where it starts, but for `state`."""
        return self.moved(state)[0]

    def moved(self, state):
        """The same in one go, since each question to the browser may wait for a frame: (values, state, shown)."""
        values, whole, rows = self.root.evaluate(MOVED, state)
        return values, whole, read(rows)

    def shown(self):
        """What a reader reads: {label: (number in full precision, text)}."""
        return read(self.root.evaluate(READ))


def read(rows):
    return {label: (float(value), text) for label, value, text in rows}


DRAWN = """async (root) => {
  while (root.dataset.drawing) await new Promise(requestAnimationFrame);
}"""
READ = """(root) => [...root.querySelectorAll(".explorer-readouts > div")].map((row) =>
  [row.querySelector("dt").textContent, row.querySelector("dd").dataset.value, row.querySelector("dd").textContent])"""
MOVED = f"""(root, some) => {{
  root.explorer.change({{...root.explorer.start, ...some}});
  root.explorer.draw();
  return [{{...root.explorer.values}}, {{...root.explorer.state}}, ({READ})(root)];
}}"""


@pytest.fixture(scope="module")
def opened(window, address):
    """name -> the explorer, on its page, opened once."""
    pages = {}

    def explorer(name):
        doc = MODULES[name].DOC
        if doc not in pages:
            pages[doc] = open_page(window, f"{address}{doc}.html", address)
        page, faults = pages[doc]
        assert not faults, "\n".join(faults)
        return Explorer(page, name)

    yield explorer
    for page, _ in pages.values():
        page.close()


def test_every_explorer_of_the_book_is_tested_and_stands_on_its_page():
    placed = {(name, doc) for doc in docs() for name in ledger.explorers_in(executed(doc))}
    assert placed == {(name.replace("_", "-"), MODULES[name].DOC) for name in NAMES}
    scripts = {file.stem for file in (ROOT / "book" / "_static" / "explore").glob("*.js")} - {"frame"}
    assert scripts == {name for name, _ in placed}


@pytest.mark.parametrize("name", NAMES)
def test_its_numbers_are_the_notebooks(opened, name):
    explorer, rng, module = opened(name), np.random.default_rng(5), MODULES[name]
    settings = [{}] + [module.setting(rng, explorer.data) for _ in range(getattr(module, "SETTINGS", 24))]
    for state in settings:
        _, whole, shown = explorer.moved(state)
        assert whole == pytest.approx(whole | state, abs=0), "the control refused a legal value"
        expected = module.truth(whole, explorer.data)
        assert shown.keys() == expected.keys()
        for label, value in expected.items():
            found, text = shown[label]
            close = abs(found - value) <= TOLERANCE * max(1, abs(value)) or found == value
            assert close, f"{label}: {found} shown, {value} by the notebook, at {whole}"
            digits = text.replace("−", "-").replace("∞", "inf").split()[0]
            rounding = 0.51 * 10.0 ** -len(digits.partition(".")[2])
            assert abs(float(digits) - value) <= rounding, f"{label}: {text}"


@pytest.mark.parametrize("name, fact", FACTS)
def test_what_the_page_says_of_it_is_so(opened, name, fact):
    getattr(MODULES[name], fact)(opened(name))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("means", ["mouse", "touch"])
def test_each_handle_can_be_dragged(opened, name, means):
    explorer = opened(name)
    for handle, moved in MODULES[name].DRAGS.items():
        explorer.at(getattr(MODULES[name], "DRAG_FROM", {}))
        before = explorer.state
        grip = explorer.root.locator(f"[data-handle='{handle}'] .grip")
        grip.evaluate("(e) => e.scrollIntoView({block: 'center'})")
        box = grip.bounding_box()
        start = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        drag(explorer.page, means, start, (start[0] + 23, start[1] + 17))
        explorer.settle()
        after = explorer.state
        assert {key for key in after if after[key] != before[key]} == set(moved), f"{handle} by {means}"
        box = grip.bounding_box()
        held = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        shift = np.subtract(held, start)
        assert np.abs(shift - (23, 17)).min() < 6, f"{handle} by {means}: the pointer went (23, 17), the grip {shift}"
        drag(explorer.page, means, held, (held[0] - 23, held[1] - 17))
        explorer.settle()
        assert explorer.state == pytest.approx(before, abs=0.05), f"{handle} by {means} does not come back"


def drag(page, means, start, end):
    if means == "mouse":
        page.mouse.move(*start)
        page.mouse.down()
        page.mouse.move(*end, steps=4)
        page.mouse.up()
        return
    session = page.context.new_cdp_session(page)
    points = np.linspace(start, end, 5).tolist()
    for kind, at in zip(["touchStart", *["touchMove"] * 4, "touchEnd"], [*points, None]):
        touches = [{"x": at[0], "y": at[1]}] if at else []
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
    session.detach()


@pytest.mark.parametrize("name", NAMES)
def test_each_control_obeys_the_keyboard_and_has_a_name(opened, name):
    explorer = opened(name)
    for control in explorer.root.locator(".explorer-controls :is(input, select)").all():
        explorer.at({})
        key, before = control.get_attribute("data-key"), explorer.state
        assert explorer.root.locator(f"label[for='{control.get_attribute('id')}']").inner_text().strip()
        control.focus()
        limit = control.get_attribute("max")  # a choice has none
        key_back, key_on = ("ArrowLeft", "ArrowRight") if limit else ("ArrowUp", "ArrowDown")
        explorer.page.keyboard.press(key_back if limit and before[key] == float(limit) else key_on)
        explorer.settle()
        after = explorer.state
        assert after[key] != before[key], f"{key} did not move"


@pytest.mark.parametrize("name", NAMES)
def test_a_guess_is_answered(opened, name):
    explorer = opened(name)
    explorer.at({})
    answers, said = explorer.root.locator(".explorer-ask button"), explorer.root.locator(".explorer-says")
    before, replies = said.inner_text(), set()
    for answer in answers.all():
        answer.focus()
        explorer.page.keyboard.press("Enter")
        assert answer.get_attribute("aria-pressed") == "true"
        replies.add(said.inner_text())
    assert before not in replies and len(replies) > 1, "right and wrong guesses get the same reply"


@pytest.mark.parametrize("name", NAMES)
def test_a_link_brings_its_state_along_and_nonsense_does_not(opened, window, address, name):
    explorer, module = opened(name), MODULES[name]
    state = module.setting(np.random.default_rng(8), explorer.data)
    explorer.at(state)
    whole, link = explorer.state, explorer.root.evaluate("(root) => root.explorer.link().href")
    page, faults = open_page(window, link, address)
    assert Explorer(page, name).state == whole and not faults
    page.close()
    nonsense = "&".join(f"{explorer.name}.{key}={value}" for key, value in zip(whole, ["1e999", "abc", "", "-1e9"] * 9))
    page, faults = open_page(window, f"{address}{module.DOC}.html?{nonsense}", address)
    values = Explorer(page, name).root.evaluate("(root) => Object.values(root.explorer.values)")
    page.close()
    assert all(np.isfinite(value) for value in values if isinstance(value, (int, float))) and not faults


@pytest.mark.parametrize("name", NAMES)
def test_from_a_file_too(site, window, name):
    page, faults = open_page(window, (site / f"{MODULES[name].DOC}.html").resolve().as_uri(), "file://")
    explorer = Explorer(page, name)
    before = explorer.shown()
    explorer.at(MODULES[name].setting(np.random.default_rng(9), explorer.data))
    page.wait_for_timeout(400)  # by then it has tried to keep its state in the address
    assert explorer.shown() != before and not faults, "\n".join(faults)
    page.close()


@pytest.mark.parametrize("name", NAMES)
def test_without_scripts_and_in_a_notebook_there_is_a_picture_and_a_sentence(browser, address, name):
    doc = MODULES[name].DOC
    cell = next(c for c in executed(doc)["cells"] if name.replace("_", "-") in
                [o.get("data", {}).get(ledger.EXPLORER, {}).get("explorer") for o in c.get("outputs", [])])
    assert any("image/png" in o.get("data", {}) for o in cell["outputs"]), "no still picture"
    plain = next(o["data"]["text/plain"] for o in cell["outputs"] if ledger.EXPLORER in o.get("data", {}))
    window = browser.new_context(java_script_enabled=False)
    page = window.new_page()
    page.goto(f"{address}{doc}.html")
    place = page.locator(f".explorer[data-explorer='{name.replace('_', '-')}']")
    says = "".join(plain).removeprefix("▷ ").strip()
    assert place.locator("p").inner_text().strip() == says.replace("In the rendered book", "Where scripts run")
    assert place.locator("xpath=ancestor::*[contains(@class, 'cell_output')]").locator("img").is_visible()
    window.close()
