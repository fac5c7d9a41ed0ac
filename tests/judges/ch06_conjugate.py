"""Judges of chapter 06, conjugate models by coordinate ascent."""
import itertools
import math

import mpmath
import numpy as np
import torch
from scipy import special, stats
from torch import distributions as td

from judges import close, judge, quad, simplex, tensor

# ---------------------------------------------------------------- Normal-Gamma


def priors(rng, *shape):
    """mu_0, lam_0, a_0, b_0, each of the shape."""
    return rng.normal(size=shape), *np.exp(rng.uniform(-1, 1.5, (3, *shape)))


def log_normal_gamma_by_torch(mu, tau, mu_n, lam_n, a_n, b_n):
    mu, tau, mu_n, lam_n, a_n, b_n = tensor(*np.broadcast_arrays(mu, tau, mu_n, lam_n, a_n, b_n))
    return td.Normal(mu_n, (lam_n * tau) ** -0.5).log_prob(mu) + td.Gamma(a_n, b_n).log_prob(tau)


def log_evidence_by_student(x, prior):
    """log p(x) of one data set: a Student t in n dimensions."""
    mu_0, lam_0, a_0, b_0 = prior
    if len(x) == 0:
        return 0.0
    shape = b_0 / a_0 * (np.eye(len(x)) + 1 / lam_0)
    return stats.multivariate_t.logpdf(x, np.full(len(x), mu_0), shape, df=2 * a_0)


def posterior_by_book(x, prior):
    """The textbook's form, with the mean and the sum of squares about it."""
    (mu_0, lam_0, a_0, b_0), n = prior, len(x)
    mean, squares = np.mean(x), np.sum((x - np.mean(x)) ** 2)
    shift = lam_0 * n * (mean - mu_0) ** 2 / (2 * (lam_0 + n))
    return (lam_0 * mu_0 + n * mean) / (lam_0 + n), lam_0 + n, a_0 + n / 2, b_0 + squares / 2 + shift


@judge
def posterior_ng(f, rng):
    x, prior = rng.normal(size=(20, 7)), priors(rng, 20)
    times = rng.integers(1, 4, (20, 7))
    ours = np.array(f(x, prior, times))
    for i in range(20):
        close(ours[:, i], posterior_by_book(np.repeat(x[i], times[i]), [each[i] for each in prior]))
    close(f(x[0], [each[0] for each in prior]), posterior_by_book(x[0], [each[0] for each in prior]))
    close(f(x, prior, 0.0), prior)


@judge
def log_evidence_ng(f, rng):
    x, prior = rng.normal(size=(20, 6)), priors(rng, 20)
    w = rng.integers(0, 3, (20, 6))
    theirs = [log_evidence_by_student(np.repeat(x[i], w[i]), [each[i] for each in prior]) for i in range(20)]
    close(f(x, prior, w), theirs)
    close(f(np.tile(x, 4), prior, np.tile(w / 4, 4)), theirs)  # four quarters of a point are a point


@judge
def log_evidence_by_chain(f, rng):
    x, prior = rng.normal(size=(20, 6)), priors(rng, 20)
    close(f(x, prior), [log_evidence_by_student(x[i], [each[i] for each in prior]) for i in range(20)])


@judge
def log_joint_ng(f, rng):
    x, mu, tau, prior = rng.normal(size=(20, 6)), rng.normal(size=20), np.exp(rng.normal(size=20)), priors(rng, 20)
    likelihood = td.Normal(*tensor(mu[:, None], tau[:, None] ** -0.5)).log_prob(tensor(x)).sum(-1)
    close(f(x, mu, tau, prior), likelihood + log_normal_gamma_by_torch(mu, tau, *prior))


@judge
def log_evidence_by_grid(f, rng):
    x, prior = rng.normal(size=5) + 3, (2.5, 0.7, 2.0, 1.5)
    ours = f(x, prior, np.linspace(-14, 6, 150), np.linspace(-11, 11, 150))
    close(ours, log_evidence_by_student(x, prior), rtol=1e-8)


@judge
def log_normal_gamma(f, rng):
    mu, tau, numbers = rng.normal(size=30), np.exp(rng.normal(size=30)), priors(rng, 30)
    close(f(mu, tau, *numbers), log_normal_gamma_by_torch(mu, tau, *numbers))


@judge
def update_mu_ng(f, rng):
    """The mean of log p under q(tau) = Gamma(a, b) is linear in tau: its top, and its curvature there."""
    posterior, a, b = priors(rng, 20), *np.exp(rng.normal(size=(2, 20)))
    mu = tensor(posterior[0]).requires_grad_()
    top = log_at(mu, tensor(a / b), posterior).sum()
    (slope,) = torch.autograd.grad(top, mu, create_graph=True)
    curvature = torch.autograd.grad(slope.sum(), mu)[0]
    assert abs(slope).max() < 1e-12
    close(f(posterior, a, b), [posterior[0], -1 / curvature])


def log_at(mu, tau, numbers):
    """The log density of a Normal-Gamma in torch, differentiable."""
    mu_n, lam_n, a_n, b_n = tensor(*numbers)
    return td.Normal(mu_n, (lam_n * tau) ** -0.5).log_prob(mu) + td.Gamma(a_n, b_n).log_prob(tau)


@judge
def update_tau_ng(f, rng):
    """In tau, the mean over two points m +- sqrt(v) of mu is that over N(m, v): k log tau - rate tau, two equations."""
    posterior, m, v = priors(rng, 20), rng.normal(size=20), np.exp(rng.normal(size=20))
    both = tensor(m + np.sqrt(v)), tensor(m - np.sqrt(v))
    one, two, four = (sum(log_at(mu, tensor(t + 0 * m), posterior) for mu in both) / 2 for t in (1.0, 2.0, 4.0))
    first, second = (two - one).numpy(), (four - two).numpy()  # k log 2 - rate, k log 2 - 2 rate
    rate = first - second
    close(f(posterior, m, v), [(first + rate) / math.log(2) + 1, rate], rtol=1e-10)


@judge
def run_ng(f, rng):
    """Far along, at the fixed point in closed form; after one sweep, one step of the recursion."""
    mu, lam, a_n, b_n = posterior = priors(rng, 20)
    a, one = a_n + 0.5, np.ones(20)
    close(f(posterior, one, one, 200), [mu, b_n / (a_n * lam), a, b_n * a / a_n])
    close(f(posterior, one, 3 * one, 1), [mu, 3 / lam, a, b_n + 1.5])


def log_q_by_torch(mu, tau, m, v, a, b):
    mu, tau, m, v, a, b = tensor(*np.broadcast_arrays(mu, tau, m, v, a, b))
    return td.Normal(m, v**0.5).log_prob(mu) + td.Gamma(a, b).log_prob(tau)


@judge
def log_q_ng(f, rng):
    numbers = rng.normal(size=30), *np.exp(rng.normal(size=(4, 30)))
    mu, tau = rng.normal(size=30), numbers[4]
    close(f(mu, tau, *numbers[:4]), log_q_by_torch(mu, tau, *numbers[:4]))


@judge
def elbo_ng(f, rng):
    """The mean of each log density by torch's closed forms where it has them, else by an integral."""
    for n in (1, 4):
        x, (mu_0, lam_0, a_0, b_0) = rng.normal(size=n), priors(rng)
        m, v, a, b = rng.normal(), *np.exp(rng.uniform(-0.5, 1.5, 3))
        density = stats.gamma(a, scale=1 / b).pdf
        log_tau = quad(lambda u, density=density: u * density(math.exp(u)) * math.exp(u), -60, 8, [0.0])
        entropies = td.Normal(*tensor(m, v**0.5)).entropy() + td.Gamma(*tensor(a, b)).entropy()
        squares = sum((each - m) ** 2 + v for each in x)
        likelihood = n / 2 * (log_tau - math.log(2 * math.pi)) - a / b * squares / 2
        mean_mu = (math.log(lam_0) - math.log(2 * math.pi) + log_tau - lam_0 * a / b * ((m - mu_0) ** 2 + v)) / 2
        mean_tau = a_0 * math.log(b_0) - math.lgamma(a_0) + (a_0 - 1) * log_tau - b_0 * a / b
        close(f(x, (mu_0, lam_0, a_0, b_0), m, v, a, b), likelihood + mean_mu + mean_tau + float(entropies), rtol=1e-9)


@judge
def kl_shape_rate(f, rng):
    a, b, c, d = np.exp(rng.normal(size=(4, 200)))
    close(f(a, b, c, d), td.kl_divergence(td.Gamma(*tensor(a, b)), td.Gamma(*tensor(c, d))))


def mean_of_log_by_mpmath(a, b):
    """E[log tau] under Gamma(a, b)."""
    return float(mpmath.digamma(a) - mpmath.log(b))


@judge
def kl_factors_ng(f, rng):
    """The cross-entropy with a Normal-Gamma minus torch's entropies."""
    for _ in range(30):
        (m, v, a, b), p = (rng.normal(), *np.exp(rng.normal(size=3))), priors(rng)
        log_tau = mean_of_log_by_mpmath(a, b)
        at_one = float(log_normal_gamma_by_torch(p[0], 1.0, *p)) + p[3]  # at mu_n, without the terms in tau
        mean_log_p = at_one + (p[2] - 0.5) * log_tau - a / b * (p[3] + p[1] * ((m - p[0]) ** 2 + v) / 2)
        entropies = td.Normal(*tensor(m, v**0.5)).entropy() + td.Gamma(*tensor(a, b)).entropy()
        close(f(m, v, a, b, p), -float(entropies) - mean_log_p, rtol=1e-10, atol=1e-11)


@judge
def mean_under_q(f, rng):
    m, v, a, b = rng.normal(size=10), *np.exp(rng.uniform(-0.5, 1.5, (3, 10)))
    theirs = (m**2 + v) * (a + 1) * a / b**2 + [mean_of_log_by_mpmath(*each) for each in zip(a, b, strict=True)]
    close(f(lambda mu, tau: (mu * tau) ** 2 + np.log(tau), m, v, a, b), theirs, rtol=1e-10)


@judge
def falls_ng(f, rng):
    """Against the divergence from the posterior, by mpmath and torch, before and after each update."""
    x, prior, q = rng.normal(size=6), (0.3, 0.5, 1.5, 2.0), (2.0, 0.7, 3.0, 1.2)
    p, gaps, kls = posterior_by_book(x, prior), [], []

    def gap(m, v, a, b):
        mean_log_p = float(log_normal_gamma_by_torch(p[0], 1.0, *p)) + p[3] + (p[2] - 0.5) * mean_of_log_by_mpmath(a, b)
        mean_log_p -= a / b * (p[3] + p[1] * ((m - p[0]) ** 2 + v) / 2)
        return -float(td.Normal(*tensor(m, v**0.5)).entropy() + td.Gamma(*tensor(a, b)).entropy()) - mean_log_p

    gaps.append(gap(*q))
    for step in range(4):
        m, v, a, b = q
        if step % 2 == 0:
            q = p[0], b / (a * p[1]), a, b
            old, new = td.Normal(*tensor(m, v**0.5)), td.Normal(*tensor(q[0], q[1] ** 0.5))
        else:
            q = m, v, p[2] + 0.5, p[3] + p[1] * ((m - p[0]) ** 2 + v) / 2
            old, new = td.Gamma(*tensor(a, b)), td.Gamma(*tensor(*q[2:]))
        gaps.append(gap(*q))
        kls.append(float(td.kl_divergence(old, new)))
    close(f(x, prior, 2.0, 0.7, 3.0, 1.2, sweeps=2), [-np.diff(gaps), kls], rtol=1e-9, atol=1e-11)


@judge
def gap_ng(f, rng):
    mpmath.mp.dps = 30
    a, half = np.append(np.exp(rng.uniform(0.1, 5, 50)), 0.75), mpmath.mpf(1) / 2
    theirs = []
    for c in map(mpmath.mpf, a):
        gammas = mpmath.log(mpmath.gammaprod([c - half], [c]))
        theirs.append(float(mpmath.log(c) / 2 + gammas + (c - half) * mpmath.log(c / (c - half)) - half))
    close(f(a), theirs, rtol=1e-9)


# ---------------------------------------------------------------- the mixture


def groups_of(x, z, K):
    """Each group's points. x: (n, D), z: (n,)"""
    return [x[np.array(z) == k] for k in range(K)]


def log_joint_by_hand(x, z, prior, alpha_0, K):
    """log p(x, z) for one labelling."""
    counts = [len(group) for group in groups_of(x, z, K)]
    total = stats.dirichlet_multinomial.logpmf(counts, np.full(K, alpha_0), len(z))
    total -= math.log(math.factorial(len(z)) / math.prod(map(math.factorial, counts)))  # of these labels in this order
    columns = [group[:, d] for group in groups_of(x, z, K) for d in range(x.shape[1])]
    return total + sum(log_evidence_by_student(column, prior) for column in columns)


def evidence_by_hand(x, prior, alpha_0, K):
    ways = itertools.product(range(K), repeat=len(x))
    return special.logsumexp([log_joint_by_hand(x, z, prior, alpha_0, K) for z in ways])


PRIOR = (0.4, 0.6, 1.7, 1.3)


@judge
def transpose(f, rng):
    a = rng.normal(size=(2, 3, 4))
    close(f(a), np.einsum("kij->kji", a))


@judge
def labellings(f, rng):
    states, z = f(3, 4)
    assert sorted(map(tuple, np.asarray(states).round(6))) == sorted(itertools.product(range(4), repeat=3))
    close(z, [[[float(label == k) for k in range(4)] for label in state] for state in states])


@judge
def log_joint_gmm(f, rng):
    x, z = rng.normal(size=(5, 2)), [2, 0, 0, 2, 0]
    close(f(x, np.eye(3)[z], PRIOR, 0.7), log_joint_by_hand(x, z, PRIOR, 0.7, 3))


@judge
def log_evidence_gmm(f, rng):
    x = 2 * rng.normal(size=(2, 4, 2))
    close(f(x, PRIOR, 0.7, 3), [evidence_by_hand(each, PRIOR, 0.7, 3) for each in x])


@judge
def log_evidence_by_urn(f, rng):
    x = 2 * rng.normal(size=(2, 4, 2))
    close(f(x, PRIOR, 0.7, 3), [evidence_by_hand(each, PRIOR, 0.7, 3) for each in x])


@judge
def mean_log_pi(f, rng):
    """E[log pi] is the slope of the Dirichlet's log normaliser."""
    alpha = tensor(np.exp(rng.normal(size=(20, 4)))).requires_grad_()
    (torch.lgamma(alpha).sum() - torch.lgamma(alpha.sum(-1)).sum()).backward()
    close(f(alpha.detach().numpy()), alpha.grad)


def some_q(rng, n, D, K):
    """phi, alpha, theta."""
    theta = np.array([rng.normal(size=(K, D)), *np.exp(rng.uniform(-0.5, 1.5, (3, K, D)))])
    return simplex(rng, n, K), np.exp(rng.normal(size=K)), theta


def mean_log_lik_by_hand(x, theta):
    n, (_, K, D) = len(x), theta.shape
    table = np.zeros((n, K))
    for i, k, d in itertools.product(range(n), range(K), range(D)):
        mu, lam, a, b = theta[:, k, d]
        variance = 1 / lam  # tau times that of mu
        square = a / b * (x[i, d] - mu) ** 2 + variance
        table[i, k] += (mean_of_log_by_mpmath(a, b) - math.log(2 * math.pi) - square) / 2
    return table


@judge
def mean_log_lik(f, rng):
    x, (_, _, theta) = rng.normal(size=(4, 2)), some_q(rng, 4, 2, 3)
    close(f(x, theta), mean_log_lik_by_hand(x, theta))
    mu, lam, a, b = theta[:, 0, 0]

    def given_tau(tau):  # the mean over mu given tau, at two points that have its mean and its variance
        away = (lam * tau) ** -0.5
        both = stats.norm.logpdf(0.3, [mu + away, mu - away], tau**-0.5)
        return both.mean() * stats.gamma.pdf(tau, a, scale=1 / b)

    alone = quad(lambda u: given_tau(math.exp(u)) * math.exp(u), -50, 6, [0.0])
    close(f(np.array([[0.3]]), theta[:, :1, :1]), [[alone]], rtol=1e-9)


@judge
def update_params_gmm(f, rng):
    """A responsibility of 1/5, 2/5, … five times over is a whole number of copies of a point."""
    x, (tenths, K) = rng.normal(size=(6, 2)), (rng.integers(0, 4, (6, 3)) + 1.0, 3)
    alpha, theta = f(x, tenths, PRIOR, 0.7)
    close(alpha, 0.7 + tenths.sum(0))
    for k, d in itertools.product(range(K), range(2)):
        close(theta[:, k, d], posterior_by_book(np.repeat(x[:, d], tenths[:, k].astype(int)), PRIOR))


@judge
def update_labels_gmm(f, rng):
    x, (_, alpha, theta) = rng.normal(size=(4, 2)), some_q(rng, 4, 2, 3)
    log_pi = [mean_of_log_by_mpmath(each, 1.0) for each in alpha]
    close(f(x, alpha, theta), torch.softmax(tensor(log_pi + mean_log_lik_by_hand(x, theta)), -1))


@judge
def log_odds_by_nodes(f, rng):
    x, (_, alpha, theta) = rng.normal(size=(3, 2)), some_q(rng, 3, 2, 3)
    table = [mean_of_log_by_mpmath(each + 0.7, 1.0) for each in alpha] + mean_log_lik_by_hand(x, theta)
    close(f(x, alpha + 0.7, theta), table - table[:, :1], rtol=1e-9, atol=1e-9)


def kl_normal_gamma_by_hand(q, p):
    """The mean over tau of torch's KL of two Gaussians is taken at the mean of 1/variance, where it is linear."""
    mu, lam, a, b = q
    mu_p, lam_p, a_p, b_p = p
    gaussians = td.kl_divergence(td.Normal(*tensor(mu, lam**-0.5)), td.Normal(*tensor(mu, lam_p**-0.5)))
    gammas = td.kl_divergence(td.Gamma(*tensor(a, b)), td.Gamma(*tensor(a_p, b_p)))
    return (gaussians + gammas).numpy() + lam_p * a / b * (mu - mu_p) ** 2 / 2


@judge
def kl_dirichlet(f, rng):
    alpha, beta = np.exp(rng.normal(size=(2, 50, 4)))
    close(f(alpha, beta), td.kl_divergence(td.Dirichlet(tensor(alpha)), td.Dirichlet(tensor(beta))))


@judge
def kl_normal_gamma(f, rng):
    q, p = priors(rng, 50), priors(rng, 50)
    close(f(q, p), kl_normal_gamma_by_hand(q, p))


def gap_by_hand(x, phi, alpha, theta, prior, alpha_0):
    """The three parts, labelling by labelling."""
    (n, K), parts = phi.shape, np.zeros(3)
    ways = list(itertools.product(range(K), repeat=n))
    log_p = np.array([log_joint_by_hand(x, z, prior, alpha_0, K) for z in ways])
    log_p -= special.logsumexp(log_p)
    for z, log_p_z in zip(ways, log_p, strict=True):
        q_z, groups = math.prod(phi[np.arange(n), z]), groups_of(x, z, K)
        counts = tensor([alpha_0 + len(group) for group in groups])
        shares = float(td.kl_divergence(td.Dirichlet(tensor(alpha)), td.Dirichlet(counts)))
        rest = sum(
            kl_normal_gamma_by_hand(theta[:, k, d], posterior_by_book(group[:, d], prior) if len(group) else prior)
            for k, group in enumerate(groups) for d in range(x.shape[1])
        )
        parts += q_z * np.array([math.log(q_z) - log_p_z, shares, rest])
    return parts


@judge
def q_and_p_of_labels(f, rng):
    x, (phi, *_) = rng.normal(size=(3, 2)), some_q(rng, 3, 2, 2)
    ways = list(itertools.product(range(2), repeat=3))
    log_p = tensor([log_joint_by_hand(x, z, PRIOR, 0.7, 2) for z in ways])
    close(f(x, phi, PRIOR, 0.7), [[math.prod(phi[np.arange(3), z]) for z in ways], torch.softmax(log_p, -1)])


@judge
def gap_gmm(f, rng):
    x, q = rng.normal(size=(3, 2)), some_q(rng, 3, 2, 2)
    close(f(x, *q, PRIOR, 0.7), gap_by_hand(x, *q, PRIOR, 0.7), rtol=1e-10)


@judge
def elbo_gmm(f, rng):
    x, q = rng.normal(size=(3, 2)), some_q(rng, 3, 2, 2)
    close(f(x, *q, PRIOR, 0.7), evidence_by_hand(x, PRIOR, 0.7, 2) - gap_by_hand(x, *q, PRIOR, 0.7).sum(), rtol=1e-10)


def labels_by_hand(x, alpha, theta):
    log_phi = [mean_of_log_by_mpmath(each, 1.0) for each in alpha] + mean_log_lik_by_hand(x, theta)
    return special.softmax(log_phi, axis=-1)


def params_by_hand(x, phi, prior, alpha_0):
    """alpha, theta: sums over the points, group by group and coordinate by coordinate."""
    (mu_0, lam_0, a_0, b_0), (K, D) = prior, (phi.shape[1], x.shape[1])
    theta = np.zeros((4, K, D))
    for k, d in itertools.product(range(K), range(D)):
        count, total, squares = phi[:, k].sum(), phi[:, k] @ x[:, d], phi[:, k] @ x[:, d] ** 2
        mu = (lam_0 * mu_0 + total) / (lam_0 + count)
        b = b_0 + (squares + lam_0 * mu_0**2 - (lam_0 + count) * mu**2) / 2
        theta[:, k, d] = mu, lam_0 + count, a_0 + count / 2, b
    return alpha_0 + phi.sum(0), theta


@judge
def falls_gmm(f, rng):
    """One sweep against the exact evidence's gaps, labelling by labelling."""
    x, (phi, alpha, theta) = rng.normal(size=(3, 2)), some_q(rng, 3, 2, 2)
    first = labels_by_hand(x, alpha, theta)
    params = params_by_hand(x, first, PRIOR, 0.7)
    stages = [(phi, alpha, theta), (first, alpha, theta), (first, *params)]
    gaps = [gap_by_hand(x, *stage, PRIOR, 0.7).sum() for stage in stages]
    kls = [
        stats.entropy(phi, first, axis=-1).sum(),
        float(td.kl_divergence(td.Dirichlet(tensor(alpha)), td.Dirichlet(tensor(params[0]))))
        + kl_normal_gamma_by_hand(theta, params[1]).sum(),
    ]
    close(f(x, phi, alpha, theta, PRIOR, 0.7, sweeps=1), [-np.diff(gaps), kls], rtol=1e-9, atol=1e-10)


@judge
def fit_gmm(f, rng):
    x, (start, _, _) = rng.normal(size=(5, 2)), some_q(rng, 5, 2, 3)
    phi = start
    for sweeps in range(3):
        alpha, theta = params_by_hand(x, phi, PRIOR, 0.7)
        for ours, by_hand in zip(f(x, start, PRIOR, 0.7, sweeps), (phi, alpha, theta), strict=True):
            close(ours, by_hand, rtol=1e-9)
        phi = labels_by_hand(x, alpha, theta)


def renumbered_by_hand(q_z, n, K):
    """A dict over labellings for each permutation."""
    ways = list(itertools.product(range(K), repeat=n))
    of = dict(zip(ways, q_z, strict=True))
    return [[of[tuple(order[label] for label in z)] for z in ways] for order in itertools.permutations(range(K))]


@judge
def renumbered(f, rng):
    q_z = simplex(rng, 2, 27)
    close(f(q_z, 3, 3), [renumbered_by_hand(each, 3, 3) for each in q_z])


@judge
def label_cost(f, rng):
    q_z = simplex(rng, 5, 27)
    theirs = [stats.entropy(np.mean(renumbered_by_hand(each, 3, 3), axis=0)) - stats.entropy(each) for each in q_z]
    close(f(q_z, 3, 3), theirs)


@judge
def names_floor(f, rng):
    """Bhattacharyya's coefficient of q and each renumbering, labelling by labelling."""
    phi = simplex(rng, 3, 3)
    q_z = [math.prod(phi[np.arange(3), z]) for z in itertools.product(range(3), repeat=3)]
    others = renumbered_by_hand(q_z, 3, 3)[1:]
    close(f(phi), math.log(6) - sum(np.sqrt(np.multiply(q_z, other)).sum() for other in others))


@judge
def cut_in_rows(f, rng):
    x, K = rng.normal(size=(10, 3)), 3
    for j, labels in enumerate(f(x, K)):
        turn = np.exp(-1j * math.pi / 4 * j)
        order = np.argsort(((x[:, 0] + 1j * x[:, 1]) * turn).real)
        wanted = np.full((10, K), 0.1 / 3)
        for place, i in enumerate(order):
            wanted[i, place * K // 10] += 0.9
        close(labels, wanted)
