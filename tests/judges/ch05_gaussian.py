"""Judges of chapter 05, mean field on a Gaussian."""
import itertools
import math

import mpmath
import numpy as np
import torch
from scipy import linalg, special, stats
from torch import distributions as td

from judges import close, judge, quad, tensor


def targets(rng, *shape, n):
    """Precision matrices, from eigenvalues and a random rotation; h; c. -> (*shape, n, n), (*shape, n), shape"""
    turn = np.linalg.qr(rng.normal(size=(*shape, n, n)))[0]
    values = np.exp(rng.uniform(-1.5, 1.5, (*shape, 1, n)))
    precision = turn * values @ np.swapaxes(turn, -1, -2)
    return (precision + np.swapaxes(precision, -1, -2)) / 2, rng.normal(size=(*shape, n)), rng.normal(0, 5, shape)


def normal(precision, h):
    """torch's Gaussian of precision and h."""
    precision, h = tensor(precision, h)
    return td.MultivariateNormal(torch.linalg.solve(precision, h), precision_matrix=precision)


def diagonal(m, s):
    """The same as one Gaussian vector."""
    return td.MultivariateNormal(tensor(m), torch.diag_embed(tensor(s**2)))


def log_weight(z, precision, h, c):
    """log p_tilde at one point, term by term."""
    pairs = itertools.product(range(len(z)), repeat=2)
    return c + math.fsum(h * z) - math.fsum(z[i] * precision[i, j] * z[j] for i, j in pairs) / 2


@judge
def diagonals(f, rng):
    A = rng.normal(size=(4, 3, 5, 5))
    close(f(A), torch.diagonal(tensor(A), dim1=-2, dim2=-1))
    close(f(A[0, 0]), [A[0, 0, i, i] for i in range(5)])


@judge
def log_p_tilde_gauss(f, rng):
    precision, h, c = targets(rng, 30, n=5)
    z = rng.normal(size=(7, 30, 5))
    theirs = [[log_weight(*case) for case in zip(row, precision, h, c, strict=True)] for row in z]
    close(f(z, precision, h, c), theirs)


@judge
def log_Z_gauss(f, rng):
    precision, h, c = targets(rng, 8, 25, n=5)
    close(f(precision, h, c), c - normal(precision, h).log_prob(torch.zeros(5, dtype=torch.float64)).numpy())
    alone = f(np.array([[1.7]]), np.array([0.6]), -0.4)
    close(alone, math.log(quad(lambda z: math.exp(-0.4 + 0.6 * z - 0.85 * z * z), -15, 15)))


@judge
def update_gauss(f, rng):
    precision, h, _ = targets(rng, 40, n=3)
    mean, m = np.linalg.solve(precision, h[..., None])[..., 0], rng.normal(size=(40, 3))
    for j in range(3):
        others = [i for i in range(3) if i != j]
        cov = np.linalg.inv(precision)  # the conditional of p, by regression on the covariance matrix
        slope = np.linalg.solve(cov[:, others][:, :, others], cov[:, others, j][..., None])[..., 0]
        at = mean[:, j] + (slope * (m - mean)[:, others]).sum(-1)
        variance = cov[:, j, j] - (slope * cov[:, others, j]).sum(-1)
        close(np.array(f(j, m, precision, h)), [at, np.sqrt(variance)], rtol=1e-10)


@judge
def J_gauss(f, rng):
    precision, h, c = targets(rng, 6, 20, n=5)
    m, s = rng.normal(size=(6, 20, 5)), np.exp(rng.normal(size=(6, 20, 5)))
    log_Z = c - normal(precision, h).log_prob(torch.zeros(5, dtype=torch.float64)).numpy()
    divergence = td.kl_divergence(diagonal(m, s), normal(precision, h)).numpy()
    close(f(m, s, precision, h, c), divergence - log_Z, rtol=1e-10)


@judge
def mf_gauss(f, rng):
    """The divergence is flat there, by autograd; and nowhere near is it lower."""
    precision, h, _ = targets(rng, 20, n=4)
    m, s = tensor(*f(precision, h))
    close(m, linalg.lstsq(linalg.block_diag(*precision), h.ravel())[0].reshape(20, 4), rtol=1e-9)
    m, s = m.requires_grad_(), s.requires_grad_()
    q = td.MultivariateNormal(m, torch.diag_embed(s**2))
    divergence = td.kl_divergence(q, normal(precision, h)).sum()
    slopes = torch.autograd.grad(divergence, (m, s))
    assert max(slope.abs().max() for slope in slopes) < 1e-9


@judge
def excess_gauss(f, rng):
    precision, h, _ = targets(rng, 60, n=5)
    m, s = rng.normal(size=(60, 5)), np.exp(rng.normal(size=(60, 5)))
    mean, best = normal(precision, h).mean.numpy(), 1 / np.sqrt(np.stack([np.diag(each) for each in precision]))
    here, there = (td.kl_divergence(diagonal(*q), normal(precision, h)) for q in ((m, s), (mean, best)))
    close(f(m, s, precision, h), here - there, rtol=1e-10)


@judge
def product_nodes(f, rng):
    nodes, weights = special.roots_hermitenorm(4)
    u, weight = f(nodes, weights, n=3)
    powers = rng.integers(0, 8, (50, 3))
    theirs = [math.prod(stats.norm.moment(int(k)) if k else 1.0 for k in row) for row in powers]
    close([weight @ (u[:, 0] ** row).prod(-1) for row in powers], theirs, rtol=1e-9, atol=1e-9)


@judge
def sweep_gauss(f, rng):
    precision, h, _ = targets(rng, 3, 10, n=6)
    m = rng.normal(size=(3, 10, 6))
    theirs = m.copy()
    for case in np.ndindex(3, 10):
        for j in range(6):  # the best mean j is where the slope of log p_tilde in z_j is zero
            row, now = precision[case][j], theirs[case]
            now[j] += (h[case][j] - math.fsum(row * now)) / row[j]
    before = m.copy()
    close(f(m, precision, h), theirs)
    assert (m == before).all()


@judge
def rate_gauss(f, rng):
    """Gelfand's formula: the root of order 2^50 of the norm of as many sweeps in a row."""
    precision = targets(rng, 4, 5, n=5)[0]
    theirs = np.empty((4, 5))
    for case in np.ndindex(4, 5):
        power, log_norm = np.eye(5), 0.0  # columns: errors, before and after a sweep
        for j in range(5):
            power[j] -= precision[case][j] @ power / precision[case][j, j]
        for k in range(50):
            norm = np.linalg.norm(power)
            log_norm += math.log(norm) / 2**k
            power = (power / norm) @ (power / norm)
        theirs[case] = log_norm
    close(f(precision), np.exp(theirs), rtol=1e-10)


@judge
def from_others_gauss(f, rng):
    precision = targets(rng, 40, n=5)[0]
    cov = np.linalg.inv(precision)
    for i in range(5):
        others = [j for j in range(5) if j != i]
        cross = cov[:, i][:, others]
        theirs = (cross * np.linalg.solve(cov[:, others][:, :, others], cross[..., None])[..., 0]).sum(-1)
        close(f(i, precision, cov), theirs, rtol=1e-9)


@judge
def coverage_gauss(f, rng):
    """The bar from the inverse of the covariance matrix, against the marginal of z_1."""
    for rho, k in zip(rng.uniform(-1, 1, 40), rng.uniform(0.1, 4, 40), strict=True):
        half = k / math.sqrt(np.linalg.inv([[1, rho], [rho, 1]])[0, 0])
        close(f(rho, k), quad(stats.norm.pdf, -half, half), rtol=1e-9)
    close(f(0.6), stats.chi2.cdf(1.96**2 * 0.64, 1))


def best_product(precision):
    """KL of mean field's answer from p, by torch."""
    zero = np.zeros(precision.shape[:-1])
    s = np.stack([1 / np.sqrt(np.diag(each)) for each in precision])
    return td.kl_divergence(diagonal(zero, s), normal(precision, zero)).numpy()


@judge
def gap_gauss(f, rng):
    precision = targets(rng, 100, n=6)[0]
    close(f(precision), best_product(precision), rtol=1e-10)


@judge
def gap_chain(f, rng):
    for n in (2, 5, 12):
        for a in rng.uniform(-0.9, 0.9, 10):
            close(f(a, n), best_product(linalg.inv(linalg.toeplitz(a ** np.arange(n)))[None])[0], rtol=1e-9)


@judge
def gap_crowd(f, rng):
    for n in (2, 5, 12):
        for rho in rng.uniform(0, 0.9, 10):
            close(f(rho, n), best_product(linalg.inv(np.where(np.eye(n), 1, rho))[None])[0], rtol=1e-9)


@judge
def total_correlation_gauss(f, rng):
    """The sum of the marginals' entropies less that of the whole."""
    cov = targets(rng, 80, n=5)[0]
    whole = [stats.multivariate_normal(cov=each).entropy() for each in cov]
    parts = [stats.norm(scale=np.sqrt(np.diag(each))).entropy().sum() for each in cov]
    close(f(cov), np.array(parts) - np.array(whole), rtol=1e-10)


@judge
def regression_gauss(f, rng):
    """The quadratic is the log likelihood, at any line; curvature and slope by autograd."""
    x, y, sigma = rng.normal(1, 2, (5, 9)), rng.normal(size=(5, 9)), 1.3
    precision, h, c = f(x, y, sigma)
    for k in range(5):
        log_p_tilde = lambda z, k=k: td.Normal(z[0] + z[1] * tensor(x[k]), sigma).log_prob(tensor(y[k])).sum()  # noqa: E731
        zero = torch.zeros(2, dtype=torch.float64)
        close(c[k], log_p_tilde(zero))
        close(h[k], torch.func.grad(log_p_tilde)(zero))
        close(precision[k], -torch.func.hessian(log_p_tilde)(zero))


@judge
def gap_line(f, rng):
    x = rng.normal(3, 1, (50, 7)) * np.exp(rng.normal(size=(50, 1)))
    X = np.stack([np.ones_like(x), x], -1)
    close(f(x), best_product(np.swapaxes(X, -1, -2) @ X), rtol=1e-9)


@judge
def log_p_mix(f, rng):
    z = rng.normal(0, 3, (200, 2))
    parts = [stats.multivariate_normal(cov=s**2 * np.eye(2)).logpdf(z) + math.log(w) for w, s in ((0.1, 0.3), (0.9, 2))]
    close(f(*z.T), special.logsumexp(parts, axis=0))


@judge
def grid_mix(f, rng):
    step = rng.uniform(0.1, 0.2)
    step = 32 / round(32 / step)
    z, log_p = f(step)
    assert z[0] == -z[-1] == -16 and np.allclose(np.diff(z), step)
    x = stats.norm.pdf(z[:, None], scale=[0.3, 2])
    close(np.exp(log_p), step**2 * (x * [0.1, 0.9]) @ x.T, rtol=1e-9, atol=1e-300)


@judge
def run_mix(f, rng):
    """Each update is the best there is, with the other factor as it stands: the slopes of J are level, by autograd."""
    log_p = rng.normal(size=(5, 5))
    pairs = f(*rng.dirichlet(np.ones(5), 2), log_p, sweeps=3)
    assert len(pairs) == 7
    for step, (before, after) in enumerate(itertools.pairwise(pairs)):
        moved, kept = step % 2, 1 - step % 2
        assert after[kept] is before[kept] or (after[kept] == before[kept]).all()
        q = [torch.tensor(row, requires_grad=True) for row in after]
        J = (torch.outer(*q) * (q[0].log()[:, None] + q[1].log() - tensor(log_p))).sum()
        slope = torch.autograd.grad(J, q[moved])[0]
        assert np.ptp(slope.numpy()) < 1e-12
        close(after[moved].sum(), 1)


@judge
def J_mix(f, rng):
    log_p, (q_1, q_2) = rng.normal(size=(6, 6)), rng.dirichlet(np.ones(6), 2)
    states = itertools.product(range(6), repeat=2)
    theirs = mpmath.fsum(q_1[i] * q_2[j] * (mpmath.log(q_1[i] * q_2[j]) - log_p[i, j]) for i, j in states)
    close(f(q_1, q_2, log_p), float(theirs))


@judge
def variance_mix(f, rng):
    z, q = rng.normal(3, 2, 50), rng.dirichlet(np.ones(50))
    close(f(q, z), np.cov(z, aweights=q, ddof=0))
