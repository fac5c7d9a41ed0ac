"""Judges of chapter 08, gradients through an expectation."""
import itertools
import math

import numpy as np
import torch
from scipy import special, stats
from torch import distributions as td

from elbokit import data
from judges import close, judge, quad, simplex, tensor

MU, SIGMA = np.array([0.4, -1.2, 0.0]), np.array([0.6, 1.1, 0.9])


def moment(g, mu, sigma):
    """E[g(z, eps)] for z = mu + sigma eps, by adaptive quadrature."""
    zero = float(np.clip(-mu / sigma, -10.9, 10.9))
    return quad(lambda eps: stats.norm.pdf(eps) * g(mu + sigma * eps, eps), -11, 11, points=[zero, 0.0])


def variance(g, mu, sigma):
    """The variance of g(z, eps)."""
    mean = moment(g, mu, sigma)
    return moment(lambda z, eps: (g(z, eps) - mean) ** 2, mu, sigma)


@judge
def score_die(f, rng):
    phi = rng.normal(size=(4, 5))
    theirs = [torch.autograd.functional.jacobian(lambda x: torch.log_softmax(x, -1), tensor(row)) for row in phi]
    close(f(phi), np.stack(theirs))


@judge
def score_normal(f, rng):
    z, mu, sigma = rng.normal(size=9), rng.normal(size=9), rng.uniform(0.3, 2, 9)
    m, s = tensor(mu).requires_grad_(), tensor(sigma).requires_grad_()
    td.Normal(m, s).log_prob(tensor(z)).sum().backward()
    for ours, theirs in zip(f(z, mu, sigma), (m.grad, s.grad)):
        close(ours, theirs)


@judge
def mean_nodes(f, rng):
    close(f(lambda z, eps: z**3 * eps, MU, SIGMA), 3 * SIGMA * (MU**2 + SIGMA**2))
    close(f(lambda z, eps: np.cos(z), MU, SIGMA), np.exp(-(SIGMA**2) / 2) * np.cos(MU))


@judge
def mean_panels(f, rng):
    close(f(lambda z, eps: np.abs(z), MU, SIGMA), stats.foldnorm.mean(np.abs(MU) / SIGMA, scale=SIGMA))
    close(f(lambda z, eps: (z > 0) * eps, MU, SIGMA), stats.norm.pdf(MU / SIGMA))


def one_draw(rng, cases=5, n=4, p=3):
    return simplex(rng, cases, n), rng.normal(size=(cases, n)), rng.normal(size=(cases, n, p))


@judge
def score_variance(f, rng):
    q, payoff, s = one_draw(rng)
    b = rng.normal(size=(5, 3))
    for i, j in itertools.product(range(5), range(3)):
        draws = (payoff[i] - b[i, j]) * s[i, :, j]
        close(f(q, payoff, s, b)[i, j], np.cov(draws, aweights=q[i], ddof=0))


@judge
def best_baseline(f, rng):
    """Least squares: f s against s, weighted with q, is the baseline that leaves the smallest mean square."""
    q, payoff, s = one_draw(rng)
    for i, j in itertools.product(range(5), range(3)):
        root = np.sqrt(q[i]) * s[i, :, j]
        close(f(q, payoff, s)[i, j], np.linalg.lstsq(root[:, None], root * payoff[i])[0][0])


@judge
def pathwise_draws(f, rng):
    mu, sigma, eps = rng.normal(size=3), rng.uniform(0.3, 2, 3), rng.normal(size=(4, 3))
    m, s = (tensor(each).expand(4, 3).clone().requires_grad_() for each in (mu, sigma))
    torch.sin(2 * (m + s * tensor(eps))).sum().backward()
    for ours, theirs in zip(f(lambda z: 2 * np.cos(2 * z), mu, sigma, eps), (m.grad, s.grad)):
        close(ours, theirs)


@judge
def score_draws(f, rng):
    mu, sigma, eps = rng.normal(size=3), rng.uniform(0.3, 2, 3), rng.normal(size=(4, 3))
    m, s = (tensor(each).expand(4, 3).clone().requires_grad_() for each in (mu, sigma))
    z = tensor(mu + sigma * eps)
    ((torch.sin(z) - 0.7) * td.Normal(m, s).log_prob(z)).sum().backward()
    for ours, theirs in zip(f(np.sin, mu, sigma, eps, 0.7), (m.grad, s.grad)):
        close(ours, theirs)


def by_chi_square(mu, sigma, D, b):
    """Variance of (sum z_i^2 - b) eps_1 / sigma: the others are a scaled noncentral chi-square, by SciPy."""
    others = stats.ncx2(D - 1, (D - 1) * (mu / sigma) ** 2, scale=sigma**2) if D > 1 else None
    mean, spread = (others.mean(), others.var()) if D > 1 else (0.0, 0.0)
    own = variance(lambda z, eps: (z**2 + mean - b) * eps / sigma, mu, sigma)
    return own + spread / sigma**2


@judge
def var_score(f, rng):
    for mu, sigma, D in ((0.4, 0.6, 1), (-1.2, 1.1, 3), (2.0, 0.5, 9)):
        close(f(mu, sigma, D), by_chi_square(mu, sigma, D, 0.0), rtol=1e-9)


@judge
def var_baseline(f, rng):
    """With the baseline that leaves least, found on a parabola through three points."""
    for mu, sigma, D in ((0.4, 0.6, 1), (-1.2, 1.1, 3), (2.0, 0.5, 9)):
        parabola = np.polyfit([-1, 0, 1], [by_chi_square(mu, sigma, D, b) for b in (-1, 0, 1)], 2)
        close(f(mu, sigma, D), by_chi_square(mu, sigma, D, -parabola[1] / (2 * parabola[0])), rtol=1e-9)


@judge
def var_sigma(f, rng):
    for mu, sigma in zip(MU, SIGMA):
        path, score = f(mu, sigma)
        close(path, variance(lambda z, eps: 2 * z * eps, mu, sigma), rtol=1e-9)
        close(score, variance(lambda z, eps, s=sigma: z**2 * (eps**2 - 1) / s, mu, sigma), rtol=1e-9)


@judge
def variance_nodes(f, rng):
    close(f(lambda eps: 3 * eps[:, :1] ** 2, 1), np.array([18.0]))
    close(f(lambda eps: (eps[:, 0] * eps[:, 1] + 2)[:, None], 2), np.array([1.0]))


@judge
def var_sine(f, rng):
    for mu, sigma, k in zip(MU, SIGMA, (0.7, 1.9, 3.0)):
        path, score = f(mu, sigma, k)
        close(path, variance(lambda z, eps, k=k: k * math.cos(k * z), mu, sigma), rtol=1e-9)
        close(score, variance(lambda z, eps, k=k, s=sigma: math.sin(k * z) * eps / s, mu, sigma), rtol=1e-9)


@judge
def stl_draw(f, rng):
    eps, mu, sigma, a, tau = rng.normal(size=6), *rng.normal(size=(2, 6)), *rng.uniform(0.4, 2, (2, 6))
    mu, sigma, a = mu, np.exp(sigma), a
    m, s = tensor(mu).requires_grad_(), tensor(sigma).requires_grad_()
    z = m + s * tensor(eps)
    weight = td.Normal(*tensor(a, tau)).log_prob(z) - td.Normal(m.detach(), s.detach()).log_prob(z)
    for ours, theirs in zip(f(eps, mu, sigma, a, tau), torch.autograd.grad(weight.sum(), (m, s))):
        close(ours, theirs)


@judge
def stl_variances(f, rng):
    for sigma, tau in ((0.5, 1.3), (1.4, 0.8)):
        def path(z, eps, s=sigma, t=tau):
            return -(z - 0.2) / t**2 + eps / s

        def whole(z, eps, t=tau):
            return -(z - 0.2) / t**2

        for ours, draw in zip(f(sigma, tau), (path, whole)):
            close(ours, variance(draw, 0.7, sigma), rtol=1e-9)


@judge
def spread_draws(f, rng):
    """Five draws whose moments, under the rule's weights, are those of the Gaussian."""
    m, s = tensor([0.4, -1.2]), tensor([0.6, 1.1])
    _, weights = special.roots_hermitenorm(5)
    z, weights = np.asarray(f(m, s)), weights / weights.sum()
    close(weights @ z, m)
    close(weights @ z**4, [stats.norm(*each).moment(4) for each in zip(m.tolist(), s.tolist())])


@judge
def log_joint_x(f, rng):
    x, z = rng.normal(size=(2, 9))
    close(f(*tensor(x, z)), stats.norm.logpdf(z) + stats.norm.logpdf(x, z**2))


def elbo_by_quad(x, m, s):
    """The ELBO of the reading that lost its sign, noise 1."""
    log_p = lambda z: stats.norm.logpdf(z) + stats.norm.logpdf(x, z**2)  # noqa: E731
    return moment(lambda z, eps: log_p(z) - stats.norm.logpdf(z, m, s), m, s)


READINGS = np.array([0.3, 2.0, -0.7]), np.array([0.5, -1.1, 0.2]), np.array([0.4, 0.9, 0.6])


@judge
def elbo_right(f, rng):
    close(f(*tensor(*READINGS)), [elbo_by_quad(*each) for each in zip(*READINGS)], rtol=1e-9)


@judge
def elbo_detached(f, rng):
    close(f(*tensor(*READINGS)), [elbo_by_quad(*each) for each in zip(*READINGS)], rtol=1e-9)


@judge
def slopes_by_hand(f, rng):
    h = 1e-5
    for i, ours in enumerate(f(*READINGS)):
        step = [np.zeros(3), np.zeros(3), np.zeros(3)]
        step[i + 1] = step[i + 1] + h
        up, down = (np.array(READINGS) + sign * np.array(step) for sign in (1, -1))
        theirs = [(elbo_by_quad(*u) - elbo_by_quad(*d)) / (2 * h) for u, d in zip(up.T, down.T)]
        close(ours, theirs, rtol=1e-6, atol=1e-6)


@judge
def surrogate(f, rng):
    """The slopes of the surrogate are the score gradient's mean, by quadrature."""
    for which, score in ((1, lambda eps, s: eps / s), (2, lambda eps, s: (eps**2 - 1) / s)):
        arguments = tensor(*READINGS)
        arguments[which].requires_grad_()
        slope = torch.autograd.grad(f(*arguments, False).sum(), arguments[which])[0]
        close(slope, [mean_of_weight_times(score, *each) for each in zip(*READINGS)], rtol=1e-9)


def mean_of_weight_times(score, x, m, s):
    """E of the log weight times a score, for the reading that lost its sign."""
    def draw(z, eps):
        weight = stats.norm.logpdf(z) + stats.norm.logpdf(x, z**2) - stats.norm.logpdf(z, m, s)
        return weight * score(eps, s)

    return moment(draw, m, s)


@judge
def value_and_slopes(f, rng):
    """A loss whose value and slopes are known at every case."""
    value, in_m, in_s = f(lambda x, m, s: 3 * m**2 + torch.exp(s) + 0 * x)
    close(in_s, value - in_m**2 / 12)


PRIOR = td.Normal(*tensor(0.0, 3.0))


def launches():
    record = data.load("challenger")
    t = record["temperature"]
    return np.stack([np.ones(23), (t - t.mean()) / t.std()], axis=-1), record["distress"]


@judge
def log_joint_logistic(f, rng):
    w, (X, y) = rng.normal(size=(4, 2)), launches()
    prior = PRIOR.log_prob(tensor(w)).sum(-1)
    close(f(w, X, y), prior + td.Bernoulli(logits=tensor(w) @ tensor(X).T).log_prob(tensor(y)).sum(-1))


@judge
def slope_logistic(f, rng):
    w, (X, y) = tensor(rng.normal(size=(4, 2))).requires_grad_(), launches()
    log_joint = PRIOR.log_prob(w).sum() + td.Bernoulli(logits=w @ tensor(X).T).log_prob(tensor(y)).sum()
    log_joint.backward()
    close(f(w.detach().numpy(), X, y), w.grad)


@judge
def weight_plane(f, rng):
    points, log_cell = f(81, 9.0)
    density = stats.multivariate_normal([-1, -2], [[1, 0.3], [0.3, 0.8]]).pdf(points)
    close(density.sum() * math.exp(log_cell), 1.0, rtol=1e-9)
    close(np.einsum("ij,ijk->k", density, points) * math.exp(log_cell), [-1, -2], rtol=1e-9)


FIVE = torch.tensor([-0.9, -1.6, -0.3, -0.5, 0.2], dtype=torch.float64)


@judge
def unpack_logistic(f, rng):
    m, L = f(FIVE)
    close(m, [-0.9, -1.6])
    close(L @ L.T, [[math.exp(-0.6), 0.2 * math.exp(-0.3)], [0.2 * math.exp(-0.3), 0.04 + math.exp(-1.0)]])
    close(torch.triu(L, 1), np.zeros((2, 2)))


def gaussian(phi):
    L = np.array([[math.exp(phi[2]), 0.0], [phi[4], math.exp(phi[3])]])
    return stats.multivariate_normal(np.array(phi[:2]), L @ L.T), L


def mean_in_plane(g):
    """The mean of g(w) under the Gaussian of FIVE, by a fine sum over the plane of eps."""
    q, L = gaussian(FIVE.tolist())
    line = np.linspace(-10, 10, 401)
    eps = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    return (stats.norm.pdf(eps).prod(-1) * g(q.mean + eps @ L.T, q)).sum() * (line[1] - line[0]) ** 2


def log_joint_of_launches(w):
    X, y = launches()
    a = w @ X.T
    return stats.norm.logpdf(w, 0, 3).sum(-1) + stats.bernoulli.logpmf(y.astype(int), special.expit(a)).sum(-1)


@judge
def elbo_logistic(f, rng):
    close(f(FIVE), mean_in_plane(lambda w, q: log_joint_of_launches(w) - q.logpdf(w)), rtol=1e-9)


@judge
def gap_logistic(f, rng):
    line = np.linspace(-14, 12, 521)
    plane = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    log_Z = special.logsumexp(log_joint_of_launches(plane)) + 2 * math.log(line[1] - line[0])
    elbo = mean_in_plane(lambda w, q: log_joint_of_launches(w) - q.logpdf(w))
    close(f(FIVE), log_Z - elbo, rtol=1e-8)


@judge
def parts_logistic(f, rng):
    """Autograd, a draw at a time: log q's slope with the draw held, the log weight's with the parameters held."""
    X, y = map(tensor, launches())
    eps = rng.normal(size=(3, 2))
    ell, score, path = f(FIVE.numpy(), eps)
    for i in range(3):
        phi = FIVE.clone().requires_grad_()
        zero = torch.zeros((), dtype=torch.float64)
        L = torch.stack([torch.stack([phi[2].exp(), zero]), torch.stack([phi[4], phi[3].exp()])])
        w = phi[:2] + L @ tensor(eps[i])
        log_q = td.MultivariateNormal(phi[:2], scale_tril=L).log_prob
        held = td.MultivariateNormal(phi[:2].detach(), scale_tril=L.detach()).log_prob
        log_p = PRIOR.log_prob(w).sum() + td.Bernoulli(logits=X @ w).log_prob(y).sum()
        close(ell[i], (log_p - held(w)).item())
        close(score[i], torch.autograd.grad(log_q(w.detach()), phi, retain_graph=True)[0])
        close(path[i], torch.autograd.grad(log_p - held(w), phi)[0])


@judge
def others_mean(f, rng):
    values = rng.normal(size=(5, 3))
    close(f(values), np.stack([np.delete(values, i, axis=0).mean(0) for i in range(5)]))
