"""Chapter 08: gradients of an expectation, for logits of any size, one face, widths from tiny to huge."""
import math

import numpy as np
import torch
from hypothesis import strategies as st
from scipy import stats

from elbokit import data as records
from properties import Chapter, at_least, exact, holds, mp, near, real, reals, simplex, tens, total

ch = Chapter("08_gradients")


@holds(phi=st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=6))
def test_the_scores_of_a_die_have_mean_zero(phi):
    phi = np.array(phi)
    q = np.exp(phi - phi.max()) / np.exp(phi - phi.max()).sum()
    score = ch.score_die(phi)
    near(q @ score, 0 * q)
    near(score + q, np.eye(len(q)))


@holds(z=real, mu=real, sigma=tens(-100, 150))
def test_the_scores_of_a_normal(z, mu, sigma):
    x, m, s = exact([z, mu, sigma])
    truth = [(x - m) / s**2, (((x - m) / s) ** 2 - 1) / s]
    near(ch.score_normal(z, mu, sigma), truth)


@holds(mu=reals(3), sigma=st.lists(tens(-150, 2), min_size=3, max_size=3))
def test_means_by_nodes_and_by_panels(mu, sigma):
    sigma = np.array(sigma)
    cubic = lambda z, eps: z**3 - 2 * z * eps  # noqa: E731
    truth = [m**3 + 3 * m * s**2 - 2 * s for m, s in zip(exact(mu), exact(sigma))]
    size = 10 * (np.abs(mu) + sigma + 1) ** 3
    near(ch.mean_nodes(cubic, mu, sigma), truth, size)
    near(ch.mean_panels(cubic, mu, sigma), truth, size)
    above = ch.mean_panels(lambda z, eps: (z > 0) * 1.0, mu, sigma)
    wide = np.abs(mu) < 30 * sigma  # else the step lies where no digit of z is left
    near(np.where(wide, above, 0), np.where(wide, stats.norm.cdf(mu / sigma), 0), tol=1e-11)


@holds(q=simplex(), data=st.data())
def test_the_best_baseline_leaves_the_least_variance(q, data):
    n = len(q)
    f, s = data.draw(reals(n)), data.draw(reals(n, 2))
    s = s - q @ s  # scores have mean zero
    with np.errstate(invalid="ignore"):
        b = np.where(q @ s**2 > 1e-20, ch.best_baseline(q, f, s), 0)
    least, other = ch.score_variance(q, f, s, b), ch.score_variance(q, f, s, b + data.draw(reals(2)))
    at_least(least, 0)
    size = 1e4 * (1 + b**2).max()
    at_least(other, least, size=size)
    for j, c in enumerate(exact(b)):
        terms = [(p, (x - c) * y) for p, x, y in zip(exact(q), exact(f), exact(s[:, j]))]
        mean = total(p * each for p, each in terms)
        near(least[j], total(p * each**2 for p, each in terms) - mean**2, size=size)


@holds(mu=reals(2), sigma=tens(-100, 100), eps=reals(3, 2, size=6.0), b=real)
def test_the_draws_of_both_gradients(mu, sigma, eps, b):
    sigma = np.full(2, sigma)
    z = exact(mu + sigma * eps)
    slope = lambda z: 3 * z**2  # noqa: E731
    path = ch.pathwise_draws(slope, mu, sigma, eps)
    near(path[0], [[3 * x**2 for x in row] for row in z])
    truth = [[3 * x**2 * e for x, e in zip(*both)] for both in zip(z, exact(eps))]
    near(path[1], truth, size=1e3 * (1 + sigma[0] ** 2))
    scores = eps / sigma, (eps**2 - 1) / sigma
    for ours, score in zip(ch.score_draws(lambda z: z, mu, sigma, eps, b), scores):
        near(ours * sigma**2, (mu + sigma * eps - b) * score * sigma**2, size=1e3 * (1 + sigma[0] ** 2))


@holds(mu=reals(1, size=1.0), unit=tens(-30, 30), sigma=tens(-30, 30), D=st.integers(1, 1000))
def test_variances_of_a_sum_of_squares(mu, unit, sigma, D):
    m, s, d = mp.mpf(float(mu[0] * unit)), mp.mpf(sigma), D - 1
    R, V = d * (m**2 + s**2), d * (4 * m**2 * s**2 + 2 * s**4)
    # E[(X + R')^2 eps^2] - (E[(X + R') eps])^2 over s^2, from the moments of a normal, X = z^2
    second = (m**4 + 18 * m**2 * s**2 + 15 * s**4) + 2 * R * (m**2 + 3 * s**2) + R**2 + V
    truth = (second - 4 * m**2 * s**2) / s**2
    ours = ch.var_score(mu[0] * unit, sigma, D)
    near(ours / float(truth), 1.0)
    best = ch.var_baseline(mu[0] * unit, sigma, D)
    assert best <= ours * (1 + 1e-12)
    near(best / float(8 * m**2 + 6 * s**2 + V / s**2), 1.0)
    path, score = ch.var_sigma(mu[0] * unit, sigma)
    near([path / float(4 * m**2 + 8 * s**2), score / float((2 * m**4 + 60 * m**2 * s**2 + 74 * s**4) / s**2)], [1, 1])


@holds(D=st.integers(1, 3), c=reals(3))
def test_variance_by_nodes(D, c):
    near(ch.variance_nodes(lambda eps: (eps * c[:D]).sum(-1)[:, None] + c[0], D), [(c[:D] ** 2).sum()], size=1e3)


@holds(mu=real, sigma=tens(-3, 3), k=st.floats(0, 10))
def test_the_sine_is_measured(mu, sigma, k):
    m, s, k_ = exact([mu, sigma, k])
    e, G = mp.exp(-2 * (k_ * s) ** 2), k_ * mp.exp(-((k_ * s) ** 2) / 2) * mp.cos(k_ * m)
    path = k_**2 / 2 * (1 + e * mp.cos(2 * k_ * m)) - G**2
    score = (1 - (1 - 4 * (k_ * s) ** 2) * e * mp.cos(2 * k_ * m)) / (2 * s**2) - G**2
    near(ch.var_sine(mu, sigma, k), [path, score], size=np.array([200, 200 + 1 / sigma**2]))
    at_least(ch.var_sine(mu, sigma, k), 0, size=200 + 1 / sigma**2)


@holds(mu=real, a=real, eps=reals(4, size=6.0), unit=tens(-70, 70), ratio=tens(-3, 3))
def test_sticking_the_landing_at_any_scale(mu, a, eps, unit, ratio):
    sigma, tau = unit, unit * ratio
    draw = ch.stl_draw(eps, mu * unit, sigma, a * unit, tau)
    z = [exact(mu) + e for e in exact(eps)]
    truth = [-(x - exact(a)) / mp.mpf(ratio) ** 2 + (x - exact(mu)) for x in z]
    size = 1e3 * (1 + ratio**-2)
    near(draw[0] * unit, truth, size=size)
    near(draw[1] * unit, [t * e for t, e in zip(truth, exact(eps))], size=size)
    at_posterior = ch.stl_draw(eps, mu * unit, sigma, mu * unit, sigma)
    near(np.array(at_posterior) * unit, np.zeros((2, 4)), size=100)
    least, whole = ch.stl_variances(sigma, tau)
    near([least * unit**2, whole * unit**2], [(1 - mp.mpf(ratio) ** -2) ** 2, mp.mpf(ratio) ** -4], size=size**2 / 1e6)
    assert ch.stl_variances(unit, unit)[0] * unit**2 < 1e-24


def test_the_variances_at_the_smallest_and_the_largest_width():
    for width in (1e-150, 1e-100, 1e100, 1e150):
        near(ch.stl_variances(width, width)[1] * width * width, 1.0)


@holds(x=reals(3, size=20.0), m=reals(3, size=5.0), s=st.lists(tens(-3, 1), min_size=3, max_size=3))
def test_the_reading_that_lost_its_sign(x, m, s):
    """The five nodes against the closed form of a quartic's mean; slopes by hand against torch."""
    x, m, s = (torch.tensor(np.array(each), dtype=torch.float64) for each in (x, m, s))
    z = ch.spread_draws(m, s)
    near(z[2], m)
    fourth = (x**2 - 2 * x * (m**2 + s**2) + m**4 + 6 * m**2 * s**2 + 3 * s**4) / 2
    truth = -fourth - (m**2 + s**2) / 2 - math.log(2 * math.pi) / 2 + s.log() + 1 / 2
    size = float((1 + fourth.abs().max() * 10) + 300)
    size = size / s.min().item()  # z - m has lost the digits of m / s
    near(ch.elbo_right(x, m, s), truth, size=size)
    near(ch.elbo_detached(x, m, s), truth, size=size)
    near(ch.log_joint_x(x, z).mean(), (stats.norm.logpdf(z) + stats.norm.logpdf(x, z**2)).mean(), size=size * 100)
    m_, s_ = m.clone().requires_grad_(), s.clone().requires_grad_()
    slopes = torch.autograd.grad(ch.elbo_right(x, m_, s_).sum(), (m_, s_))
    by_hand = ch.slopes_by_hand(x.numpy(), m.numpy(), s.numpy())
    near(by_hand[0], slopes[0], size=size * 10)
    near(by_hand[1] * s.numpy(), slopes[1] * s, size=size * 10)
    wide = (s.numpy() > 1e-3).all()  # the score multiplies by 1 / s
    if wide:
        scored = torch.autograd.grad(ch.surrogate(x, m_, s_, False).sum(), (m_, s_))
        near(scored[0] * s, slopes[0] * s, size=size * 10, tol=1e-11)


def launches():
    record = records.load("challenger")
    t = record["temperature"]
    return np.stack([np.ones(23), (t - t.mean()) / t.std()], axis=-1), record["distress"].astype(float)


@holds(w=reals(2, size=1.0), unit=tens(-100, 100))
def test_a_logistic_joint_at_any_weight(w, unit):
    X, y = launches()
    w = w * unit
    a = [total(p * q for p, q in zip(row, exact(w))) for row in exact(X)]
    fit = total(t * v - (v + mp.log1p(mp.exp(-v)) if v > 0 else mp.log1p(mp.exp(v))) for t, v in zip(exact(y), a))
    prior = total(-((v / 3) ** 2) / 2 - mp.log(2 * mp.pi * 9) / 2 for v in exact(w))
    near(ch.log_joint_logistic(w, X, y), prior + fit, size=30 * unit)
    slope = [-v / 9 + total((t - 1 / (1 + mp.exp(-u))) * row[j] for t, u, row in zip(exact(y), a, exact(X)))
             for j, v in enumerate(exact(w))]
    near(ch.slope_logistic(w, X, y), slope, size=30)


@holds(phi=reals(5, size=1.5), eps=reals(3, 2, size=4.0))
def test_the_parts_of_a_logistic_draw(phi, eps):
    m, L = ch.unpack_logistic(torch.tensor(phi, dtype=torch.float64))
    near(m, phi[:2])
    near(L, [[np.exp(phi[2]), 0], [phi[4], np.exp(phi[3])]])
    log_weight, score, path = ch.parts_logistic(phi, eps)
    X, y = launches()
    w = phi[:2] + eps @ L.numpy().T
    log_q = stats.norm.logpdf(eps).sum(-1) - phi[2] - phi[3]
    near(log_weight, ch.log_joint_logistic(w, X, y) - log_q, size=1e4)
    both = ch.parts_logistic(phi, np.concatenate([eps, -eps]))[1]  # the slope in m is odd in eps
    near(both[:3, :2] + both[3:, :2], np.zeros((3, 2)), size=1e4)
    near(path[:, :2] @ L.numpy(), (ch.slope_logistic(w, X, y) @ L.numpy()) + eps, size=1e4)
    assert score.shape == path.shape == (3, 5)


@holds(values=reals(6, 2, size=1e100), n=st.integers(2, 6))
def test_the_mean_of_the_others(values, n):
    values = values[:n]
    truth = [[total(exact(np.delete(values[:, j], i))) / (n - 1) for j in range(2)] for i in range(n)]
    near(ch.others_mean(values), truth, size=1e100)
