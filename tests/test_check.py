"""elbokit.check: what is equal passes, what is wrong fails and says where, and what decides nothing is refused."""

import contextlib
import io
import json
import linecache
import math
import re
import subprocess
import sys

import nbclient
import nbformat
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import elbokit
from conftest import ROOT
from elbokit import check
from elbokit.check import CheckFailed, CheckRefused

settings.register_profile("book", derandomize=True, deadline=None, max_examples=80)  # never red by chance
settings.load_profile("book")

one = np.float64(1)  # not the literal 1.0, which Python keeps once for all
numbers = st.floats(-1e9, 1e9, allow_subnormal=False)
arrays = hnp.arrays(np.float64, hnp.array_shapes(max_dims=3, max_side=6), elements=numbers)


def printed(function, *args, **options):
    """What a check prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        function(*args, **options)
    return out.getvalue().rstrip("\n")


def failure(function, *args, **options):
    """The message of a check that must fail, not refuse."""
    with pytest.raises(CheckFailed) as caught:
        function(*args, **options)
    assert type(caught.value) is CheckFailed, caught.value
    return str(caught.value)


def refusal(function, *args, **options):
    """The message of a check that must be refused."""
    with pytest.raises(CheckRefused) as caught:
        function(*args, **options)
    return str(caught.value)


def as_cell(source, **names):
    """Run source text that can be found again, as in a notebook; what it prints."""
    file = f"<cell {abs(hash(source))}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(source, file, "exec"), {"check": check, "np": np, "one": one, **names})
    return out.getvalue().rstrip("\n")


# Properties


@given(arrays)
def test_equal_arrays_pass(a):
    line = printed(check.equal, "log-Z", a, a.copy())
    assert line.startswith("✓ (log-Z)") and f"{a.size:,} instance" in line and "(allowed 1e-12)" in line


@given(arrays, st.data())
def test_one_wrong_entry_fails_and_is_named(a, data):
    index = data.draw(st.tuples(*(st.integers(0, n - 1) for n in a.shape)))
    b = a.copy()
    b[index] += 1e-11 * max(1, abs(a[index])) * data.draw(st.sampled_from([-1, 1]))
    message = failure(check.equal, "log-Z", a, b)
    assert "(log-Z) fails" in message and repr(float(a[index])) in message and repr(float(b[index])) in message
    assert "allowed" in message and "where to look" in message
    if a.size > 1:
        assert f"on 1 of {a.size:,} instances" in message and f"[{', '.join(map(str, index))}]" in message


@given(arrays, st.data())
def test_rounding_passes(a, data):
    off = data.draw(hnp.arrays(np.float64, a.shape, elements=st.floats(-1, 1)))
    check.equal("log-Z", a, a + 4e-13 * off * np.maximum(1, abs(a)))


@given(arrays, st.sampled_from([np.nan, np.inf, -np.inf]), st.booleans(), st.data())
def test_one_entry_that_is_no_number_is_refused(a, bad, left, data):
    b = a.copy()
    b[data.draw(st.tuples(*(st.integers(0, n - 1) for n in a.shape)))] = bad
    message = refusal(check.equal, "log-Z", *((b, a) if left else (a, b)))
    assert ("NaN" if math.isnan(bad) else f"{bad:+}") in message and ("left" if left else "right") in message
    refusal(check.chain, "log-Z", a, a + 0, b)
    refusal(check.bound, "log-Z", lower=b, upper=a + 1, gap=np.ones(a.shape))
    refusal(check.bound, "log-Z", lower=a, upper=b, gap=np.ones(a.shape))
    refusal(check.bound, "log-Z", lower=a, upper=a + 1, gap=b)


@given(hnp.array_shapes(max_dims=3, max_side=4), hnp.array_shapes(max_dims=3, max_side=4))
def test_shapes_must_match(one, other):
    assume(one != other)
    assert str(one) in refusal(check.equal, "log-Z", np.ones(one), np.ones(other))
    refusal(check.chain, "log-Z", 1.0, np.ones(one), np.ones(other))
    refusal(check.bound, "log-Z", lower=np.zeros(one), upper=1.0, gap=np.ones(other))


@given(st.integers(2, 6), st.data())
def test_the_first_line_that_departs_is_named(count, data):
    start = np.arange(1.0, 8)
    wrong = data.draw(st.integers(1, count - 1))
    lines = [start * (1 + 1e-15 * i) + (0.5 * (i - wrong + 1) if i >= wrong else 0) for i in range(count)]
    message = failure(check.chain, "ELBO-forms", *lines)
    assert f"line {wrong} " in message and f"line {wrong + 1} " in message and f"line {wrong + 2} " not in message


@given(hnp.arrays(np.float64, 7, elements=st.floats(-1e3, 1e3)), st.floats(1e-3, 1e3))
def test_a_bound_needs_its_gap(lower, gap):
    upper, gaps = lower + gap, np.full(7, gap)
    gaps[0] *= 1 + 1e-15
    check.bound("bound", lower=lower, upper=upper, gap=gaps)
    assert "other way" in failure(check.bound, "bound", lower=upper, upper=lower, gap=gaps)
    assert "never negative" in failure(check.bound, "bound", lower=lower, upper=upper, gap=-gaps)
    assert "where to look" in failure(check.bound, "bound", lower=lower, upper=upper, gap=gaps + 1e-5)
    assert "other way" in failure(check.bound, "bound", lower=upper, upper=lower, gap=-gaps)


@given(st.integers(0, 2**32), st.integers(1000, 5000), st.integers(1, 3), st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_a_mean_is_judged_in_standard_errors(seed, n, k, centre, spread):
    samples = np.random.default_rng(seed).normal(centre, spread, (n, k))
    error = spread / np.sqrt(n)
    assert f"{n:,} samples" in printed(check.mean, "KL-MC", samples, centre, mistake=centre + 14 * error)
    assert "standard errors" in failure(check.mean, "KL-MC", samples, np.full(k, centre + 13 * error))
    assert "samples would do" in refusal(check.mean, "KL-MC", samples, centre, mistake=centre + 10 * error)


# What decides nothing is refused

some = np.linspace(0.1, 2.3, 12)
NOT_NUMBERS = {
    "None": None,
    "text": "0.5",
    "bool": np.ones(12, bool),
    "one bool": True,
    "float32": some.astype(np.float32),
    "float16": some.astype(np.float16),
    "long double": some.astype(np.longdouble) if np.longdouble is not np.float64 else some.astype(np.float32),
    "complex": some + 0j,
    "object": some.astype(object),
    "generator": (x for x in some),
    "masked": np.ma.masked_array(some, mask=some > 2),
    "masked, in a list": [np.ma.masked_array(some, mask=some > 2)],
    "set": {0.5},
    "dict": {"q": 0.5},
    "function": np.exp,
    "dates": np.array(["2026-11-22"], dtype="datetime64[D]"),
    "a list with a bool": [*some[:-1], True],
    "a list with a None": [*some[:-1], None],
    "a list with a float32": [*some[:-1], np.float32(2.3)],
    "ragged": [[0.5], [0.5, 0.5]],
    "large integers": np.full(12, 2**53 + 1),
    "very large integers": 10**30,
}
EMPTY = {"empty": [], "no rows": np.empty((0, 3)), "no columns": np.empty((12, 0)), "empty tuple": ()}


@pytest.mark.parametrize("value", [*NOT_NUMBERS.values(), *EMPTY.values()], ids=[*NOT_NUMBERS, *EMPTY])
def test_what_is_no_float64_is_refused_everywhere(value):
    refusal(check.equal, "log-Z", value, some)
    refusal(check.equal, "log-Z", 0.5, value)
    refusal(check.chain, "log-Z", some, some + 0, value)
    refusal(check.bound, "log-Z", lower=value, upper=some, gap=0.0)
    refusal(check.bound, "log-Z", lower=0.0, upper=some, gap=value)
    refusal(check.mean, "log-Z", value, 0.5)
    refusal(check.equal, "log-Z", some, some + 0, scale=value) if value is not None else None
    samples = np.random.default_rng(0).normal(size=1000)
    refusal(check.mean, "log-Z", samples, value)
    refusal(check.mean, "log-Z", samples, 0.0, mistake=value) if value is not None else None


@pytest.mark.parametrize("kind", ["u1", "i1", "u4", "i8", "u8"])
def test_integers_are_numbers(kind):
    check.equal("count", np.arange(5, dtype=kind), np.arange(5.0))
    failure(check.equal, "count", np.arange(5, dtype=kind), np.arange(5.0) + 1)
    three = 3
    check.equal("count", three, 3)  # Python keeps one 3 for all: that says nothing of where it comes from


def test_shape_hints():
    assert "another shape" in refusal(check.equal, "KL", np.ones(5), np.ones((5, 1)))
    assert "sum" in refusal(check.equal, "KL", np.ones((5, 3)), np.ones(5))
    assert "sum" in refusal(check.equal, "KL", np.ones(5), np.ones((5, 3)))
    assert refusal(check.equal, "KL", np.ones((5, 3)), np.ones(4)).endswith("has (4,)")
    check.equal("normalised", np.ones(5), 1.0)
    check.equal("normalised", 1, np.ones(5))


def test_a_thing_compared_with_itself_is_refused():
    x, y = np.arange(4.0), 0.3 * 0.7
    for sides in [(x, x), (x, x[:]), (x, x.view()), (y, y)]:
        assert "one and the same" in refusal(check.equal, "log-Z", *sides)
    assert "one and the same" in refusal(check.chain, "log-Z", x, x + 0, x)
    assert "one and the same" in refusal(check.bound, "log-Z", lower=0 * x, upper=x, gap=x)
    with pytest.raises(CheckRefused, match="one and the same"):
        as_cell("check.equal('log-Z', np.exp(x), np.exp(x))", x=x)
    table = np.ones((4, 2))
    check.equal("log-Z", table[:, 0], table[:, 1])  # columns of one table are two things


def test_a_gap_that_is_the_difference_is_refused():
    rng = np.random.default_rng(1)
    low, high = rng.normal(size=100), 9 + rng.normal(size=100)
    assert "road of its own" in refusal(check.bound, "bound", lower=low, upper=high, gap=high - low)
    with pytest.raises(CheckRefused, match="road of its own"):
        as_cell("check.bound('bound', lower=a+1, upper=2*b, gap=2*b-(a+1))", a=0.1, b=0.7)
    check.bound("bound", lower=np.zeros(200), upper=np.ones(200), gap=1.0)  # whole numbers are exact, that is no sign


@pytest.mark.parametrize("name", [None, 3, "", " ", " log-Z", "log-Z\n", b"log-Z"])
def test_a_check_needs_a_name(name):
    refusal(check.equal, name, 1.0, 2.0)
    with pytest.raises(CheckRefused), check.catches(name):
        pass


@pytest.mark.parametrize("tol", [-1e-12, np.nan, np.inf, 0.5, "1e-6", None, True, False, np.ones(3)])
def test_a_tolerance_is_a_small_number(tol):
    refusal(check.equal, "log-Z", 1.0, 1.5, tol=tol, because="a reason")


def test_a_loose_tolerance_needs_a_reason():
    assert "because" in refusal(check.equal, "log-Z", 1.0, 1.0 + 1e-9, tol=1e-8)
    for empty in ("", "  ", 7, True):
        refusal(check.equal, "log-Z", 1.0, 1.0 + 1e-9, tol=1e-8, because=empty)
        refusal(check.equal, "log-Z", 1.0, 1.0 + 1e-15, over=empty)
    assert "finite differences" in printed(check.equal, "log-Z", 1.0, 1 + 1e-9, tol=1e-8, because="finite differences")
    failure(check.equal, "log-Z", 1.0, 1 + 1e-7, tol=1e-8, because="finite differences")
    check.equal("log-Z", 0.3, float("0.3"), tol=0)
    failure(check.equal, "log-Z", 0.3, 0.1 + 0.2, tol=0)


def test_scale_is_for_terms_that_cancel():
    left, right = 1e5 + 1e-8 - 1e5, 1e-8
    failure(check.equal, "log-Z", left, right)
    check.equal("log-Z", left, right, scale=1e5)
    assert "scale" in refusal(check.equal, "log-Z", 1.0, 1.5, scale=1e12)
    assert "scale" in refusal(check.equal, "log-Z", 1.0, 1.5, scale=1e12, because="hidden")
    check.equal("log-Z", 1.0, 1.0 + 1e-5, scale=1e8, because="terms of 1e8 cancel")
    for scale in (-1.0, np.nan, np.inf):
        refusal(check.equal, "log-Z", 1.0, 1.5, scale=scale)
    refusal(check.equal, "log-Z", some, some + 0, scale=np.ones(3))
    refusal(check.equal, "log-Z", 1.0, 1 + 1e-15, scale=np.ones(3))
    scale = np.where(some > 1, 1e4, 1)  # an allowance for each instance
    check.equal("log-Z", some, some + np.where(some > 1, 1e-9, 0), scale=scale)
    failure(check.equal, "log-Z", some, some + np.where(some > 1, 0, 1e-9), scale=scale)


def test_large_numbers_do_not_hide_small_ones():
    a = np.array([1e300, 1.0, 1e-3])
    failure(check.equal, "log-Z", a, a + [0, 1e-11, 0])
    failure(check.equal, "log-Z", a, a + [0, 0, 1e-11])
    failure(check.equal, "log-Z", 1.7e308, -1.7e308)  # the difference overflows
    failure(check.bound, "log-Z", lower=a, upper=a + [0, 2.0, 0], gap=np.array([0, 1.0, 0]))


def test_infinities_only_where_allowed_and_only_equal_ones():
    q = np.array([np.inf, 1.0, -np.inf])
    assert "allow_inf=True" in refusal(check.equal, "KL", q, q + 0)
    assert "2 of them infinite" in printed(check.equal, "KL", q, q + 0, allow_inf=True)
    check.equal("KL", np.full(3, np.inf), np.inf, allow_inf=True)
    for other in (-q, np.array([1.0, 1.0, -np.inf]), np.array([np.inf, np.inf, -np.inf]), np.full(3, np.inf)):
        failure(check.equal, "KL", q, other, allow_inf=True)
        failure(check.chain, "KL", q, q + 0, other, allow_inf=True)
    refusal(check.equal, "KL", q, np.array([np.inf, np.nan, -np.inf]), allow_inf=True)


def test_infinite_gaps():
    inf, zero = np.full(200, np.inf), np.zeros(200)
    refusal(check.bound, "bound", lower=0.0, upper=inf, gap=inf + 0)
    check.bound("bound", lower=0.0, upper=inf, gap=inf + 0, allow_inf=True)
    check.bound("bound", lower=-inf, upper=zero, gap=inf, allow_inf=True)
    failure(check.bound, "bound", lower=-inf, upper=zero, gap=zero + 7, allow_inf=True)
    failure(check.bound, "bound", lower=zero, upper=zero + 1, gap=inf, allow_inf=True)
    failure(check.bound, "bound", lower=zero, upper=zero + 1, gap=-inf, allow_inf=True)
    failure(check.bound, "bound", lower=inf, upper=zero, gap=inf + 0, allow_inf=True)
    assert "same infinity" in refusal(check.bound, "bound", lower=inf, upper=inf + 0, gap=zero, allow_inf=True)


def test_signs_of_a_bound_are_strict_whatever_the_tolerance():
    loose = {"tol": 1e-3, "because": "quadrature"}
    check.bound("bound", lower=1.0, upper=1.5, gap=0.5001, **loose)
    assert "other way" in failure(check.bound, "bound", lower=1.0001, upper=1.0, gap=0.0, **loose)
    assert "never negative" in failure(check.bound, "bound", lower=1.0, upper=1.0001, gap=-0.0001, **loose)
    check.bound("bound", lower=1.0, upper=1.0 - 1e-16, gap=-1e-17)  # a gap of zero may be rounded to either side


def test_a_chain_has_lines():
    refusal(check.chain, "ELBO-forms")
    refusal(check.chain, "ELBO-forms", some)
    failure(check.chain, "ELBO-forms", some, some * (1 + 0.9e-12), some * (1 + 2.5e-12))


# Means

rng = np.random.default_rng(7)
normal = rng.normal(3, 2, 10_000)
MEANS = {
    "one sample": (normal[:1], 3.0),
    "too few": (normal[:999], 3.0),
    "a number": (3.1, 3.0),
    "three axes": (normal.reshape(10, 10, 100), 3.0),
    "no spread": (np.full(5000, 3.0), 3.0),
    "no spread, wrong": (np.full(5000, 3.0), 4.0),
    "rounding for a spread": (3 + 1e-15 * normal, 3.0),
    "one mean without spread": (np.c_[normal, np.ones(10_000)], np.array([3.0, 1.0])),
    "NaN": (np.r_[normal, np.nan], 3.0),
    "infinite": (np.r_[normal, np.inf], 3.0),
    "a spread that overflows": ((normal - 3) * 1e200, 0.0),
    "a mean that overflows": (normal * 1e307, 0.0),
    "wild": (rng.standard_cauchy(10_000), 0.0),
    "one sample carries all": (np.r_[normal, 1e9], 3.0),
    "exact is infinite": (normal, np.inf),
    "exact is NaN": (normal, np.nan),
    "exact in another shape": (normal, np.array([3.0])),
    "exact for each sample": (normal, np.full(10_000, 3.0)),
    "exact for more means": (np.c_[normal, -normal], np.array([3.0, -3.0, 3.0])),
    "its own mean": (normal, normal.mean()),
    "itself": (normal, normal),
}


@pytest.mark.parametrize("case", MEANS)
def test_samples_that_cannot_tell_are_refused(case):
    refusal(check.mean, "KL-MC", *MEANS[case])


@pytest.mark.parametrize("mistake", [3.0, 3.1, np.inf, np.nan, np.array([0.0]), np.zeros(10_000)])
def test_mistakes_that_cannot_be_told_are_refused(mistake):
    refusal(check.mean, "KL-MC", normal, 3.0, mistake=mistake)


def test_a_mean_passes_and_says_how_well():
    line = printed(check.mean, "KL-MC", normal, 3.0, mistake=4.0, over="N(3, 4)")
    assert re.search(r"10,000 samples, \|z\| [\d.]+ standard errors \(allowed 6\); the mistake stands out at 5\d", line)
    assert "over N(3, 4)" in line
    assert "2 means of 10,000 samples" in printed(check.mean, "KL-MC", np.c_[normal, -normal], np.array([3.0, -3.0]))
    check.mean("KL-MC", np.c_[normal, -normal], np.array([3.0, -3.0]), mistake=np.array([3.0, 3.0]))
    message = failure(check.mean, "KL-MC", np.c_[normal, -normal], np.array([3.0, 3.0]))
    assert "1 of 2 means" in message and "[1]" in message
    check.mean("KL-MC", np.tile([0, 1], 500), 0.5)  # a coin's mean may hit its exact value


# Mistakes made on purpose


def test_catches_passes_only_if_its_check_fails():
    with check.catches("log-Z"):
        check.equal("log-Z", 1.0, 2.0)
    with check.catches("bound"):
        check.bound("bound", lower=3.0, upper=1.0, gap=2.0)
    with check.catches("ELBO-forms"):
        check.chain("ELBO-forms", 1.0, 1 + 1e-15, 2.0)
    with check.catches("KL-MC"):
        check.mean("KL-MC", normal, 4.0)


def test_catches_says_what_it_saw():
    source = "with check.catches('log-Z'):\n    check.equal('J', 1.0, one)\n    check.equal('log-Z', 1.0, 2.0)"
    assert as_cell(source) == "✓ caught  (log-Z) fails: |lhs − rhs| 1 (allowed 2e-12)"


def test_catches_fails_if_nothing_failed():
    with pytest.raises(CheckFailed, match="went unseen"), check.catches("log-Z"):
        pass
    with pytest.raises(CheckFailed, match="went unseen"), check.catches("log-Z"):
        check.equal("log-Z", 1.0, one)
    with pytest.raises(CheckFailed, match="went unseen"), check.catches("log-Z"):  # swallowed inside
        with contextlib.suppress(AssertionError):
            check.equal("log-Z", 1.0, 2.0)


def test_catches_is_not_satisfied_by_another_failure():
    with pytest.raises(CheckFailed, match="this failed:\n\\(J\\) fails"), check.catches("log-Z"):
        check.equal("J", 1.0, 2.0)
    with pytest.raises(CheckFailed, match="this failed"), check.catches("log-Z"):
        raise CheckFailed("home-made")
    for error in (ValueError, AssertionError, KeyboardInterrupt, ZeroDivisionError):
        with pytest.raises(error), check.catches("log-Z"):
            raise error
    with pytest.raises(CheckRefused, match="NaN"), check.catches("log-Z"):
        check.equal("log-Z", np.nan, 1.0)
    with pytest.raises(CheckRefused, match="shape"), check.catches("log-Z"):
        check.equal("log-Z", np.ones(3), np.zeros(4))


def test_catches_is_not_satisfied_by_rounding_or_chance():
    with pytest.raises(CheckFailed, match="narrowly"), check.catches("log-Z"):
        check.equal("log-Z", 1.0, 1 + 5e-12)
    with pytest.raises(CheckFailed, match="narrowly"), check.catches("KL-MC"):
        check.mean("KL-MC", normal, normal.mean() + 9 * normal.std() / 100)


def test_catches_does_not_nest_and_is_over_when_it_is_over():
    with pytest.raises(CheckRefused, match="inside"), check.catches("J"), check.catches("log-Z"):
        check.equal("log-Z", 1.0, 2.0)
    for error in (ValueError, CheckRefused):
        with contextlib.suppress(error), check.catches("log-Z"):
            raise error("")
    assert printed(check.equal, "log-Z", 1.0, one).startswith("✓"), "a check after the block is recorded again"


# What is said


def test_the_line_shows_the_equation():
    q = np.full((1000, 2), 0.5)
    line = as_cell("check.equal('log-Z',\n   q.sum( -1 ), 2*q[:,0], over='coins')", q=q)
    assert line == (
        "✓ (log-Z)  q.sum(-1) = 2 * q[:, 0]   1,000 instances, worst |lhs − rhs| 0 (allowed 1e-12); over coins"
    )
    assert "a = a + 0 = a * 1   " in as_cell("check.chain('J', a, a + 0, a * 1)", a=some)
    assert "0 ≤ a, gap np.abs(a)   " in as_cell("check.bound('J', gap=np.abs(a), lower=0, upper=a)", a=some)
    assert "mean of x = 3.0   " in as_cell("check.mean('J', x, exact=3.0)", x=normal)
    assert as_cell("check.equal(*sides)", sides=("J", 1.0, one)).startswith("✓ (J)  1 instance, worst")
    assert as_cell("check.chain('J', *lines, 1.0)", lines=(one, 1 * one)).startswith("✓ (J)  1 instance")
    assert as_cell("check.equal(rhs=one, name='J', lhs=1.0)").startswith("✓ (J)  1.0 = one   1 instance")
    assert as_cell(f"check.equal('J', 1.0, {'1.0 * ' * 30} one)").startswith("✓ (J)  1 instance"), "too long for a line"
    assert printed(check.equal, "Exercise 1.3", 1.0, one).startswith("✓ Exercise 1.3  ")


def test_a_relative_residual_is_called_one():
    assert "worst relative |lhs" in printed(check.equal, "J", 1e6, 1e6 + 1e-9)
    assert "worst |lhs" in printed(check.equal, "J", some / 9, some / 9 + 1e-16)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda a: -a, "sign is flipped"),
        (lambda a: a / 2, "factor everywhere, 2"),
        (lambda a: a - np.log(2), "amount everywhere, +0.693147 (log 2)"),
        (lambda a: a + np.log(2 * np.pi) / 2, "½ log 2π"),
        (lambda a: a * np.log(2), "bits"),
        (lambda a: np.where(a == a[5], 7.0, a), "[5]?"),
        (lambda a: np.cos(a), "every instance is wrong"),
        (lambda a: a * (1 + 1e-11), "nearly right"),
    ],
)
def test_a_failure_says_where_to_look(wrong, hint):
    assert hint in failure(check.equal, "J", some, wrong(some)).partition("where to look")[2]


def test_a_single_instance_has_no_place():
    assert "by hand" in failure(check.equal, "J", 1.0, 2.0) and "[" not in failure(check.equal, "J", 1.0, 2.0)
    assert "left side is NaN (1 of 1" in refusal(check.equal, "J", np.nan, 2.0)


def test_patterns():
    x = np.array([0.0, 1.0, -2.0])
    assert check.pattern(-x, x) == "the sign is flipped"
    assert check.pattern(x[1:2], -x[1:2]) == "", "one number shows no pattern"
    assert check.pattern(x * 0 + 2, x * 0 + 1) == "", "twice or one more?"
    assert check.pattern(np.array([np.inf, 1.0]), x[:2]) == check.pattern(x[:2], np.array([np.nan, 1.0])) == ""
    assert check.pattern(3 * x, x).endswith("factor everywhere, 3")
    assert check.pattern(x - 3, x).endswith("amount everywhere, -3")
    assert check.pattern(x**2, x) == ""


def test_the_traceback_ends_at_the_call():
    with pytest.raises(CheckFailed) as caught:
        check.equal("log-Z", 1.0, 2.0)
    assert len(caught.traceback) <= 2


# Where it runs

KERNEL = """
import numpy as np, elbokit
from elbokit import check
x = np.linspace(0, 1, 1000)
check.equal("log-Z", np.exp(x) ** 2,
            np.exp(2 * x), over="a grid")
%%
check.chain("J", x, x + 0); check.bound("bound", lower=0, upper=x, gap=np.sqrt(x) ** 2)
%%
s = elbokit.rng().normal(size=(2000, 2))
check.mean("KL-MC", s, 0, mistake=1.0)
%%
with check.catches("log-Z"):
    check.equal("J", x, x + 0)
    check.equal("log-Z", x, 2 * x)
%%
check.equal("log-Z", x, 2 * x)
"""


@pytest.fixture(scope="module")
def outputs():
    """The outputs of a notebook with checks in it, cell by cell."""
    cells = [nbformat.v4.new_code_cell(cell.strip()) for cell in KERNEL.split("%%")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    resources = {"metadata": {"path": str(ROOT / "notebooks")}}
    nbclient.NotebookClient(notebook, allow_errors=True, resources=resources).execute()
    return [cell.outputs for cell in notebook.cells]


def test_records(outputs):
    records = [output.data["application/vnd.elbokit.check+json"] for cell in outputs[:3] for output in cell]
    for record in records:
        assert record["schema"] == 1 and record["passed"] is True and 0 <= record["worst"] <= record["tolerance"]
        json.dumps(record, allow_nan=False)
    assert [(r["name"], r["kind"], r["instances"], r["tolerance"]) for r in records] == [
        ("log-Z", "equal", 1000, 1e-12),
        ("J", "chain", 1000, 1e-12),
        ("bound", "bound", 1000, 1e-12),
        ("KL-MC", "mean", 2, 6.0),
    ]
    assert records[0]["text"] == "np.exp(x) ** 2 = np.exp(2 * x)" and records[0]["over"] == "a grid"
    assert records[3]["samples"] == 2000 and records[3]["z"] == records[3]["worst"] and records[3]["mistake_z"] > 12
    assert len(records[3]["scores"]) == 2 and max(map(abs, records[3]["scores"])) == records[3]["z"]
    assert outputs[0][0].data["text/plain"].startswith("✓ (log-Z)  np.exp(x) ** 2 = np.exp(2 * x)   1,000 instances")


def test_what_is_caught_leaves_its_own_record_only(outputs):
    (output,) = outputs[3]
    assert set(output.data) == {"text/plain", "application/vnd.elbokit.catch+json"}
    record = output.data["application/vnd.elbokit.catch+json"]
    assert (record["schema"], record["name"], record["caught"]) == (1, "log-Z", True)
    assert record["text"] == output.data["text/plain"]


def test_a_failure_in_a_notebook_is_short(outputs):
    (output,) = outputs[4]
    assert output.ename == "CheckFailed" and "(log-Z) fails on 999 of 1,000 instances" in output.evalue
    assert "\n".join(output.traceback).count("check.py") == 1, "the traceback stops where the reader's line ends"


def test_ipython_imported_but_not_running():
    pytest.importorskip("IPython")
    assert printed(check.equal, "J", 1.0, one).startswith("✓ (J)  ")


def test_plain_python_without_ipython_torch_or_matplotlib():
    code = """
import sys
sys.modules["executing"] = sys.modules["IPython"] = None
from elbokit import check
import elbokit.exercise
check.equal("log-Z", 1.0, float("1"))
assert "torch" not in sys.modules and "matplotlib" not in sys.modules
"""
    command = [sys.executable, "-X", "utf8", "-c", code]
    done = subprocess.run(command, cwd=ROOT / "notebooks", capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "✓ (log-Z)  1 instance, worst |lhs − rhs| 0 (allowed 1e-12)\n"


@pytest.mark.parametrize("seed", ["", "-1", "1.5", "seven", " 1", "0x1", "1_000", "²", "٣", "+3"])
def test_a_seed_is_a_whole_number(monkeypatch, seed):
    monkeypatch.setenv("ELBO_SEED", seed)
    with pytest.raises(ValueError, match="ELBO_SEED"):
        elbokit.rng()


def test_the_seed_decides(monkeypatch):
    monkeypatch.delenv("ELBO_SEED", raising=False)
    first = elbokit.rng().random(3)
    monkeypatch.setenv("ELBO_SEED", "0")
    assert np.array_equal(first, elbokit.rng().random(3))
    monkeypatch.setenv("ELBO_SEED", "20")
    assert not np.array_equal(first, elbokit.rng().random(3)) and isinstance(elbokit.rng(), np.random.Generator)
