"""Independent judges of the notebooks' functions: SciPy, torch, autograd, mpmath, other libraries, brute force.

One module a chapter. A judge is named like the function that it judges, takes it and a generator, and draws arguments
that no notebook has used; `tests/test_functions.py` puts each function before its judge.
"""
import itertools
import math

import numpy as np
import torch
from scipy import integrate, special, stats
from torch import distributions as td

JUDGES = {}


def judge(function):
    """Enter a judge, under its name."""
    assert function.__name__ not in JUDGES, f"two judges of {function.__name__}"
    JUDGES[function.__name__] = function
    return function


def close(ours, theirs, rtol=1e-11, atol=1e-12):
    """Equal shapes, and entries equal to rounding; infinities where they belong."""
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol)


def tensor(*arrays):
    made = [torch.tensor(np.asarray(array), dtype=torch.float64) for array in arrays]
    return made if len(made) > 1 else made[0]


def simplex(rng, *shape, zeros=False):
    """Random distributions along the last axis, from flat to spiked; with zeros where asked. -> shape"""
    rows = rng.dirichlet(np.full(shape[-1], 0.4), shape[:-1]) + 1e-9
    if zeros:
        rows[..., 1] = 0
        rows[..., 0, :] = np.eye(shape[-1])[2]
    return rows / rows.sum(-1, keepdims=True)


def every(n):
    """Every state of n spins, the last running fastest. -> (2^n, n)"""
    return np.array(list(itertools.product([-1, 1], repeat=n)))


def quad(f, low, high, points=None):
    return integrate.quad(f, low, high, epsabs=1e-13, epsrel=1e-12, limit=400, points=points)[0]


def even_mixture(means, widths):
    """torch's even mixture of Gaussians. means, widths: (..., K)"""
    means, widths = tensor(means, widths)
    return td.MixtureSameFamily(td.Categorical(torch.ones_like(means)), td.Normal(means, widths))


def even_log_density(means, widths):
    """x -> log density of an even mixture of Gaussians, by SciPy. means, widths: (K,)"""
    return lambda x: special.logsumexp(stats.norm.logpdf(x, means, widths)) - math.log(len(means))


def divergence(log_q, log_p, low, high, points):
    """KL by adaptive quadrature, of two functions that give log densities at a number."""
    return quad(lambda x: math.exp(log_q(x)) * (log_q(x) - log_p(x)), low, high, points=sorted(points))
