"""Chapter 06: conjugate models, for one point or more, one group or more, and data and priors of any scale."""
import math

import numpy as np
from hypothesis import strategies as st

from properties import Chapter, at_least, exact, holds, mp, near, reals, seeds, simplex, tens, times_log, total

ch = Chapter("06_conjugate")


@st.composite
def problems(draw, most=4, scale=60):
    """x (n,) and a prior in a unit of any size; the unit. lam_0 and a_0 from a thousandth to a thousand."""
    n, unit = draw(st.integers(1, most)), draw(tens(-scale, scale))
    x = draw(reals(n, size=10.0)) * unit
    prior = draw(st.floats(-10, 10)) * unit, draw(tens(-3, 3)), draw(tens(-3, 3)), draw(tens(-3, 3)) * unit**2
    return x, prior, unit


def exact_evidence(x, prior):
    """log p(x) and the posterior, a point at a time, by mpmath."""
    mu, lam, a, b = exact(prior)
    log_p = mp.mpf(0)
    for point in exact(x):
        miss = lam * (point - mu) ** 2 / (2 * (lam + 1))
        log_p += mp.loggamma(a + 0.5) - mp.loggamma(a) + a * mp.log(b) - (a + 0.5) * mp.log(b + miss)
        log_p += mp.log(lam / (lam + 1) / (2 * mp.pi)) / 2
        mu, lam, a, b = (lam * mu + point) / (lam + 1), lam + 1, a + mp.mpf(0.5), b + miss
    return log_p, (mu, lam, a, b)


@holds(problem=problems(), seed=seeds)
def test_evidence_and_posterior_in_any_unit_and_order(problem, seed):
    x, prior, unit = problem
    log_p, posterior = exact_evidence(x, prior)
    size = 1e4 + 300 * len(x)
    near([ch.log_evidence_ng(x, prior), ch.log_evidence_by_chain(x, prior)], [log_p, log_p], size=size)
    in_units = [1 / unit, 1, 1, unit**-2]
    near(np.array(ch.posterior_ng(x, prior)) * in_units, [a * b for a, b in zip(posterior, exact(in_units))], size=1e4)
    rng = np.random.default_rng(seed)
    other = 3.0 * prior[0], prior[1], prior[2], 9.0 * prior[3]
    near(ch.log_evidence_ng(3.0 * rng.permutation(x), other), log_p - len(x) * mp.log(3), size=size)
    twice, w = np.append(x, x), rng.integers(0, 2, len(x))
    near(ch.log_evidence_ng(twice, prior, np.append(w, 1 - w)), log_p, size=size)
    near(ch.log_evidence_ng(x, prior, 0 * x), 0.0, size=1e4)


@st.composite
def factors(draw, unit, prior):
    """m, v, a, b of q(mu) q(tau), in that unit."""
    return (prior[0] + draw(st.floats(-5, 5)) * unit, draw(tens(-2, 2)) * unit**2, draw(tens(-2, 3)),
            draw(tens(-2, 2)) * unit**2)


@holds(problem=problems(), data=st.data())
def test_the_bound_and_its_gap(problem, data):
    x, prior, unit = problem
    q, posterior = data.draw(factors(unit, prior)), ch.posterior_ng(x, prior)
    bound, gap = ch.elbo_ng(x, prior, *q), ch.kl_factors_ng(*q, posterior)
    size = 1e4 + gap
    near(bound + gap, ch.log_evidence_ng(x, prior), size=size)
    at_least(gap, 0, size=size)
    rises, kls = ch.falls_ng(x, prior, *q)
    near(rises, kls, size=size, tol=1e-11)
    at_least(kls, 0, size=size)
    end = ch.run_ng(posterior, *q[2:], 300)
    near(ch.kl_factors_ng(*end, posterior), ch.gap_ng(posterior[2] + 0.5), size=1e4)
    near(np.array(ch.run_ng(posterior, *q[2:], 1)[:2]),
         np.array(ch.update_mu_ng(posterior, *q[2:])), size=np.array([unit, unit**2]))


@holds(problem=problems(1), tau=tens(-2, 2), shift=st.floats(-3, 3), v=tens(-2, 2))
def test_densities_multiply(problem, tau, shift, v):
    x, prior, unit = problem
    mu, tau = prior[0] + shift * unit, tau / unit**2
    joint = ch.log_joint_ng(x, np.array(mu), np.array(tau), prior)
    posterior = ch.posterior_ng(x, prior)
    near(joint - ch.log_evidence_ng(x, prior), ch.log_normal_gamma(mu, tau, *posterior), size=1e6)
    m, lam, a, b = posterior
    apart = ch.log_q_ng(mu, tau, m, 1 / (lam * tau), a, b)
    near(apart, ch.log_normal_gamma(mu, tau, *posterior), size=1e6)


@holds(a=tens(-3, 4), p=tens(-3, 4), b=tens(-140, 140), d=st.floats(-3, 3))
def test_the_divergence_of_gammas(a, p, b, d):
    d = b * 10.0**d
    x, y, s, t = exact([a, p, b, d])
    truth = (x - y) * mp.digamma(x) - mp.loggamma(x) + mp.loggamma(y) + y * mp.log(s / t) + x * (t - s) / s
    size = (a + p) * (math.log(a + p + 3) + 10) * max(1, 1 / a) + a * d / b
    near(ch.kl_shape_rate(a, b, p, d), truth, size=size)
    at_least(ch.kl_shape_rate(a, b, p, d), 0, size=size)
    near(ch.kl_shape_rate(a, b, a, b), 0.0, size=size)
    q, o = (0.0, 1.0, a, b), (b**0.5, 2.0, p, d)
    near(ch.kl_normal_gamma(q, o) - ch.kl_shape_rate(a, b, p, d), (1 - math.log(2)) / 2 + a, size=size)


@holds(a=st.one_of(st.floats(0.51, 100), tens(0, 6)))
def test_the_gap_of_the_best_factors(a):
    half, x = mp.mpf(0.5), mp.mpf(a)
    truth = mp.log(x) / 2 + mp.loggamma(x - half) - mp.loggamma(x) + (x - half) * mp.log(x / (x - half)) - half
    near(ch.gap_ng(a), truth, size=a * (math.log(a) + 1))
    at_least(ch.gap_ng(a), 0, size=a * (math.log(a) + 1))


@holds(m=st.floats(-10, 10), v=tens(-3, 3), a=tens(-0.2, 3), b=tens(-100, 100))
def test_means_under_q_by_quadrature(m, v, a, b):
    m, v, a, b = (np.array([each]) for each in (m, v, a, b))
    f = lambda mu, tau: (mu**2 * tau * b / a) + np.log(tau * b)  # noqa: E731
    near(ch.mean_under_q(f, m, v, a, b), m**2 + v + [mp.digamma(a[0])], size=1e4, tol=1e-11)


counts = st.lists(st.tuples(tens(-3, 5), tens(-3, 5)), min_size=1, max_size=5)


@holds(counts=counts, seed=seeds)
def test_dirichlets(counts, seed):
    alpha, beta = np.array(counts).T
    x, y, order = exact(alpha), exact(beta), np.random.default_rng(seed).permutation(len(alpha))
    means = [mp.digamma(a) - mp.digamma(total(x)) for a in x]
    near(ch.mean_log_pi(alpha), means)
    truth = mp.loggamma(total(x)) - mp.loggamma(total(y)) + total(mp.loggamma(b) - mp.loggamma(a) for a, b in zip(x, y))
    truth += total((a - b) * c for a, b, c in zip(x, y, means))
    size = float(total(abs((a - b) * c) for a, b, c in zip(x, y, means))) + 30 * (alpha.sum() + beta.sum())
    near([ch.kl_dirichlet(alpha, beta), ch.kl_dirichlet(alpha[order], beta[order])], [truth, truth], size=size)
    at_least(ch.kl_dirichlet(alpha, beta), 0, size=size)
    near(ch.kl_dirichlet(alpha, alpha), 0.0, size=size)


@st.composite
def mixtures(draw):
    """Up to four points in up to three groups, perhaps one of each, labels with zeros. -> x, phi, prior, alpha_0"""
    n, D, K = draw(st.integers(1, 4)), draw(st.integers(1, 2)), draw(st.integers(1, 3))
    prior = draw(st.floats(-3, 3)), draw(tens(-2, 2)), draw(tens(-1, 2)), draw(tens(-2, 2))
    phi = np.stack([draw(simplex(K)) for _ in range(n)])
    return draw(reals(n, D, size=draw(st.sampled_from([1.0, 1e4])))), phi, prior, draw(tens(-3, 3))


@holds(mixture=mixtures(), seed=seeds)
def test_the_mixtures_evidence_by_labellings_and_by_an_urn(mixture, seed):
    x, phi, prior, alpha_0 = mixture
    (n, K), order = phi.shape, np.random.default_rng(seed).permutation(len(x))
    log_p = ch.log_evidence_gmm(x, prior, alpha_0, K)
    near(ch.log_evidence_by_urn(x[None], prior, alpha_0, K)[0], log_p, size=1e4)
    near(ch.log_evidence_gmm(x[order], prior, alpha_0, K), log_p, size=1e4)
    near(ch.log_evidence_gmm(x, prior, alpha_0, 1), ch.log_evidence_ng(x.T, prior).sum(), size=1e4)
    states, z = ch.labellings(n, K)
    assert states.shape == (K**n, n) and (z.sum(-1) == 1).all() and (z.argmax(-1) == states).all()
    moved = ch.log_joint_gmm(x[np.argsort(order)], z, prior, alpha_0)
    near(ch.log_joint_gmm(x, z[:, order], prior, alpha_0), moved, 1e4)
    assert (ch.transpose(ch.transpose(z)) == z).all()


@holds(mixture=mixtures(), data=st.data())
def test_the_mixtures_bound_its_gap_and_its_ascent(mixture, data):
    x, phi, prior, alpha_0 = mixture
    (_, K), D = phi.shape, x.shape[1]
    alpha, theta = ch.update_params_gmm(x, phi, prior, alpha_0)
    theta = theta * 2 ** data.draw(reals(4, K, D, size=1.0))  # any q will do
    bound = ch.elbo_gmm(x, phi, alpha, theta, prior, alpha_0)
    gaps = np.array(ch.gap_gmm(x, phi, alpha, theta, prior, alpha_0))
    size = 1e5 + abs(bound)
    at_least(gaps, 0, size=size)
    if np.isfinite(gaps).all():  # p(z | x) has not been rounded to zero where q(z) > 0
        near(bound + gaps.sum(), ch.log_evidence_gmm(x, prior, alpha_0, K), size=size, tol=1e-11)
    rises, kls = ch.falls_gmm(x, phi, alpha, theta, prior, alpha_0)
    at_least(rises, 0, size=size)
    at_least(kls, 0, size=size)
    near(np.where(np.isfinite(kls), rises - kls, 0), np.zeros(4), size=size, tol=1e-11)  # inf: phi has become 0
    order = np.arange(K)[::-1]
    near(ch.elbo_gmm(x, phi[:, order], alpha[order], theta[:, order], prior, alpha_0), bound, size=size)
    table = ch.mean_log_pi(alpha) + ch.mean_log_lik(x, theta)
    new = ch.update_labels_gmm(x, alpha, theta)
    near(new.sum(-1), np.ones(len(x)))
    near(np.exp(table - table.max(-1, keepdims=True)), new / new.max(-1, keepdims=True), tol=1e-10)


@holds(alpha=reals(2, size=1.0), theta=reals(4, 2, 1, size=1.0), x=reals(2, 1, size=30.0))
def test_log_odds_by_quadrature(alpha, theta, x):
    alpha, theta = 10**alpha + 0.5, np.array([theta[0], *(0.6 + 10 ** theta[1:])])
    table = ch.mean_log_pi(alpha) + ch.mean_log_lik(x, theta)
    near(ch.log_odds_by_nodes(x, alpha, theta), table - table[:, :1], size=1e5, tol=1e-11)


@holds(phi=st.integers(1, 3).flatmap(lambda K: st.lists(simplex(K), min_size=1, max_size=3)))
def test_what_names_cost(phi):
    phi = np.array(phi)
    n, K = phi.shape
    q_z = np.array([mp.fprod(row) for row in map(exact, (phi[np.arange(n), z] for z in ch.labellings(n, K)[0]))], float)
    cost, most = ch.label_cost(q_z, n, K), math.lgamma(K + 1)
    at_least([cost, most - cost], 0)
    at_least(cost, ch.names_floor(phi), tol=1e-10)
    renamed = ch.renumbered(q_z, n, K)
    assert renamed.shape == (math.factorial(K), K**n) and (renamed[0] == q_z).all()
    near([ch.label_cost(each, n, K) for each in renamed], [cost] * len(renamed))
    near(-total(times_log(a, a) for a in exact(q_z)), ch.entropy(q_z))


@holds(seed=seeds, n=st.integers(1, 20), K=st.integers(1, 6))
def test_rows_are_cut_evenly(seed, n, K):
    labels = ch.cut_in_rows(np.random.default_rng(seed).normal(size=(n, 2)), K)
    near(labels.sum(-1), np.ones((4, n)))
    held = (labels > 0.5 if K > 1 else labels > 0).sum(1)
    assert labels.shape == (4, n, K) and (np.ptp(held, axis=-1) <= 1).all()


@holds(cost=4, problem=problems(4, scale=0))
def test_the_evidence_on_a_grid(problem):
    x, (mu_0, lam_0, a_0, b_0), _ = problem
    x, prior = x / 3, (mu_0 / 3, lam_0**0.3, 1 + a_0**0.3, b_0**0.3)
    _, lam, a, b = ch.posterior_ng(x, prior)
    middle = math.log(a / b)
    off = abs(ch.posterior_ng(x, prior)[0] - x.mean()) * (a / b) ** 0.5 * 3
    reach = 14 / lam**0.5 + off + 14
    u, s = np.linspace(middle - 40 / a**0.5 - 5, middle + 14 / a**0.5 + 2, 500), np.linspace(-reach, reach, 500)
    near(ch.log_evidence_by_grid(x, prior, u, s), ch.log_evidence_ng(x, prior), size=1e2, tol=1e-7)
