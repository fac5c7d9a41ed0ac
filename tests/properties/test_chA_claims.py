"""Chapter A: claims on trial; the functions that no other chapter has."""
import math

import numpy as np
from hypothesis import strategies as st

from properties import Chapter, at_least, covariances, exact, exact_kl, holds, mp, near, pairs, real, reals, tens, total

ch = Chapter("A_claims")


@holds(target=covariances(4, 8), cut=st.integers(0, 3))
def test_larger_blocks_cost_less(target, cut):
    precision, condition = target
    blocks = [list(range(cut)), list(range(cut, 4))] if cut else [list(range(4))]
    P = mp.matrix(exact(precision))
    own = total(mp.log(mp.det(mp.matrix(exact(precision[block][:, block])))) for block in blocks)
    cost, most = ch.gap_of_blocks(precision, blocks), ch.gap_of_blocks(precision, [[i] for i in range(4)])
    near(cost, (own - mp.log(mp.det(P))) / 2, size=condition, tol=1e-14)
    at_least([cost, most - cost], 0, size=condition, tol=1e-14)


@holds(logit=tens(-300, 300), sign=st.sampled_from([-1, 1]))
def test_the_normaliser_of_grey_pixels(logit, sign):
    x = mp.mpf(logit)
    near(ch.log_norm_grey(sign * logit), mp.log(x / mp.tanh(x / 2)))
    at_least(ch.log_norm_grey(sign * logit), math.log(2))


@holds(x=real, m=real, w=real, unit=tens(-70, 70), s=tens(-3, 3))
def test_the_bound_of_a_line_is_a_bound(x, m, w, unit, s):
    """log p(x) - KL, by the posterior in closed form."""
    X, M, W, S = exact([x, m, w, s])
    precision = 1 + W**2
    mean, spread = W * X / precision, 1 / mp.sqrt(precision)
    gap = mp.log(spread / S) + (S**2 + (M - mean) ** 2) * precision / 2 - mp.mpf(1) / 2
    log_p = -mp.log(2 * mp.pi * precision) / 2 - X**2 / (2 * precision) - mp.log(unit)
    near(ch.elbo_line(x * unit, m, s, w * unit, unit), log_p - gap, size=1e5 + 100 * s**2 * 100)


@holds(qp=pairs(3), K=st.integers(1, 3), log_Z=st.floats(-10, 300))
def test_the_average_of_weights_is_a_bound_that_grows(qp, K, log_Z):
    q, p = qp
    bound, gap = ch.log_average(q, p * math.exp(log_Z), K), ch.average_gap(q, p, K)
    supported = (q[p > 0] > 0).all()
    if supported and np.isfinite(gap):
        near(bound, log_Z + math.log(p.sum()) - gap, size=700, tol=1e-11)
    at_least(gap, 0)
    at_least(log_Z, bound, size=700)
    if K == 1:
        near(gap, exact_kl(q, p))
        near(bound, -exact_kl(q, p * math.exp(log_Z)), size=700)
    else:
        at_least(bound, ch.log_average(q, p * math.exp(log_Z), K - 1), size=700)


@holds(mu=reals(2), sigma=st.lists(tens(-150, 2), min_size=2, max_size=2))
def test_the_mean_by_nodes(mu, sigma):
    sigma = np.array(sigma)
    truth = [m**2 + s**2 + s for m, s in zip(exact(mu), exact(sigma))]
    near(ch.mean_nodes(lambda z, eps: z**2 + z * eps, mu, sigma), truth, size=1e3)
