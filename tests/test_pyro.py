"""The book's bounds, evidences and gradients against Pyro's, which know nothing of its formulas.

A model and a guide are programs that call Pyro's distributions. `TraceEnum_ELBO` sums out what is discrete, exactly;
for a Gaussian guide we hand Pyro Gauss-Hermite nodes as draws and their weights as a scale, so that its `Trace_ELBO`
and `TraceMeanField_ELBO` are exact too, and their gradients, pathwise or by the score. One test takes Pyro's own draws.
"""
import itertools
import math

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer import RenyiELBO, Trace_ELBO, TraceEnum_ELBO, TraceMeanField_ELBO
from pyro.ops.gaussian import Gaussian, matrix_and_mvn_to_gaussian, mvn_to_gaussian

from conftest import definitions
from judges import close, every, simplex, tensor

SEEDS = range(3)


def chapter(name):
    return definitions(f"notebooks/{name}")


@pytest.fixture
def rng():
    return np.random.default_rng(20_261_122)


def no_guide():
    """Leaves every variable to the model, where Pyro sums it out: minus the loss is the log evidence."""


def exact(model, guide=no_guide, plates=0):
    """Pyro's ELBO with every discrete variable summed out. -> a number"""
    with pyro.validation_enabled(False):
        return -TraceEnum_ELBO(max_plate_nesting=plates).loss(model, guide)


def enumerated(name, distribution):
    return pyro.sample(name, distribution, infer={"enumerate": "parallel"})


# ---------------------------------------------------------------- discrete models


@pytest.mark.parametrize("seed", SEEDS)
def test_forms_of_the_elbo_of_a_table(seed):
    """(ELBO-joint), (ELBO-rec-KL), (ELBO-gap) and the log Z identity, for tables and for weights that are no model."""
    ch, rng = chapter("07_latent"), np.random.default_rng(seed)
    q, prior, lik = simplex(rng, 5), simplex(rng, 5), rng.uniform(0.01, 1, 5)
    joint = prior * lik

    def model():
        z = enumerated("z", dist.Categorical(tensor(prior)))
        pyro.factor("x", tensor(lik).log()[z])

    def guide():
        enumerated("z", dist.Categorical(tensor(q)))

    bound, log_px = exact(model, guide), exact(model)
    close([ch["elbo_joint"](q, joint), ch["elbo_rec_kl"](q, prior, lik), -ch["J"](q, joint)], [bound] * 3)
    close(math.log(ch["evidence"](joint)), log_px)
    close(ch["kl"](q, joint / joint.sum()), log_px - bound)


def spins_of(h, W, m=None):
    """The spins as a program: fair coins with ties and fields, to which n log 2 is to be added; or coins of means m."""
    def program():
        chances = tensor(np.full(len(h), 0.5) if m is None else (1 + m) / 2)
        x = [2 * enumerated(f"x{i}", dist.Bernoulli(chance)) - 1 for i, chance in enumerate(chances)]
        for i, j in itertools.combinations(range(len(h)), 2) if m is None else ():
            pyro.factor(f"tie{i}{j}", W[i, j] * x[i] * x[j])
        for i in range(len(h)) if m is None else ():
            pyro.factor(f"field{i}", h[i] * x[i])

    return program


@pytest.mark.parametrize("seed", SEEDS)
def test_mean_field_on_spins(seed):
    """(Ising-J) as minus Pyro's ELBO of independent coins, log Z by eliminating spins, and the exact marginals."""
    ch, rng, n = chapter("04_ising"), np.random.default_rng(seed), 5
    ties = np.triu(rng.normal(size=(n, n)), 1)
    h, W, m = rng.normal(size=n), ties + ties.T, rng.uniform(-1, 1, n)
    model, guide = spins_of(h, W), spins_of(h, W, m)
    close(-ch["J_ising"](m, h, W), exact(model, guide) + n * math.log(2))
    log_p_tilde = ch["log_p_tilde_ising"](ch["spins"](n), h, W)
    log_Z = np.logaddexp.reduce(log_p_tilde)
    close(log_Z, exact(model) + n * math.log(2))
    with pyro.validation_enabled(False):
        theirs = TraceEnum_ELBO(max_plate_nesting=0).compute_marginals(model, no_guide)
    ours = [ch["marginal"](np.exp(log_p_tilde - log_Z), i)[1] for i in range(n)]
    close(ours, [theirs[f"x{i}"].log_prob(tensor(1.0)).exp() for i in range(n)], rtol=1e-9)


def test_a_ring_of_coins(rng):
    """Pyro eliminates one coin after the other: neither all states nor a product of matrices."""
    ch, (h, w) = chapter("02_log_z"), rng.normal(size=(2, 10))
    weights = np.diag(w[:-1], 1)
    weights[0, -1] = w[-1]
    log_Z = exact(spins_of(h, weights)) + 10 * math.log(2)
    close(np.log(ch["Z_ring"](h[None], w[None])), [log_Z])
    close(np.logaddexp.reduce(ch["log_p_tilde_ring"](every(10), h[None], w[None]), axis=-1), [log_Z])
    with pyro.validation_enabled(False):
        theirs = TraceEnum_ELBO(max_plate_nesting=0).compute_marginals(spins_of(h, weights), no_guide)
    means = [2 * theirs[f"x{i}"].log_prob(tensor(1.0)).exp().item() - 1 for i in range(10)]
    close(ch["mean_coins"](h[None], w[None])[0], means, rtol=1e-9)


def heap(x, pi, mu, sigma):
    """A mixture of Gaussians as a program, its parameters tensors."""
    def model():
        with pyro.plate("points", len(x)):
            z = enumerated("z", dist.Categorical(pi))
            pyro.sample("x", dist.Normal(mu[z], sigma), obs=x)

    return model


def labels(phi):
    """Its labels, each with a distribution of its own."""
    def guide():
        with pyro.plate("points", len(phi)):
            enumerated("z", dist.Categorical(phi))

    return guide


@pytest.mark.parametrize("seed", SEEDS)
def test_em_by_enumeration(seed):
    """Evidence, posterior and bound of a mixture; and at the M step Pyro's bound has no slope left."""
    ch, rng = chapter("07_latent"), np.random.default_rng(seed)
    x, phi = 3 * rng.normal(size=9), simplex(rng, 9, 3)
    theta = simplex(rng, 3), 3 * rng.normal(size=3), np.array(rng.uniform(0.5, 2))
    model = heap(*tensor(x, *theta))
    close(ch["log_px_em"](x, theta), exact(model, plates=1))
    close(ch["elbo_em"](x, phi, theta), exact(model, labels(tensor(phi)), plates=1))
    with pyro.validation_enabled(False):
        posterior = TraceEnum_ELBO(max_plate_nesting=1).compute_marginals(model, no_guide)["z"]
    close(ch["e_step"](x, theta), posterior.probs, rtol=1e-9)
    pi, mu, sigma = ch["m_step"](x, phi)
    leaves = [each.requires_grad_() for each in tensor(np.log(pi), mu, np.log(sigma))]
    best = heap(tensor(x), leaves[0].softmax(-1), leaves[1], leaves[2].exp())
    with pyro.validation_enabled(False):
        TraceEnum_ELBO(max_plate_nesting=1).differentiable_loss(best, labels(tensor(phi))).backward()
    for leaf in leaves:
        close(leaf.grad, torch.zeros_like(leaf), atol=1e-11)


@pytest.mark.parametrize("K", [1, 2, 3])
def test_importance_weighted_bound(K, rng):
    """RenyiELBO at alpha = 0 is the log of the average of K weights; every K draws in turn, at their chance."""
    ch, q, p_tilde = chapter("A_claims"), simplex(rng, 3), 5 * simplex(rng, 3)
    queue = []

    def model():
        z = pyro.sample("z", dist.Categorical(torch.ones(3).double()))
        pyro.factor("weight", tensor(p_tilde).log()[z] + math.log(3))

    def guide():
        poutine.replay(lambda: pyro.sample("z", dist.Categorical(tensor(q))), trace=drawn(z=queue.pop()))()

    theirs = 0.0
    for draws in itertools.product(range(3), repeat=K):
        queue[:] = [torch.tensor(z) for z in draws]
        theirs -= q[list(draws)].prod() * RenyiELBO(alpha=0, num_particles=K).loss(model, guide)
    close(ch["log_average"](q, p_tilde, K), theirs)


# ---------------------------------------------------------------- Gaussian guides, at nodes


def drawn(**values):
    """A trace that holds draws, as if a guide had made them."""
    trace = poutine.Trace()
    for name, value in values.items():
        trace.add_node(name, name=name, type="sample", value=value, is_observed=False, infer={})
    return trace


def hermite(count, d=1):
    """Gauss-Hermite nodes in d dimensions, and their weights, which sum to one. -> (count^d, d), (count^d,)"""
    nodes, weights = np.polynomial.hermite_e.hermegauss(count)
    points = np.array(list(itertools.product(nodes, repeat=d)))
    return tensor(points, np.prod(list(itertools.product(weights / weights.sum(), repeat=d)), axis=-1))


def weighted(program, weights):
    """The program on a plate of draws, each counted with its weight."""
    def run():
        with pyro.plate("draws", len(weights)), poutine.scale(scale=weights):
            program()

    return run


def at(model, guide, z, weights):
    """Model and guide for Pyro, the guide's z drawn at these points."""
    return weighted(model, weights), poutine.replay(weighted(guide, weights), trace=drawn(z=z))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_elbo_of_a_count(seed):
    ch, rng = chapter("03_inference"), np.random.default_rng(seed)
    (m, m0), (s, s0), y = rng.normal(size=2), rng.uniform(0.3, 1.2, 2), int(rng.integers(0, 20))
    eps, weights = hermite(60)
    q = dist.Normal(*tensor(m, s))

    def model():
        z = pyro.sample("z", dist.Normal(*tensor(m0, s0)))
        pyro.sample("y", dist.Poisson(z.exp()), obs=tensor(y))

    programs = at(model, lambda: pyro.sample("z", q), m + s * eps[:, 0], weights)
    ours = ch["elbo_poisson"](m, s, y, m0, s0)
    close([ours, ours], [-Trace_ELBO().loss(*programs), -TraceMeanField_ELBO().loss(*programs)], rtol=1e-10)


@pytest.mark.parametrize("seed", SEEDS)
def test_both_gradients_of_the_square(seed):
    """Pyro's pathwise gradient and its score gradient, in expectation, are the slopes by hand; the bound too."""
    ch, latent, rng = chapter("08_gradients"), chapter("07_latent"), np.random.default_rng(seed)
    x, m, s = rng.normal(), rng.normal(), rng.uniform(0.3, 1)
    eps, weights = hermite(9)
    for pathwise in (True, False):
        mu, width = tensor(m).requires_grad_(), tensor(s).requires_grad_()
        z = mu + width * eps[:, 0]

        def model():
            z = pyro.sample("z", dist.Normal(*tensor(0.0, 1.0)))
            pyro.sample("x", dist.Normal(z**2, 1.0), obs=tensor(x))

        def guide(mu=mu, width=width, pathwise=pathwise):
            pyro.sample("z", dist.Normal(mu, width).has_rsample_(pathwise))

        loss = Trace_ELBO().differentiable_loss(*at(model, guide, z if pathwise else z.detach(), weights))
        slopes = torch.autograd.grad(-loss, (mu, width))
        close(ch["slopes_by_hand"](x, m, s), slopes, rtol=1e-9, atol=1e-10)
        if pathwise:
            close(ch["elbo_right"](*(each[None] for each in tensor(x, m, s))), [-loss.item()])
            close(latent["elbo_square"](x, m, s, 1.0), -loss.item())


@pytest.mark.parametrize("seed", SEEDS)
def test_a_linear_gaussian_model(seed):
    """Evidence and posterior by Pyro's algebra of Gaussians; the bound of any Gaussian by its densities, at nodes."""
    ch, rng = chapter("07_latent"), np.random.default_rng(seed)
    x, W, b, sigma = rng.normal(size=3), rng.normal(size=(3, 2)), rng.normal(size=3), np.array(rng.uniform(0.3, 1))
    m, root = rng.normal(size=2), np.tril(rng.normal(size=(2, 2))) + np.eye(2)
    S, noise = root @ root.T, sigma**2 * np.eye(3)
    standard = dist.MultivariateNormal(*tensor(np.zeros(2), np.eye(2)))
    given = matrix_and_mvn_to_gaussian(tensor(W.T), dist.MultivariateNormal(*tensor(b, noise)))
    joint = mvn_to_gaussian(standard).event_pad(right=3) + given
    posterior = joint.condition(tensor(x))
    close(ch["log_evidence_lg"](x, W, b, sigma), posterior.event_logsumexp())
    mean, cov = ch["posterior_lg"](x, W, b, sigma)
    close(np.linalg.inv(cov), posterior.precision, rtol=1e-9)
    close(np.linalg.solve(cov, mean), posterior.info_vec, rtol=1e-9)
    eps, weights = hermite(3, d=2)
    q = dist.MultivariateNormal(*tensor(m, S))

    def model():
        z = pyro.sample("z", standard)
        pyro.sample("x", dist.MultivariateNormal(z @ tensor(W.T) + tensor(b), tensor(noise)), obs=tensor(x))

    z = q.loc + eps @ torch.linalg.cholesky(q.covariance_matrix).T
    programs = at(model, lambda: pyro.sample("z", q), z, weights)
    ours = ch["elbo_lg"](x, m, S, W, b, sigma)
    close([ours, ours], [-Trace_ELBO().loss(*programs), -TraceMeanField_ELBO().loss(*programs)], rtol=1e-10)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_gaussian_target(seed):
    """Pyro's Gaussian in information form, which has a constant of its own."""
    ch, rng = chapter("05_gaussian"), np.random.default_rng(seed)
    A = rng.normal(size=(4, 4))
    precision, h, c, z = A @ A.T + 0.3 * np.eye(4), rng.normal(size=4), np.array(rng.normal()), rng.normal(size=4)
    theirs = Gaussian(*tensor(c, h, precision))
    close(ch["log_Z_gauss"](precision, h, c), theirs.event_logsumexp())
    close(ch["log_p_tilde_gauss"](z, precision, h, c), theirs.log_density(tensor(z)))
    for i in range(4):  # what is left of p when all but one unknown are integrated out
        alone = theirs.marginalize(left=i).marginalize(right=3 - i)
        slope = ch["from_others_gauss"](i, precision, np.linalg.inv(precision))
        close(1 / precision[i, i] + slope, 1 / alone.precision[0, 0], rtol=1e-9)


def test_one_draw_of_the_vae(rng):
    """TraceMeanField_ELBO, which takes the divergence in closed form, at the same draw: (VAE-ELBO)."""
    ch, x, eps = chapter("10_vae"), tensor(rng.integers(0, 2, (7, 5))), tensor(rng.normal(size=(7, 2)))
    torch.manual_seed(0)
    encoder, decoder = ch["network"](5, 6, 4).double(), ch["network"](2, 6, 5).double()
    mu, log_var = encoder(x).chunk(2, -1)
    q = dist.Normal(mu, torch.exp(log_var / 2)).to_event(1)

    def model():
        with pyro.plate("images", 7):
            z = pyro.sample("z", dist.Normal(torch.zeros(7, 2).double(), 1.0).to_event(1))
            pyro.sample("x", dist.Bernoulli(logits=decoder(z)).to_event(1), obs=x)

    def guide():
        with pyro.plate("images", 7):
            pyro.sample("z", q)

    at_eps = poutine.replay(guide, trace=drawn(z=mu + torch.exp(log_var / 2) * eps))
    close(ch["elbo_draw"](x, eps, encoder, decoder).sum().detach(), -TraceMeanField_ELBO().loss(model, at_eps))


# ---------------------------------------------------------------- by Pyro's own draws


def conjugate_mixture(x, prior, alpha_0):
    """Two groups of points in one dimension, with all that is unknown. -> the model, and a guide for any q"""
    def groups(shares, m, lam, a, b):
        pi = pyro.sample("pi", dist.Dirichlet(shares))
        with pyro.plate("groups", 2):
            tau = pyro.sample("tau", dist.Gamma(a, b))
            return pi, pyro.sample("mu", dist.Normal(m, (lam * tau) ** -0.5)), tau

    def model():
        pi, mu, tau = groups(tensor([alpha_0, alpha_0]), *tensor(*prior))
        with pyro.plate("points", len(x)):
            z = enumerated("z", dist.Categorical(pi))
            mu, tau = (torch.where(z == 0, each[..., :1], each[..., 1:]) for each in (mu, tau))
            pyro.sample("x", dist.Normal(mu, tau**-0.5), obs=tensor(x))

    def guide_of(phi, alpha, theta):
        def guide():
            groups(tensor(alpha), *tensor(*theta))
            with pyro.plate("points", len(x)):
                enumerated("z", dist.Categorical(tensor(phi)))

        return guide

    return model, guide_of


def test_the_elbo_of_the_conjugate_mixture(rng):
    """Labels summed out, all else drawn. Where the parameters are the best there are for the labels, every draw has the
    same log weight, and (ELBO-GMM) is exact; elsewhere it is within five standard errors, and these small.
    """
    ch, prior, alpha_0 = chapter("06_conjugate"), (0.5, 0.3, 1.4, 2.0), 0.8
    x, phi = 2 * rng.normal(size=(6, 1)), simplex(rng, 6, 2)
    alpha, theta = ch["update_params_gmm"](x, phi, prior, alpha_0)
    model, guide_of = conjugate_mixture(x[:, 0], prior, alpha_0)
    elbo = TraceEnum_ELBO(num_particles=500, vectorize_particles=True, max_plate_nesting=1)
    pyro.set_rng_seed(0)
    for stretch, noise in ((1.0, 1e-12), (1.2, 0.02)):
        q = phi, stretch * alpha, theta * np.array([1, stretch, stretch, 1])[:, None, None]
        with pyro.validation_enabled(False):
            batches = np.array([-elbo.loss(model, guide_of(*q[:2], q[2][:, :, 0])) for _ in range(30)])
        error = batches.std(ddof=1) / math.sqrt(30)
        assert error < noise and abs(batches.mean() - ch["elbo_gmm"](x, *q, prior, alpha_0)) < 5 * error + 1e-11
