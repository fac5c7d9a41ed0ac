"""Judges of chapter 11, anatomy of the gap."""
import math

import numpy as np
import torch
from scipy import optimize, stats
from torch import distributions as td

from judges import close, judge, tensor
from judges.ch10_vae import EVERY, STANDARD, elbo, evidence, gentle, likelihood, plane, random_q, told

LINE = -6.6 + 13.2 * np.arange(281) / 280  # the chapter's plane has these on either side


def theta_of(mu, log_var):
    """Means and log widths in turn, (m1, log s1, m2, log s2)."""
    q = td.Normal(mu, torch.exp(log_var / 2))
    columns = [part[:, i].numpy() for i in (0, 1) for part in (q.mean, q.stddev.log())]
    return np.array(columns).T


@judge
def table_of(f, rng):
    """At two hundred points of the plane, by SciPy."""
    decoder, x, (i, j) = gentle(rng), EVERY[[3, 17, 30]], rng.integers(0, 281, (2, 200))
    z = np.stack([LINE[i], LINE[j]], -1)
    theirs = stats.multivariate_normal(np.zeros(2)).logpdf(z)[:, None] + likelihood(x, tensor(z), decoder)
    found = f(x, decoder)
    assert found.shape == (3, 281, 281)
    close(found[:, i, j], theirs.T)


@judge
def log_px_table(f, rng):
    """Tables of densities, times a number."""
    z, log_px = np.stack(np.meshgrid(LINE, LINE, indexing="ij"), -1), rng.normal(size=4) - 3
    densities = [stats.multivariate_normal(rng.uniform(-1, 1, 2), [[0.4, c], [c, 0.3]]) for c in (-0.3, 0.0, 0.1, 0.2)]
    close(f(np.stack([each.logpdf(z) + log_p for each, log_p in zip(densities, log_px)])), log_px)


@judge
def log_px_panels(f, rng):
    """Gauss-Hermite nodes for the prior, SciPy's probabilities; and all images together."""
    decoder = gentle(rng)
    close(f(EVERY, decoder, 60, 9.0), evidence(EVERY, decoder))
    close(np.exp(f(EVERY, decoder)).sum(), 1.0)


@judge
def rows_of(f, rng):
    """Autograd of torch's density, point by point."""
    m, t = rng.normal(size=4), rng.uniform(-1.6, 0.5, 4)
    centres, widths = (tensor(each)[:, None].expand(4, 281).clone().requires_grad_() for each in (m, t))
    q = td.Normal(centres, widths.exp()).log_prob(tensor(LINE)).exp() * (13.2 / 280)
    in_m, in_t = torch.autograd.grad(q.sum(), (centres, widths), create_graph=True)
    in_mm, in_mt = torch.autograd.grad(in_m.sum(), (centres, widths), retain_graph=True)
    in_tt = torch.autograd.grad(in_t.sum(), widths)[0]
    close(f(m, t), torch.stack([q, in_m, in_t, in_mm, in_mt, in_tt], 1).detach(), rtol=1e-9)


TOGETHER, FREQUENCY = tensor([0.3, -0.5, 0.1], [1.3, -0.7])


def wavy(z):
    """Three log joints with a wave in them, whose means under a Gaussian are known. z: (..., 2) -> (3, ...)"""
    return np.stack([-1.5 * z[..., 0] ** 2 - 2 * z[..., 1] ** 2 + c * z[..., 0] * z[..., 1] ** 2
                     + np.cos(z @ FREQUENCY.numpy() + 5 * c) for c in TOGETHER.tolist()])


def floor_of_wavy(theta, c):
    """The ELBO of one of them by moments, the characteristic function, and torch's entropy. theta: (4,) tensor"""
    m, s = theta[[0, 2]], theta[[1, 3]].exp()
    squares = -1.5 * (m[0] ** 2 + s[0] ** 2) - 2 * (m[1] ** 2 + s[1] ** 2) + c * m[0] * (m[1] ** 2 + s[1] ** 2)
    wave = torch.exp(-((FREQUENCY * s) ** 2).sum() / 2) * torch.cos(FREQUENCY @ m + 5 * c)
    return squares + wave + td.Normal(m, s).entropy().sum()


def derivatives(theta):
    """Value, slope and curvature of the three floors. theta: (3, 4)"""
    slopes, curvatures = torch.autograd.functional.jacobian, torch.autograd.functional.hessian
    values = [floor_of_wavy(*each) for each in zip(tensor(theta), TOGETHER)]
    first, second = (
        [d(lambda x, c=c: floor_of_wavy(x, c), row) for row, c in zip(tensor(theta), TOGETHER)]
        for d in (slopes, curvatures)
    )
    return np.array(values), torch.stack(first).numpy(), torch.stack(second).numpy()


WAVY = wavy(np.stack(np.meshgrid(LINE, LINE, indexing="ij"), -1))


@judge
def elbo_table(f, rng):
    theta = rng.uniform([-1, -1.6, -1, -1.6], [1, -0.6, 1, -0.6], (3, 4))
    for ours, theirs in zip(f(WAVY, theta), derivatives(theta)):
        close(ours, theirs, rtol=1e-9, atol=1e-10)


@judge
def best_q(f, rng):
    """SciPy's search for where the slope of the floor by moments is zero."""
    theta, value, slope, curvature = f(WAVY, np.tile([0.1, -0.8, 0.1, -0.8], (3, 1)))
    theirs = np.stack([
        optimize.minimize(lambda at, i=i: -floor_of_wavy(tensor(at), TOGETHER[i]).item(), [0.1, -0.8, 0.1, -0.8]).x
        for i in range(3)
    ])
    close(theta, theirs, rtol=1e-4, atol=1e-4)
    floors, _, bends = derivatives(theirs)
    close(value, floors, rtol=1e-7)
    close(slope, np.zeros((3, 4)), atol=1e-8)
    close(curvature, bends, rtol=1e-3, atol=1e-3)


@judge
def elbo_cloud(f, rng):
    decoder, (mu, log_var) = gentle(rng), random_q(rng, 7)
    nodes, weights = np.polynomial.hermite_e.hermegauss(70)
    nodes = tensor(nodes, weights / math.sqrt(2 * math.pi))
    close(f(EVERY[5:12], mu, log_var, decoder, nodes), elbo(EVERY[5:12], mu, log_var, decoder))


@judge
def encoded(f, rng):
    mu, log_var = random_q(rng, 6)
    close(f(EVERY[:6], told(mu, log_var)), theta_of(mu, log_var))


@judge
def kl_posterior(f, rng):
    """Whatever is handed in as log p(x), less the ELBO."""
    decoder, (mu, log_var), log_px = gentle(rng), random_q(rng, 6), rng.normal(size=6)
    theirs = log_px - elbo(EVERY[4:10], mu, log_var, decoder)
    nodes, weights = tensor(*np.polynomial.hermite_e.hermegauss(40))
    found = f(EVERY[4:10], theta_of(mu, log_var), log_px, decoder, (nodes, weights / math.sqrt(2 * math.pi)))
    close(found, theirs, rtol=1e-9)


def aggregate(mu, log_var):
    """torch's even mixture in the plane. mu, log_var: (N, 2) tensors"""
    parts = td.MultivariateNormal(mu, torch.diag_embed(torch.exp(log_var)))
    return td.MixtureSameFamily(td.Categorical(tensor(np.ones(len(mu)))), parts)


def codes(rng, N=4):
    """Gaussian codes that overlap, so that nodes are good for the log of their mixture."""
    return tensor(rng.uniform(-0.8, 0.8, (N, 2)), 2 * np.log(rng.uniform(0.8, 1.1, (N, 2))))


@judge
def log_aggregate(f, rng):
    (mu, log_var), z = random_q(rng, 5), 2 * rng.normal(size=(30, 2))
    close(f(z, mu.numpy(), log_var.numpy()), aggregate(mu, log_var).log_prob(tensor(z)))


@judge
def information_of(f, rng):
    """Entropy of the aggregate, by a fine sum over the plane, less torch's entropies of the codes."""
    mu, log_var = codes(rng)
    line = np.linspace(-9, 9, 361)
    log_bar = aggregate(mu, log_var).log_prob(tensor(np.stack(np.meshgrid(line, line), -1))).numpy()
    entropy = -(np.exp(log_bar) * log_bar).sum() * (line[1] - line[0]) ** 2
    within = td.Normal(mu, torch.exp(log_var / 2)).entropy().sum(-1).mean().item()
    close(f(mu.numpy(), log_var.numpy()), entropy - within, rtol=1e-5)


@judge
def kl_aggregate(f, rng):
    """A mean over nodes around each code in turn."""
    (mu, log_var), (eps, weights) = codes(rng), plane()
    z = mu + torch.exp(log_var / 2) * eps[:, None]
    log_ratio = aggregate(mu, log_var).log_prob(z) - STANDARD.log_prob(z).sum(-1)
    close(f(mu.numpy(), log_var.numpy()), (weights @ log_ratio.numpy()).mean(), rtol=1e-8)


@judge
def gap_at_mean(f, rng):
    """The mean decoded, less the mean over nodes in the plane, for an image; SciPy's probabilities."""
    W, b, (mu, log_var) = rng.normal(size=(4, 5, 2)), rng.normal(size=(4, 5)), random_q(rng, 4, widths=(0.1, 0.5))
    (eps, weights), theirs = plane(), []
    for i in range(4):
        decoder = lambda z, i=i: z @ tensor(W[i]).T + tensor(b[i])  # noqa: E731
        x, q = EVERY[7 * i:7 * i + 1], td.Normal(mu[i], torch.exp(log_var[i] / 2))
        at_mean = likelihood(x, q.mean[None], decoder)
        theirs.append((at_mean - weights @ likelihood(x, q.loc + q.scale * eps, decoder)).item())
    close(f(W, b, mu.numpy(), log_var.numpy()), theirs, rtol=1e-8)
