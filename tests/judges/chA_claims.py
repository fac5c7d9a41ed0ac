"""Judges of chapter A, claims on trial."""
import itertools
import math

import numpy as np
import torch
from scipy import integrate, stats
from torch import distributions as td

from judges import close, judge, simplex, tensor


@judge
def gap_of_blocks(f, rng):
    """torch's divergence of two Gaussians, the product's covariance put together block by block."""
    A = rng.normal(size=(5, 4, 4))
    precision = A @ A.swapaxes(-1, -2) + 0.2 * np.eye(4)
    for blocks in ([[0], [1], [2], [3]], [[0, 2], [1, 3]], [[3], [0, 1, 2]]):
        theirs = []
        for each in precision:
            cov = np.zeros((4, 4))
            for block in blocks:
                cov[np.ix_(block, block)] = np.linalg.inv(each[np.ix_(block, block)])
            zero = torch.zeros(4, dtype=torch.float64)
            pair = td.MultivariateNormal(zero, tensor(cov)), td.MultivariateNormal(zero, precision_matrix=tensor(each))
            theirs.append(td.kl_divergence(*pair).item())
        close(f(precision, blocks), theirs, rtol=1e-10)


@judge
def log_norm_grey(f, rng):
    """torch's continuous Bernoulli at x = 0, where only the normaliser and 1 - lambda are left."""
    logit = rng.choice([-1, 1], 9) * rng.uniform(0.2, 5, 9)
    p = td.ContinuousBernoulli(logits=tensor(logit), lims=(0.4999999, 0.5000001))
    close(f(logit), p.log_prob(tensor(np.zeros(9))).numpy() + np.logaddexp(0, logit), rtol=1e-10)


@judge
def elbo_line(f, rng):
    """By adaptive quadrature of log p(x, z) - log q(z|x) under q."""

    def log_weight_density(z, x, q, w, sigma):
        log_joint = stats.norm.logpdf(z) + stats.norm.logpdf(x, w * z, sigma)
        return q.pdf(z) * (log_joint - q.logpdf(z))

    for x, m, w in rng.normal(size=(4, 3)):
        s, sigma = rng.uniform(0.3, 2, 2)
        others, ends = (x, stats.norm(m, s), w, sigma), (m - 12 * s, m + 12 * s)
        close(f(x, m, s, w, sigma), integrate.quad(log_weight_density, *ends, args=others, points=[m])[0], rtol=1e-9)


@judge
def log_average(f, rng):
    """Draw by draw, in loops."""
    q, p_tilde = simplex(rng, 3, 4), 5 * simplex(rng, 3, 4)
    for K in (1, 2, 3):
        theirs = []
        for a, b in zip(q, p_tilde):
            terms = []
            for draws in itertools.product(range(4), repeat=K):
                weights = [b[i] / a[i] for i in draws]
                terms.append(math.prod(a[i] for i in draws) * math.log(math.fsum(weights) / K))
            theirs.append(math.fsum(terms))
        close(f(q, p_tilde, K), theirs)


@judge
def average_gap(f, rng):
    """SciPy's divergence of two tables with an axis for each draw; then -log of the mean ratio, averaged."""
    q, p = simplex(rng, 3, 4), simplex(rng, 3, 4)
    for i in range(3):
        close(f(q, p, 1)[i], stats.entropy(q[i], p[i]))
        pair = (np.outer(p[i], q[i]) + np.outer(q[i], p[i])) / 2
        close(f(q, p, 2)[i], stats.entropy(np.outer(q[i], q[i]).ravel(), pair.ravel()))
        r = p[i] / q[i]
        ratio = (r[:, None, None] + r[:, None] + r) / 3
        close(f(q, p, 3)[i], -np.einsum("a,b,c,abc->", q[i], q[i], q[i], np.log(ratio)))


@judge
def log_lik_bernoulli(f, rng):
    x, logits = rng.integers(0, 2, (5, 7)) * 1.0, rng.normal(size=(5, 7))
    close(f(*tensor(x, logits)), td.Bernoulli(logits=tensor(logits)).log_prob(tensor(x)).sum(-1))


@judge
def rate(f, rng):
    mu, log_var = rng.normal(size=(2, 5, 3))
    q = td.Normal(tensor(mu), tensor(np.exp(log_var / 2)))
    close(f(*tensor(mu, log_var)), td.kl_divergence(q, td.Normal(tensor(0.0), tensor(1.0))).sum(-1))
