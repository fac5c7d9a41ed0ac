"""Chapter 02: the log Z identity, for weights of any scale, zeros among them."""
import math

import numpy as np
from hypothesis import strategies as st

from properties import Chapter, at_least, exact, exact_kl, holds, log_of, mp, near, pairs, real, reals, tens, total

ch = Chapter("02_log_z")
logs = st.floats(-15, 300)  # of Z; with p from 1e-300 all weights are ordinary floats


@holds(qp=pairs(), log_Z=logs, c=tens(0, 100))
def test_log_Z_is_kl_minus_J_whatever_the_scale(qp, log_Z, c):
    q, p = qp
    p_tilde = p * math.exp(log_Z)
    J = ch.J(q, p_tilde)
    near(J, exact_kl(q, p_tilde))
    near(ch.J_by_loop(q, p_tilde) if np.isfinite(J) else np.inf, J)
    near(ch.Z(p_tilde) / math.exp(log_Z), total(exact(p)))
    near(ch.kl(q, p), J + math.log(ch.Z(p_tilde)))
    at_least(math.log(ch.Z(p_tilde)), -J, size=abs(log_Z))
    near(ch.J(q, c * p_tilde), J - math.log(c), size=600)
    near(ch.energy(q, p_tilde) - ch.entropy(q), J, size=abs(log_Z))


@holds(qp=pairs())
def test_what_is_left_of_tight_is_never_negative(qp):
    q, p = qp
    near(ch.tight_gap(q, p), exact_kl(q, p) - total((mp.sqrt(a) - mp.sqrt(b)) ** 2 for a, b in zip(exact(q), exact(p))))
    at_least(ch.tight_gap(q, p), 0)
    assert ch.tight_gap(q, q) == 0


@holds(qp=pairs(zeros=(False, False)), log_Z=logs, rate=st.floats(0.01, 1), powers=reals(6, size=300.0))
def test_a_climb_never_descends_and_gets_to_the_top(qp, log_Z, rate, powers):
    q, p = qp
    p_tilde = p * math.exp(log_Z)
    heights = [-ch.J(ch.climb(q, p_tilde, steps, rate), p_tilde) for steps in range(4)]
    at_least(np.diff(heights), 0, size=1e3)
    near(ch.climb(q, p_tilde, 60, 0.9), p / p.sum(), tol=1e-10)
    steep = 10.0 ** powers[: len(q)]  # from 1e-300 to 1e300: further apart than the smallest float from 1
    near(ch.climb(q, steep, 60, 0.9), steep / steep.max() / (steep / steep.max()).sum(), tol=1e-10)


@holds(qp=pairs(), log_Z=logs)
def test_log_weight_and_the_bounds_on_both_sides(qp, log_Z):
    q, p = qp
    p_tilde = p * math.exp(log_Z)
    curve = ch.log_weight(q, p_tilde)
    assert (np.isnan(curve) == ((q == 0) & (p_tilde == 0))).all()
    assert ((curve == np.inf) == ((q == 0) & (p_tilde > 0))).all()
    truth = [log_of(b) - log_of(a) if a else mp.mpf(0) for a, b in zip(exact(q), exact(p_tilde))]
    near(np.where(q > 0, curve, 0), truth)
    near(ch.expect(q, curve), -ch.J(q, p_tilde), size=abs(log_Z))
    if (q[p > 0] > 0).all():
        near(ch.eubo(q, p, p_tilde), exact_kl(p, q) + total(exact(p)) * mp.mpf(log_Z), size=700)


@holds(qp=pairs())
def test_chi_square_is_above_kl(qp):
    q, p = qp
    terms = [(b - a) ** 2 / a if a else (mp.inf if b else mp.mpf(0)) for a, b in zip(exact(q), exact(p))]
    near(ch.chi_square(p, q), total(terms))
    at_least(np.log1p(ch.chi_square(p, q)), ch.kl(p, q))


@holds(qp=pairs(zeros=(False, False)), log_Z=logs)
def test_slopes_and_curvature_of_J(qp, log_Z):
    q, p = qp
    p_tilde = p * math.exp(log_Z)
    for weights in (p_tilde, p_tilde * 1e150):  # of which q may be less than the smallest float's part
        near(ch.gradient(q, weights), [mp.log(a / b) + 1 for a, b in zip(exact(q), exact(weights))])
    H = ch.hessian(q)
    near(np.diag(H) * q, np.ones(len(q)))
    assert (H == np.diag(np.diag(H))).all() and (np.diag(H) >= 1 - 1e-12).all()


@holds(m=st.floats(-300, 300), s=tens(-150, 1), k=tens(-3, 3))
def test_J_of_a_gaussian_and_log_gamma(m, s, k):
    mean, width = exact([m, s])
    exponential = mp.exp(mean + width**2 / 2)
    truth = -mp.log(2 * mp.pi * mp.e * width**2) / 2 - mp.mpf(k) * mean + exponential
    near(ch.J_loggamma(m, s, k), truth, size=k * 300)


@holds(m=reals(1, size=5.0), s=tens(-2, 0.3), k=st.floats(0.2, 30))
def test_the_gap_of_log_gamma(m, s, k):
    gap = ch.kl_loggamma(m[:, None], np.array([[s]]), np.array([[k]]))
    near(gap, ch.J_loggamma(m, s, k) + float(mp.loggamma(k)), size=math.exp(5 + s**2 / 2) + 30 * 60, tol=1e-10)
    at_least(gap, 0, size=1e3, tol=1e-10)


@holds(cost=4, m=real, s=tens(-2, 0.5), a=st.floats(0, 4))
def test_the_two_wells(m, s, a):
    x = np.array([m, -m, 1e4 * m])
    bumps = [mp.exp(-2 * (z - mp.mpf(a)) ** 2) + mp.exp(-2 * (z + mp.mpf(a)) ** 2) for z in exact(x)]
    near(ch.log_p_tilde_wells(x, a), [mp.log(each) for each in bumps])
    near(ch.kl_wells(m, s, a) - ch.J_wells(m, s, a), math.log(2 * math.pi) / 2, size=1e3, tol=1e-9)
    at_least(ch.kl_wells(m, s, a), 0, tol=1e-9)


@holds(h=reals(1, 10, size=30.0), w=reals(1, 10, size=30.0))
def test_the_ring_by_its_states_and_by_matrices(h, w):
    weights = ch.log_p_tilde_ring(ch.states, h, w)
    log_Z = total(mp.exp(each) for each in exact(weights[0]))
    near(np.log(ch.Z_ring(h, w)), [mp.log(log_Z)], size=600)
    near(ch.log_p_tilde_ring(-ch.states, -h, w), weights, size=600)
    means = ch.mean_coins(h, w)
    near(ch.mean_coins(-h, w), -means, tol=1e-10)
    assert (np.abs(means) <= 1 + 1e-12).all()


@holds(h=reals(1, 10, size=1e4), scale=st.floats(1, 1e4))
def test_coins_that_have_made_up_their_minds(h, scale):
    near(ch.mean_coins(h, 0 * h), np.tanh(h), tol=1e-10)  # the logs of the weights have up to five digits
    strong = ch.mean_coins(0 * h + 1e-3, np.full((1, 10), scale))
    near(strong, np.full((1, 10), np.tanh(1e-2)), tol=1e-3 + 20 * math.exp(-4 * scale))
