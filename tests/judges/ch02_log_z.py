"""Judges of chapter 02, the log Z identity."""
import math

import numpy as np
import torch
from scipy import spatial, special, stats
from torch import distributions as td

from judges import close, divergence, even_log_density, even_mixture, every, judge, simplex, tensor


def weighted(rng, *shape):
    """q with zeros, p_tilde > 0 with sums far from one."""
    return simplex(rng, *shape, zeros=True), simplex(rng, *shape) * np.exp(rng.uniform(-20, 20, (*shape[:-1], 1)))


def ring_weight(x, h, w):
    """log p_tilde of one state of one ring, term by term."""
    return sum(h[i] * x[i] + w[i] * x[i] * x[(i + 1) % len(x)] for i in range(len(x)))


@judge
def Z(f, rng):
    p_tilde = weighted(rng, 40, 9)[1]
    close(f(p_tilde), [math.fsum(row) for row in p_tilde])


@judge
def log_p_tilde_ring(f, rng):
    x, h, w = every(6), rng.normal(size=(3, 6)), rng.normal(size=(3, 6))
    close(f(x, h, w), [[ring_weight(state, *case) for state in x] for case in zip(h, w, strict=True)])


@judge
def Z_ring(f, rng):
    h, w = rng.normal(size=(2, 4, 7))
    theirs = [math.fsum(math.exp(ring_weight(x, *case)) for x in every(7)) for case in zip(h, w, strict=True)]
    close(f(h, w), theirs)


@judge
def J(f, rng):
    q, p_tilde = weighted(rng, 300, 6)
    close(f(q, p_tilde), torch.nn.functional.kl_div(*tensor(np.log(p_tilde), q), reduction="none").sum(-1))
    assert np.isinf(f(p_tilde[0] / p_tilde[0].sum(), q[0]))


@judge
def J_by_loop(f, rng):
    q, p_tilde = weighted(rng, 30, 6)
    theirs = torch.nn.functional.kl_div(*tensor(np.log(p_tilde), q), reduction="none").sum(-1)
    close([f(*case) for case in zip(q, p_tilde, strict=True)], theirs)


@judge
def energy(f, rng):
    q, p_tilde = weighted(rng, 300, 6)
    theirs = -torch.special.xlogy(*tensor(q, p_tilde)).sum(-1)
    close(f(q, p_tilde), theirs)


@judge
def tight_gap(f, rng):
    q, p = simplex(rng, 300, 6), simplex(rng, 300, 6)
    hellinger = np.array([spatial.distance.sqeuclidean(*np.sqrt(pair)) for pair in zip(q, p, strict=True)])
    close(f(q, p), stats.entropy(q, p, axis=-1) - hellinger)


@judge
def climb(f, rng):
    q, p_tilde = simplex(rng, 30, 6), weighted(rng, 30, 6)[1]
    kept = 0.7**3
    theirs = torch.softmax(tensor(kept * np.log(q) + (1 - kept) * np.log(p_tilde)), -1)
    close(f(q, p_tilde, 3, rate=0.3), theirs)


@judge
def log_weight(f, rng):
    q, p_tilde = weighted(rng, 30, 6)
    close(f(q, p_tilde)[q > 0], (tensor(p_tilde).log() - tensor(q).log()).numpy()[q > 0])


@judge
def expect(f, rng):
    q, values = simplex(rng, 30, 6), rng.normal(size=(30, 6))
    close(f(q, values), [np.average(value, weights=row) for row, value in zip(q, values, strict=True)])


@judge
def eubo(f, rng):
    q, p = simplex(rng, 300, 6), simplex(rng, 300, 6, zeros=True)
    close(f(q, p, 7.5 * p), stats.entropy(p, q, axis=-1) + math.log(7.5))


@judge
def chi_square(f, rng):
    p, q = simplex(rng, 30, 6, zeros=True), simplex(rng, 30, 6)
    close(f(p, q), stats.chisquare(p, q, axis=-1).statistic)


@judge
def gradient(f, rng):
    q, p_tilde = tensor(simplex(rng, 30, 6)).requires_grad_(), tensor(weighted(rng, 30, 6)[1])
    (q * (q / p_tilde).log()).sum().backward()
    close(f(q.detach().numpy(), p_tilde.numpy()), q.grad)


@judge
def hessian(f, rng):
    q, p_tilde = tensor(simplex(rng, 6)), tensor(weighted(rng, 1, 6)[1][0])
    close(f(q.numpy()), torch.autograd.functional.hessian(lambda x: (x * (x / p_tilde).log()).sum(), q))


@judge
def mean_coins(f, rng):
    h, w = rng.normal(size=(2, 3, 10))
    x, fields = tensor(every(10)), tensor(h).requires_grad_()
    log_weights = fields @ x.T + tensor(w) @ (x * x.roll(-1, -1)).T
    torch.logsumexp(log_weights, -1).sum().backward()
    close(f(h, w), fields.grad)


@judge
def J_loggamma(f, rng):
    for m, s, k in zip(rng.normal(size=4), rng.uniform(0.2, 0.9, 4), rng.uniform(1, 9, 4), strict=True):
        log_q, log_p_tilde = even_log_density([m], [s]), lambda x, k=k: k * x - math.exp(x)
        close(f(m, s, k), divergence(log_q, log_p_tilde, m - 12 * s, m + 12 * s, [m]), rtol=1e-9)


@judge
def kl_loggamma(f, rng):
    m, s, k = rng.normal(size=4), rng.uniform(0.2, 0.9, 4), rng.uniform(1, 9, 4)
    minus_entropy = -td.Normal(*tensor(m, s)).entropy().numpy()
    mean_log_p = k * m - np.exp(m + s**2 / 2) - special.loggamma(k)  # E log p, from the log-normal's mean
    close(f(m[:, None], s[:, None], k[:, None]), minus_entropy - mean_log_p, rtol=1e-9)


@judge
def log_p_tilde_wells(f, rng):
    x = 2 * rng.normal(size=50)
    close(f(x, 1.3), even_mixture([-1.3, 1.3], [0.5, 0.5]).log_prob(tensor(x)) + math.log(2 * math.pi) / 2)


def kl_to_wells(m, s, a):
    """KL of N(m, s^2) from the even mixture of N(-a, 1/4) and N(a, 1/4)."""
    return divergence(even_log_density([m], [s]), even_log_density([-a, a], [0.5, 0.5]), m - 11 * s, m + 11 * s, [m, 0])


@judge
def J_wells(f, rng):
    close(f(0.4, 0.8, 1.3), kl_to_wells(0.4, 0.8, 1.3) - math.log(2 * math.pi) / 2, rtol=1e-9)


@judge
def kl_wells(f, rng):
    close(f(-0.3, 1.1, 1.6), kl_to_wells(-0.3, 1.1, 1.6), rtol=1e-9)
