"""Chapter 08: the moments in closed form against Gauss–Hermite nodes, and what forty draws say against its functions."""
import numpy as np

from conftest import definitions

DOC = "notebooks/08_gradients"
DRAGS = {"peak": {"mu"}, "shoulder": {"sigma"}, "baseline": {"b"}}
DRAG_FROM = {"mu": 0.0, "sigma": 0.4, "b": 2.0}
FUNCTIONS = ((lambda z: z**2, lambda z: 2 * z), (lambda z: np.sin(4 * z), lambda z: 4 * np.cos(4 * z)))


def setting(rng, data):
    f = int(rng.integers(2))
    return {"f": f, "mu": rng.uniform(-0.8, 0.8), "sigma": rng.uniform(0.2, 0.8), "b": rng.uniform(*((-1, 4), (-1.2, 1.2))[f])}


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
    path, score = (mean(lambda z, eps: (draws(state, eps)[which] - slope) ** 2, state) for which in range(2))
    return {
        "true slope of E f in μ": slope,
        "variance of a draw, pathwise": path,
        "variance of a draw, score with b": score,
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
    for state in (setting(rng, None) for _ in range(40)):
        values = explorer.at(state)
        cost = (state["b"] - values["best"]) ** 2 / state["sigma"] ** 2
        assert abs(values["score"] - values["least"] - cost) < 1e-9
        assert values["atMean"] > values["least"]
        formula = (state["mu"] ** 2 + 3 * state["sigma"] ** 2, (1 - 16 * state["sigma"] ** 2) * values["mean"])[state["f"]]
        assert abs(values["best"] - formula) < 1e-12


def fact_the_mean_of_f_helps_with_the_square_and_hurts_with_the_sine(explorer):
    for mu in np.linspace(-0.8, 0.8, 9):
        for sigma in np.linspace(0.2, 0.8, 4):
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


def fact_a_baseline_stays_in_the_picture_when_f_changes(explorer):
    explorer.at({"b": 4.0})
    explorer.at({"b": 4.0, "f": 1})
    assert explorer.state["b"] == 1.2
