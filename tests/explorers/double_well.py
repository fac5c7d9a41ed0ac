"""Chapter 02: one Gaussian and two bumps, by the notebook's quadratures; what each way of placing q costs."""
import numpy as np
from scipy import integrate, optimize
from scipy.stats import norm

from conftest import definitions

DOC = "notebooks/02_log_z"
DRAGS = {"peak": {"m"}, "shoulder": {"s"}, "bump": {"a", "c"}}
LOG_Z = np.log(2 * np.pi) / 2  # of the bumps as the chapter has them, c = 1


def setting(rng, data):
    low, high = [-3.2, 0.3, 1, 0.2], [3.2, 3, 3, 1.5]
    return dict(zip("msac", rng.uniform(low, high)))


def truth(state, data):
    book, (m, s, a, c) = definitions(DOC), (state[key] for key in "msac")
    x = m + s * np.linspace(-12, 12, 4801)
    minus_J = np.log(c) - book["J_wells"](m, s, a)
    curve = np.log(c) + book["log_p_tilde_wells"](x, a) - norm.logpdf(x, m, s)
    log_p = np.logaddexp(norm.logpdf(x, -a, 0.5), norm.logpdf(x, a, 0.5)) - np.log(2)
    kl = integrate.trapezoid(norm.pdf(x, m, s) * (norm.logpdf(x, m, s) - log_p), x)
    assert abs(kl - book["kl_wells"](m, s, a)) < 1e-7  # adaptive quadrature is content with eight digits
    return {
        "−J(q), the mean of the curve under q": minus_J,
        "its standard deviation under q": integrate.trapezoid(norm.pdf(x, m, s) * (curve - minus_J) ** 2, x) ** 0.5,
        "log Z": LOG_Z + np.log(c),
        "KL(q‖p), the gap": kl,
    }


def press(explorer, action, state):
    """What is shown after a button was pressed there."""
    explorer.at(state)
    explorer.root.locator(".explorer-actions").get_by_role("button", name=action).click()
    explorer.settle()
    return explorer.root.evaluate("(root) => ({...root.explorer.values})")


def said(explorer, state, guess):
    """The sentence after that guess, or before any where it is None."""
    explorer.root.evaluate("(root, guess) => { root.explorer.guess = guess; }", guess)
    explorer.at(state)
    text = explorer.root.locator(".explorer-says").inner_text()
    explorer.root.evaluate("(root) => { root.explorer.guess = null; root.explorer.draw(); }")
    return text


def least_cost_of_covering(a):
    J = definitions(DOC)["J_wells"]
    return LOG_Z + optimize.minimize_scalar(lambda t: J(0, np.exp(t), a), bounds=(-1, 2), method="bounded").fun


def fact_forgetting_costs_log_2_and_covering_far_more(explorer):
    for a, cost in (2, 1.871), (3, 5.136):
        forgets = press(explorer, "Put q on one bump", {"a": a, "m": -1, "s": 2})
        assert abs(forgets["kl"] - np.log(2)) < 1e-3 and forgets["kl"] == forgets["one"]
        covers = press(explorer, "Stretch q over both", {"a": a})
        assert round(covers["kl"], 3) == cost and covers["kl"] == covers["both"]
        assert abs(covers["kl"] - least_cost_of_covering(a)) < 1e-8
        text = said(explorer, {"a": a}, 0)
        assert text.startswith("One bump, as you said.") and "costs 0.693" in text and f"{cost} at best" in text


def fact_close_together_it_pays_to_cover(explorer):
    near, far = (explorer.at({"a": a}) for a in (1.35, 1.45))
    assert near["both"] < near["one"] and far["one"] < far["both"]
    assert said(explorer, {"a": 1.35}, 1).startswith("Both, as you said.")
    assert not said(explorer, {"a": 1.35}, 0).startswith("Both, as")


def fact_the_curve_is_flat_where_q_looks_and_log_2_too_low(explorer):
    values = explorer.at({})
    assert values["spread"] < 0.02 and abs(values["logZ"] - values["minusJ"] - np.log(2)) < 1e-3
    assert "looks like success" in said(explorer, {}, None) and "log 2 too low" in said(explorer, {}, 1)
    assert "flat" not in said(explorer, {"m": 0.0}, None) + said(explorer, {"m": 0.0}, 1)


def costs_of_valley_and_tails(state):
    """The parts of KL(q‖p) from between the bumps and from outside, two of their widths away."""
    m, s, a = (state[key] for key in "msa")
    x = m + s * np.linspace(-9, 9, 200001)
    log_p = np.logaddexp(norm.logpdf(x, -a, 0.5), norm.logpdf(x, a, 0.5)) - np.log(2)
    cost = norm.pdf(x, m, s) * (norm.logpdf(x, m, s) - log_p)
    return [integrate.trapezoid(np.where(there, cost, 0), x) for there in (np.abs(x) < a - 1, np.abs(x) > a + 1)]


def fact_it_says_where_q_pays(explorer):
    assert press(explorer, "Stretch q over both", {})["kl"] > 1
    for m, s, a, where in [(0, 1.74, 2, "the valley"), (0, 0.3, 2, "the valley"), (0, 0.3, 3, "the valley"),
                           (3.2, 3, 3, "the tails"), (0, 3, 1, "the tails"), (0, 2.4, 2, "the valley and the tails")]:
        state = {"m": m, "s": s, "a": a}
        values = explorer.at(state)
        valley, tails = costs_of_valley_and_tails(state)
        assert abs(values["valley"] - valley) < 0.05 and abs(values["tails"] - tails) < 0.05
        assert (valley > values["kl"] / 3, tails > values["kl"] / 3) == ("valley" in where, "tails" in where)
        assert f"q pays for {where}, where p̃ has died out" in said(explorer, state, 0)
    assert "pays" not in said(explorer, {}, 0)


def fact_the_scale_lifts_ceiling_and_line_alike(explorer):
    start = explorer.at({})
    for c in 0.2, 0.7, 1.5:
        scaled = explorer.at({"c": c})
        assert abs(scaled["minusJ"] - start["minusJ"] - np.log(c)) < 1e-12
        assert abs(scaled["logZ"] - start["logZ"] - np.log(c)) < 1e-12 and abs(scaled["kl"] - start["kl"]) < 1e-12
        assert "the gap stays" in said(explorer, {"c": c}, 0)
    assert "the gap stays" not in said(explorer, {"a": 2.5, "c": 1 + 2e-8}, 0)


def fact_the_bump_moves_by_the_sliders_steps_and_is_held_away_from_q(explorer):
    for m, x in (2, -2), (-2, 2):
        explorer.at({"m": m})
        shown = explorer.root.evaluate("""(root) => {
            const { explorer } = root, [bump, peak] = ["bump", "peak"].map((key) => explorer.handles.get(key));
            const place = ({ element }) => element.transform.baseVal.consolidate().matrix, { e, f } = place(bump);
            explorer.change(bump.move(e + 0.1, f));
            return { side: Math.sign(e - place(peak).e), ...explorer.state };
        }""")
        explorer.settle()
        assert shown["side"] == np.sign(x) and shown["c"] == 1 and shown["a"] == round(shown["a"], 2)


def fact_log_Z_waits_for_a_guess(explorer):
    explorer.at({})
    live = explorer.root.locator(".explorer-live")
    everything = lambda: live.inner_text() + live.locator("svg").text_content()  # noqa: E731
    assert "0.92" not in everything() and "0.693" not in everything()
    live.get_by_role("button", name="Both", exact=True).click()
    assert "log Z 0.92" in everything() and "0.693" in everything()
    explorer.root.evaluate("(root) => { root.explorer.guess = null; root.explorer.draw(); }")
