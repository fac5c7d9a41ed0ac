"""Chapter 04: the torus against all its 65,536 states; what taps and buttons do against the notebook's updates."""
import re

import numpy as np

from conftest import definitions

DOC = "notebooks/04_ising"
DRAGS = {}
SETTINGS = 12  # each visits all states
NUDGED = 5  # second row, second column
BOARD = np.where(np.add.outer(range(4), range(4)) % 2 == 0, 0.01, -0.01)


def setting(rng, data):
    m = np.where(rng.random(16) < 0.1, rng.choice([-1.0, 1.0], 16), rng.uniform(-1, 1, 16))
    return {"beta": rng.uniform(0, 1), "field": rng.uniform(-1, 1)} | as_state(m)


def truth(state, data):
    book, m = definitions(DOC), means(state)
    log_Z, p = book["exact16"](state["beta"], np.full(16, state["field"]))
    exact = p @ book["x16"]
    assert np.ptp(exact) < 1e-12
    return {
        "log Z": log_Z,
        "−J(q)": -book["J_torus"](m.reshape(4, 4), state["field"], state["beta"]),
        "gap, KL(q‖p)": book["kl"](book["q_ising"](m, book["x16"]), p),
        "average m": m.mean(),
        "exact mean": exact[0],
    }


def as_state(m):
    return {f"m{site}": float(mean) for site, mean in enumerate(np.ravel(m))}


def means(state):
    return np.array([state[f"m{site}"] for site in range(16)])


def press(explorer, name, times=1):
    """A button under the picture."""
    for _ in range(times):
        explorer.root.get_by_role("button", name=name, exact=True).click()
        explorer.settle()


def tap(explorer, site):
    explorer.root.locator(f"[data-press='site{site}']").click()
    explorer.settle()


def touch(page, element):
    box, session = element.bounding_box(), page.context.new_cdp_session(page)
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [at]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    session.detach()


def values(explorer):
    return explorer.root.evaluate("(root) => ({...root.explorer.values})")


def said(explorer):
    return explorer.root.locator(".explorer-says").inner_text()


def numbers(text):
    return [float(number.replace("−", "-")) for number in re.findall(r"−?\d+\.\d+", text)]


def fact_undecided_no_site_moves_and_every_marginal_is_right(explorer):
    explorer.at({})
    for site in range(16):
        tap(explorer, site)
        assert "hears 0.00 and stays at 0.00" in said(explorer)
    press(explorer, "Sweep")
    now = values(explorer)
    assert (means(explorer.state) == 0).all() and abs(now["exact"]) < 1e-12 and round(now["gap"], 2) == 6.02
    assert "Every marginal is right" in said(explorer)


def fact_a_nudge_updated_first_is_gone_and_a_neighbour_updated_first_takes_all_along(explorer):
    explorer.at({})
    press(explorer, "Nudge a site")
    assert means(explorer.state)[NUDGED] == 0.1
    tap(explorer, NUDGED)
    assert (means(explorer.state) == 0).all()
    press(explorer, "Nudge a site")
    tap(explorer, NUDGED + 1)
    press(explorer, "Sweep", 10)
    now = values(explorer)
    assert (means(explorer.state).round(3) == 0.958).all() and abs(now["exact"]) < 1e-12
    assert round(now["gap"], 2) == 0.79
    assert "all at 0.96, where the exact mean is 0.00. The gap is 0.79" in said(explorer)


def fact_from_a_faint_checkerboard_in_turn_climbs_and_all_at_once_sinks(explorer):
    book = definitions(DOC)
    explorer.at({})
    press(explorer, "Faint checkerboard")
    assert (means(explorer.state) == BOARD.ravel()).all()
    m, bounds = BOARD, [values(explorer)["bound"]]
    for _ in range(12):
        press(explorer, "All at once")
        new = np.tanh(0.5 * book["neighbours"](m))
        steps = book["kl_steps"](np.array([m.ravel(), new.ravel()]))[0]
        m = new
        np.testing.assert_allclose(means(explorer.state), m.ravel(), atol=1e-12)
        bounds.append(values(explorer)["bound"])
        fall, add_up = numbers(said(explorer))[:2]
        assert "falls by" in said(explorer) and abs(fall - (bounds[-2] - bounds[-1])) < 6e-4
        assert abs(add_up - steps) < 6e-4
    assert round(bounds[-1], 2) == -13.02
    press(explorer, "Faint checkerboard")
    press(explorer, "Sweep", 10)
    assert round(values(explorer)["bound"], 2) == 16.31


def fact_each_update_lifts_the_bound_by_the_divergence_of_old_from_new(explorer):
    book, rng = definitions(DOC), np.random.default_rng(11)
    explorer.at(setting(rng, explorer.data))
    beta, h = explorer.state["beta"], np.full(16, explorer.state["field"])
    for site in rng.permutation(16):
        old, bound = means(explorer.state), values(explorer)["bound"]
        tap(explorer, site)
        new = book["update_ising"](old, h, beta * book["A4"], site)
        np.testing.assert_allclose(means(explorer.state), new, atol=1e-12)
        lift, step = values(explorer)["bound"] - bound, book["kl_steps"](np.array([old, new]))[0]
        assert abs(lift - step) < 1e-9
        assert np.abs(np.array(numbers(said(explorer))[3:5]) - step).max() < 6e-4
        shown = explorer.root.locator("svg text.gap").text_content()
        assert np.abs(np.array(numbers(shown)) - step).max() < 6e-4
    old = means(explorer.state)
    press(explorer, "Sweep")
    new = book["ascend_ising"](old, h, beta * book["A4"], sweeps=1)[-1]
    np.testing.assert_allclose(means(explorer.state), new, atol=1e-12)


def fact_against_the_field_it_may_rest_in_a_wrong_valley(explorer):
    best = explorer.at({"beta": 0.5, "field": 0.1} | as_state(np.full(16, 0.97)))["gap"]
    explorer.at({"beta": 0.5, "field": 0.1} | as_state(np.full(16, -0.9)))
    press(explorer, "Sweep", 10)
    assert "against the field: a wrong valley" in said(explorer)
    assert (means(explorer.state) < -0.9).all() and values(explorer)["gap"] > best + 1


def fact_stripes_rest_too(explorer):
    stripe = 0.5 * np.where(np.arange(4) < 2, 1.0, -1.0) * np.ones((4, 1))
    explorer.at({"beta": 1.0} | as_state(stripe))
    press(explorer, "Sweep", 12)
    assert "one valley of several" in said(explorer) and round(values(explorer)["gap"], 2) == 16.38


def fact_the_curve_is_the_notebooks_nudged_run(explorer):
    book = definitions(DOC)
    for beta, field in ((0.5, 0.0), (0.31, -0.2), (0.1, 0.7)):
        run = explorer.at({"beta": beta, "field": field})["run"]
        path = book["ascend_torus"](np.full((4, 4), explorer.data["nudge"]), field, beta, explorer.data["sweeps"])
        np.testing.assert_allclose(run["line"], -book["J_torus"](path, field, beta), atol=1e-10)
        assert abs(run["end"] - path[-1, 0, 0]) < 1e-12


def fact_every_site_is_reached_by_mouse_touch_and_keyboard_and_says_what_it_is(explorer):
    lone = as_state(np.eye(16)[NUDGED] * 0.5)
    site = explorer.root.locator("[data-press='site6']")
    for reach in (site.click, lambda: touch(explorer.page, site), lambda: site.press("Enter"), lambda: site.press(" ")):
        explorer.at(lone)
        assert site.get_attribute("aria-label") == "Row 2, column 3, m = 0.00: update it"
        reach()
        explorer.page.wait_for_timeout(100)  # a touch is a click only when it is known not to be a scroll
        explorer.settle()
        assert abs(means(explorer.state)[6] - np.tanh(0.25)) < 1e-12
        assert site.get_attribute("aria-label") == "Row 2, column 3, m = 0.24: update it"
    assert site.evaluate("(site) => site === document.activeElement"), "the keyboard lost its place"
    assert explorer.root.get_by_role("button", name="update it").count() == 16
    assert explorer.root.locator("input").count() == 2


def fact_the_last_step_is_forgotten_when_the_picture_is_no_longer_its_result(explorer):
    explorer.at({})
    press(explorer, "Nudge a site")
    for forget in ({"beta": 0.4}, {"field": 0.2}):
        press(explorer, "Sweep")
        assert "Sixteen updates" in said(explorer)
        explorer.root.evaluate("(root, some) => root.explorer.change(some)", forget)
        explorer.settle()
        assert "Sixteen updates" not in said(explorer) and not explorer.root.locator("svg text.gap").count()


def fact_the_answer_holds_where_it_is_given(explorer):
    def answer():
        explorer.root.get_by_role("button", name="It is gone", exact=True).click()
        explorer.settle()
        return said(explorer)

    for beta, told in ((0.5, "the rest will follow"), (0.2, "dies out too")):
        explorer.root.get_by_role("button", name="It grows", exact=True).click()
        explorer.at({"beta": beta})
        assert told in answer()
        press(explorer, "Nudge a site")
        tap(explorer, NUDGED + 1)
        press(explorer, "Sweep", 10)
        assert (means(explorer.state) > 0.9).all() if beta > 0.25 else (means(explorer.state) < 0.001).all()
    for elsewhere in ({"field": 0.5}, as_state(np.full(16, 0.96))):
        explorer.root.get_by_role("button", name="It grows", exact=True).click()
        explorer.at(elsewhere)
        assert "this picture is elsewhere" in answer()
        press(explorer, "Nudge a site")
        tap(explorer, NUDGED)
        assert means(explorer.state)[NUDGED] > 0.1
    explorer.root.evaluate("(root) => { root.explorer.guess = null; }")  # as it was found


def fact_at_a_quarter_it_creeps_and_is_not_said_to_rest(explorer):
    explorer.at({"beta": 0.25})
    press(explorer, "Nudge a site")
    press(explorer, "Sweep", 4)
    assert "Hardly any site moves, all at 0.01" in said(explorer)
    assert "nothing changes, to five digits" in said(explorer) and "0.00000" not in said(explorer)
    assert explorer.root.locator("svg text.gap").text_content() == "nothing changes"
    here = means(explorer.state).max()
    press(explorer, "Sweep", 5)
    assert 0 < means(explorer.state).max() < here
