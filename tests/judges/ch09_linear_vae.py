"""Judges of chapter 09, the linear VAE."""
import math

import mpmath
import numpy as np
import torch
from scipy import stats
from sklearn.decomposition import PCA
from torch import distributions as td

from judges import close, judge, quad, tensor
from judges.ch07_latent import conditional


def random_decoders(rng, cases=4, d=5, k=3):
    """W and sigma of some decoders."""
    return rng.normal(size=(cases, d, k)), rng.uniform(0.3, 2, cases)


def by_sklearn(rng, k, n=30, d=6):
    """Points whose covariance with 1/n is the one with 1/(n - 1) that scikit-learn's PPCA was fitted to; and that."""
    x = rng.normal(size=(n, d)) * np.exp(rng.normal(size=d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)
    return x.mean(0) + (x - x.mean(0)) * math.sqrt(n / (n - 1)), PCA(k, svd_solver="full").fit(x)


def axes_by_svd(points):
    """Falling eigenvalues and the axes of the covariance of points, without their covariance."""
    _, s, axes = np.linalg.svd(points - points.mean(0), full_matrices=False)
    return s**2 / len(points), axes.T


@judge
def mean_evidence(f, rng):
    """SciPy's density, averaged over points that have exactly the covariance."""
    (W, sigma), root = random_decoders(rng), rng.normal(size=(4, 5, 5))
    theirs = []
    for i in range(4):
        points = math.sqrt(5) * np.concatenate([root[i].T, -root[i].T])
        theirs.append(stats.multivariate_normal(np.zeros(5), W[i] @ W[i].T + sigma[i] ** 2 * np.eye(5)).logpdf(points))
    close(f(root @ root.swapaxes(-1, -2), W, sigma), np.mean(theirs, -1), rtol=1e-10)


@judge
def ppca_best(f, rng):
    for k in (1, 3, 5):
        points, fitted = by_sklearn(rng, k)
        W, sigma = f(*axes_by_svd(points), k)
        close(sigma**2, fitted.noise_variance_)
        close(W @ W.T + sigma**2 * np.eye(6), fitted.get_covariance(), rtol=1e-9, atol=1e-10)


@judge
def ppca_top(f, rng):
    for k in (1, 3, 5):
        points, fitted = by_sklearn(rng, k)
        close(f(axes_by_svd(points)[0], k), fitted.score(points), rtol=1e-10)


@judge
def h(f, rng):
    """The integral of its slope."""
    r = np.array([0.02, 0.4, 1.0, 1.7, 30.0])
    close(f(r), [quad(lambda t: 1 - 1 / t, 1, each) for each in r])


@judge
def gap_to_top(f, rng):
    """What scikit-learn's best model gains on another one, and what that one gains when its centre is put right."""
    for k in (1, 3, 5):
        points, fitted = by_sklearn(rng, k)
        W, sigma, offset = rng.normal(size=(6, k)), rng.uniform(0.5, 2), rng.normal(size=6)
        C, costs = W @ W.T + sigma**2 * np.eye(6), f(*axes_by_svd(points), offset, W, np.array(sigma))
        off, right = (stats.multivariate_normal(points.mean(0) - by, C).logpdf(points).mean() for by in (offset, 0))
        close(sum(costs), fitted.score(points) - off, rtol=1e-9)
        close(costs[2], right - off, rtol=1e-9)


@judge
def axes_of(f, rng):
    x = rng.normal(size=(3, 9, 4)) @ rng.normal(size=(3, 4, 4)) + 2
    values, vectors = f(x)
    for i in range(3):
        close(values[i], axes_by_svd(x[i])[0])
        close(vectors[i].T @ vectors[i], np.eye(4))
        close(vectors[i] * values[i] @ vectors[i].T, np.cov(x[i].T, ddof=0), rtol=1e-10)


@judge
def elbo_lvae(f, rng):
    """torch's densities, averaged over nodes that are exact for squares, minus torch's divergence."""
    n, d, k = 7, 5, 3
    (W, sigma), b, V = random_decoders(rng), rng.normal(size=(4, d)), rng.normal(size=(4, k, d))
    x, L = rng.normal(size=(4, n, d)), np.tril(rng.normal(size=(4, k, k)), -1) + 0.4 * np.eye(k)
    x, W, b, sigma, V, L = tensor(x, W, b, sigma, V, L)
    eps = math.sqrt(k) * torch.cat([torch.eye(k), -torch.eye(k)]).double()
    theirs = torch.empty(4, n, dtype=torch.float64)
    for i in range(4):
        q = td.MultivariateNormal((x[i] - b[i]) @ V[i].T, scale_tril=L[i])
        z = q.loc + (eps @ L[i].T)[:, None]
        rec = td.Normal(b[i] + z @ W[i].T, sigma[i]).log_prob(x[i]).sum(-1).mean(0)
        prior = td.MultivariateNormal(torch.zeros(k).double(), torch.eye(k).double())
        theirs[i] = rec - td.kl_divergence(q, prior)
    close(f(x, W, b, sigma.log(), V, L), theirs, rtol=1e-10)


@judge
def best_encoder(f, rng):
    """Mean and covariance of z given x, by conditioning the joint Gaussian of both."""
    W, sigma = random_decoders(rng)
    V, S = f(W, sigma)
    for i in range(4):
        means, covs = zip(*(conditional(x, W[i], np.zeros(5), sigma[i]) for x in np.eye(5)))
        close(V[i], np.stack(means, -1), rtol=1e-10)
        close(S[i], covs[0], rtol=1e-10)


def posterior(W, sigma):
    """torch's Gaussian of z given x = b, from the conditional of the joint Gaussian."""
    cov = conditional(np.zeros(len(W)), W, np.zeros(len(W)), sigma)[1]
    return td.MultivariateNormal(torch.zeros(len(cov), dtype=torch.float64), tensor((cov + cov.T) / 2))


@judge
def best_diagonal(f, rng):
    """Autograd finds no slope left in torch's divergence, which is convex in the logs of the widths."""
    W, sigma = random_decoders(rng)
    for ours, *model in zip(f(W, sigma), W, sigma):
        log_s = (tensor(ours).log() / 2).requires_grad_()
        exact = posterior(*model)
        td.kl_divergence(td.MultivariateNormal(exact.loc, scale_tril=torch.diag(log_s.exp())), exact).backward()
        close(log_s.grad, np.zeros(3), atol=1e-10)


@judge
def gap_diagonal(f, rng):
    """torch's divergence of the mean field from the posterior."""
    W, sigma = random_decoders(rng)
    theirs = []
    for model in zip(W, sigma):
        exact = posterior(*model)
        product = td.MultivariateNormal(exact.loc, torch.diag(1 / exact.precision_matrix.diagonal()))
        theirs.append(td.kl_divergence(product, exact).item())
    close(f(W, sigma), theirs, rtol=1e-10)


@judge
def length_alive(f, rng):
    """The root of the evidence's slope, by mpmath, where there is one to the right of zero."""
    lam, sigma = np.array([0.3, 0.3, 2.5, 2.5, 0.9]), np.array([0.4, 0.7, 1.1, 2.0, 0.1])
    theirs = []
    for each, width in zip(lam, sigma):
        def evidence(w2, each=each, width=width):
            return sum(mpmath.log(mpmath.npdf(x, 0, mpmath.sqrt(w2 + width**2))) for x in (-each**0.5, each**0.5)) / 2

        def slope(w2, evidence=evidence):
            return mpmath.diff(evidence, w2)

        best = mpmath.findroot(slope, (0.01, each), solver="anderson") if slope(0) > 0 else 0
        theirs.append((float(best), float(evidence(best) - evidence(0))))
    close(np.stack(f(lam, sigma), -1), theirs, rtol=1e-9)
