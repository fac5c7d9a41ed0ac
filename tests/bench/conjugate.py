"""Chapter 06 beside scikit-learn and BayesPy: the same models, from the same start, to the same bound."""
import sys
import warnings

import numpy as np

import frame
from conftest import definitions
from elbokit import data

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # old idioms of theirs
    from sklearn.mixture import BayesianGaussianMixture

    import test_libraries as libraries  # how the bounds relate, and the models as these libraries write them

PRIOR, ALPHA_0 = libraries.PRIOR, libraries.ALPHA_0

WHY_GMM = """
The mixture of chapter 06 by coordinate ascent, `fit_gmm`, and scikit-learn's `BayesianGaussianMixture` by its own
`fit` (`covariance_type="diag"`, `reg_covar=0`, a Dirichlet prior), in float64, from the same responsibilities: a
subclass hands them to scikit-learn's `_initialize`, and all else is its code.
The priors are the same, and so are the updates.

In one dimension the models are one and the same: after these sweeps the two bounds agree to 1e-9 (relative), with the
constants that scikit-learn drops (`tests/test_libraries.py` derives them and compares every update).
"To the bound" is the number of sweeps after which the bound has less than 1e-6 nats to rise; it is one number for
both, since both take the same steps.
scikit-learn's `fit` checks its input, computes its bound after every sweep, and ends with one more update of labels;
so the book is timed without its bound, which it does not need to go on, and with `elbo_gmm` after every sweep.
In two dimensions scikit-learn's "diag" gives a log precision the mean that it has under a Wishart, and the book has a
Gamma for each coordinate.
The bounds differ by little, but they differ: those rows are forty sweeps of each, and the responsibilities agree to
1e-2.

What decides: with few points, the calls, of which scikit-learn makes more (it also checks its input); with many, the
passes over arrays of n × K numbers.
The book keeps these with the points side by side in memory, so that sums over groups and over points run fast;
scikit-learn has the groups of a point side by side, and takes the moments by matrix products.
The book's bound computes the expected log likelihood again instead of taking it from the update, since an equation
that stands alone can be checked alone: that is the price in the rows with a bound after each sweep.
"""
WHY_NG = """
Newcomb's 66 measurements, and 100,000 drawn ones, with unknown mean and precision, in float64: q(mu) q(tau) by twelve
sweeps from the prior of tau, then the bound.
BayesPy's nodes are those of `tests/test_libraries.py`; its bound is the sum of what they contribute.
The two bounds agree to 1e-10 (relative).
"Model, sweeps and bound" builds its graph, and on the book's side `posterior_ng` sums over the data; "sweeps" starts
with the graph built and the sums taken.
The log evidence is BayesPy's bound with mean and precision in one node, and `log_evidence_ng`.

What decides: the book's sweeps are four numbers in closed form, and the data enter once, by their sums.
BayesPy is a general engine: each update passes messages through a graph of Python objects, at about the same cost
whatever the model, and asks the node of the data for its message anew.
The ratio says what generality costs on a model that does not need it, and nothing about models that do.
"""


class FromLabels(BayesianGaussianMixture):
    """scikit-learn's mixture, begun at given responsibilities."""

    def _initialize_parameters(self, X, random_state, **more):
        self._initialize(X, self.start)


def scikit_learns(x, phi, sweeps):
    """Its fit of data (n, D), by so many sweeps from phi (n, K). -> the fitted model"""
    mu_0, lam_0, a_0, b_0 = PRIOR
    D, K = x.shape[1], phi.shape[1]
    model = FromLabels(
        n_components=K, covariance_type="diag", reg_covar=0, weight_concentration_prior_type="dirichlet_distribution",
        weight_concentration_prior=ALPHA_0, mean_prior=[mu_0] * D, mean_precision_prior=lam_0,
        degrees_of_freedom_prior=2 * a_0, covariance_prior=[2 * b_0] * D, max_iter=sweeps, tol=0,
    )
    model.start = phi
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that so many sweeps are not the end
        return model.fit(x)


def by_sweeps(book, x, phi, sweeps):
    """The book's updates, with the bound after each sweep, as scikit-learn's fit has it. -> bounds (sweeps,)"""
    bounds, (alpha, theta) = [], book["update_params_gmm"](x, phi, PRIOR, ALPHA_0)
    for _ in range(sweeps):
        phi = book["update_labels_gmm"](x, alpha, theta)
        alpha, theta = book["update_params_gmm"](x, phi, PRIOR, ALPHA_0)
        bounds.append(book["elbo_gmm"](x, phi, alpha, theta, PRIOR, ALPHA_0))
    return np.array(bounds)


def heaps(n, D, K):
    """Points around K centres 4 apart, and labels cut along the first coordinate. -> x (n, D), phi (n, K)"""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, D)) + 4 * (np.arange(n)[:, None] % K - (K - 1) / 2)
    return x, cut(x, K)


def cut(x, K):
    rank = x[:, 0].argsort(kind="stable").argsort()
    return 0.1 / K + 0.9 * np.eye(K)[rank * K // len(x)]


def gmm(small=False):
    """Rows of the mixture. -> Section"""
    book = definitions("notebooks/06_conjugate")
    flippers = data.load("penguins")["flipper_length"][:, None]
    birds = (flippers - flippers.mean()) / flippers.std()
    n, rounds = (200, 1) if small else (80_000, 5)
    part = frame.Section("A Gaussian mixture beside scikit-learn", WHY_GMM)
    part.rows += gmm_rows(book, "penguins' flippers, n = 342, D = 1, K = 3", birds, cut(birds, 3), rounds, longest=400)
    for D in (1, 2):
        x, phi = heaps(n, D, 4)
        part.rows += gmm_rows(book, f"n = {n:,}, D = {D}, K = 4", x, phi, rounds, longest=120)
    return part


def gmm_rows(book, name, x, phi, rounds, longest):
    """The rows of one data set: to the bound, or forty sweeps if D > 1; one sweep; and with the bound after each."""
    if x.shape[1] == 1:
        bounds = by_sweeps(book, x, phi, longest)
        frame.same(f"{name}, the last two bounds", *bounds[-2:], 1e-12)
        sweeps = int(np.argmax(bounds > bounds[-1] - 1e-6)) + 1
        end, dropped = "to the bound, ", libraries.constants_that_scikit_learn_drops(*phi.shape)
        frame.same(name, bounds[sweeps - 1], scikit_learns(x, phi, sweeps).lower_bound_ + dropped)
    else:
        end, sweeps = "", 40
        ours = book["update_labels_gmm"](x, *book["fit_gmm"](x, phi, PRIOR, ALPHA_0, sweeps)[1:])
        frame.same(name, ours, scikit_learns(x, phi, sweeps).predict_proba(x), 1e-2)
    seconds = frame.in_turn(
        rounds, ours=lambda: book["fit_gmm"](x, phi, PRIOR, ALPHA_0, sweeps),
        watched=lambda: by_sweeps(book, x, phi, sweeps), theirs=lambda: scikit_learns(x, phi, sweeps))
    ours, watched, theirs = seconds.values()
    work = f"{name}: {end}{sweeps} sweeps"
    return [
        frame.Row(work, "scikit-learn", ours, theirs),
        frame.Row(f"{name}: a sweep", "scikit-learn", frame.scaled(ours, 1 / sweeps), frame.scaled(theirs, 1 / sweeps)),
        frame.Row(f"{work}, the bound after each", "scikit-learn", watched, theirs),
    ]


def bayespys(nodes, x, sweeps=0):
    """BayesPy's model of two factors, and some sweeps of it. -> its nodes"""
    observed, scaled, tau = libraries.two_factors(nodes, x, PRIOR)
    sweep_nodes(scaled, tau, sweeps)
    return observed, scaled, tau


def sweep_nodes(scaled, tau, sweeps):
    for _ in range(sweeps):
        scaled.update()
        tau.update()


def normal_gamma(small=False):
    """Rows of the conjugate Gaussian; none where BayesPy does not install. -> Section"""
    part = frame.Section("The conjugate bound beside BayesPy", WHY_NG)
    if sys.version_info >= (3, 12) or not frame.installed("bayespy"):
        part.notes.append("Not measured: BayesPy is not installed here (none installs on Python 3.12 or newer).")
        return part
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from bayespy import nodes
    book, sweeps, rounds = definitions("notebooks/06_conjugate"), 12, 1 if small else 9
    newcomb = data.load("newcomb")["deviation"]
    drawn = np.random.default_rng(0).normal(1.0, 2.0, 100 if small else 100_000)
    for name, x in {"Newcomb, n = 66": newcomb, f"n = {len(drawn):,}": drawn}.items():
        part.rows += two_factor_rows(book, nodes, name, x, sweeps, rounds)
    return part


def two_factor_rows(book, nodes, name, x, sweeps, rounds):
    """The rows of one data set: model and sweeps, sweeps alone, the evidence."""

    def ours(posterior=None):
        q = book["run_ng"](posterior or book["posterior_ng"](x, PRIOR), *PRIOR[2:], sweeps)
        return book["elbo_ng"](x, PRIOR, *q)

    def theirs():
        return libraries.bound_of(*bayespys(nodes, x, sweeps))

    def evidence():
        return libraries.bound_of(*libraries.joint_factor(nodes, x, PRIOR))

    log_evidence = book["log_evidence_ng"]
    frame.same(f"{name}, the bound", ours(), theirs(), 1e-10)
    frame.same(f"{name}, the evidence", log_evidence(x, PRIOR), evidence(), 1e-10)
    posterior, (_, *factors) = book["posterior_ng"](x, PRIOR), bayespys(nodes, x)
    seconds = frame.in_turn(
        rounds, ours=ours, theirs=theirs, evidence=evidence, log_evidence=lambda: log_evidence(x, PRIOR),
        run=lambda: book["run_ng"](posterior, *PRIOR[2:], sweeps), sweep=lambda: sweep_nodes(*factors, sweeps))
    return [
        frame.Row(f"{name}: model, {sweeps} sweeps and bound", "BayesPy", seconds["ours"], seconds["theirs"]),
        frame.Row(f"{name}: {sweeps} sweeps", "BayesPy", seconds["run"], seconds["sweep"]),
        frame.Row(f"{name}: log evidence", "BayesPy", seconds["log_evidence"], seconds["evidence"]),
    ]
