"""Chapter 11: the parts of the gap, for codes of any width and pixels of any certainty."""
import math

import numpy as np
import torch
from hypothesis import strategies as st

from properties import Chapter, at_least, exact, holds, mp, near, reals, seeds, tens, total
from properties.test_ch10_vae import machines, tensors

ch = Chapter("11_gap")


@st.composite
def quadratics(draw):
    """Log joints of a Gaussian shape on the chapter's plane, shifted by any constant. -> table, means, widths, tie"""
    mean, widths = draw(reals(2, size=1.0)), 0.3 + np.abs(draw(reals(2, size=0.4)))
    rho, log_px = draw(st.floats(-0.8, 0.8)), draw(st.floats(-1e4, 1e4))
    u, v = np.meshgrid(*((ch.plane - m) / s for m, s in zip(mean, widths)), indexing="ij")
    squares = (u**2 - 2 * rho * u * v + v**2) / (1 - rho**2)
    log_norm = math.log(2 * math.pi) + np.log(widths).sum() + math.log1p(-(rho**2)) / 2
    return (log_px - log_norm - squares / 2)[None], mean, widths, rho, log_px


@holds(cost=2, problem=quadratics(), eta=reals(4, size=0.3))
def test_the_best_q_of_a_gaussian_is_mean_field(problem, eta):
    table, mean, widths, rho, log_px = problem
    size = 10 + abs(log_px)
    near(ch.log_px_table(table), [log_px], size=size)
    found, value, slope, curvature = ch.best_q(table, eta[None] - [0, 0.5, 0, 0.5])
    s = widths * math.sqrt(1 - rho**2)
    near(found, [[mean[0], math.log(s[0]), mean[1], math.log(s[1])]], tol=1e-6)
    near(value, [log_px + math.log1p(-(rho**2)) / 2], size=size, tol=1e-11)
    at_least(value, ch.elbo_table(table, eta[None] - [0, 0.5, 0, 0.5])[0], size=size)
    near(slope, np.zeros((1, 4)), size=size, tol=1e-8)
    assert (np.linalg.eigvalsh(curvature) < 1e-6).all()


@holds(m=st.floats(-2, 2), t=st.floats(-1.8, -0.4))
def test_rows_are_a_density_and_its_slopes(m, t):
    rows = ch.rows_of(np.array([m]), np.array([t]))[0]
    near([row.sum() for row in rows], [1, 0, 0, 0, 0, 0], tol=1e-9)
    near([rows[0] @ ch.plane, rows[1] @ ch.plane, rows[2] @ ch.plane**2], [m, 1.0, 2 * math.exp(2 * t)], tol=1e-9)
    h = 1e-5
    step = (ch.rows_of(np.array([m]), np.array([t + h])) - ch.rows_of(np.array([m]), np.array([t - h])))[0] / (2 * h)
    near(step[:3:2], rows[[2, 5]], tol=1e-7)
    near(step[1], rows[4], tol=1e-6)


@holds(cost=4, machine=machines())
def test_the_table_the_panels_and_the_cloud_agree(machine):
    x, decoder, mu, log_var = machine
    table, by_panels = ch.table_of(x, decoder), ch.log_px_panels(x, decoder, panels=25)
    near(np.exp(by_panels).sum(), 1.0)
    near(ch.log_px_table(table), by_panels, size=100, tol=1e-8)
    eta = ch.encoded(x, lambda x: torch.cat([mu, log_var], -1))
    near(eta[:, [0, 2]], mu)
    near(eta[:, [1, 3]], log_var / 2)
    bound = ch.elbo_cloud(x, mu, log_var, decoder, ch.hermite(40)).numpy()
    gap = ch.kl_posterior(x, eta, by_panels, decoder, ch.hermite(40))
    near(bound + gap, by_panels, size=100)
    at_least(gap, 0, size=100, tol=1e-10)
    near(ch.elbo_joint(np.full(8, 1 / 8), np.exp(by_panels)), math.log(8) + by_panels.mean(), size=100)


@holds(z=reals(3, 2, size=1e3), mu=reals(4, 2, size=1e3), log_var=reals(4, 2, size=600.0))
def test_the_aggregate_far_from_every_code(z, mu, log_var):
    densities = [
        total(mp.exp(-total((a - m) ** 2 / mp.exp(v) + v for a, m, v in zip(*map(exact, (point, *code)))) / 2)
              for code in zip(mu, log_var)) / (8 * mp.pi)
        for point in z
    ]
    near(ch.log_aggregate(z, mu, log_var), [mp.log(each) for each in densities])


@holds(cost=6, seed=seeds, N=st.integers(1, 4))
def test_surgery(seed, N):
    """The mean rate is information and the aggregate's divergence; one code has no information."""
    rng = np.random.default_rng(seed)
    mu, log_var = rng.uniform(-0.8, 0.8, (N, 2)), 2 * np.log(rng.uniform(0.6, 1.1, (N, 2)))
    information, off = ch.information_of(mu, log_var, n=40), ch.kl_aggregate(mu, log_var)
    near(information + off, ch.rate(*tensors(mu, log_var)).mean().item(), tol=1e-4)
    at_least([information, math.log(N) - information, off], 0, tol=1e-4)
    if N == 1:
        near(information, 0.0)


@holds(W=reals(1, 3, 2), b=reals(1, 3, size=1e4), mu=reals(1, 2), width=tens(-100, -1.2))
def test_the_decoder_at_the_mean_is_always_over(W, b, mu, width):
    log_var = np.full((1, 2), 2 * math.log(width))
    gap = ch.gap_at_mean(W, b, mu, log_var)
    at_least(gap, 0, size=1e4)
    centre = (W[0] @ mu[0]) + b[0]
    bend = [mp.exp(-abs(c)) / (1 + mp.exp(-abs(c))) ** 2 for c in exact(centre)]
    half = total(c * total(exact(row**2)) * mp.mpf(width) ** 2 for c, row in zip(bend, W[0])) / 2
    near(gap, [half], size=1e4 + 5e15 * width**4, tol=1e-12)  # up to the fourth derivative
