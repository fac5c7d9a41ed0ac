"""Judges of chapter 07, the ELBO of a latent-variable model."""
import itertools
import math
import warnings

import mpmath
import numpy as np
import torch
from scipy import special, stats
from sklearn.mixture import GaussianMixture
from torch import distributions as td

from judges import close, judge, quad, simplex, tensor


def random_lg(rng, d=3, k=2):
    """x, W, b, sigma of five linear-Gaussian models."""
    return rng.normal(size=(5, d)), rng.normal(size=(5, d, k)), rng.normal(size=(5, d)), rng.uniform(0.3, 2, 5)


def joint_lg(W, b, sigma):
    """SciPy's Gaussian of (z, x) together, for one model."""
    d, k = W.shape
    cov = np.block([[np.eye(k), W.T], [W, W @ W.T + sigma**2 * np.eye(d)]])
    return stats.multivariate_normal(np.concatenate([np.zeros(k), b]), cov)


def conditional(x, W, b, sigma):
    """Mean and covariance of z given x, as a conditional of that joint Gaussian."""
    gain = W.T @ np.linalg.inv(W @ W.T + sigma**2 * np.eye(len(x)))
    return gain @ (x - b), np.eye(W.shape[1]) - gain @ W


def gaussian_q(rng, k=2, cases=5):
    A = rng.normal(size=(cases, k, k))
    return rng.normal(size=(cases, k)), A @ A.swapaxes(-1, -2) + 0.1 * np.eye(k)


@judge
def evidence(f, rng):
    joint = simplex(rng, 20, 12).reshape(20, 3, 4)
    close(f(joint), [[math.fsum(row) for row in table] for table in joint])


@judge
def log_evidence_lg(f, rng):
    models = random_lg(rng)
    theirs = [stats.multivariate_normal(b, W @ W.T + s**2 * np.eye(3)).logpdf(x) for x, W, b, s in zip(*models)]
    close(f(*models), theirs)


@judge
def posterior_lg(f, rng):
    models = random_lg(rng)
    for ours, theirs in zip(f(*models), zip(*[conditional(*each) for each in zip(*models)])):
        close(ours, theirs)


@judge
def one_at_a_time(f, rng):
    models = random_lg(rng, d=4, k=3)
    log_px, means, covs = f(*models)
    for i, each in enumerate(zip(*models)):
        mean, cov = conditional(*each)
        close(means[i], mean)
        close(covs[i], cov)
        x, W, b, s = each
        close(log_px[i], stats.multivariate_normal(b, W @ W.T + s**2 * np.eye(4)).logpdf(x))


@judge
def log_joint_square(f, rng):
    x, z, sigma = rng.normal(size=9), rng.normal(size=9), rng.uniform(0.3, 2, 9)
    theirs = td.Normal(0.0, 1.0).log_prob(tensor(z)) + td.Normal(tensor(z**2), tensor(sigma)).log_prob(tensor(x))
    close(f(x, z, sigma), theirs)


def px_square(x, sigma):
    """p(x) by adaptive quadrature."""
    peaks = [0.0, math.sqrt(max(x, 0)), -math.sqrt(max(x, 0))]
    return quad(lambda z: stats.norm.pdf(z) * stats.norm.pdf(x, z * z, sigma), -9, 9, points=sorted(peaks))


SQUARES = np.array([-1.5, 0.2, 1.7, 3.1, 6.4]), np.array([0.4, 1.1, 0.7, 1.9, 0.5])


@judge
def log_evidence_square(f, rng):
    close(f(*SQUARES), np.log([px_square(*each) for each in zip(*SQUARES)]))


@judge
def log_evidence_bessel(f, rng):
    theirs = []
    for x, sigma in zip(*SQUARES):  # a parabolic cylinder function instead
        y = sigma / 2 - x / sigma
        value = mpmath.sqrt(mpmath.pi * sigma) * mpmath.exp(y**2 / 4 - x**2 / (2 * sigma**2)) * mpmath.pcfd(-0.5, y)
        theirs.append(float(mpmath.log(value / (2 * mpmath.pi * sigma))))
    close(f(*SQUARES), theirs)


@judge
def elbo_joint(f, rng):
    q, joint = simplex(rng, 50, 5, zeros=True), simplex(rng, 50, 5) / 3
    close(f(q, joint), -torch.nn.functional.kl_div(*tensor(np.log(joint), q), reduction="none").sum(-1))


@judge
def elbo_rec_kl(f, rng):
    q, prior, lik = simplex(rng, 50, 5, zeros=True), simplex(rng, 50, 5), rng.uniform(0.01, 1, (50, 5))
    theirs = [np.average(np.log(row), weights=w) - stats.entropy(w, p) for w, p, row in zip(q, prior, lik)]
    close(f(q, prior, lik), theirs)


@judge
def elbo_lg(f, rng):
    (x, W, b, sigma), (m, S) = random_lg(rng), gaussian_q(rng)
    theirs = []
    for i in range(5):
        mean, cov = conditional(x[i], W[i], b[i], sigma[i])
        q, p = (td.MultivariateNormal(*tensor(*pair)) for pair in ((m[i], S[i]), (mean, cov)))
        evidence = joint_lg(W[i], b[i], sigma[i]).logpdf(np.r_[mean, x[i]]) - p.log_prob(tensor(mean)).item()
        theirs.append(evidence - td.kl_divergence(q, p).item())
    close(f(x, m, S, W, b, sigma), theirs, rtol=1e-10)


def gap_by_quad(x, m, s, sigma):
    """KL of N(m, s^2) from the posterior of the square, by adaptive quadrature."""
    log_px = math.log(px_square(x, sigma))

    def integrand(z):
        log_q = stats.norm.logpdf(z, m, s)
        return math.exp(log_q) * (log_q - stats.norm.logpdf(z) - stats.norm.logpdf(x, z * z, sigma) + log_px)

    return quad(integrand, m - 12 * s, m + 12 * s, points=[m])


Q_SQUARES = np.array([0.3, -1.0, 1.4, 0.0, 2.5]), np.array([0.6, 0.2, 0.4, 0.9, 0.15])


@judge
def elbo_square(f, rng):
    (x, sigma), (m, s) = SQUARES, Q_SQUARES
    theirs = [math.log(px_square(x[i], sigma[i])) - gap_by_quad(x[i], m[i], s[i], sigma[i]) for i in range(5)]
    close(f(x, m, s, sigma), theirs, rtol=1e-9)


@judge
def gap_square(f, rng):
    (x, sigma), (m, s) = SQUARES, Q_SQUARES
    close(f(x, m, s, sigma), [gap_by_quad(x[i], m[i], s[i], sigma[i]) for i in range(5)], rtol=1e-9)


@judge
def best_square(f, rng):
    """Autograd finds no slope there, no grid point is better: torch's densities at nodes good for quartics."""
    (x, sigma), (eps, weights) = tensor(*SQUARES), np.polynomial.hermite_e.hermegauss(5)
    m, s = (each.requires_grad_() for each in tensor(*f(*SQUARES)))

    def elbo(m, s, x, sigma):
        draws = [m + s * each for each in eps]
        log_joints = [td.Normal(0.0, 1.0).log_prob(z) + td.Normal(z**2, sigma).log_prob(x) for z in draws]
        rows = zip(weights / weights.sum(), log_joints, strict=True)
        return sum(weight * row for weight, row in rows) + td.Normal(m, s).entropy()

    best = elbo(m, s, x, sigma)
    best.sum().backward()
    close(np.stack([m.grad, s.grad]), np.zeros((2, 5)), atol=1e-9)
    grid = torch.meshgrid(torch.linspace(0, 3, 301), torch.linspace(0.02, 2, 199), indexing="ij")
    for i in range(5):
        assert elbo(*grid, x[i], sigma[i]).max() <= best[i] + 1e-12


@judge
def nodes_of(f, rng):
    """Moments of the Gaussian up to the fourth, and its density at the nodes."""
    m, S = gaussian_q(rng, cases=3)
    z, log_q, weights = f(m, S)
    for i in range(3):
        close(log_q[:, i], stats.multivariate_normal(m[i], S[i]).logpdf(z[:, i]))
        close(weights @ z[:, i], m[i])
        close(np.einsum("n,nj,nk->jk", weights, z[:, i], z[:, i]), S[i] + np.outer(m[i], m[i]))
        close(weights @ z[:, i, 0] ** 4, stats.norm(m[i, 0], math.sqrt(S[i, 0, 0])).moment(4))


@judge
def log_mvn(f, rng):
    (mean, cov), z = gaussian_q(rng), rng.normal(size=(5, 2))
    close(f(z, mean, cov), td.MultivariateNormal(*tensor(mean, cov)).log_prob(tensor(z)))


@judge
def lines_lg(f, rng):
    (x, W, b, sigma), (m, S) = random_lg(rng), gaussian_q(rng)
    for line in f(x, W, b, sigma, m, S):
        theirs = []
        for i in range(5):
            p = td.MultivariateNormal(*tensor(*conditional(x[i], W[i], b[i], sigma[i])))
            q = td.MultivariateNormal(*tensor(m[i], S[i]))
            evidence = stats.multivariate_normal(b[i], W[i] @ W[i].T + sigma[i] ** 2 * np.eye(3)).logpdf(x[i])
            theirs.append(evidence - td.kl_divergence(q, p).item())
        close(line, theirs, rtol=1e-10)


@judge
def one_for_all(f, rng):
    w, post = simplex(rng, 4, 3), simplex(rng, 12, 5).reshape(4, 3, 5)
    least, best = f(w, post)
    for i in range(4):
        geometric = stats.gmean(post[i], axis=0, weights=np.broadcast_to(w[i, :, None], (3, 5)))
        close(best[i], geometric / geometric.sum())
        close(least[i], sum(a * stats.entropy(best[i], row) for a, row in zip(w[i], post[i])))


@judge
def batch_mean(f, rng):
    values = rng.normal(size=(2, 5))
    for size in (1, 3, 5):
        every = [5 / size * sum(batch) for batch in itertools.combinations(range(5), size)]
        assert len(every) == math.comb(5, size)
        theirs = [np.mean([5 / size * sum(batch) for batch in itertools.combinations(row, size)]) for row in values]
        close(f(values, size), theirs)


def random_em(rng):
    """x, and pi, mu, sigma of three groups, four times."""
    theta = simplex(rng, 4, 3), 3 * rng.normal(size=(4, 3)), rng.uniform(0.5, 2, 4)
    return 3 * rng.normal(size=(4, 7)), theta


def torch_em(theta):
    pi, mu, sigma = tensor(*theta)
    return td.MixtureSameFamily(td.Categorical(pi), td.Normal(mu, sigma[:, None].expand_as(mu)))


@judge
def log_joint_em(f, rng):
    x, theta = random_em(rng)
    pi, mu, sigma = tensor(*theta)
    theirs = pi.log()[:, None] + td.Normal(mu[:, None], sigma[:, None, None]).log_prob(tensor(x)[..., None])
    close(f(x, *theta), theirs)


@judge
def e_step(f, rng):
    x, (pi, mu, sigma) = random_em(rng)
    joint = pi[:, None] * stats.norm.pdf(x[..., None], mu[:, None], sigma[:, None, None])
    close(f(x, (pi, mu, sigma)), joint / joint.sum(-1, keepdims=True))


@judge
def m_step(f, rng):
    x, phi = rng.normal(size=(4, 7)), simplex(rng, 28, 3).reshape(4, 7, 3)
    for i, (pi, mu, sigma) in enumerate(zip(*f(x, phi))):
        variances = [np.cov(x[i], aweights=phi[i, :, k], ddof=0) for k in range(3)]
        close(pi, phi[i].mean(0))
        close(mu, [np.average(x[i], weights=phi[i, :, k]) for k in range(3)])
        close(sigma**2, np.average(variances, weights=phi[i].sum(0)))


@judge
def elbo_em(f, rng):
    x, theta = random_em(rng)
    phi = simplex(rng, 28, 3).reshape(4, 7, 3)
    pi, mu, sigma = theta
    joint = pi[:, None] * stats.norm.pdf(x[..., None], mu[:, None], sigma[:, None, None])
    close(f(x, phi, theta), -special.rel_entr(phi, joint).sum((-2, -1)))


@judge
def m_gain(f, rng):
    N, (_, new), (_, old) = 7 * simplex(rng, 4, 3), random_em(rng), random_em(rng)
    normals = [td.Normal(tensor(mu), tensor(sigma)[:, None].expand(4, 3)) for _, mu, sigma in (new, old)]
    groups = td.kl_divergence(*normals).numpy()
    close(f(N, new, old), N.sum(-1) * stats.entropy(new[0], old[0], axis=-1) + (N * groups).sum(-1))


@judge
def log_px_em(f, rng):
    x, theta = random_em(rng)
    close(f(x, theta), torch_em(theta).log_prob(tensor(x).T).sum(0))


@judge
def run_em(f, rng):
    """Two steps against scikit-learn's, and the account against torch's mixture."""
    x, (pi, mu, sigma) = random_em(rng)
    *theta, account = f(x, (pi, mu, sigma), 2)
    for i in range(4):
        theirs = GaussianMixture(
            3, covariance_type="tied", max_iter=2, tol=0, reg_covar=0, weights_init=pi[i], means_init=mu[i][:, None],
            precisions_init=[[sigma[i] ** -2]],
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged
            theirs.fit(x[i][:, None])
        close(theta[0][i], theirs.weights_, rtol=1e-9)
        close(theta[1][i], theirs.means_[:, 0], rtol=1e-9)
        close(theta[2][i] ** 2, theirs.covariances_[0, 0], rtol=1e-9)
    log_p, log_p_new, floor, floor_new, new_gap, gain = account
    close(log_p[0], torch_em((pi, mu, sigma)).log_prob(tensor(x).T).sum(0))
    close(log_p_new[1], torch_em(theta).log_prob(tensor(x).T).sum(0))
    close(floor, log_p, rtol=1e-9)
    close(floor_new + new_gap, log_p_new, rtol=1e-9)
    close(floor + gain, floor_new, rtol=1e-9)


def slope_in_mu(x, theta):
    """torch's slope of log p(x_1, ..., x_n) in the means, and the responsibilities."""
    pi, mu, sigma = tensor(*theta)
    mu.requires_grad_()
    joint = pi.log()[:, None] + td.Normal(mu[:, None], sigma[:, None, None]).log_prob(tensor(x)[..., None])
    torch.logsumexp(joint, -1).sum().backward()
    return mu.grad, torch.softmax(joint.detach(), -1).numpy()


@judge
def slope_mu_em(f, rng):
    x, theta = random_em(rng)
    slope, phi = slope_in_mu(x, theta)
    close(f(x, phi, theta), slope)


@judge
def slope_by_complex_step(f, rng):
    x, theta = random_em(rng)
    close(np.stack([f(x, theta, k) for k in range(3)], axis=-1), slope_in_mu(x, theta)[0])


@judge
def slope_W_lg(f, rng):
    x, W, b, sigma = random_lg(rng)
    for i in range(5):
        W_ = tensor(W[i]).requires_grad_()
        cov = W_ @ W_.T + sigma[i] ** 2 * torch.eye(3, dtype=torch.float64)
        td.MultivariateNormal(tensor(b[i]), cov).log_prob(tensor(x[i])).backward()
        mean, spread = conditional(x[i], W[i], b[i], sigma[i])
        close(f(x[i], mean, spread, W[i], b[i], sigma[i]), W_.grad, rtol=1e-9)


def posterior_of_causes(w, k, s2):
    """torch's posterior of k causes, and the product with the diagonal of its precision. w: a tensor"""
    zero = torch.zeros(k, dtype=torch.float64)
    precision = torch.diag(zero + 1) + w**2 / s2 * (zero[:, None] + zero + 1)
    product = td.MultivariateNormal(zero, precision_matrix=torch.diag(precision.diagonal()))
    return td.MultivariateNormal(zero, precision_matrix=precision), product


def averages(w, k, s2, V):
    """The average evidence of data at plus and minus the root of V, and the ELBO of the best product. w: a tensor"""
    log_p = td.Normal(0.0, torch.sqrt(k * w**2 + s2)).log_prob(tensor([V**0.5, -(V**0.5)])).mean()
    exact, product = posterior_of_causes(w, k, s2)
    return log_p, log_p - td.kl_divergence(product, exact)


@judge
def best_w(f, rng):
    """Level there, by autograd, and lower on either side; nothing where the data spread less than the noise."""
    for case in ((1, 0.7, 2.0), (2, 0.5, 4.0), (5, 1.3, 9.0)):
        for which, w in enumerate(tensor(*f(*map(np.array, case)))):
            w.requires_grad_()
            here = averages(w, *case)[which]
            close(torch.autograd.grad(here, w)[0], 0.0, atol=1e-10)
            assert all(averages(w.detach() * side, *case)[which] < here for side in (0.5, 0.9, 1.1, 2.0))
    close(f(np.array(2), np.array(0.5), np.array(0.4)), [0.0, 0.0])


@judge
def gap_causes(f, rng):
    for k, w, s2 in ((1, 0.4, 0.5), (2, 1.3, 0.5), (4, 0.8, 1.7)):
        exact, product = posterior_of_causes(tensor(w), k, s2)
        close(f(w, k, s2), td.kl_divergence(product, exact).item(), atol=1e-11)


@judge
def em_causes(f, rng):
    """One round, its two means by the matrices of the posterior."""
    for k, w, s2, V in ((1, 0.4, 0.5, 3.0), (3, 1.3, 0.5, 4.0)):
        mean, cov = conditional(np.array([math.sqrt(V)]), np.full((1, k), w), np.zeros(1), math.sqrt(s2))
        for product in (True, False):
            spread = (1 / np.diag(np.linalg.inv(cov))).sum() if product else cov.sum()
            theirs = math.sqrt(V) * mean.sum() / (mean.sum() ** 2 + spread)
            close(f(w, k, s2, V, product, rounds=1), theirs)
