"""Judges of chapter 03, inference as optimisation."""
import functools
import math

import mpmath
import numpy as np
import torch
from scipy import optimize, special, stats
from torch import distributions as td

from judges import close, judge, quad, tensor


def counts(rng, cases):
    """Counts, prior means and widths, some wider than any in the notebook. -> three (cases, 1)"""
    y = rng.integers(0, 30, (cases, 1))
    return y, rng.uniform(-2, 2.5, (cases, 1)), rng.uniform(0.3, 1.8, (cases, 1))


def log_joint(z, y, m0, s0):
    """log p(y, z) by torch."""
    z, y, m0, s0 = tensor(*np.broadcast_arrays(z, y, m0, s0))
    return (td.Normal(m0, s0).log_prob(z) + td.Poisson(torch.exp(z)).log_prob(y)).numpy()


def minus_log_joint(z, y, m0, s0):
    return -log_joint(z, y, m0, s0)


def evidence(y, m0, s0):
    """log Z by mpmath, over the rate and not its log: one number."""
    prior = stats.norm(m0, s0)
    top = optimize.minimize_scalar(lambda z: -prior.logpdf(z) - stats.poisson.logpmf(y, math.exp(z)),
                                   bounds=(m0 - 9 * s0, max(m0, math.log(y + 1)) + 1), method="bounded").x

    def density(r):
        log_prior = -((mpmath.log(r) - m0) ** 2) / (2 * s0**2) - mpmath.log(r * s0 * mpmath.sqrt(2 * mpmath.pi))
        return mpmath.exp(log_prior + y * mpmath.log(r) - r - mpmath.loggamma(y + 1))

    edges = [mpmath.exp(top + step * s0 / 2) for step in range(-18, 19)]
    return float(mpmath.log(mpmath.quad(density, edges)))


def bound(m, s, y, m0, s0):
    """-J of one Gaussian, by adaptive quadrature."""
    q, prior = stats.norm(m, s), stats.norm(m0, s0)

    def integrand(z):
        return q.pdf(z) * (prior.logpdf(z) + stats.poisson.logpmf(y, math.exp(z)) - q.logpdf(z))

    return quad(integrand, m - 12 * s, m + 12 * s, points=[m])


@judge
def log_p_tilde_poisson(f, rng):
    y, m0, s0 = counts(rng, 50)
    z = rng.uniform(-4, 4, (50, 7))
    close(f(z, y, m0, s0), log_joint(z, y, m0, s0), rtol=1e-10)


@judge
def mode_poisson(f, rng):
    y, m0, s0 = counts(rng, 50)
    ends = [(lambda z, c=case: c[0] - math.exp(z) - (z - c[1]) / c[2] ** 2) for case in np.hstack([y, m0, s0])]
    close(f(y, m0, s0)[:, 0], [optimize.brentq(slope, -60, 60, xtol=1e-14) for slope in ends])


@judge
def log_Z_poisson(f, rng):
    y, m0, s0 = counts(rng, 8)
    theirs = [evidence(int(a), float(b), float(c)) for a, b, c in zip(y[:, 0], m0[:, 0], s0[:, 0], strict=True)]
    close(f(y, m0, s0)[:, 0], theirs, rtol=1e-9)


@judge
def elbo_poisson(f, rng):
    y, m0, s0 = (a[:, 0] for a in counts(rng, 20))
    m, s = rng.uniform(-1, 2, 20), rng.uniform(0.1, 1.2, 20)
    close(f(m, s, y, m0, s0), [bound(*case) for case in zip(m, s, y, m0, s0, strict=True)], rtol=1e-9)


@judge
def mean_normal(f, rng):
    """A cubic, an exponential and a cosine have means that are known."""
    m, s = rng.normal(size=(30, 1)), rng.uniform(0.2, 2, (30, 1))
    close(f(lambda z: z**3, m, s), m**3 + 3 * m * s**2, atol=1e-10)
    close(f(lambda z: np.exp(z / 2), m, s, 961), np.exp(m / 2 + s**2 / 8))
    close(f(np.cos, m, s), np.cos(m) * np.exp(-(s**2) / 2))


@judge
def kl_poisson(f, rng):
    y, m0, s0 = counts(rng, 6)
    m, s = m0 + 0.3, s0 * rng.uniform(0.3, 1, (6, 1))
    cases = np.hstack([m, s, y, m0, s0])
    theirs = [evidence(int(c[2]), c[3], c[4]) - bound(*c) for c in cases]
    close(f(m, s, y, m0, s0)[:, 0], theirs, rtol=1e-8, atol=1e-9)


@judge
def grad_poisson(f, rng):
    """Autograd through torch's own divergence."""
    y, m0, s0 = counts(rng, 50)
    m, s = tensor(rng.uniform(-1, 2, (50, 1)), rng.uniform(0.1, 1.2, (50, 1)))
    m.requires_grad_(), s.requires_grad_()
    q, prior = td.Normal(m, s), td.Normal(*tensor(m0, s0))
    rate = td.LogNormal(m, s).mean
    (tensor(y) * m - rate - td.kl_divergence(q, prior)).sum().backward()
    slope_m, slope_s = f(m.detach().numpy(), s.detach().numpy(), y, m0, s0)
    close(slope_m, m.grad.numpy(), rtol=1e-9, atol=1e-9)
    close(slope_s, s.grad.numpy(), rtol=1e-9, atol=1e-9)


@judge
def descend_poisson(f, rng):
    """Plain SGD by torch takes the same steps."""
    y, prior = 4, td.Normal(*tensor(0.2, 0.9))
    m, s = (torch.tensor(start, dtype=torch.float64, requires_grad=True) for start in (-0.3, 0.8))
    optimizer = torch.optim.SGD([m, s], lr=0.02)
    for _ in range(17):
        optimizer.zero_grad()
        distance = td.kl_divergence(td.Normal(m, s), prior)
        (distance - y * m + td.LogNormal(m, s).mean).backward()
        optimizer.step()
    close(f(-0.3, 0.8, y, 0.2, 0.9, 17, rate=0.02), [m.item(), s.item()], rtol=1e-9)


def slopes_of_J(m, s, y, m0, s0):
    """Autograd's slopes in m and s of torch's divergence from the prior, less the mean log likelihood."""
    m, s, y, m0, s0 = tensor(m, s, y, m0, s0)
    m.requires_grad_(), s.requires_grad_()
    J = td.kl_divergence(td.Normal(m, s), td.Normal(m0, s0)) - y * m + td.LogNormal(m, s).mean
    return torch.autograd.grad(J.sum(), (m, s))


@judge
def best_mean_poisson(f, rng):
    """J is convex, and level in m there."""
    y, m0, s0 = counts(rng, 20)
    close(slopes_of_J(f(s0 / 2, y, m0, s0), s0 / 2, y, m0, s0)[0], np.zeros((20, 1)), atol=1e-9)


@judge
def best_gaussian_poisson(f, rng):
    """J is convex, and level in both."""
    y, m0, s0 = counts(rng, 20)
    close(torch.stack(slopes_of_J(*f(y, m0, s0), y, m0, s0)), np.zeros((2, 20, 1)), atol=1e-8)


@judge
def laplace_poisson(f, rng):
    for y, m0, s0 in np.hstack(counts(rng, 20)):
        energy = functools.partial(minus_log_joint, y=y, m0=m0, s0=s0)
        z_hat = optimize.minimize_scalar(energy, bounds=(-12, 6), method="bounded", options={"xatol": 1e-10}).x
        step = 1e-3  # the bend of the log joint by a second difference
        width = step / (energy(z_hat + step) - 2 * energy(z_hat) + energy(z_hat - step)) ** 0.5
        log_z = stats.norm.logpdf(z_hat, m0, s0) + stats.poisson.logpmf(y, math.exp(z_hat))
        close(f(y, m0, s0), [log_z - stats.norm.logpdf(0, 0, width), z_hat, width], rtol=1e-5, atol=1e-6)


def mixture(w, m, s):
    return td.MixtureSameFamily(td.Categorical(tensor(w)), td.Normal(*tensor(m, s)))


def pairs(rng, cases):
    """Mixtures of two: w, m, s. -> three (cases, 2)"""
    return rng.dirichlet([2, 2], cases), rng.normal(size=(cases, 2)), rng.uniform(0.3, 0.8, (cases, 2))


@judge
def log_mixture_poisson(f, rng):
    w, m, s = pairs(rng, 20)
    z = rng.uniform(-3, 3, (20, 9))
    close(f(z, w, m, s), mixture(w[:, None], m[:, None], s[:, None]).log_prob(tensor(z)))


def mixture_bound(w, m, s, y, m0, s0):
    """-J of one mixture by adaptive quadrature."""
    def integrand(z):
        log_q = special.logsumexp(stats.norm.logpdf(z, m, s), b=w)
        log_p = stats.norm.logpdf(z, m0, s0) + stats.poisson.logpmf(y, math.exp(z))
        return math.exp(log_q) * (log_p - log_q)

    return quad(integrand, (m - 11 * s).min(), (m + 11 * s).max(), points=sorted(m))


@judge
def elbo_mixture_poisson(f, rng):
    y, m0, s0 = counts(rng, 8)
    w, m, s = pairs(rng, 8)
    cases = zip(w, m, s, y[:, 0], m0[:, 0], s0[:, 0], strict=True)
    close(f(w, m, s, y, m0, s0), [mixture_bound(*case) for case in cases], rtol=1e-8)


@judge
def kl_mixture_poisson(f, rng):
    y, m0, s0 = rng.integers(0, 9, (4, 1)), rng.normal(size=(4, 1)), rng.uniform(0.8, 1.5, (4, 1))
    w, m, s = pairs(rng, 4)
    cases = zip(w, m, s, y[:, 0], m0[:, 0], s0[:, 0], strict=True)
    theirs = [evidence(int(case[3]), float(case[4]), float(case[5])) - mixture_bound(*case) for case in cases]
    close(f(w, m, s, y, m0, s0), theirs, rtol=1e-7, atol=1e-9)
