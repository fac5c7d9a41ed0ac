"""Chapter 10: the VAE, for images of all zeros and all ones, logits of any size, widths of nearly nothing."""
import math

import numpy as np
import torch
from hypothesis import strategies as st

from properties import Chapter, at_least, exact, holds, mp, near, reals, seeds, tens, total

ch = Chapter("10_vae")
images = st.sampled_from([np.zeros(6), np.ones(6), np.array([0.0, 1, 1, 0, 1, 0])])


def tensors(*arrays):
    return [torch.tensor(np.asarray(each), dtype=torch.float64) for each in arrays]


def exact_pixels(x, logits):
    return total(a * v - (max(v, 0) + mp.log1p(mp.exp(-abs(v)))) for a, v in zip(exact(x), exact(logits)))


@holds(x=images, logits=reals(6, size=1.0), size=tens(-300, 300))
def test_pixels_of_any_logit(x, logits, size):
    logits = logits * size
    ours = ch.log_lik_bernoulli(*tensors(x, logits))
    near(ours, exact_pixels(x, logits), size=6 * size, tol=1e-15)
    near(ours, ch.log_lik_bernoulli(*tensors(1 - x, -logits)), size=6 * size, tol=1e-15)
    assert ours <= 1e-15 * 6 * size
    if size < 700:
        certain = np.where(x == 1, 1e4, -1e4)
        assert ch.log_lik_bernoulli(*tensors(x, certain)) == 0  # it drew just this image


def exact_rate(mu, log_var):
    return total(m**2 + mp.exp(v) - 1 - v for m, v in zip(exact(mu), exact(log_var))) / 2


@holds(mu=reals(3, size=1e150), log_var=reals(3, size=745.0))
def test_the_rate_of_any_code(mu, log_var):
    near(ch.rate(*tensors(mu, log_var)), exact_rate(mu, log_var))
    assert ch.rate(*tensors(np.zeros(3), np.zeros(3))) == 0


@holds(x=images, mu=reals(2, size=100.0), log_var=reals(2, size=300.0), eps=reals(2, size=6.0), seed=seeds)
def test_one_draw_of_the_elbo(x, mu, log_var, eps, seed):
    torch.manual_seed(seed)
    decoder = ch.network(2, 4, 6).double()
    code = torch.tensor(np.append(mu, log_var))
    ours = ch.elbo_draw(*tensors(x, eps), lambda x: code, decoder)
    z = torch.tensor([float(m + mp.exp(v / 2) * e) for m, v, e in zip(*map(exact, (mu, log_var, eps)))])
    with torch.no_grad():
        truth = exact_pixels(x, decoder(z.double())) - exact_rate(mu, log_var)
    near(ours.detach(), truth, tol=1e-9)


@holds(n=st.integers(1, 120), powers=st.integers(0, 10))
def test_hermites_nodes(n, powers):
    nodes, weights = ch.hermite(n)
    if 2 * n > powers:
        odd_factors = math.prod(range(1, powers, 2)) if powers % 2 == 0 else 0
        near((weights * nodes**powers).sum(), odd_factors, size=1e3)
    assert (weights > -1e-300).all()


@holds(mu=reals(1, 2, size=1e3), log_var=reals(1, 2, size=300.0))
def test_points_around_a_code(mu, log_var):
    nodes, weights = ch.hermite(5)
    z, w = ch.cloud(*tensors(mu, log_var), nodes, weights)
    near(w.sum(), 1.0)
    near((w[..., None] * z).sum(0), mu, size=np.exp(log_var / 2) * 10)
    scaled = (z - torch.tensor(mu)) / torch.exp(torch.tensor(log_var) / 2)
    thin = np.exp(-log_var / 2) * np.abs(mu) > 1e2  # its width is below the digits of its mean
    near(np.where(thin, 1, (w[..., None] * scaled**2).sum(0)), np.ones((1, 2)), tol=1e-11)
    log_q = ch.log_q_diag(z, *tensors(mu, log_var))
    steps = torch.cartesian_prod(nodes, nodes)
    theirs = -(steps**2).sum(-1) / 2 - math.log(2 * math.pi) - log_var.sum() / 2
    near(np.where(thin.any(), 0, log_q[:, 0]), np.where(thin.any(), 0, theirs), size=1e3)


@st.composite
def machines(draw):
    """A decoder that bends slowly, all 2^3 images, and codes told for them."""
    rng = np.random.default_rng(draw(seeds))
    inner, outer, offset = tensors(rng.uniform(-0.4, 0.4, (4, 2)), rng.normal(size=(3, 4)), draw(reals(3, size=20.0)))
    every = torch.tensor([[float(i >> j & 1) for j in range(3)] for i in range(8)], dtype=torch.float64)
    mu, log_var = tensors(rng.normal(size=(8, 2)), 2 * np.log(rng.uniform(0.1, 1.0, (8, 2))))
    return every, lambda z: torch.tanh(z @ inner.T) @ outer.T + offset, mu, log_var


@holds(cost=6, machine=machines())
def test_the_identity_on_any_machine(machine):
    """Pixels near certain among them: the chances of all images sum to one, and every leg of the identity holds."""
    x, decoder, mu, log_var = machine
    encoder = lambda x: torch.cat([mu, log_var], -1)  # noqa: E731
    found = ch.measure(x, encoder, decoder, n=120)
    near(np.exp(found["log_px"]).sum(), 1.0)
    near(found["mass"], np.ones(8), tol=1e-11)
    near([found["again"], found["KL"] - found["J"], found["elbo"]], [found["log_px"], found["log_px"], -found["J"]],
         size=100, tol=1e-10)
    at_least(found["KL"], 0, size=100)
    at_least(found["log_px"], found["elbo"], size=100)
    joint = ch.log_joint_vae(x, mu[None], decoder)[0]
    prior = -(mu**2).sum(-1) / 2 - math.log(2 * math.pi)
    near(joint, prior + ch.log_lik_bernoulli(x, decoder(mu)), size=100)
    twice = ch.posterior_mass(x, torch.tensor(found["log_px"] - math.log(2)), decoder, panels=20)
    near(twice, np.full(8, 2.0), tol=1e-11)
    near(ch.elbo_nodes(x, mu, log_var, decoder), found["elbo"])
    near(ch.log_px_grid(x[:1], decoder, n=120), found["log_px"][:1])


@holds(machine=machines(), share=st.floats(0.01, 1))
def test_no_weight_is_above_one_over_the_share(machine, share):
    x, decoder, mu, log_var = machine
    encoder = lambda x: torch.cat([mu, log_var], -1)  # noqa: E731
    log_w = ch.log_weights(x, encoder, decoder, 50, torch.Generator().manual_seed(3), share=share)
    assert torch.isfinite(log_w).all() and log_w.max() <= -math.log(share) + 1e-12
    alone = ch.log_weights(x, encoder, decoder, 50, torch.Generator().manual_seed(3), share=1.0)
    at_least(-alone, 0)  # p(x|z) alone is a probability
