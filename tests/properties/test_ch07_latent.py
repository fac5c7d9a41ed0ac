"""Chapter 07: tables with zeros, linear-Gaussian models with little noise, the square, EM with one point or group."""
import math

import numpy as np
from hypothesis import strategies as st

from properties import (
    Chapter,
    at_least,
    covariances,
    exact,
    exact_kl,
    holds,
    log_of,
    mp,
    near,
    real,
    reals,
    seeds,
    simplex,
    tens,
    times_log,
    total,
)

ch = Chapter("07_latent")


@holds(q=simplex(4), prior=simplex(4), lik=st.lists(st.one_of(st.just(0.0), tens(-15, 0)), min_size=4, max_size=4))
def test_the_forms_of_the_elbo_with_zeros(q, prior, lik):
    lik = np.array(lik)
    joint = np.where(prior > 1e-280, prior, 0) * lik
    prior = np.where(prior > 1e-280, prior, 0)
    truth = -exact_kl(q, joint)
    near(ch.elbo_joint(q, joint), truth, size=700)
    near(ch.elbo_joint(q, joint), -ch.J(q, joint), size=700)
    rec = total(times_log(*each) for each in zip(exact(q), exact(lik)))
    near(ch.elbo_rec_kl(q, prior, lik), rec - exact_kl(q, prior), size=700)
    px = ch.evidence(joint)
    near(px, total(exact(joint)))
    if px > 0:
        near(math.log(px) - ch.kl(q, joint / px), truth, size=700)
        at_least(math.log(px), ch.elbo_joint(q, joint), size=700)


@st.composite
def linear(draw, most=3):
    """x, W, b, sigma, with noise down to a millionth of the signal; the condition that this makes."""
    d, k = draw(st.integers(1, most)), draw(st.integers(1, most))
    W, sigma = draw(reals(d, k, size=1.0)), np.array(draw(tens(-4, 4)))
    return (draw(reals(d, size=3.0)) * (1 + sigma), W, draw(reals(d)), sigma), 1 + (W**2).sum() / sigma**2


def exact_log_normal(r, C):
    r, C = mp.matrix(r), mp.matrix(C)
    return -(len(r) * mp.log(2 * mp.pi) + mp.log(mp.det(C)) + (r.T * C**-1 * r)[0]) / 2


@holds(model=linear(), data=st.data())
def test_a_linear_model_with_little_noise(model, data):
    (x, W, b, sigma), condition = model
    d, k = W.shape
    M, s2 = mp.matrix(exact(W)), exact(sigma) ** 2
    truth = exact_log_normal([p - q for p, q in zip(exact(x), exact(b))], M * M.T + s2 * mp.eye(d))
    size = (1 + ((x - b) ** 2).sum() / sigma**2) * condition
    near(ch.log_evidence_lg(x, W, b, sigma), truth, size=size, tol=1e-13)
    mean, cov = ch.posterior_lg(x, W, b, sigma)
    chained = ch.one_at_a_time(x, W, b, sigma)
    near(chained[0], truth, size=size * condition, tol=1e-13)
    near(np.append(chained[1], chained[2]), np.append(mean, cov), size=size * condition, tol=1e-13)
    S = data.draw(covariances(k, 3))[0]
    m = data.draw(reals(k, size=3.0))
    gap = ch.kl_mvn(m, S, mean, (cov + cov.T) / 2)
    near(ch.elbo_lg(x, m, S, W, b, sigma) + gap, truth, size=size * 1e3 * condition, tol=1e-13)
    at_least(gap, 0, size=size * condition, tol=1e-12)
    z, log_q, weights = ch.nodes_of(m, S)
    near([weights.sum(), *(weights @ z)], [1.0, *m])
    near(log_q, [exact_log_normal([p - q for p, q in zip(exact(row), exact(m))], exact(S)) for row in z], 1e4, 1e-11)
    near(ch.log_mvn(z, m, S), log_q, size=1e4, tol=1e-11)
    slope = ch.slope_W_lg(x, mean, cov, W, b, sigma)
    inverse = (M * M.T + s2 * mp.eye(d)) ** -1
    r = mp.matrix([p - q for p, q in zip(exact(x), exact(b))])
    theirs = (inverse * r * r.T * inverse - inverse) * M  # of log p(x) in W
    near(slope, theirs.tolist(), size=size * condition / sigma**2, tol=1e-12)
    lines = ch.lines_lg(x[None], W[None], b[None], sigma[None], m[None], S[None])
    near(lines, [[truth - mp.mpf(float(gap))]] * 6, size=size * 1e3 * condition, tol=1e-12)


def square_noise(x):
    """The least sigma whose posterior the grid of the chapter can see."""
    return 0.03 * math.sqrt(abs(x)) + 0.03


@holds(x=st.floats(-50, 50), more=tens(0, 2), m=st.floats(-4, 4), s=tens(-1.3, -0.1))
def test_the_square_by_bessel_functions_by_points_and_its_gap(x, more, m, s):
    sigma = square_noise(x) * more
    x, sigma, m, s = (np.array([each]) for each in (x, sigma, m, s))
    size = 1 + (x**2 + m**4 + s**4)[0] / sigma[0] ** 2
    log_p = ch.log_evidence_bessel(x, sigma)
    near(ch.log_evidence_square(x, sigma), log_p, size=size)
    bound, gap = ch.elbo_square(x, m, s, sigma), ch.gap_square(x, m, s, sigma)
    near(bound, log_p - gap, size=size * 10)
    at_least(gap, 0, size=size)
    at_least(ch.elbo_square(x, *ch.best_square(x, sigma), sigma), bound, size=size)


@holds(x=st.one_of(st.floats(-1e4, 1e4), st.none()), sigma=st.one_of(tens(-4, 4), st.sampled_from([1.0, 2.0])))
def test_bessel_functions_of_any_argument(x, sigma):
    """The parabolic cylinder function instead; the branches meet where x is half of sigma squared."""
    x = sigma**2 / 2 if x is None else x * min(1, 5 * sigma)
    X, S = exact([x, sigma])
    y = S / 2 - X / S
    truth = y**2 / 4 - X**2 / (2 * S**2) + mp.log(mp.pcfd(-0.5, y)) - mp.log(mp.pi * S) / 2 - mp.log(2)
    near(ch.log_evidence_bessel(np.array(x), np.array(sigma)), truth, size=1 + abs(x) / sigma**2 * abs(x) + sigma**2)


@holds(x=st.floats(-20, 20), z=st.floats(-100, 100), sigma=tens(-100, 100))
def test_the_joint_of_the_square(x, z, sigma):
    X, Z, S = exact([x, z, sigma])
    near(ch.log_joint_square(x, z, sigma), -(Z**2) / 2 - ((X - Z**2) / S) ** 2 / 2 - mp.log(2 * mp.pi * S))


@holds(w=simplex(), data=st.data())
def test_one_q_for_all(w, data):
    post = np.stack([data.draw(simplex(3, zeros=False)) for _ in w])
    least, q = ch.one_for_all(w, post)
    near(q.sum(), 1.0)
    at_least(least, 0)
    if (q > 1e-300).all():
        near(total(a * exact_kl(q, p) for a, p in zip(exact(w), post)), least, size=700)
    other = data.draw(simplex(3))
    at_least(float(total(a * exact_kl(other, p) for a, p in zip(exact(w), post))), least, size=700)


@holds(values=reals(5, size=1e150), size=st.integers(1, 5))
def test_a_batch_is_unbiased(values, size):
    near(ch.batch_mean(values, size) / 1e150, total(exact(values / 1e150)))


@st.composite
def heaps(draw, zeros=False):
    """x (n,), theta of K groups, perhaps one of each, x far from all of them."""
    n, K, unit = draw(st.integers(1, 5)), draw(st.integers(1, 3)), draw(tens(-50, 50))
    theta = draw(simplex(K, zeros=zeros)), draw(reals(K)) * unit, np.array(draw(tens(-2, 2)) * unit)
    return draw(reals(n, size=draw(st.sampled_from([10.0, 1e4])))) * unit, theta


def exact_em(x, theta):
    """The logs of p(x_i, z_i = k) by mpmath."""
    pi, mu, sigma = (exact(each) for each in theta)
    return [[log_of(p) - ((v - m) / sigma) ** 2 / 2 - mp.log(2 * mp.pi * sigma**2) / 2 for p, m in zip(pi, mu)]
            for v in exact(x)]


@holds(heap=heaps())
def test_em_far_from_every_group(heap):
    x, theta = heap
    joint = exact_em(x, theta)
    sums = [mp.log(total(mp.exp(each) for each in row)) for row in joint]
    size = float(max(abs(each) for row in joint for each in row)) * len(x)
    near(ch.log_joint_em(x, *theta), joint, size=size)
    near(ch.log_px_em(x, theta), total(sums), size=size)
    phi = ch.e_step(x, theta)
    near(phi, [[mp.exp(each - top) for each in row] for row, top in zip(joint, sums)], size=size, tol=1e-13)
    near(ch.elbo_em(x, phi, theta), total(sums), size=size)
    even = np.full_like(phi, 1 / phi.shape[1])
    at_least(ch.log_px_em(x, theta), ch.elbo_em(x, even, theta), size=size)


@holds(heap=heaps(), seed=seeds)
def test_an_m_step_gains_what_it_says(heap, seed):
    x, old = heap
    phi = np.random.default_rng(seed).dirichlet(np.ones(len(old[0])), len(x))
    unit = np.abs(x).max() + float(old[2])
    new = ch.m_step(x, phi)
    near(new[0].sum(), 1.0)
    squares = total(exact(phi[i, k]) * (exact(x[i]) - exact(new[1][k])) ** 2 for i, k in np.ndindex(*phi.shape))
    near(new[2] / unit, mp.sqrt(squares / len(x)) / unit)
    if new[2] > 1e-6 * unit:  # one point, or all on their means: no width is left
        gain = ch.m_gain(phi.sum(-2), new, old)
        before, after = ch.elbo_em(x, phi, old), ch.elbo_em(x, phi, new)
        near(after - before, gain, size=1e3 * len(x) + abs(before), tol=1e-11)
        at_least(gain, 0, size=abs(before))
        slope = ch.slope_mu_em(x, phi, new) * new[2] ** 2 / unit
        near(slope, 0 * slope, tol=1e-11)


@holds(seed=seeds, n=st.integers(4, 12), K=st.integers(1, 2))
def test_em_never_descends(seed, n, K):
    rng = np.random.default_rng(seed)
    x, theta = rng.normal(size=n) * 3, (np.full(K, 1 / K), rng.normal(size=K), np.array(1.0))
    *_, (before, after, floor, raised, gap, gain) = ch.run_em(x, theta, 4)
    at_least(after, before, size=100)
    closed = np.where(np.isfinite(gap), raised + gap, after)  # inf: a new responsibility has been rounded to 0
    near([floor, closed, floor + gain], [before, after, raised], size=100, tol=1e-11)
    phi = ch.e_step(x, theta)
    by_step = [ch.slope_by_complex_step(x, theta, k) for k in range(K)]
    near(ch.slope_mu_em(x, phi, theta), by_step, size=100, tol=1e-11)


@holds(k=st.integers(1, 20), s2=tens(-100, 100), r=st.one_of(st.floats(0, 1), tens(0.01, 6)))
def test_the_best_loadings(k, s2, r):
    """None where the data spread no more than the noise; else a fixed point of EM, and less of it for the ELBO."""
    w, w_elbo = (float(each) for each in ch.best_w(float(k), s2, r * s2))
    near((w / mp.sqrt(s2)) ** 2, max(mp.mpf(r * s2) / mp.mpf(s2) - 1, 0) / k, size=r * k)
    at_least(w / s2**0.5, w_elbo / s2**0.5, size=r**0.5, tol=1e-7)
    for best, product in ((w, False), (w_elbo, True)):
        if best > 1e-3 * s2**0.5:
            near(ch.em_causes(best, k, s2, r * s2, product, rounds=1) / best, 1.0, tol=1e-7)
        else:
            assert r < 1.1


@holds(w=real, unit=tens(-70, 70), k=st.integers(1, 1000))
def test_the_gap_of_causes(w, unit, k):
    u = mp.mpf(w * unit) ** 2 / mp.mpf(unit**2)
    near(ch.gap_causes(w * unit, k, unit**2), (k * mp.log1p(u) - mp.log1p(k * u)) / 2, size=5e3)
    at_least(ch.gap_causes(w * unit, k, unit**2), 0)
    assert ch.gap_causes(w, 1, 1.0) == 0
