"""Chapter 09: the linear VAE, for equal, vanishing and far-apart eigenvalues, and units of any size."""
import math

import numpy as np
import torch
from hypothesis import strategies as st

from properties import Chapter, at_least, exact, holds, mp, near, reals, seeds, tens, total

ch = Chapter("09_linear_vae")


@st.composite
def spectra(draw, least=2):
    """Falling eigenvalues, perhaps all alike, in any unit; a rotation; how many latents; the unit. k < d"""
    d, unit = draw(st.integers(least, 5)), draw(tens(-60, 60))
    powers = np.array(draw(st.lists(st.floats(-4, 4), min_size=d, max_size=d))) * draw(st.sampled_from([0, 1]))
    lam = np.sort(10**powers)[::-1] * draw(tens(-0.3, 0.3))
    turn = np.linalg.qr(np.random.default_rng(draw(seeds)).normal(size=(d, d)))[0]
    return lam, turn, draw(st.integers(1, d - 1)), unit


@holds(spectrum=spectra(), data=st.data())
def test_the_best_model_and_what_any_other_misses(spectrum, data):
    lam, turn, k, unit = spectrum
    d = len(lam)
    W, sigma = ch.ppca_best(lam * unit**2, turn, k)
    assert np.isfinite(W).all()
    rest = total(exact(lam[k:])) / (d - k)
    near(sigma / unit, mp.sqrt(rest))
    lengths = [mp.sqrt(max(each - rest, 0)) for each in exact(lam[:k])]
    near(np.linalg.norm(W, axis=0) / unit, lengths, size=1e4, tol=1e-7)
    top = ch.ppca_top(lam, k)
    log_det = total(mp.log(each) for each in exact(lam[:k])) + (d - k) * mp.log(rest)
    near(top, -(d * mp.log(2 * mp.pi) + log_det + d) / 2)
    near(ch.ppca_top(lam * unit**2, k) + d * math.log(unit), top, size=1e3)
    condition = lam[0] / lam[-1]
    Sigma = (turn * lam) @ turn.T
    near(ch.mean_evidence(Sigma, W / unit, sigma / unit), top, size=condition * 10)
    other, width = data.draw(reals(d, k, size=1.0)), np.array(data.draw(tens(-1, 1)))
    offset = data.draw(reals(d, size=1.0))
    costs = ch.gap_to_top(lam, turn, offset, other, width)
    missed = ch.mean_evidence(Sigma + np.outer(offset, offset), other, width)
    size = (lam[0] + 1) / width**2 * (1 + d / width**2)
    near(missed + sum(costs), top, size=size * 10)
    at_least(costs, 0, size=size)


@holds(x=reals(4, 3), unit=tens(-70, 70))
def test_the_axes_of_points(x, unit):
    values, vectors = ch.axes_of(x * unit)
    near(vectors.T @ vectors, np.eye(3))
    near((vectors * values / unit**2) @ vectors.T, np.cov(x.T, ddof=0), size=1e3)
    assert (np.diff(values) <= 0).all()


@holds(r=tens(-300, 300))
def test_h(r):
    near(ch.h(r), mp.mpf(r) - 1 - mp.log(mp.mpf(r)))
    at_least(ch.h(np.array([r, 1 + 1e-9, 1.0])), 0)


@st.composite
def decoders(draw):
    """W and sigma, and the condition of W^T W + sigma^2."""
    d, k = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    W, sigma = draw(reals(d, k, size=1.0)), np.array(draw(tens(-3, 3)))
    return W, sigma, 1 + (W**2).sum() / sigma**2


@holds(decoder=decoders(), data=st.data())
def test_the_elbo_of_any_encoder_and_of_the_best(decoder, data):
    W, sigma, condition = decoder
    d, k = W.shape
    b, x = data.draw(reals(d)), data.draw(reals(2, d))
    V, S = ch.best_encoder(W, sigma)
    L = np.linalg.cholesky((S + S.T) / 2)
    tensors = [torch.tensor(each, dtype=torch.float64) for each in (x, W, b, np.log(sigma))]
    log_p = ch.log_evidence_lg(x, W, b, sigma)
    size = condition**2 * (1 + 1e3 / sigma**2)
    best = ch.elbo_lvae(*tensors, torch.tensor(V), torch.tensor(L)).numpy()
    near(best, log_p, size=size)
    product = np.sqrt(ch.best_diagonal(W, sigma))
    of_product = ch.elbo_lvae(*tensors, torch.tensor(V), torch.diag(torch.tensor(product)))
    near(log_p - ch.gap_diagonal(W, sigma), of_product, size)
    at_least(ch.gap_diagonal(W, sigma), 0, size=condition)
    other = torch.tensor(data.draw(reals(k, d, size=1.0))), torch.tensor(np.eye(k) * data.draw(tens(-1, 1)))
    at_least(best, ch.elbo_lvae(*tensors, *other), size=size)
    mean, cov = ch.posterior_lg(x[0], W, b, sigma)
    near(V @ (x[0] - b), mean, size=size)
    near(S, cov, size=condition)
    near(ch.gap_diagonal(np.linalg.qr(np.vstack([W, np.eye(k)]))[0], sigma), 0.0, size=condition)


@holds(decoder=decoders(), unit=tens(-70, 70))
def test_one_latent_is_its_own_best_product(decoder, unit):
    W, sigma, condition = decoder
    near(ch.gap_diagonal(W[:, :1], sigma), 0.0, size=condition)
    near(ch.best_diagonal(W, sigma), ch.best_diagonal(W * unit, sigma * unit))
    M = [total(w**2 for w in column) + exact(sigma) ** 2 for column in exact(W.T)]
    near(ch.best_diagonal(W, sigma), [exact(sigma) ** 2 / each for each in M])


@holds(lam=st.one_of(st.just(0.0), tens(-100, 100)), sigma=tens(-100, 100))
def test_a_direction_lives_where_it_spreads_more_than_the_noise(lam, sigma):
    w2, gain = ch.length_alive(np.array(lam), np.array(sigma))
    more = mp.mpf(lam) / mp.mpf(sigma) ** 2
    near(w2 / sigma**2, max(more - 1, 0))
    near(gain, (more - 1 - mp.log(more)) / 2 if more > 1 else 0.0)
    assert gain >= -1e-12
