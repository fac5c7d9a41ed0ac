"""The book's plumbing: checks, figures and a random generator; never an equation."""

import os

import numpy as np

if np.lib.NumpyVersion(np.__version__) < "2.0.0":
    raise ImportError(
        f"The book needs NumPy 2.0 or newer, and this is NumPy {np.__version__}: "
        "upgrade it (in a notebook: %pip install --upgrade numpy scipy matplotlib), then restart the kernel."
    )

__all__ = ["check", "data", "exercise", "figures", "rng"]


def rng():
    """A fresh numpy.random.Generator seeded from ELBO_SEED, or from 0 where that is not set.

    Raises ValueError if ELBO_SEED is anything but a non-negative integer.
    """
    seed = os.environ.get("ELBO_SEED", "0")
    if not (seed.isascii() and seed.isdecimal()):
        raise ValueError(f"ELBO_SEED must be a non-negative integer such as 7, not {seed!r}")
    return np.random.default_rng(int(seed))
