"""Chapter 08: closed moments against Gauss–Hermite nodes, and what forty draws say against its functions."""
import numpy as np

from conftest import definitions

DOC = "notebooks/08_gradients"
DRAGS = {"peak": {"mu"}, "shoulder": {"sigma"}, "baseline": {"b"}}
DRAG_FROM = {"mu": 0.0, "sigma": 0.4, "b": 2.0}
FUNCTIONS = ((lambda z: z**2, lambda z: 2 * z), (lambda z: np.sin(4 * z), lambda z: 4 * np.cos(4 * z)))


def setting(rng, data):
    f = int(rng.integers(2))
    b = rng.uniform(*((-1, 4), (-1.2, 1.2))[f])
    return {"f": f, "mu": rng.uniform(-0.8, 0.8), "sigma": rng.uniform(0.2, 1.0), "b": b}


def mean(g, state):
    """E[g(z, ε)] by the notebook's nodes."""
    return definitions(DOC)["mean_nodes"](g, state["mu"], state["sigma"])[0]


def draws(state, eps):
    """What each draw says by the path, and by the score with the baseline."""
    book, (f, df) = definitions(DOC), FUNCTIONS[int(state["f"])]
    return (book["pathwise_draws"](df, state["mu"], state["sigma"], eps)[0],
            book["score_draws"](f, state["mu"], state["sigma"], eps, state["b"])[0])


def truth(state, data):
    f, df = FUNCTIONS[int(state["f"])]
    slope = mean(lambda z, eps: df(z), state)
    variance = [mean(lambda z, eps, which=which: (draws(state, eps)[which] - slope) ** 2, state) for which in range(2)]
    return {
        "true slope of E f in μ": slope,
        "variance of a draw, pathwise": variance[0],
        "variance of a draw, score with b": variance[1],
        "mean of f": mean(lambda z, eps: f(z), state),
        "best baseline, b*": mean(lambda z, eps: f(z) * eps**2, state),
    }


def choose(explorer, f):
    """Chooses f as a reader does. -> the state and the values after."""
    explorer.root.locator("select").select_option(str(f))
    explorer.settle()
    return explorer.state, explorer.root.evaluate("(root) => ({...root.explorer.values})")


def press(explorer, label):
    explorer.root.locator(".explorer-actions button", has_text=label).click()
    explorer.settle()
    return explorer.root.evaluate("(root) => ({...root.explorer.values})")


def fact_each_dot_is_what_a_draw_of_the_notebook_says(explorer):
    eps = np.array(explorer.data["eps"])
    assert len(eps) == 40  # as its title says
    for state in ({"f": 0, "mu": 0.3, "sigma": 0.6, "b": 1.1}, {"f": 1, "mu": -0.4, "sigma": 0.3, "b": -0.2}):
        values = explorer.at(state)
        by_path, by_score = draws(state, eps)
        assert np.allclose(values["byPath"], by_path, rtol=1e-12, atol=1e-12)
        assert np.allclose(values["byScore"], by_score, rtol=1e-12, atol=1e-12)


def fact_the_mean_of_f_is_not_the_best_baseline_and_the_bar_is_what_it_costs(explorer):
    rng = np.random.default_rng(4)
    for state in (setting(rng, None) for _ in range(12)):
        values = explorer.at(state)
        cost = (state["b"] - values["best"]) ** 2 / state["sigma"] ** 2
        assert abs(values["score"] - values["least"] - cost) < 1e-9
        assert values["atMean"] > values["least"]
        mu, sigma = state["mu"], state["sigma"]
        formula = (1 - 16 * sigma**2) * values["mean"] if state["f"] else mu**2 + 3 * sigma**2
        assert abs(values["best"] - formula) < 1e-12


def fact_the_mean_of_f_helps_with_the_square_and_hurts_with_the_sine(explorer):
    for mu in np.linspace(-0.8, 0.8, 5):
        for sigma in (0.2, 0.35, 1.0):
            square, sine = (explorer.at({"f": f, "mu": mu, "sigma": sigma}) for f in range(2))
            assert square["atMean"] < square["atNone"]
            assert sine["atMean"] > sine["atNone"] or mu == 0
            assert square["path"] < square["least"], "no baseline brings the score below the path"
    for f, word in ((0, "better"), (1, "worse")):
        state, values = choose(explorer, f)
        assert [state["mu"], state["sigma"]] == explorer.data["starts"][f] and state["b"] == values["mean"]
        said = explorer.root.evaluate("({explorer: e}) => e.plan.says(e.state, e.values, 0, e.data)")
        assert f"{values['atMean']:.2f}, {word} than {values['atNone']:.2f} with none" in said


def fact_with_the_sine_the_score_shakes_less_unless_q_is_narrow(explorer):
    choose(explorer, 1)
    for label, baseline in (("b = mean of f", "mean"), ("b = b*", "best"), ("b = 0", None)):
        values = press(explorer, label)
        assert explorer.state["b"] == (values[baseline] if baseline else 0)
        assert values["score"] < values["path"]
    narrow = explorer.at({"f": 1, "mu": 0.0, "sigma": 0.2, "b": 0.0})
    assert narrow["least"] > narrow["path"]


def said(explorer, state):
    """What an answered explorer says there."""
    explorer.at(state)
    return explorer.root.evaluate("({explorer: e}) => e.plan.says(e.state, e.values, 0, e.data)")


def fact_it_says_no_difference_where_none_is_seen(explorer):
    for sigma in (0.2, 0.8, 1.0):
        sentence = said(explorer, {"f": 1, "mu": 0.0, "sigma": sigma})
        assert "both are 0" in sentence and "nearer" not in sentence and "other side" not in sentence
        assert "the mean changes nothing" in sentence
    for mu in (-0.8, 0.8):
        assert "about the same as" in said(explorer, {"f": 1, "mu": mu, "sigma": 0.2})


def fact_a_variance_beyond_the_axis_is_written_at_the_end_of_its_bar(explorer):
    numbers = explorer.root.locator("svg text.gap")
    for state, shown in (({"b": -1.0}, ["21.54"]), ({"mu": -0.8, "sigma": 0.2, "b": 2.17}, ["55.06"]), ({}, [])):
        explorer.at(state)
        assert numbers.all_text_contents() == shown


def fact_starting_again_takes_the_guess_back(explorer):
    says, answer = (explorer.root.locator(what).first for what in (".explorer-says", ".explorer-ask button"))
    answer.click()
    assert answer.get_attribute("aria-pressed") == "true"
    explorer.root.get_by_role("button", name="Start again").click()
    explorer.settle()
    assert answer.get_attribute("aria-pressed") == "false" and "Then choose sin 4z" in says.inner_text()
    choose(explorer, 1)
    assert "choose" not in says.inner_text()


def fact_a_baseline_stays_in_the_picture_when_f_changes(explorer):
    explorer.at({"b": 4.0})
    explorer.at({"b": 4.0, "f": 1})
    assert explorer.state["b"] == 1.2
