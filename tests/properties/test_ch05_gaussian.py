"""Chapter 05: mean field on a Gaussian, for precisions close to singular and units of any size."""
import math

import numpy as np
from hypothesis import strategies as st

from properties import Chapter, at_least, covariances, exact, holds, mp, near, reals, seeds, simplex, tens, total

ch = Chapter("05_gaussian")


@st.composite
def targets(draw, log_condition=12, most=4):
    """precision, h, its condition."""
    n = draw(st.integers(1, most))
    precision, condition = draw(covariances(n, log_condition))
    return precision, precision @ draw(reals(n, size=3.0)), condition


@st.composite
def products(draw, log_condition=12):
    """A target, and means and deviations of a product. -> precision, h, condition, m, s"""
    precision, h, condition = draw(targets(log_condition))
    own = np.diag(precision) ** -0.5
    return precision, h, condition, draw(reals(len(h), size=5.0)) * own, own * 10 ** draw(reals(len(h), size=2.0))


@holds(target=targets(), c=st.floats(-1e3, 1e3), unit=tens(-70, 70))
def test_log_Z_close_to_singular_and_in_any_unit(target, c, unit):
    precision, h, condition = target
    P, b = mp.matrix(exact(precision)), mp.matrix(exact(h))
    truth = mp.mpf(c) + (b.T * P**-1 * b)[0] / 2 + (len(h) * mp.log(2 * mp.pi) - mp.log(mp.det(P))) / 2
    near(ch.log_Z_gauss(precision, h, c), truth, size=1e3 * condition, tol=1e-13)
    scaled = ch.log_Z_gauss(precision / unit**2, h / unit, c)
    near(scaled - len(h) * math.log(unit), truth, size=1e3 * condition, tol=1e-13)


@holds(product=products(), c=st.floats(-1e3, 1e3))
def test_the_bound_the_excess_and_the_gap_add_up(product, c):
    precision, h, condition, m, s = product
    J, log_Z = ch.J_gauss(m, s, precision, h, c), ch.log_Z_gauss(precision, h, c)
    excess, gap = ch.excess_gauss(m, s, precision, h), ch.gap_gauss(precision)
    near(J + log_Z, excess + gap, size=1e4 * condition, tol=1e-13)
    cov = np.linalg.inv(precision)
    near(excess + gap, ch.kl_mvn(m, np.diag(s**2), cov @ h, (cov + cov.T) / 2), size=1e5 * condition**2, tol=1e-13)
    at_least([excess, gap], 0, size=condition, tol=1e-14)
    mean, own = ch.mf_gauss(precision, h)
    near(ch.excess_gauss(mean, own, precision, h), 0.0, size=condition, tol=1e-14)
    at_least(J, ch.J_gauss(mean, own, precision, h, c), size=1e3 * condition, tol=1e-14)


@holds(product=products(8), data=st.data())
def test_an_update_is_the_best_factor_and_a_sweep_is_all_of_them(product, data):
    precision, h, condition, m, s = product
    j = data.draw(st.integers(0, len(m) - 1))
    mean, own = ch.update_gauss(j, m, precision, h)
    place = np.arange(len(m)) == j
    best = np.where(place, mean, m), np.where(place, own, s)
    at_least(ch.J_gauss(m, s, precision, h, 0.0), ch.J_gauss(*best, precision, h, 0.0), size=1e4)
    near(precision[j] @ best[0], h[j], size=1e2 * np.abs(precision).max() * np.abs(best[0]).max())
    before = m.copy()
    swept = ch.sweep_gauss(m, precision, h)
    assert (m == before).all()
    at_least(ch.J_gauss(m, s, precision, h, 0.0), ch.J_gauss(swept, s, precision, h, 0.0), size=1e4)
    fixed = ch.mf_gauss(precision, h)[0]
    near(ch.sweep_gauss(fixed, precision, h), fixed, size=condition * np.abs(fixed).max(), tol=1e-12)
    assert -1e-9 <= ch.rate_gauss(precision) <= 1 + 1e-9


@holds(product=products(2), c=st.floats(-10, 10), seed=seeds)
def test_the_quadratic_is_what_J_is_the_mean_of(product, c, seed):
    """At 3 nodes a side, which are enough for a quadratic."""
    precision, h, _, m, s = product
    u, w = ch.product_nodes(*np.polynomial.hermite_e.hermegauss(3), n=len(m))
    near(w.sum(), 1.0)
    z = m + s * u[:, 0]
    energy = w @ ch.log_p_tilde_gauss(z, precision, h, c)
    entropy = np.log(2 * np.pi * np.e * s**2).sum() / 2
    near(ch.J_gauss(m, s, precision, h, c), -energy - entropy, size=1e6)


@holds(rho=st.one_of(st.floats(-1, 1), tens(-16, -1).map(lambda d: 1 - d)), k=tens(-3, 2))
def test_two_dimensions(rho, k):
    cover = ch.coverage_gauss(rho, k)
    near(cover, mp.erf(mp.mpf(k) * mp.sqrt((1 - mp.mpf(rho)) * (1 + mp.mpf(rho))) / mp.sqrt(2)), size=1, tol=1e-7)
    assert 0 <= cover <= ch.coverage_gauss(0.0, k)
    if abs(rho) < 1 - 1e-9:
        precision = np.array([[1, -rho], [-rho, 1]])
        near(ch.rate_gauss(precision), rho**2, tol=1e-10)
        near(ch.gap_gauss(precision), -np.log1p(-(rho**2)) / 2, tol=1e-6)


@holds(target=targets(8), seed=seeds, unit=tens(-70, 70))
def test_the_gap_and_the_total_correlation(target, seed, unit):
    precision, _, condition = target
    P = mp.matrix(exact(precision))
    truth = (total(mp.log(P[i, i]) for i in range(P.rows)) - mp.log(mp.det(P))) / 2
    order = np.random.default_rng(seed).permutation(len(precision))
    scales = unit ** np.random.default_rng(seed).uniform(-1, 1, len(precision))
    size = condition + 100 * len(precision)  # of the logs of scales
    for same in (precision, precision[order][:, order], precision * np.outer(scales, scales)):
        near(ch.gap_gauss(same), truth, size, tol=1e-14)
        near(ch.total_correlation_gauss(same), truth, size, tol=1e-14)
    near(ch.diagonals(precision), [P[i, i] for i in range(P.rows)])
    near(ch.gap_gauss(np.diag(scales**2)), 0.0)


@holds(target=targets(6))
def test_the_order_of_the_variances(target):
    precision, _, condition = target
    cov = np.linalg.inv(precision)
    for i in range(len(cov)):
        lost = ch.from_others_gauss(i, precision, cov)
        near(1 / precision[i, i] + lost, cov[i, i], size=cov.max() * condition, tol=1e-13)
        at_least(lost, 0, size=cov.max() * condition, tol=1e-13)


@holds(a=st.floats(-0.999999, 0.999999), rho=st.floats(0, 0.999999), n=st.integers(2, 6))
def test_the_gap_of_a_chain_and_of_a_crowd(a, rho, n):
    size = 1 / min(1 - abs(a), 1 - rho)
    chain = a ** np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    near(ch.gap_chain(a, n), ch.gap_gauss(np.linalg.inv(chain)), size=size, tol=1e-11)
    near(ch.gap_crowd(rho, n), ch.gap_gauss(np.linalg.inv(np.where(np.eye(n), 1, rho))), size=size, tol=1e-11)
    at_least([ch.gap_chain(a, n), ch.gap_crowd(rho, n)], 0)


units = st.tuples(tens(-70, 70), tens(-70, 70))


@holds(x=reals(3, size=1.0), y=reals(3), gap=tens(-3, 2), far=st.floats(-1e3, 1e3), units=units)
def test_a_line_through_two_points_or_more(x, y, gap, far, units):
    sigma, unit = units
    x = np.append(x, x[0] + gap) + far
    tightness = 1 + (x.mean() / x.std()) ** 2
    precision, h, c = ch.regression_gauss(x, np.append(y, 1.0), 1.0)
    near(ch.gap_line(x), ch.gap_gauss(precision), size=tightness, tol=1e-13)
    near(ch.gap_line(x * unit), ch.gap_line(x), size=tightness, tol=1e-13)
    near(ch.gap_line(x - x.mean()), 0.0, size=tightness, tol=1e-13)
    near(ch.gap_line(np.array([1, 1 + gap]) * unit), np.log1p((2 / gap + 1) ** 2) / 2, tol=1e-9)
    other = ch.regression_gauss(x, np.append(y, 1.0) * sigma, sigma)
    z = np.array([0.3, -1.7])
    near(ch.log_p_tilde_gauss(z * sigma, *other), ch.log_p_tilde_gauss(z, precision, h, c) - 4 * math.log(sigma),
         size=1e9)


@holds(z=reals(2, size=1.0), unit=tens(-150, 150))
def test_the_spike_on_the_hill_at_any_distance(z, unit):
    x, y = exact(z * unit)
    parts = [w / (2 * mp.pi * s**2) * mp.exp(-(x**2 + y**2) / (2 * s**2)) for w, s in
             ((mp.mpf(0.1), mp.mpf(0.3)), (mp.mpf(0.9), mp.mpf(2)))]
    near(ch.log_p_mix(*(z * unit)), mp.log(sum(parts)))


@holds(q=simplex(5), other=simplex(4), log_p=reals(5, 4, size=1e3))
def test_factors_on_a_grid_never_climb(q, other, log_p):
    pairs = ch.run_mix(q, other, log_p, sweeps=3)
    at_least(-np.diff([ch.J_mix(*pair, log_p) for pair in pairs]), 0, size=1e4)
    for pair in pairs[2:]:
        near([each.sum() for each in pair], [1.0, 1.0])
    z = np.linspace(-16, 16, 5)
    mean = total(a * b for a, b in zip(exact(q), exact(z)))
    near(ch.variance_mix(q, z), total(a * (b - mean) ** 2 for a, b in zip(exact(q), exact(z))), size=256)


@holds(step=st.integers(200, 400))
def test_the_grid_holds_all_of_p(step):
    z, log_p = ch.grid_mix(32 / step)
    near(np.exp(log_p).sum(), 1.0, tol=1e-9)
