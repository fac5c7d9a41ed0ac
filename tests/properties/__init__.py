"""What the notebooks' functions promise, put to extreme but legal arguments by Hypothesis. One module a chapter.

Probabilities go down to 1e-300 and to exact zeros, logits to ±1e4, scales from 1e-150 to 1e150, conditions to 1e12;
data sets shrink to one point, mixtures to one component. Each answer has to be right, by many digits of mpmath or by an
inequality or invariance that the text states, or else a clear error. What a function does not take, it says itself.

The examples are the same in every run. `ELBO_EXAMPLES=2000 pytest tests/properties` draws as many fresh ones for each.
"""
import os

import mpmath
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import definitions

EXAMPLES = int(os.environ.get("ELBO_EXAMPLES", "0"))
SETTINGS = settings(
    derandomize=not EXAMPLES, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)

mp = mpmath.mp.clone()  # with a precision of its own, whatever other tests set
mp.dps = 50


def holds(cost=1, **arguments):
    """A property of arguments, each of a strategy; the costlier, the fewer examples."""
    return lambda test: settings(SETTINGS, max_examples=(EXAMPLES or 24) // cost)(given(**arguments)(test))


class Chapter:
    """A notebook's functions as attributes, looked up when they are called."""

    def __init__(self, name):
        self.name = name

    def __getattr__(self, function):
        return definitions(f"notebooks/{self.name}")[function]


def near(ours, truth, size=1.0, tol=1e-12):
    """Equal to tol * max(1, |truth|, size), entry by entry; infinite just where the truth is beyond a float."""
    truth = np.vectorize(float, otypes=[float])(np.asarray(truth, dtype=object))
    ours = np.asarray(ours, float)
    assert ours.shape == truth.shape and not np.isnan(ours).any(), (ours, truth)
    finite = np.isfinite(truth)
    assert (ours[~finite] == truth[~finite]).all(), (ours, truth)
    off = np.abs(ours - np.where(finite, truth, 0))[finite]
    allowed = (tol * np.maximum(np.maximum(1, np.abs(truth)), size))[finite]
    assert (off <= allowed).all(), (ours, truth, (off / allowed).max())


def at_least(ours, least, size=1.0, tol=1e-12):
    """ours >= least, up to rounding of terms of that size; no NaN."""
    ours, least = np.broadcast_arrays(np.asarray(ours, float), np.asarray(least, float))
    slack = tol * np.maximum(1, np.maximum(np.where(np.isfinite(least), np.abs(least), 1), size))
    assert (ours >= least - slack).all(), (ours, least)


def exact(array):
    """The floats as mpmath's numbers, in nested lists."""
    array = np.asarray(array, float)
    return mp.mpf(float(array)) if array.ndim == 0 else [exact(row) for row in array]


def total(terms):
    return mp.fsum(terms)


def log_of(number):
    """The log of an mpmath number, -inf at zero."""
    return mp.log(number) if number > 0 else mp.mpf("-inf")


def times_log(weight, ratio):
    """weight log ratio, 0 where the weight is 0."""
    return weight * log_of(ratio) if weight else mp.mpf(0)


def exact_kl(q, p):
    """KL of two rows of floats, by mpmath; p need not sum to one."""
    pairs = list(zip(exact(q), exact(p), strict=True))
    if any(a > 0 == b for a, b in pairs):
        return mp.inf
    return total(a * mp.log(a / b) for a, b in pairs if a)


# ---------------------------------------------------------------- what is drawn

real = st.floats(-10, 10)
seeds = st.integers(0, 2**32 - 1)


def tens(low, high):
    """Positive numbers, even in their logs: 10^low to 10^high."""
    return st.floats(low, high).map(lambda power: 10.0**power)


def reals(*shape, size=10.0):
    """Arrays of numbers up to a size, zeros among them."""
    count = int(np.prod(shape))
    return st.lists(st.floats(-size, size), min_size=count, max_size=count).map(lambda v: np.reshape(v, shape))


def weights_of(draw, n, zeros):
    """n numbers from 1e-300 to 1, some of them zero if asked, never all."""
    logs = np.array(draw(st.lists(st.floats(-690, 0), min_size=n, max_size=n)))
    keep = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n))) | (not zeros)
    return np.where(keep, np.exp(logs), 0) if keep.any() else np.eye(n)[0]


def normalised(weights):
    """Sums to one, and no entry between zero and 1e-300."""
    q = weights / weights.sum()
    return np.where((q > 0) & (q < 1e-300), 1e-300, q)


@st.composite
def simplex(draw, n=None, zeros=True):
    """A distribution on n states, or on one to six."""
    return normalised(weights_of(draw, n or draw(st.integers(1, 6)), zeros))


@st.composite
def pairs(draw, n=None, zeros=(True, True)):
    """Two distributions on the same states, q mostly where p is; now and then the same one."""
    n = n or draw(st.integers(1, 6))
    q, p = (weights_of(draw, n, each) for each in zeros)
    kind = draw(st.sampled_from(["within", "within", "within", "any", "same"]))
    if kind == "same" and zeros[0] == zeros[1] or kind == "within" and not q[p > 0].any():
        q = p
    elif kind == "within":
        q = np.where(p > 0, q, 0)
    return normalised(q), normalised(p)


@st.composite
def covariances(draw, d, log_condition=12, log_scale=0):
    """A (d, d) covariance matrix whose condition is up to 10^log_condition. -> the matrix, its condition"""
    rng = np.random.default_rng(draw(seeds))
    powers = np.linspace(0, draw(st.floats(0, log_condition)), d) if d > 1 else np.zeros(1)
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    cov = (turn * 10.0 ** (draw(st.floats(-log_scale, log_scale)) - powers)) @ turn.T
    return (cov + cov.T) / 2, 10.0 ** powers.max()
