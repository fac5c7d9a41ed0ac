"""Chapter 01: the two areas against the closed form and quadrature."""
import numpy as np
from scipy.special import rel_entr
from scipy.stats import norm

from conftest import definitions

DOC = "notebooks/01_kl"
DRAGS = {"peak": {"mu"}, "shoulder": {"sigma"}}


def setting(rng, data):
    return {"mu": rng.uniform(-2, 4), "sigma": rng.uniform(0.5, 1.6)}


def truth(state, data):
    book = definitions(DOC)
    q, p = norm(state["mu"], state["sigma"]), norm(data["mu_p"], data["sigma_p"])
    kl = book["kl_normal"](state["mu"], state["sigma"], data["mu_p"], data["sigma_p"])
    term = lambda x: q.pdf(x) * (q.logpdf(x) - p.logpdf(x))  # noqa: E731
    turns = np.roots(np.polysub(log_ratio(state["mu"], state["sigma"]), log_ratio(data["mu_p"], data["sigma_p"])))
    edges = np.sort([*np.linspace(-40, 40, 801), *turns[np.isreal(turns)].real])  # signs change at edges only
    lifted = lambda x: rel_entr(q.pdf(x), p.pdf(x)) + p.pdf(x) - q.pdf(x)  # noqa: E731
    return {
        "area of q·log(q/p)": kl,
        "of it below zero": book["integral"](lambda x: np.minimum(term(x), 0), edges),
        "area of q·(r − 1 − log r)": book["integral"](lifted, edges),
        "KL(q‖p), by its formula": kl,
    }


def log_ratio(mu, sigma):
    """The log density of N(mu, sigma²) as the coefficients of a parabola in x."""
    return np.array([-1 / (2 * sigma**2), mu / sigma**2, -(mu**2) / (2 * sigma**2) - np.log(sigma)])


def fact_the_first_row_dips_below_zero_and_the_second_never(explorer):
    for state in ({}, {"mu": -2.0}, {"sigma": 0.5}, {"mu": 3.0, "sigma": 1.6}):
        values = explorer.at(state)
        assert values["negative"] < -0.01 and values["least"] > -1e-12 and values["kl"] > 0


def fact_nothing_is_left_where_q_is_p(explorer):
    values = explorer.at({"mu": 1.0, "sigma": 1.5})
    assert abs(values["kl"]) < 1e-12 and abs(values["term"]) < 1e-12 and abs(values["lifted"]) < 1e-12
