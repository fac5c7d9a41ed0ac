"""Judges of chapter 01, KL divergence."""
import functools
import math

import mpmath
import numpy as np
import torch
from scipy import spatial, special, stats
from torch import distributions as td

from judges import JUDGES, close, divergence, even_log_density, even_mixture, judge, quad, simplex, tensor


@judge
def kl(f, rng):
    q, p = simplex(rng, 7, 300, 5, zeros=True), simplex(rng, 7, 300, 5)
    close(f(q, p), stats.entropy(q, p, axis=-1))
    close(f(q, p), td.kl_divergence(*(td.Categorical(probs=d) for d in tensor(q, p))))
    assert np.isinf(f(p[0], q[0])).all() and f(q, q).max() == 0


@judge
def kl_loop(f, rng):
    q, p = simplex(rng, 50, 6, zeros=True), simplex(rng, 50, 6)
    close([f(*pair) for pair in zip(q, p, strict=True)], stats.entropy(q, p, axis=-1))
    assert f(p[0], q[0]) == math.inf


@judge
def entropy(f, rng):
    q = simplex(rng, 7, 300, 5, zeros=True)
    close(f(q), stats.entropy(q, axis=-1))
    close(f(q[:, 1:]), td.Categorical(probs=tensor(q[:, 1:])).entropy(), rtol=1e-9)


@judge
def cross_entropy(f, rng):
    q, p = simplex(rng, 300, 5, zeros=True), simplex(rng, 300, 5)
    close(f(q, p), torch.nn.functional.cross_entropy(tensor(np.log(p)), tensor(q), reduction="none"))


@judge
def integral(f, rng):
    a, b = rng.normal(size=(2, 20))
    edges = np.linspace(a, b, 4, axis=-1)
    ours = f(lambda x: np.exp(-x) * np.sin(3 * x), edges)
    close(ours, [quad(lambda x: math.exp(-x) * math.sin(3 * x), *ends) for ends in zip(a, b, strict=True)])


@judge
def log_gap(f, rng):
    r = np.exp(rng.uniform(-4, 4, 200))
    close(f(r), [float(mpmath.mpf(x) - 1 - mpmath.log(x)) for x in r])


@judge
def gibbs_gap(f, rng):
    q, p = simplex(rng, 300, 5, zeros=True), simplex(rng, 300, 5)
    close(f(q, p), special.kl_div(q, p))


@judge
def given(f, rng):
    joint = simplex(rng, 40, 12).reshape(40, 3, 4)
    joint[0, 1] = 0
    close(joint.sum(-1, keepdims=True) * f(joint), joint)
    close(f(joint).sum(-1), np.ones((40, 3)))


@judge
def conditional_kl(f, rng):
    q, p = simplex(rng, 40, 12, zeros=True), simplex(rng, 40, 12)
    tables = [d.reshape(40, 3, 4) for d in (q, p)]
    close(f(*tables), stats.entropy(q, p, axis=-1) - stats.entropy(*(t.sum(-1) for t in tables), axis=-1))


@judge
def total_variation(f, rng):
    q, p = simplex(rng, 40, 6, zeros=True), simplex(rng, 40, 6)
    close(f(q, p), [spatial.distance.cityblock(*pair) / 2 for pair in zip(q, p, strict=True)])


@judge
def pinsker_gap(f, rng):
    q, p = (0.9 * simplex(rng, 40, 6) + 0.1 / 6 for _ in range(2))
    half_l1 = np.array([spatial.distance.minkowski(*pair, 1) / 2 for pair in zip(q, p, strict=True)])
    close(f(q, p), stats.entropy(q, p, axis=-1) - 2 * half_l1**2)


@judge
def kl_normal(f, rng):
    mu_q, mu_p = 5 * rng.normal(size=(2, 300))
    sigma_q, sigma_p = np.exp(rng.normal(size=(2, 300)))
    q, p = td.Normal(*tensor(mu_q, sigma_q)), td.Normal(*tensor(mu_p, sigma_p))
    close(f(mu_q, sigma_q, mu_p, sigma_p), td.kl_divergence(q, p))


def gaussians(rng, count, d):
    mu, root = rng.normal(size=(count, d)), rng.normal(size=(count, d, d))
    return mu, root @ np.swapaxes(root, -1, -2) + 0.3 * np.eye(d)


@judge
def kl_mvn(f, rng):
    for d in (1, 5):
        q, p = gaussians(rng, 60, d), gaussians(rng, 60, d)
        close(f(*q, *p), td.kl_divergence(*(td.MultivariateNormal(*tensor(*each)) for each in (q, p))), rtol=1e-9)


@judge
def kl_by_nodes(f, rng):
    (mu_q, cov_q), (mu_p, cov_p) = gaussians(rng, 1, 5), gaussians(rng, 1, 5)
    ours = f(stats.multivariate_normal(mu_q[0], cov_q[0]), stats.multivariate_normal(mu_p[0], cov_p[0]), 5)
    q, p = td.MultivariateNormal(*tensor(mu_q, cov_q)), td.MultivariateNormal(*tensor(mu_p, cov_p))
    close([ours], td.kl_divergence(q, p), rtol=1e-9)


@judge
def kl_std_normal(f, rng):
    mu, log_var = rng.normal(size=(2, 300, 7))
    q = td.Independent(td.Normal(*tensor(mu, np.exp(log_var / 2))), 1)
    close(f(mu, log_var), td.kl_divergence(q, td.Independent(td.Normal(*tensor(0 * mu, 1 + 0 * mu)), 1)))


@judge
def log_mixture(f, rng):
    means, widths, x = rng.normal(size=(30, 4)), rng.uniform(0.3, 2, (30, 4)), 3 * rng.normal(size=(30, 2, 20))
    theirs = even_mixture(means[:, None, None], widths[:, None, None]).log_prob(tensor(x))
    close(f(x, means, widths), theirs)


@judge
def mixture_moments(f, rng):
    means, widths = rng.normal(size=(30, 4)), rng.uniform(0.3, 2, (30, 4))
    mixture = even_mixture(means, widths)
    close(f(means, widths), torch.stack([mixture.mean, mixture.variance.sqrt()]))


@judge
def kl_from_mixture(f, rng):
    for _ in range(5):
        means, widths, mu, sigma = rng.normal(size=3), rng.uniform(0.5, 2, 3), rng.normal(), rng.uniform(1, 2)
        log_p, log_q = even_log_density(means, widths), even_log_density([mu], [sigma])
        close(f(means, widths, np.array(mu), np.array(sigma)), divergence(log_p, log_q, -20, 20, means), rtol=1e-9)


@judge
def kl_to_mixture(f, rng):
    for a in (0.0, 0.7, 2.5):
        mu, sigma = rng.normal(), rng.uniform(0.5, 2)
        log_q, log_p = even_log_density([mu], [sigma]), even_log_density([-a, a], [1.0, 1.0])
        theirs = divergence(log_q, log_p, mu - 11 * sigma, mu + 11 * sigma, [mu, 0])
        close(f(mu, sigma, a), theirs, rtol=1e-9)


JUDGES["kl_to_mixture_again"] = kl_to_mixture


@judge
def search(f, rng):
    mu, sigma, loss = f(lambda m, s: (m - 1.3) ** 2 + (np.log(s) - 0.4) ** 2 + 2, -1.0, 1.0)
    close([mu, sigma, loss], [1.3, math.exp(0.4), 2], rtol=1e-5)


@judge
def log_ratio_terms(f, rng):
    q, p = np.exp(rng.normal(size=(2, 300)))
    close(f(q, p), special.rel_entr(q, p) / q)


@judge
def nonnegative_terms(f, rng):
    q, p = np.exp(rng.normal(size=(2, 300)))
    close(f(q, p), special.kl_div(q, p) / q)


@judge
def estimator_variances(f, rng):
    for delta in rng.uniform(0.2, 2, 5):
        r = stats.lognorm(delta, scale=math.exp(-(delta**2) / 2))  # r under q = N(0, 1), for p = N(delta, 1)
        mean = functools.partial(r.expect, epsabs=1e-12, epsrel=1e-12, limit=400)
        terms = (np.log, lambda x: x - 1 - np.log(x))
        close(np.ravel(f(delta)), [mean(lambda x, g=g: g(x) ** 2) - mean(g) ** 2 for g in terms], rtol=1e-7)
