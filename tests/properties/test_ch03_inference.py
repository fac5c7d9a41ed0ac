"""Chapter 03: the Poisson posterior, for counts to a million and priors of any width."""
import math

import numpy as np
from hypothesis import strategies as st
from scipy import integrate

from properties import Chapter, at_least, exact, holds, log_of, mp, near, real, reals, tens, total

ch = Chapter("03_inference")
any_count = st.one_of(st.integers(0, 9), st.integers(0, 10**6))


def exact_log_joint(z, y, m0, s0):
    z, m0, s0 = mp.mpf(z), mp.mpf(m0), mp.mpf(s0)
    return -mp.log(2 * mp.pi * s0**2) / 2 - ((z - m0) / s0) ** 2 / 2 + y * z - mp.exp(z) - mp.loggamma(y + 1)


@holds(z=st.floats(-700, 700), y=any_count, m0=real, s0=tens(-150, 100))
def test_the_log_joint(z, y, m0, s0):
    near(ch.log_p_tilde_poisson(z, y, m0, s0), exact_log_joint(z, y, m0, s0), size=y * 700 + 1e7)


@holds(y=any_count, m0=st.floats(-700, 700), s0=tens(-100, 1))
def test_the_mode_is_where_the_slope_changes_sign(y, m0, s0):
    top, c = ch.mode_poisson(y, m0, s0), m0 + s0**2 * y
    off = mp.mpf(1e-13 * max(1, abs(c), abs(m0)))
    slopes = [y - mp.exp(top + by) - (mp.mpf(float(top)) + by - m0) / mp.mpf(s0) ** 2 for by in (-off, off)]
    assert slopes[0] >= 0 >= slopes[1]


@st.composite
def posteriors(draw):
    """y, m0, s0 for which the quadrature has steps enough: 1 + s0^2 e^mode below 100. -> three (1, 1)"""
    s0, m0 = draw(tens(-3, 0.3)), draw(st.floats(-5, 5))
    most = min(80 / s0**2, 1e5)
    y = draw(st.integers(0, max(0, int(min(most, math.exp(min(m0, 11)) * 10)))))
    if 1 + s0**2 * math.exp(ch.mode_poisson(y, m0, s0)) > 99:
        y, m0 = 3, 0.0
    return tuple(np.array([[float(each)]]) for each in (y, m0, s0))


@holds(problem=posteriors())
def test_the_evidence_by_adaptive_quadrature(problem):
    y, m0, s0 = (float(each[0, 0]) for each in problem)
    top = float(ch.mode_poisson(y, m0, s0))
    peak = ch.log_p_tilde_poisson(top, y, m0, s0)
    f = lambda u: math.exp(ch.log_p_tilde_poisson(top + s0 * u, y, m0, s0) - peak)  # noqa: E731
    area = integrate.quad(f, -11, 11, points=[0], epsabs=1e-12, limit=200)[0]
    near(ch.log_Z_poisson(*problem), [[peak + math.log(s0 * area)]], size=abs(peak) + y * 12, tol=1e-10)


@holds(problem=posteriors(), shift=st.floats(-3, 3), part=st.floats(0.1, 1))
def test_the_bound_and_its_gap(problem, shift, part):
    y, m0, s0 = problem
    m, s = ch.mode_poisson(*problem) + shift * s0, part * s0
    log_Z, gap = ch.log_Z_poisson(*problem), ch.kl_poisson(m, s, *problem)
    size = (abs(log_Z) + y * 12 + np.exp(m + s**2 / 2)).item()
    near(ch.elbo_poisson(m, s, *problem), log_Z - gap, size=size, tol=1e-10)
    at_least(gap, 0, size=size, tol=1e-11)
    best = ch.best_gaussian_poisson(*problem)
    at_least(ch.elbo_poisson(*best, *problem), ch.elbo_poisson(m, s, *problem), size=size)
    at_least(ch.elbo_poisson(*best, *problem), ch.elbo_poisson(ch.best_mean_poisson(s, *problem), s, *problem), size)


@holds(m=st.floats(-300, 300), s=tens(-150, 1), y=any_count, m0=real, s0=tens(-100, 100))
def test_the_bound_and_its_slopes_at_every_scale(m, s, y, m0, s0):
    M, S, C, S0 = exact([m, s, m0, s0])
    rate = mp.exp(M + S**2 / 2)
    truth = y * M - rate - mp.loggamma(y + 1) - mp.log(S0 / S) - (S**2 + (M - C) ** 2) / (2 * S0**2) + mp.mpf(1) / 2
    near(ch.elbo_poisson(m, s, y, m0, s0), truth, size=float(y * 300 + rate))
    slopes = [y - rate - (M - C) / S0**2, 1 / S - S * rate - S / S0**2]
    near(ch.grad_poisson(m, s, y, m0, s0), slopes, size=float(y + rate + abs(M - C) / S0**2 + 1 / S))


@holds(y=any_count, m0=st.floats(-100, 10), s0=tens(-10, 0.3))
def test_the_best_gaussian_has_no_slope(y, m0, s0):
    m, s = ch.best_gaussian_poisson(y, m0, s0)
    rate = math.exp(m + s**2 / 2)
    size = (1 + abs(m) + abs(m0) + s0**2 * y) * (rate + s0**-2)  # m is a difference of numbers as large as the first
    near(np.array(ch.grad_poisson(m, s, y, m0, s0)) * [1, s], [0, 0], size=size, tol=1e-14)
    near(ch.best_mean_poisson(s, y, m0, s0), m, size=abs(m0) + s0**2 * y)


@holds(y=st.integers(0, 50), m0=st.floats(-3, 3), s0=st.floats(0.3, 2), m=st.floats(-2, 2), s=st.floats(0.1, 1))
def test_small_steps_downhill_never_climb(y, m0, s0, m, s):
    path = [ch.descend_poisson(m, s, y, m0, s0, steps, rate=1e-4) for steps in (0, 1, 5)]
    assert path[0] == (m, s)
    at_least(np.diff([ch.elbo_poisson(*at, y, m0, s0) for at in path]), 0)


@holds(y=any_count, m0=real, s0=tens(-100, 1))
def test_laplace_at_every_scale(y, m0, s0):
    log_Z, top, width = ch.laplace_poisson(y, m0, s0)
    near(width, (1 / mp.mpf(s0) ** 2 + mp.exp(mp.mpf(float(top)))) ** -0.5, size=s0, tol=1e-11)
    truth = exact_log_joint(float(top), y, m0, s0) + mp.log(2 * mp.pi * mp.mpf(float(width)) ** 2) / 2
    near(log_Z, truth, size=y * 30 + 1e3 + (1e-15 * max(1, abs(m0), s0**2 * y) / s0) ** 2 * 1e12)


@holds(m=real, s=tens(-150, 2), c=reals(4))
def test_the_mean_of_a_cubic(m, s, c):
    truth = c[0] + c[1] * m + c[2] * (m**2 + s**2) + c[3] * (m**3 + 3 * m * s**2)
    f = lambda z: c[0] + c[1] * z + c[2] * z**2 + c[3] * z**3  # noqa: E731
    near(ch.mean_normal(f, np.array([[m]]), np.array([[s]])), [[truth]], size=1e2 * (abs(m) + s + 1) ** 3)


@st.composite
def mixtures(draw):
    """Two Gaussians, their weight perhaps 0, neither narrower than a seventh of the stretch they share."""
    w = draw(st.one_of(st.floats(0, 1), tens(-300, 0)))
    return np.array([[w, 1 - w]]), draw(reals(1, 2, size=1.0)), 0.4 + np.abs(draw(reals(1, 2, size=0.6)))


@holds(q=mixtures(), z=reals(1, 5, size=1e4))
def test_a_mixture_far_out_and_with_a_group_of_no_weight(q, z):
    w, m, s = q
    groups = list(zip(*(exact(each[0]) for each in q), strict=True))
    densities = [total(a * mp.exp(-(((x - b) / c) ** 2) / 2) / c for a, b, c in groups) for x in exact(z[0])]
    near(ch.log_mixture_poisson(z, w, m, s), [[log_of(each / mp.sqrt(2 * mp.pi)) for each in densities]])


@holds(q=mixtures(), y=st.integers(0, 9), m0=st.floats(-1, 1), s0=st.floats(0.8, 1.5))
def test_the_bound_of_a_mixture_and_its_gap(q, y, m0, s0):
    problem = tuple(np.array([[float(each)]]) for each in (y, m0, s0))
    w, m, s = q
    bound, gap = ch.elbo_mixture_poisson(*q, *problem), ch.kl_mixture_poisson(*q, *problem)
    near(bound, ch.log_Z_poisson(*problem)[:, 0] - gap, size=200, tol=1e-9)
    at_least(gap, 0, tol=1e-9)
    alone = ch.elbo_mixture_poisson(np.array([[0.0, 1.0]]), m, s, *problem)
    near(alone, ch.elbo_poisson(m, s, *problem)[:, 1], size=100, tol=1e-9)
    apart = (w * ch.elbo_poisson(m, s, *problem)).sum(-1)
    at_least(bound, apart, size=100, tol=1e-9)  # entropy is concave: mixing gains
