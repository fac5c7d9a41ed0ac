"""Judges of chapter 04, mean field on the Ising model."""
import itertools
import math

import mpmath
import numpy as np
import torch
from scipy import special, stats
from torch import distributions as td

from judges import close, every, judge, simplex, tensor


def model(rng, n, cases=1):
    """Fields and symmetric ties of both signs. -> h (cases, n), W (cases, n, n)"""
    W = np.triu(rng.normal(size=(cases, n, n)), 1)
    return rng.normal(size=(cases, n)), W + np.swapaxes(W, -1, -2)


def weight(x, h, W):
    """log p_tilde of one state, each pair met once."""
    n = len(x)
    return math.fsum([h[i] * x[i] for i in range(n)] + [W[i, j] * x[i] * x[j] for i in range(n) for j in range(i)])


def coins(m):
    """torch's independent coins with means m, as events 0 and 1."""
    return td.Bernoulli(probs=tensor((1 + np.asarray(m)) / 2))


def torus_pairs(L):
    """Every tie of the torus once, as pairs of places (row, column)."""
    places = list(itertools.product(range(L), repeat=2))
    return [((r, c), other) for r, c in places for other in (((r + 1) % L, c), (r, (c + 1) % L))]


def J_by_coins(m, h, W):
    """J of one product of coins, from torch's entropies and each pair once."""
    return -weight(m, h, W) - float(coins(m).entropy().sum())


@judge
def joint_of(f, rng):
    a, b, c = simplex(rng, 5, 3), simplex(rng, 5, 2), simplex(rng, 5, 4)
    close(f(a, b, c), [np.multiply.outer(np.multiply.outer(x, y), z) for x, y, z in zip(a, b, c, strict=True)])


def averaged(factors, log_p_tilde, j):
    """The mean log weights of variable j in one case, entry by entry."""
    means = np.zeros(log_p_tilde.shape[j])
    for state in itertools.product(*map(range, log_p_tilde.shape)):
        means[state[j]] += log_p_tilde[state] * math.prod(factors[i][state[i]] for i in range(3) if i != j)
    return means


@judge
def mean_log_weight(f, rng):
    factors, log_p_tilde = [simplex(rng, 4, n, zeros=True) for n in (3, 4, 3)], rng.normal(size=(4, 3, 4, 3))
    for j in range(3):
        theirs = [averaged([q[case] for q in factors], log_p_tilde[case], j) for case in range(4)]
        close(f(factors, log_p_tilde, j), theirs)


@judge
def update_factor(f, rng):
    factors, log_p_tilde = [simplex(rng, 4, n) for n in (3, 4, 3)], rng.normal(size=(4, 3, 4, 3))
    for j in range(3):
        ours = f(factors, log_p_tilde, j)
        theirs = [averaged([q[case] for q in factors], log_p_tilde[case], j) for case in range(4)]
        close(ours[j], torch.softmax(tensor(theirs), -1))
        assert all(ours[i] is factors[i] for i in range(3) if i != j)


@judge
def log_p_tilde_ising(f, rng):
    h, W = model(rng, 5, 3)
    close(f(every(5), h, W), [[weight(x, *case) for x in every(5)] for case in zip(h, W, strict=True)])


@judge
def spin_entropy(f, rng):
    m = np.append(rng.uniform(-1, 1, 200), [-1, 0, 1])
    close(f(m), stats.bernoulli((1 + m) / 2).entropy())


@judge
def J_ising(f, rng):
    m, (h, W) = rng.uniform(-1, 1, (20, 5)), model(rng, 5, 20)
    close(f(m, h, W), [J_by_coins(*case) for case in zip(m, h, W, strict=True)])


@judge
def update_ising(f, rng):
    """The slope of torch's J is zero in the mean that was updated."""
    m, (h, W) = rng.uniform(-1, 1, (20, 5)), model(rng, 5, 20)
    for j in range(5):
        new = f(m, h, W, j)
        close(np.delete(new, j, -1), np.delete(m, j, -1))
        means = tensor(new).requires_grad_()
        entropies = torch.special.entr((1 + means) / 2) + torch.special.entr((1 - means) / 2)
        ties = torch.einsum("ni,nij,nj->", means, tensor(W), means) / 2
        (-(tensor(h) * means).sum() - ties - entropies.sum()).backward()
        close(means.grad[:, j].numpy() * (1 - new[:, j] ** 2), np.zeros(20), atol=1e-11)


@judge
def spins(f, rng):
    for n in (1, 3, 7):
        close(f(n), every(n))


@judge
def q_ising(f, rng):
    m = rng.uniform(-1, 1, (6, 5))
    events = tensor((every(5)[:, None] + 1) / 2)
    close(f(m, every(5)), coins(m).log_prob(events).sum(-1).exp().T)


@judge
def ascend_ising(f, rng):
    (h,), (W,), m = *model(rng, 4), rng.uniform(-1, 1, 4)
    path, theirs = f(m, h, W, 3), [m]
    for j in [0, 1, 2, 3] * 3:
        field = h[j] + math.fsum(W[j] * theirs[-1])
        theirs.append(np.where(np.arange(4) == j, 2 * special.expit(2 * field) - 1, theirs[-1]))
    close(path, theirs)


@judge
def kl_steps(f, rng):
    path = rng.uniform(-1, 1, (7, 30, 5))
    close(f(path), td.kl_divergence(coins(path[:-1]), coins(path[1:])).sum(-1), rtol=1e-9)


@judge
def adjacency(f, rng):
    for L in (3, 5):
        theirs = np.zeros((L, L, L, L))
        for one, other in torus_pairs(L):
            theirs[one + other] = theirs[other + one] = 1
        close(f(L), theirs.reshape(L * L, L * L))


def torus_product(beta, h, L):
    """Z of a torus with a field at every site, by the product of matrices between rows. h: (L, L) -> a number"""
    rows = every(L)
    within = beta * (rows * np.roll(rows, -1, 1)).sum(1)
    product = np.eye(2**L)
    for fields in h:
        product = product @ (np.exp(rows @ fields + within)[:, None] * np.exp(beta * rows @ rows.T))
    return np.trace(product)


@judge
def exact16(f, rng):
    h, beta = rng.normal(size=16), 0.37
    log_Z, p = f(beta, h)
    close(log_Z, math.log(torus_product(beta, h.reshape(4, 4), 4)))
    grids = every(16).reshape(-1, 4, 4)
    pairs = sum(grids[:, one[0], one[1]] * grids[:, other[0], other[1]] for one, other in torus_pairs(4))
    close(p, np.exp(grids.reshape(-1, 16) @ h + beta * pairs) / torus_product(beta, h.reshape(4, 4), 4))


@judge
def spin_first(f, rng):
    q = simplex(rng, 3, 32)
    for i in range(5):
        theirs = [[row[every(5)[:, i] == s] for s in (-1, 1)] for row in q]
        close(f(q, i), theirs)


@judge
def marginal(f, rng):
    q = simplex(rng, 3, 32)
    for i in range(5):
        close(f(q, i), [[row[every(5)[:, i] == s].sum() for s in (-1, 1)] for row in q])


@judge
def rest_gap(f, rng):
    q, p = simplex(rng, 10, 32, zeros=True), simplex(rng, 10, 32)
    for i in range(5):
        own = [[[row[every(5)[:, i] == s].sum() for s in (-1, 1)] for row in d] for d in (q, p)]
        close(f(q, p, i), stats.entropy(q, p, axis=-1) - stats.entropy(*map(np.array, own), axis=-1))


@judge
def neighbours(f, rng):
    m = rng.normal(size=(3, 5, 5))
    theirs = np.zeros_like(m)
    for one, other in torus_pairs(5):
        theirs[(slice(None), *one)] += m[(slice(None), *other)]
        theirs[(slice(None), *other)] += m[(slice(None), *one)]
    close(f(m), theirs)


@judge
def J_torus(f, rng):
    for L in (3, 4):
        m, h, beta = *rng.uniform(-1, 1, (2, L, L)), rng.normal()
        ties = math.fsum(beta * m[one] * m[other] for one, other in torus_pairs(L))
        close(f(m, h, beta), -(h * m).sum() - ties - float(coins(m).entropy().sum()))


@judge
def ascend_torus(f, rng):
    m, h = rng.uniform(-1, 1, (2, 6, 6))
    path, theirs = f(m, h, 0.4, 2), [m]
    for half in range(4):
        new = theirs[-1].copy()
        for r, c in itertools.product(range(6), repeat=2):  # one site after the other, seeing all that went before
            if (r + c + half) % 2 == 0:
                near = new[(r + 1) % 6, c] + new[r - 1, c] + new[r, (c + 1) % 6] + new[r, c - 1]
                new[r, c] = math.tanh(h[r, c] + 0.4 * near)
        theirs.append(new)
    close(path, theirs)


def J_torch(m, h, W):
    entropies = torch.special.entr((1 + m) / 2) + torch.special.entr((1 - m) / 2)
    return -(h * m).sum() - m @ W @ m / 2 - entropies.sum()


@judge
def slope_ising(f, rng):
    m, (h, W) = rng.uniform(-0.99, 0.99, (8, 5)), model(rng, 5, 8)
    slope = torch.func.grad(J_torch)
    close(f(m, h, W), torch.stack([slope(*tensor(*case)) for case in zip(m, h, W, strict=True)]))


@judge
def curvature_ising(f, rng):
    m, (h, W) = rng.uniform(-0.99, 0.99, (8, 5)), model(rng, 5, 8)
    second = torch.func.hessian(J_torch)
    close(f(m, W), torch.stack([second(*tensor(*case)) for case in zip(m, h, W, strict=True)]))


def kaufman(beta, L):
    """log Z of the L-by-L torus with no field, by Kaufman's exact solution of 1949, in 40 digits."""
    with mpmath.workdps(40):
        b = mpmath.mpf(beta)
        gamma = [2 * b + mpmath.log(mpmath.tanh(b))]
        for r in range(1, 2 * L):
            gamma.append(mpmath.acosh(mpmath.cosh(2 * b) ** 2 / mpmath.sinh(2 * b) - mpmath.cos(mpmath.pi * r / L)))
        functions = (mpmath.cosh, mpmath.sinh)
        parts = [mpmath.fprod(2 * g(L * x / 2) for x in half) for half in (gamma[1::2], gamma[::2]) for g in functions]
        return float(mpmath.log(mpmath.fsum(parts) / 2) + L * L * mpmath.log(2 * mpmath.sinh(2 * b)) / 2)


@judge
def log_Z_transfer(f, rng):
    for beta, L in ((0.21, 4), (0.9, 5), (0.47, 8)):
        close(f(beta, L), kaufman(beta, L))
    h = rng.normal(size=3)
    close(f(0.3, 4, h), [math.log(torus_product(0.3, np.full((4, 4), field), 4)) for field in h])


@judge
def log_Z_onsager(f, rng):
    """A torus of side 64 is the infinite lattice, to twelve digits, away from the critical point; twofold above it."""
    beta = np.array([0.1, 0.25, 0.3, 0.6, 0.8])
    theirs = [(kaufman(b, 64) - (math.log(2) if b > 0.44 else 0)) / 64**2 for b in beta]
    close(f(beta), theirs, rtol=1e-10)
    critical = math.log(1 + math.sqrt(2)) / 2
    close(f(np.array([critical])), [math.log(2) / 2 + 2 * float(mpmath.catalan) / math.pi], rtol=1e-10)


@judge
def log_Z_onsager_double(f, rng):
    beta = np.array([0.1, 0.25, 0.3, 0.6, 0.8])
    close(f(beta), [(kaufman(b, 64) - (math.log(2) if b > 0.44 else 0)) / 64**2 for b in beta], rtol=1e-10)


@judge
def best_bound(f, rng):
    """The common mean m solves beta = artanh(m)/(4m): choose m, and have beta."""
    m = np.array([0.3, 0.6, 0.9, 0.99])
    theirs = 2 * m * np.arctanh(m) / 4 + stats.bernoulli((1 + m) / 2).entropy()
    close(f(np.arctanh(m) / (4 * m)), theirs)
    close(f(np.array([0.05, 0.2])), np.full(2, math.log(2)))
