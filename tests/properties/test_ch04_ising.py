"""Chapter 04: mean field on spins, for couplings from zero to ten thousand."""
import math

import numpy as np
from hypothesis import strategies as st

from properties import Chapter, at_least, exact, holds, log_of, mp, near, reals, seeds, simplex, tens, times_log, total

ch = Chapter("04_ising")
means = st.one_of(st.floats(-1, 1), st.sampled_from([-1.0, 0.0, 1.0]), tens(-16, 0).map(lambda d: 1 - d))


@st.composite
def models(draw, most=4, size=5.0):
    """Means (±1 among them), fields, symmetric ties without a diagonal; ties of zero too. -> m, h, W"""
    n = draw(st.integers(1, most))
    m = np.array(draw(st.lists(means, min_size=n, max_size=n)))
    ties = np.triu(draw(reals(n, n, size=size)), 1) * draw(st.sampled_from([0, 1]))
    return m, draw(reals(n, size=size)), ties + ties.T


@st.composite
def tables(draw, size):
    """Three factors with zeros, and log weights up to a size. -> a list of (1, n_i), (1, 2, 3, 2)"""
    return [draw(simplex(n))[None] for n in (2, 3, 2)], draw(reals(1, 2, 3, 2, size=size))


def J_of_table(factors, log_p_tilde):
    joint = ch.joint_of(*factors)
    return (joint * log_p_tilde).sum() * -1 - sum(ch.entropy(f)[0] for f in factors)


@holds(table=tables(200.0), j=st.integers(0, 2))
def test_an_update_of_a_factor_lowers_J_by_its_divergence(table, j):
    factors, log_p_tilde = table
    near(ch.joint_of(*factors).sum(), 1.0)
    new = ch.update_factor(factors, log_p_tilde, j)
    fall = J_of_table(factors, log_p_tilde) - J_of_table(new, log_p_tilde)
    near(fall, ch.kl(factors[j], new[j])[0], size=400)
    at_least(fall, 0, size=400)
    near((factors[j] * ch.mean_log_weight(factors, log_p_tilde, j)).sum(), (ch.joint_of(*factors) * log_p_tilde).sum(),
         size=200)


@holds(table=tables(1e4), j=st.integers(0, 2))
def test_a_factor_that_is_nearly_certain(table, j):
    factors, log_p_tilde = table
    new = ch.update_factor(factors, log_p_tilde, j)[j]
    near(new.sum(), 1.0)
    at_least(J_of_table(factors, log_p_tilde), J_of_table(ch.update_factor(factors, log_p_tilde, j), log_p_tilde), 1e4)


@holds(m=means)
def test_the_entropy_of_a_spin(m):
    up = (1 + mp.mpf(m)) / 2
    near(ch.spin_entropy(m), -times_log(up, up) - times_log(1 - up, 1 - up))
    assert ch.spin_entropy(-m) == ch.spin_entropy(m) <= math.log(2) + 1e-15


@holds(model=models(size=100.0))
def test_J_from_the_means_is_J_of_the_states(model):
    m, h, W = model
    x = ch.spins(len(m))
    q, log_p_tilde = ch.q_ising(m, x), ch.log_p_tilde_ising(x, h, W)
    near(q.sum(), 1.0)
    near(q @ x, m)
    near(ch.J_ising(m, h, W), (ch.kl(q, np.ones_like(q)) - q @ log_p_tilde), size=2e3)
    near(ch.J_ising(-m, -h, W), ch.J_ising(m, h, W), size=2e3)
    near(ch.J_ising(m, h, W) + 0 * ch.J(q, q), ch.J(q, np.exp(log_p_tilde / 50)) - q @ log_p_tilde * 0.98, size=2e3)


@holds(model=models(size=1e4), data=st.data())
def test_an_update_of_a_mean_at_any_coupling(model, data):
    m, h, W = model
    j = data.draw(st.integers(0, len(m) - 1))
    before = m.copy()
    new = ch.update_ising(m, h, W, j)
    field = exact(h[j]) + total(a * b for a, b in zip(exact(W[j]), exact(m)))
    near(new[j], mp.tanh(field), size=1e4)
    assert (m == before).all() and (np.delete(new, j) == np.delete(m, j)).all()
    at_least(ch.J_ising(m, h, W), ch.J_ising(new, h, W), size=1e5)


@holds(model=models(size=3.0), sweeps=st.integers(0, 4))
def test_descent_is_the_divergence_of_each_step(model, sweeps):
    m, h, W = model
    path = ch.ascend_ising(m, h, W, sweeps)
    assert path.shape == (1 + sweeps * len(m), len(m))
    near(-np.diff(ch.J_ising(path, h, W)), ch.kl_steps(path), size=100)
    at_least(ch.kl_steps(path), 0)


@holds(model=models())
def test_slope_and_curvature_of_J(model):
    m, h, W = model
    m = np.clip(m, -1 + 1e-12, 1 - 1e-12)
    near(ch.slope_ising(m, h, W), [mp.atanh(a) - b - total(c * d for c, d in zip(row, exact(m)))
                                   for a, b, row in zip(exact(m), exact(h), exact(W))], size=50)
    H = ch.curvature_ising(m, W)
    near(np.diag(H) * (1 - m**2), np.ones(len(m)))
    assert (H - np.diag(np.diag(H)) == -W).all()


@holds(seed=seeds, n=st.integers(1, 5), spread=st.floats(0, 600))
def test_a_spin_and_the_rest(seed, n, spread):
    q, p = np.exp(-spread * np.random.default_rng(seed).random((2, 2**n)))
    q, p = q / q.sum(), p / p.sum()
    q = np.where(q < 1e-9, 0, q) / np.where(q < 1e-9, 0, q).sum()
    for i in range(n):
        own = [ch.marginal(each, i) for each in (q, p)]
        near(own[0], [total(exact(q[ch.spins(n)[:, i] == s])) for s in (-1, 1)])
        near(ch.kl(*own) + ch.rest_gap(q, p, i), ch.kl(q, p), size=600)
        at_least(ch.kl(q, p), ch.kl(*own))
        assert sorted(ch.spin_first(q, i).ravel()) == sorted(q)


@holds(L=st.integers(3, 5), seed=seeds, beta=st.floats(-1e4, 1e4))
def test_the_torus_and_its_matrix_of_ties(L, seed, beta):
    m, h = np.random.default_rng(seed).uniform(-1, 1, (2, L, L))
    A = ch.adjacency(L)
    assert (A.sum(0) == 4).all() and (A == A.T).all()
    near(ch.neighbours(m).ravel(), A @ m.ravel())
    near(ch.J_torus(m, h, beta), ch.J_ising(m.ravel(), h.ravel(), beta * A), size=1e6)


@holds(seed=seeds, beta=st.floats(-1e3, 1e3))
def test_the_checkerboard_never_climbs(seed, beta):
    m, h = np.random.default_rng(seed).uniform(-1, 1, (2, 4, 4))
    path = ch.ascend_torus(m, h, beta, 3)
    assert (path[0] == m).all() and (np.abs(path) <= 1).all()
    at_least(-np.diff(ch.J_torus(path, h, beta)), 0, size=1e5)


strengths = st.one_of(st.just(0.0), st.floats(-2, 2), st.floats(-1e4, 1e4))


@holds(cost=2, beta=strengths, h=strengths)
def test_log_Z_by_all_states_and_by_the_transfer_matrix(beta, h):
    log_Z, p = ch.exact16(beta, np.full(16, h))
    near(ch.log_Z_transfer(beta, 4, h), log_Z, size=abs(beta) + abs(h), tol=1e-11)
    near(p.sum(), 1.0)
    near(ch.log_Z_transfer(0.0, 4, h), 16 * np.logaddexp(h, -h), size=1e5)
    odd = max(beta, -1.0)
    log_p_tilde = ch.log_p_tilde_ising(ch.spins(9), np.full(9, h), odd * ch.adjacency(3))
    by_states = log_of(total(mp.exp(each) for each in exact(log_p_tilde)))
    near(ch.log_Z_transfer(odd, 3, h), by_states, size=abs(odd) + abs(h), tol=1e-11)


@holds(b=st.floats(-60, 160))
def test_onsager_and_his_dual(b):
    """log Z per site less half of log sinh 2 beta is the same at the coupling where sinh is one over this one's."""
    beta = math.exp(b) if b < 0 else 0.3 + b
    dual = math.asinh(1 / math.sinh(2 * beta)) / 2
    here, there = ch.log_Z_onsager(np.array([beta, dual]))
    near(here - there, mp.log(mp.sinh(2 * mp.mpf(beta))), size=1e2, tol=1e-10)
    at_least(here, ch.best_bound(np.array([beta]))[0], tol=1e-11)


@holds(beta=st.one_of(st.just(0.0), tens(-100, -0.5), st.floats(0.6, 170)))
def test_onsager_by_two_integrals_and_the_best_bound(beta):
    beta = np.array([beta])
    near(ch.log_Z_onsager(beta), ch.log_Z_onsager_double(beta), size=1e2, tol=1e-11)
    at_least(ch.best_bound(beta), np.maximum(math.log(2), 2 * beta))
    at_least(ch.log_Z_onsager(beta), ch.best_bound(beta), tol=1e-10)


@holds(m=st.floats(0.05, 0.999))
def test_the_common_mean_of_the_best_bound(m):
    beta = np.arctanh(m) / (4 * m)
    near(ch.best_bound(np.array([beta])), [2 * beta * m**2 + ch.spin_entropy(m)], tol=1e-9)
