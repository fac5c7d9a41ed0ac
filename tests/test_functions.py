"""The notebooks' functions against independent judges: SciPy, torch.distributions, autograd, mpmath, brute force.

Each judge is named like the function that it judges, and draws arguments that no notebook has used. Every function that
a chapter's checks stand on has a judge, and no judge is left without a function.
"""
import functools
import itertools
import math

import mpmath
import numpy as np
import pytest
import torch
from scipy import integrate, spatial, special, stats
from torch import distributions as td

import mutants
from conftest import definitions

JUDGES = {}


def judge(function):
    JUDGES[function.__name__] = function
    return function


def functions():
    """(chapter, function) for every function that has a judge or needs one."""
    for chapter in mutants.chapters():
        notebook = mutants.load(chapter)
        defined = [name for cell in notebook.cells for name in cell.functions]
        for name in dict.fromkeys([*notebook.equation_functions(), *(name for name in defined if name in JUDGES)]):
            yield pytest.param(chapter, name, id=f"{chapter}-{name}")


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


def quad(f, low, high, points=None):
    return integrate.quad(f, low, high, epsabs=1e-13, epsrel=1e-12, limit=400, points=points)[0]


# ---------------------------------------------------------------- chapter 01


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


# ---------------------------------------------------------------- chapter 02


def weighted(rng, *shape):
    """q with zeros, p_tilde > 0 with sums far from one."""
    return simplex(rng, *shape, zeros=True), simplex(rng, *shape) * np.exp(rng.uniform(-20, 20, (*shape[:-1], 1)))


def spins(n):
    """Every state of n coins, in no particular order. -> (2^n, n)"""
    return np.array(list(itertools.product([-1, 1], repeat=n)))


def ring_weight(x, h, w):
    """log p_tilde of one state of one ring, term by term."""
    return sum(h[i] * x[i] + w[i] * x[i] * x[(i + 1) % len(x)] for i in range(len(x)))


@judge
def Z(f, rng):
    p_tilde = weighted(rng, 40, 9)[1]
    close(f(p_tilde), [math.fsum(row) for row in p_tilde])


@judge
def log_p_tilde_ring(f, rng):
    x, h, w = spins(6), rng.normal(size=(3, 6)), rng.normal(size=(3, 6))
    close(f(x, h, w), [[ring_weight(state, *case) for state in x] for case in zip(h, w, strict=True)])


@judge
def Z_ring(f, rng):
    h, w = rng.normal(size=(2, 4, 7))
    theirs = [math.fsum(math.exp(ring_weight(x, *case)) for x in spins(7)) for case in zip(h, w, strict=True)]
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
    x, fields = tensor(spins(10)), tensor(h).requires_grad_()
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


# ---------------------------------------------------------------- all of them


@pytest.mark.parametrize(("chapter", "name"), list(functions()))
def test_against_an_independent_judge(chapter, name):
    assert name in JUDGES, f"{name} of {chapter} has no independent judge in {__name__}"
    JUDGES[name](definitions(f"notebooks/{chapter}")[name], np.random.default_rng(20_261_122))


def test_every_judge_has_something_to_judge():
    cells = [cell for chapter in mutants.chapters() for cell in mutants.load(chapter).cells]
    assert not set(JUDGES) - {name for cell in cells for name in cell.functions}


@pytest.mark.parametrize(("chapter", "name"), list(functions()))
def test_a_judge_sees_a_wrong_function(chapter, name):
    """Whatever the function returns, three per cent more of it is wrong."""
    right = definitions(f"notebooks/{chapter}")[name]

    def wrong(*arguments, **named):
        answer = right(*arguments, **named)
        return tuple(1.03 * part for part in answer) if isinstance(answer, tuple) else 1.03 * np.asarray(answer)

    with pytest.raises(AssertionError):
        JUDGES[name](wrong, np.random.default_rng(20_261_122))
