"""Chapter 01: divergences, for probabilities down to 1e-300 and zero, and for Gaussians of any scale."""
import math

import numpy as np
import pytest
from hypothesis import strategies as st
from scipy import stats

from properties import (
    Chapter,
    at_least,
    covariances,
    exact,
    exact_kl,
    holds,
    log_of,
    mp,
    near,
    normalised,
    pairs,
    real,
    reals,
    seeds,
    simplex,
    tens,
    times_log,
    total,
    weights_of,
)

ch = Chapter("01_kl")


@holds(qp=pairs(), seed=seeds)
def test_kl_is_its_sum_never_negative_and_blind_to_the_order_of_states(qp, seed):
    q, p = qp
    order = np.random.default_rng(seed).permutation(len(q))
    near([ch.kl(q, p), ch.kl(q[order], p[order]), ch.kl_loop(q, p)], [exact_kl(q, p)] * 3)
    at_least(ch.kl(q, p), 0)
    assert ch.kl(q, q) == 0


@holds(qp=pairs())
def test_entropies_are_their_sums_and_differ_by_kl(qp):
    q, p = qp
    near(ch.entropy(q), -total(times_log(a, a) for a in exact(q)))
    near(ch.cross_entropy(q, p), -total(times_log(*ab) for ab in zip(exact(q), exact(p), strict=True)), tol=1e-12)
    at_least(ch.entropy(q), 0)
    at_least(math.log(len(q)), ch.entropy(q))
    near(ch.cross_entropy(q, p), ch.entropy(q) + ch.kl(q, p))


@holds(qp=pairs())
def test_gibbs_gap_has_no_negative_entry_and_adds_up_to_kl(qp):
    q, p = qp
    truth = [a * (b / a - 1 - log_of(b / a)) if a else b for a, b in zip(exact(q), exact(p), strict=True)]
    near(ch.gibbs_gap(q, p), truth)
    at_least(ch.gibbs_gap(q, p), 0)
    near(ch.gibbs_gap(q, p).sum(), exact_kl(q, p))


@holds(r=tens(-3, 3))
def test_log_gap_is_an_area(r):
    near(ch.log_gap(np.array(r)), mp.mpf(r) - 1 - mp.log(mp.mpf(r)), tol=1e-11)


@st.composite
def tables(draw):
    """Two joint tables of the same shape, with zeros, empty rows among them."""
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    return [normalised(weights_of(draw, rows * columns, True)).reshape(rows, columns) for _ in range(2)]


@holds(qp=tables())
def test_the_chain_rule_holds_and_merging_states_loses(qp):
    q, p = qp
    near(ch.given(q).sum(-1), np.ones(len(q)))
    near(ch.given(q) * q.sum(-1, keepdims=True), q)
    whole, rows = ch.kl(q.ravel(), p.ravel()), ch.kl(q.sum(-1), p.sum(-1))
    near(rows + ch.conditional_kl(q, p), whole)
    at_least(ch.conditional_kl(q, p), 0)
    at_least(whole, rows)


@holds(qp=pairs())
def test_pinskers_gap_is_the_gap(qp):
    q, p = qp
    tv = ch.total_variation(q, p)
    near(tv, total(abs(a - b) for a, b in zip(exact(q), exact(p), strict=True)) / 2)
    near(ch.pinsker_gap(q, p), exact_kl(q, p) - 2 * mp.mpf(float(tv)) ** 2, tol=1e-11)
    at_least(ch.pinsker_gap(q, p), 0)


@holds(cost=4, seed=seeds, spread=st.floats(0, 60))
def test_a_hundred_thousand_states(seed, spread):
    q, p = np.exp(spread * -np.random.default_rng(seed).random((2, 100_000)))
    q, p = q / q.sum(), p / p.sum()
    near(ch.kl(q, p), math.fsum(q * (np.log(q) - np.log(p))), tol=1e-11)
    near(ch.entropy(q), math.fsum(-q * np.log(q)), tol=1e-11)
    near(ch.pinsker_gap(q, p), ch.kl(q, p) - 2 * ch.total_variation(q, p) ** 2, tol=1e-10)
    near(ch.gibbs_gap(q, p).sum(), ch.kl(q, p), tol=1e-11)


@holds(mu=reals(2, size=1.0), unit=tens(-140, 140), s=st.tuples(tens(-4, 4), tens(-4, 4)))
def test_kl_normal_at_every_scale(mu, unit, s):
    (m, n), (a, b) = mu * unit, np.array(s) * unit
    x, y, sx, sy = exact([m, n, a, b])
    truth = mp.log(sy / sx) + (sx**2 + (x - y) ** 2) / (2 * sy**2) - mp.mpf(1) / 2
    near(ch.kl_normal(m, a, n, b), truth)
    at_least(ch.kl_normal(m, a, n, b), 0)
    near(ch.kl_normal(-m / unit, a / unit, -n / unit, b / unit), truth, tol=1e-9)  # in other units, turned round


@holds(a=tens(-150, 150), b=tens(-150, 150))
def test_kl_normal_of_widths_that_have_nothing_in_common(a, b):
    near(ch.kl_normal(0.0, a, 0.0, b), mp.log(mp.mpf(b) / a) + (mp.mpf(a) / b) ** 2 / 2 - mp.mpf(1) / 2)


@holds(mu=reals(4, size=1e150), log_var=reals(4, size=745.0))
def test_kl_std_normal_of_any_log_variance(mu, log_var):
    parts = [m**2 + mp.exp(v) - 1 - v for m, v in zip(exact(mu), exact(log_var), strict=True)]
    near(ch.kl_std_normal(mu, log_var), total(parts) / 2)
    near(ch.kl_std_normal(mu[:, None], log_var[:, None]), [part / 2 for part in parts])
    near(ch.kl_std_normal(mu[:1], log_var[:1]), ch.kl_normal(mu[0], np.exp(log_var[0] / 2), 0.0, 1.0))


def exact_kl_mvn(mu_q, cov_q, mu_p, cov_p):
    Q, P, delta = mp.matrix(exact(cov_q)), mp.matrix(exact(cov_p)), mp.matrix(exact(mu_p)) - mp.matrix(exact(mu_q))
    inverse = P**-1
    trace = total((inverse * Q)[i, i] for i in range(len(mu_q)))
    return (trace + (delta.T * inverse * delta)[0] - len(mu_q) + mp.log(mp.det(P) / mp.det(Q))) / 2


@holds(d=st.integers(1, 4), data=st.data(), unit=tens(-70, 70))
def test_kl_mvn_of_covariances_close_to_singular(d, data, unit):
    """The inverse of a matrix loses as many digits as its condition has, and the answer no more."""
    (q, worse_q), (p, worse_p) = data.draw(covariances(d)), data.draw(covariances(d))
    mu = data.draw(reals(2, d, size=1.0)) * np.sqrt(np.abs(np.diag(p)))
    truth = exact_kl_mvn(mu[0], q, mu[1], p)
    sizes = np.trace(q) / np.trace(p) * worse_p * d + worse_p
    for by in (1.0, unit):  # the same in another unit
        ours = ch.kl_mvn(mu[0] * by, q * by**2, mu[1] * by, p * by**2)
        near(ours, truth, size=float(sizes) * worse_p + worse_q, tol=1e-13)


@pytest.mark.parametrize("cov", [np.zeros((2, 2)), np.ones((2, 2))])
def test_kl_mvn_from_a_singular_covariance_is_a_clear_error(cov):
    with pytest.raises(np.linalg.LinAlgError, match="[Ss]ingular"):
        ch.kl_mvn(np.zeros(2), np.eye(2), np.zeros(2), cov)


@holds(coefficients=reals(20), ends=reals(2), panels=st.integers(1, 5))
def test_integral_of_a_polynomial(coefficients, ends, panels):
    edges = np.linspace(*ends, panels + 1)
    primitive = np.polynomial.Polynomial(coefficients).integ()
    size = np.abs(coefficients).max(initial=1) * max(1, np.abs(ends).max()) ** 20
    near(ch.integral(np.polynomial.Polynomial(coefficients), edges), primitive(ends[1]) - primitive(ends[0]), size)


@st.composite
def mixtures(draw):
    """Means and widths of one to four Gaussians, which quadrature can see: no width below a tenth of another."""
    K, unit = draw(st.integers(1, 4)), draw(tens(-2, 2))
    widths = 10 ** draw(reals(K, size=0.5))
    return draw(reals(K, size=5.0)) * unit, widths * unit, unit


@holds(mixture=mixtures(), x=reals(1, 20, size=1e3))
def test_a_mixture_far_from_its_groups_and_its_moments(mixture, x):
    means, widths, unit = mixture
    groups = list(zip(exact(means), exact(widths), strict=True))
    densities = [total(mp.exp(-(((z - m) / s) ** 2) / 2) / s for m, s in groups) for z in exact(x[0] * unit)]
    truth = [mp.log(each / len(means) / mp.sqrt(2 * mp.pi)) for each in densities]
    near(ch.log_mixture(x * unit, means, widths), [truth], tol=1e-11)
    mean = total(m for m, _ in groups) / len(means)
    variance = total(s**2 + (m - mean) ** 2 for m, s in groups) / len(means)
    near(np.array(ch.mixture_moments(means, widths)) / unit, [mean / unit, mp.sqrt(variance) / unit], tol=1e-11)


@holds(mixture=mixtures(), shift=real, stretch=st.floats(0.5, 3))
def test_pythagoras_and_the_moments_are_the_best_gaussian(mixture, shift, stretch):
    means, widths, unit = mixture
    mu, sigma = ch.mixture_moments(means, widths)
    m, s = mu + shift * sigma / 10, sigma * stretch
    best, other = ch.kl_from_mixture(means, widths, mu, sigma), ch.kl_from_mixture(means, widths, m, s)
    near(other, best + ch.kl_normal(mu, sigma, m, s), tol=1e-9)
    at_least(best, 0, tol=1e-9)
    near(ch.kl_from_mixture(means[:1], widths[:1], m, s), ch.kl_normal(means[0], widths[0], m, s), tol=1e-9, size=1e3)


@holds(cost=2, mu=real, sigma=st.floats(0.05, 5), a=st.floats(0, 5))
def test_kl_to_two_bumps_by_two_roads_and_its_limits(mu, sigma, a):
    here, again = ch.kl_to_mixture(mu, sigma, a), ch.kl_to_mixture_again(mu, sigma, a)
    near(here, again, tol=1e-8)
    near(ch.kl_to_mixture(-mu, sigma, a), here, tol=1e-9)
    at_least(here, 0, tol=1e-9)
    bumps = [ch.kl_normal(mu, sigma, side * a, 1.0) for side in (-1, 1)]
    at_least(math.log(2) + min(bumps), here, tol=1e-9)  # half of p alone is at most that much worse
    at_least(np.mean(bumps), here, tol=1e-9)  # KL is convex in p


@holds(q=tens(-300, 0), p=tens(-300, 0))
def test_the_two_estimators_at_rare_samples(q, p):
    a, b = exact([q, p])
    near(ch.log_ratio_terms(q, p), mp.log(a / b))
    near(ch.nonnegative_terms(q, p), b / a - 1 - mp.log(b / a))
    at_least(ch.nonnegative_terms(q, p), 0)


@holds(delta=tens(-5, 1.4))
def test_the_variances_of_the_estimators(delta):
    plain, other = ch.estimator_variances(delta)
    near([plain, other], [mp.mpf(delta) ** 2, mp.expm1(mp.mpf(delta) ** 2) - mp.mpf(delta) ** 2])
    at_least(other, 0, tol=1e-16)


@holds(q=simplex())
def test_search_ends_where_the_loss_is_least(q):
    goal = np.log(q[0] + 0.5), 0.3 + q[-1]
    mu, sigma, loss = ch.search(lambda m, s: (m - goal[0]) ** 2 + (np.log(s / goal[1])) ** 2 - 1, 0.0, 1.0)
    near([mu, sigma, loss], [*goal, -1.0], tol=1e-6)


@holds(d=st.integers(1, 3), data=st.data())
def test_three_nodes_are_enough_for_two_gaussians(d, data):
    (q, _), (p, _) = data.draw(covariances(d, 3)), data.draw(covariances(d, 3))
    frozen = stats.multivariate_normal(np.zeros(d), q), stats.multivariate_normal(np.ones(d), p)
    truth = ch.kl_mvn(np.zeros(d), q, np.ones(d), p)
    near(ch.kl_by_nodes(*frozen, d), truth, tol=1e-9)


