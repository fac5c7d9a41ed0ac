"""Judges of chapter 10, the VAE."""
import itertools
import math

import numpy as np
import torch
from scipy import special, stats
from torch import distributions as td

from judges import close, judge, tensor

STANDARD = td.Normal(*tensor(0.0, 1.0))
EVERY = tensor(list(itertools.product([0, 1], repeat=5)))  # all images of five pixels


def gentle(rng, d=5, hidden=6):
    """A decoder of two latents that bends so slowly that Gauss-Hermite nodes are exact to rounding."""
    inner, shift = tensor(rng.uniform(-0.45, 0.45, (hidden, 2)), rng.normal(size=hidden) / 2)
    outer, offset = tensor(rng.normal(size=(d, hidden)) / 2, rng.normal(size=d) / 2)
    return lambda z: torch.tanh(z @ inner.T + shift) @ outer.T + offset


def random_q(rng, cases, widths=(0.2, 1.0)):
    """Means and log variances of two latents."""
    return tensor(rng.normal(size=(cases, 2)), 2 * np.log(rng.uniform(*widths, (cases, 2))))


def told(mu, log_var):
    """An encoder that has these answers, whatever it is asked."""
    return lambda x: torch.cat([mu, log_var], -1)


def likelihood(x, z, decoder):
    """log p(x|z) by SciPy, a probability a pixel. x: (cases, d), z: (nodes, [cases,] 2) -> (nodes, cases)"""
    on = special.expit(decoder(z).numpy())
    on = on[:, None] if z.ndim == 2 else on
    return stats.bernoulli.logpmf(x.numpy().astype(int), on).sum(-1)


def plane(n=90):
    """n x n Gauss-Hermite nodes, and weights of a mean under a standard normal in the plane. -> (n², 2), (n²,)"""
    line, weights = np.polynomial.hermite_e.hermegauss(n)
    points = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    return tensor(points), np.outer(weights, weights).ravel() / (2 * math.pi)


def evidence(x, decoder):
    """log p(x), a mean of p(x|z) under the prior. -> (cases,)"""
    z, weights = plane()
    return np.log(weights @ np.exp(likelihood(x, z, decoder)))


def elbo(x, mu, log_var, decoder):
    """Mean likelihood, less torch's divergence. -> (cases,)"""
    eps, weights = plane()
    q = td.Normal(mu, torch.exp(log_var / 2))
    rec = weights @ likelihood(x, q.loc + q.scale * eps[:, None], decoder)
    return rec - td.kl_divergence(q, STANDARD).sum(-1).numpy()


@judge
def network(f, rng):
    """Matrix by matrix in NumPy, from the weights that torch has drawn."""
    net, rows = f(3, 6, 2), rng.normal(size=(4, 5, 3))
    W, b, V, c = (each.detach().numpy().astype(float) for each in net.parameters())
    assert W.shape == (6, 3) and V.shape == (2, 6)
    with torch.no_grad():
        close(net.double()(tensor(rows)), np.tanh(rows @ W.T + b) @ V.T + c)


@judge
def elbo_draw(f, rng):
    decoder, (mu, log_var), eps = gentle(rng), random_q(rng, 7), tensor(rng.normal(size=(7, 2)))
    x, q = EVERY[5:12], td.Normal(mu, torch.exp(log_var / 2))
    rec = td.Bernoulli(logits=decoder(q.loc + q.scale * eps)).log_prob(x).sum(-1)
    close(f(x, eps, told(mu, log_var), decoder), rec - td.kl_divergence(q, STANDARD).sum(-1))


@judge
def hermite(f, rng):
    """Moments of a standard normal, and the mean of a cosine."""
    nodes, weights = f(30)
    for power in range(9):
        close((weights * nodes**power).sum(), stats.norm.moment(power) if power else 1.0, atol=1e-10)
    close((weights * torch.cos(nodes)).sum(), math.exp(-1 / 2))


@judge
def log_px_grid(f, rng):
    decoder = gentle(rng)
    close(f(EVERY, decoder, n=150), evidence(EVERY, decoder))
    close(torch.exp(f(EVERY, decoder, n=200, reach=9.0)).sum(), 1.0)


@judge
def posterior_mass(f, rng):
    """Whatever is handed in as log p(x): the integral of the joint is the evidence, divided by that."""
    decoder, log_px = gentle(rng), rng.normal(size=32) - 3
    close(f(EVERY, tensor(log_px), decoder, panels=30), np.exp(evidence(EVERY, decoder) - log_px))


@judge
def cloud(f, rng):
    """Five nodes a side, whose moments under their weights are those of the Gaussian."""
    nodes, weights = special.roots_hermitenorm(5)
    mu, log_var = random_q(rng, 4)
    z, w = f(mu, log_var, *tensor(nodes, weights / weights.sum()))
    assert z.shape == (25, 4, 2) and w.shape == (25, 1)
    close((w[..., None] * z).sum(0), mu)
    for i in range(4):
        close(np.cov(z[:, i].T.numpy(), aweights=w[:, 0].numpy(), ddof=0), np.diag(np.exp(log_var[i].numpy())))


@judge
def log_joint_vae(f, rng):
    decoder, z = gentle(rng), tensor(rng.normal(size=(150, 4, 2)))
    prior = stats.multivariate_normal(np.zeros(2)).logpdf(z.numpy())
    close(f(EVERY[3:7], z, decoder), prior + likelihood(EVERY[3:7], z, decoder))


@judge
def log_q_diag(f, rng):
    (mu, log_var), z = random_q(rng, 4), tensor(rng.normal(size=(9, 4, 2)))
    close(f(z, mu, log_var), td.MultivariateNormal(mu, torch.diag_embed(torch.exp(log_var))).log_prob(z))


@judge
def elbo_nodes(f, rng):
    """Narrow ones and wide ones, two of each kind that the function tells apart."""
    decoder = gentle(rng)
    log_var = 2 * np.log(np.array([0.1, 0.15, 0.22, 0.28, 0.33, 0.39, 0.5, 1.1])[:, None] * [1.0, 0.8])
    mu, log_var = tensor(rng.normal(size=(8, 2)), log_var)
    close(f(EVERY[9:17], mu, log_var, decoder), elbo(EVERY[9:17], mu, log_var, decoder))


@judge
def measure(f, rng):
    """Every entry: the evidence twice, one, KL by nodes, and the ELBO twice."""
    decoder, (mu, log_var) = gentle(rng), random_q(rng, 32)
    found = f(EVERY, told(mu, log_var), decoder, n=180)
    log_px, floor = evidence(EVERY, decoder), elbo(EVERY, mu, log_var, decoder)
    assert set(found) == {"log_px", "again", "mass", "KL", "J", "elbo"}
    close(np.stack([found["log_px"], found["again"]]), np.stack([log_px, log_px]))
    close(found["mass"], np.ones(32))
    close(np.stack([found["elbo"], -found["J"]]), np.stack([floor, floor]), rtol=1e-10)
    close(found["KL"], log_px - floor, rtol=1e-9)


@judge
def log_weights(f, rng):
    """Right on average, whatever the share; never above 1 / share; the mean of the logs of q's own is the ELBO."""
    decoder, x, (mu, log_var) = gentle(rng), EVERY[:8], random_q(rng, 8, widths=(0.6, 0.9))
    log_px = evidence(x, decoder)
    for share in (0.1, 0.5, 1.0):
        log_w = f(x, told(mu, log_var), decoder, 40_000, torch.Generator().manual_seed(1), share=share).numpy()
        assert log_w.max() <= math.log(1 / share) + 1e-12
        within_noise(np.exp(log_w - log_px), np.ones(8))
    log_w = f(x, told(mu, log_var), decoder, 40_000, torch.Generator().manual_seed(2), share=0.0).numpy()
    within_noise(log_w, elbo(x, mu, log_var, decoder))


def within_noise(samples, mean):
    """Means of draws within five standard errors, and these are small."""
    error = samples.std(0) / math.sqrt(len(samples))
    assert error.max() < 0.02 and (abs(samples.mean(0) - mean) < 5 * error).all()
