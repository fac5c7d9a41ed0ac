"""The plumbing: checks of numbers of any size, answers of any kind to an exercise, names that no data set has."""
import contextlib
import io

import numpy as np
import pytest
from hypothesis import strategies as st

from elbokit import check, data
from elbokit.check import CheckFailed, CheckRefused
from elbokit.exercise import judge
from properties import holds, reals, seeds, tens

large = tens(0.1, 300)
signs = st.sampled_from([-1.0, 1.0])


def verdict(function, *arguments, **named):
    """passes, fails or refused."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            function("log-Z", *arguments, **named)
    except CheckRefused:
        return "refused"
    except CheckFailed:
        return "fails"
    return "passes"


@holds(size=large, sign=signs, off=tens(-16, 0))
def test_sides_of_any_size_agree_to_rounding_and_no_further(size, sign, off):
    one, other = np.array([sign * size, 1.0]), np.array([sign * size * (1 + off), 1.0])
    wanted = "passes" if off < 0.9e-12 else "fails" if off > 1.1e-12 else None
    assert wanted in (None, verdict(check.equal, one, other))
    assert wanted in (None, verdict(check.chain, one, other, other + 0))
    assert verdict(check.equal, one, -other) == "fails"


@holds(size=large, part=tens(-10, 0), sign=signs)
def test_a_bound_of_any_size_has_its_gap_and_its_direction(size, part, sign):
    lower, gap = sign * size, part * size
    upper = lower + gap
    gaps = np.array([gap * (1 + 1e-14), 1.0])
    sides = np.array([lower, 0.0]), np.array([upper, 1.0])
    assert verdict(check.bound, lower=sides[0], upper=sides[1], gap=gaps) == "passes"
    assert verdict(check.bound, lower=sides[1], upper=sides[0], gap=gaps) == "fails"
    assert verdict(check.bound, lower=sides[0], upper=sides[1], gap=-gaps) == "fails"
    assert verdict(check.bound, lower=sides[0], upper=sides[1], gap=2 * gaps) == "fails"


@holds(seed=seeds, unit=tens(-120, 70), off=st.sampled_from([0.0, 3.0, 8.0, 40.0]), shift=st.floats(-1e3, 1e3))
def test_a_mean_is_judged_alike_in_every_unit(seed, unit, off, shift):
    z = np.random.default_rng(seed).normal(size=4000)
    z = (z - z.mean()) / z.std(ddof=1) + shift
    exact = shift + off / np.sqrt(4000) + 1e-4
    assert verdict(check.mean, z * unit, exact * unit) == ("passes" if off < 6 else "fails")
    assert verdict(check.mean, z * unit, exact * unit, mistake=(exact + 20 / np.sqrt(4000)) * unit) == (
        "passes" if off < 6 else "fails")
    assert verdict(check.mean, z * unit, exact * unit, mistake=(exact + 1 / np.sqrt(4000)) * unit) == "refused"


@holds(bad=st.sampled_from([np.nan, np.inf, -np.inf]), place=st.integers(0, 4), values=reals(5, size=1e300))
def test_one_entry_that_is_no_number_decides_nothing(bad, place, values):
    wrong = np.where(np.arange(5) == place, bad, values)
    assert verdict(check.equal, wrong, wrong + 0) == "refused"
    assert verdict(check.bound, lower=values - 1, upper=wrong, gap=np.ones(5)) == "refused"
    assert verdict(check.mean, np.resize(wrong, 2000), 0.0) == "refused"


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=5), st.complex_numbers()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.tuples(inner, inner), st.dictionaries(st.text(), inner)),
    max_leaves=5,
)


@holds(cost=4, answer=st.one_of(st.floats(), anything))
def test_no_answer_to_an_exercise_breaks_the_judge(answer):
    """Whatever a reader's function returns, there is a verdict in words, and it is not `right`."""
    def kl_coin(a, b):
        return answer

    found = judge("1.1", kl_coin)
    assert found.verdict in ("wrong", "untried") and found.text.strip()
    assert (found.verdict == "untried") == (answer is None)


@holds(name=st.text())
def test_a_name_that_no_data_set_has(name):
    with pytest.raises(ValueError, match="the book has no data set"):
        data.load(f"{name}.")
