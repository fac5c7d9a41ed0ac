"""Chapter 06's bounds, with every constant, against the bounds of two libraries that know nothing of this book.

BayesPy keeps all constants, so its numbers are to be ours. scikit-learn drops some, which are named here one by one.
Both run from our responsibilities, one update at a time; scikit-learn also on its own, to its own end.
"""
import sys
import warnings

import numpy as np
import pytest
from scipy.special import gammaln

from conftest import definitions
from elbokit import data

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # old idioms of theirs
    from sklearn.mixture import BayesianGaussianMixture

PRIOR = 0.5, 0.3, 1.4, 2.0  # mu_0, lam_0, a_0, b_0
ALPHA_0 = 0.8
SEEDS = range(5)

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def nodes():
    """BayesPy's nodes."""
    if sys.version_info >= (3, 12):
        pytest.skip("of BayesPy no version installs on Python 3.12 or newer")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from bayespy import nodes
    return nodes


@pytest.fixture(scope="module")
def ours():
    """The functions of the chapter."""
    return definitions("notebooks/06_conjugate")


def heaps(seed, n, D, K):
    """Data in K heaps, and responsibilities. -> x (n, D), phi (n, K)"""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, D)) + 3 * rng.integers(0, K, (n, 1)), rng.dirichlet(np.ones(K), n)


def bound_of(*model):
    """BayesPy's bound: the sum of what its nodes contribute."""
    return sum(float(node.lower_bound_contribution()) for node in model)


def agree(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-11)


# ---------------------------------------------------------------- BayesPy


def joint_factor(nodes, x, prior):
    """BayesPy's Gaussian with unknown mean and precision in one GaussianGamma node, fitted. -> data, theta"""
    mu_0, lam_0, a_0, b_0 = prior
    theta = nodes.GaussianGamma(np.array([mu_0]), np.array([[lam_0]]), a_0, b_0)
    observed = nodes.Gaussian(theta, np.eye(1), plates=x.shape)
    observed.observe(x[:, None])
    theta.update()
    return observed, theta


def two_factors(nodes, x, prior):
    """The same with separate nodes. A precision of lam_0 tau is had by drawing sqrt(lam_0) mu with the precision tau.

    The bound does not mind, since a divergence is the same in either variable. -> data, sqrt(lam_0) mu, tau
    """
    mu_0, lam_0, a_0, b_0 = prior
    root, tau = np.sqrt(lam_0), nodes.Gamma(a_0, b_0)
    scaled = nodes.GaussianARD(root * mu_0, tau)
    observed = nodes.GaussianARD(nodes.SumMultiply(",", 1 / root, scaled), tau, plates=x.shape)
    observed.observe(x)
    return observed, scaled, tau


def mixture(nodes, x, phi, prior, alpha_0):
    """BayesPy's mixture of (n, D) data: a Mixture node a coordinate, sharing labels; each group a GaussianGamma.

    -> the labels, which begin at phi, [the shares, *the groups], [the data of each coordinate]
    """
    (n, K), (mu_0, lam_0, a_0, b_0) = phi.shape, prior
    shares = nodes.Dirichlet(np.full(K, alpha_0))
    labels = nodes.Categorical(shares, plates=(n,))
    groups = [nodes.GaussianGamma(np.array([mu_0]), np.array([[lam_0]]), a_0, b_0, plates=(K,)) for _ in x.T]
    columns = [nodes.Mixture(labels, nodes.Gaussian, group, np.eye(1)) for group in groups]
    for column, values in zip(columns, x.T, strict=True):
        column.observe(values[:, None])
    labels.initialize_from_parameters(phi)
    return labels, [shares, *groups], columns


@pytest.mark.parametrize("seed", SEEDS)
def test_evidence_ng_is_bayespys_bound_of_a_joint_factor(nodes, ours, seed):
    """Its GaussianGamma node keeps mu and tau together, so its bound is the log evidence."""
    x = heaps(seed, 12, 1, 2)[0][:, 0]
    agree(ours["log_evidence_ng"](x, PRIOR), bound_of(*joint_factor(nodes, x, PRIOR)))


@pytest.mark.parametrize("seed", SEEDS)
def test_elbo_ng_is_bayespys_bound_at_every_update(nodes, ours, seed):
    """Both begin at the prior of tau."""
    (_, lam_0, a, b), x = PRIOR, heaps(seed, 12, 1, 2)[0][:, 0]
    observed, scaled, tau = two_factors(nodes, x, PRIOR)
    posterior = ours["posterior_ng"](x, PRIOR)
    for _ in range(4):
        scaled.update()
        m, v = ours["update_mu_ng"](posterior, a, b)
        agree(ours["elbo_ng"](x, PRIOR, m, v, a, b), bound_of(observed, scaled, tau))
        tau.update()
        a, b = ours["update_tau_ng"](posterior, m, v)
        agree(ours["elbo_ng"](x, PRIOR, m, v, a, b), bound_of(observed, scaled, tau))
        mean, square = scaled.get_moments()
        agree([m, v + m**2, a, b], [mean / np.sqrt(lam_0), square / lam_0, tau.phi[1], -tau.phi[0]])


@pytest.mark.parametrize("seed", SEEDS)
def test_elbo_gmm_is_bayespys_bound_at_every_update(nodes, ours, seed):
    """Two coordinates, three groups; the same responsibilities too."""
    x, phi = heaps(seed, 40, 2, 3)
    labels, params, columns = mixture(nodes, x, phi, PRIOR, ALPHA_0)
    model = [*columns, *params, labels]
    for _ in range(6):
        for node in params:
            node.update()
        alpha, theta = ours["update_params_gmm"](x, phi, PRIOR, ALPHA_0)
        agree(ours["elbo_gmm"](x, phi, alpha, theta, PRIOR, ALPHA_0), bound_of(*model))
        labels.update()
        phi = ours["update_labels_gmm"](x, alpha, theta)
        agree(ours["elbo_gmm"](x, phi, alpha, theta, PRIOR, ALPHA_0), bound_of(*model))
        np.testing.assert_allclose(phi, labels.get_moments()[0], atol=1e-11)


# ---------------------------------------------------------------- scikit-learn


def constants_that_scikit_learn_drops(n, K):
    """What its `lower_bound_` leaves out, in one dimension: all that depends on neither q nor the data. In nats."""
    _, lam_0, a_0, b_0 = PRIOR
    gaussians = -n / 2 * np.log(2 * np.pi)  # of the likelihood
    dirichlet = gammaln(K * ALPHA_0) - K * gammaln(ALPHA_0)  # the normaliser of the prior of the shares
    gammas = K * (a_0 * np.log(b_0) - gammaln(a_0))  # those of the priors of the K precisions
    means = K * np.log(lam_0) / 2  # those of the priors of the K means; their 2 pi goes with that of q's entropy
    return gaussians + dirichlet + gammas + means


def scikit_learns(K, **more):
    """Its mixture in one dimension, where its Wishart is a Gamma: degrees of freedom 2a, scale 2b."""
    mu_0, lam_0, a_0, b_0 = PRIOR
    return BayesianGaussianMixture(
        n_components=K, covariance_type="full", reg_covar=0, weight_concentration_prior_type="dirichlet_distribution",
        weight_concentration_prior=ALPHA_0, mean_prior=[mu_0], mean_precision_prior=lam_0,
        degrees_of_freedom_prior=2 * a_0, covariance_prior=[[2 * b_0]], **more,
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_elbo_gmm_is_scikit_learns_bound_and_its_constants(ours, seed):
    """From the same responsibilities, step by step: the same parameters, the same responsibilities, the same bound."""
    (x, phi), K = heaps(seed, 60, 1, 3), 3
    theirs = scikit_learns(K)
    theirs._check_parameters(x)
    for _ in range(6):
        theirs._m_step(x, np.log(phi))
        alpha, theta = ours["update_params_gmm"](x, phi, PRIOR, ALPHA_0)
        mu, lam, a, b = theta
        agree(alpha, theirs.weight_concentration_)
        agree([mu[:, 0], lam[:, 0]], [theirs.means_[:, 0], theirs.mean_precision_])
        agree(2 * a[:, 0], theirs.degrees_of_freedom_)
        agree(2 * b[:, 0], theirs.degrees_of_freedom_ * theirs.covariances_[:, 0, 0])
        bound = theirs._compute_lower_bound(np.log(phi), None)
        agree(ours["elbo_gmm"](x, phi, alpha, theta, PRIOR, ALPHA_0), bound + constants_that_scikit_learn_drops(60, K))
        _, log_phi = theirs._estimate_log_prob_resp(x)
        phi = ours["update_labels_gmm"](x, alpha, theta)
        agree(np.log(phi), log_phi)


def test_scikit_learns_own_optimum_is_one_of_ours(ours):
    """Its fit, run to the end: its last responsibilities are a fixed point of our sweep, `lower_bound_` our bound."""
    (x, _), K = heaps(7, 80, 1, 3), 3
    theirs = scikit_learns(K, tol=1e-13, max_iter=20_000, random_state=0).fit(x)
    phi = theirs.predict_proba(x)
    alpha, theta = ours["update_params_gmm"](x, phi, PRIOR, ALPHA_0)
    np.testing.assert_allclose(ours["update_labels_gmm"](x, alpha, theta), phi, atol=1e-5)
    bound = ours["elbo_gmm"](x, phi, alpha, theta, PRIOR, ALPHA_0)
    np.testing.assert_allclose(bound, theirs.lower_bound_ + constants_that_scikit_learn_drops(80, K), rtol=0, atol=1e-8)
    assert abs(bound - theirs.lower_bound_) > 10  # the constants are no trifle


# ---------------------------------------------------------------- the chapter's own data


def test_newcomb_and_bayespy(nodes, ours):
    """The bound at the fixed point, −255.266 nats, and the log evidence, −255.259, of all 66 measurements."""
    x, prior = data.load("newcomb")["deviation"], (0.0, 0.1, 1.0, 100.0)
    observed, scaled, tau = two_factors(nodes, x, prior)
    for _ in range(12):
        scaled.update()
        tau.update()
    q = ours["run_ng"](ours["posterior_ng"](x, prior), *prior[2:], 12)
    bound = ours["elbo_ng"](x, prior, *q)
    agree(bound, bound_of(observed, scaled, tau))
    evidence = bound_of(*joint_factor(nodes, x, prior))
    agree(ours["log_evidence_ng"](x, prior), evidence)
    assert round(float(bound), 3) == -255.266 and round(evidence, 3) == -255.259


def test_penguins_and_bayespy(nodes, ours):
    """Thirty sweeps over all 342, in two measurements and three groups."""
    birds, prior = data.load("penguins"), (0.0, 0.1, 2.0, 0.5)
    x = np.stack([birds["bill_length"], birds["flipper_length"]], axis=-1)
    x = (x - x.mean(0)) / x.std(0)
    phi = ours["cut_in_rows"](x, 3)[1]
    labels, params, columns = mixture(nodes, x, phi, prior, alpha_0=1.0)
    for _ in range(30):
        for node in params:
            node.update()
        labels.update()
        alpha, theta = ours["update_params_gmm"](x, phi, prior, 1.0)
        phi = ours["update_labels_gmm"](x, alpha, theta)
        agree(ours["elbo_gmm"](x, phi, alpha, theta, prior, 1.0), bound_of(*columns, *params, labels))
