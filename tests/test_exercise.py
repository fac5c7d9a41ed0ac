"""check.exercise: untried, right, wrong with a hint, a slip named; and no traceback for a wrong answer."""

import contextlib
import io
import json
import warnings

import numpy as np
import pytest
from scipy.special import rel_entr

import elbokit.exercise
from elbokit import check
from elbokit.check import CheckRefused

SOLUTIONS = """
import numpy as np
from scipy.special import rel_entr, softmax
import elbokit
from elbokit import check

rng = elbokit.rng()
%%
raise RuntimeError("only imports and definitions are run")
%%
def term(q, p):
    return rel_entr(q, p)

def kl(q, p):
    return term(q, p).sum(-1)

def cases_kl(rng):
    pairs = [tuple(softmax(rng.normal(size=(2, n)), -1)) for n in rng.integers(2, 6, 1000)]
    q = np.array([0.0, 0.25, 0.75])
    return pairs + [(q, np.array([0.5, 0.3, 0.2])), (q, np.full(3, 1 / 3)), (np.full(3, 1 / 3), q)]

check.exercise("1.3", kl)
%%
def sides():
    return "upper", "lower", "lower"

def cases_sides(rng):
    return [()]

check.exercise("1.4", sides)
check.exercise("1.5", moments); check.exercise("1.5", centred)
%%
def moments(x):
    return x.mean(), x.std()

def cases_moments(rng):
    return [(rng.normal(size=n),) for n in rng.integers(2, 9, 1000)]

def centred(x):
    return x - x.mean()

cases_centred = None

def cases_centred(rng):
    return cases_moments(rng)
%%
def symmetric(q, p):
    return bool(np.isclose(rel_entr(q, p).sum(), rel_entr(p, q).sum()))

def cases_symmetric(rng):
    return cases_kl(rng)

def word(n):
    return "bound" if n else "gap"

def cases_word(rng):
    return [(0,), (1,)]

check.exercise("1.6", symmetric)
check.exercise("1.7", word)
check.exercise("1.8", lost)
check.exercise("1.9", broken)
check.exercise("1.10", caseless)

def broken(x):
    return np.nan

def cases_broken(rng):
    return [(1.0,)]

def answerless(x):
    return {"not": "an answer"}

def cases_answerless(rng):
    return [(1.0,)]

def untupled(x):
    return x

def cases_untupled(rng):
    return [1.0, 2.0]

check.exercise("1.11", answerless)
check.exercise("1.11", untupled)

def caseless(x):
    return x

def cases_caseless(rng):
    return []
"""

SLIPS = """
[[slip]]
name = "arguments swapped"
notebook = "solutions/01_kl"
function = "kl"
find = "term(q, p)"
replace = "term(p, q)"
says = "these are the numbers of KL(p‖q): the arguments are swapped"

[[slip]]
name = "no sum"
notebook = "solutions/01_kl"
function = "kl"
find = ".sum(-1)"
replace = ""
says = "the sum is missing"

[[slip]]
name = "in the helper"
notebook = "solutions/01_kl"
function = "term"
find = "rel_entr(q, p)"
replace = "rel_entr(q, p) ** 2"
says = "each term is squared"

[[slip]]
name = "fails"
notebook = "solutions/01_kl"
function = "kl"
find = "term(q, p)"
replace = "term(q, p, p)"
says = "one argument too many"

[[slip]]
name = "of the chapter"
notebook = "01_kl"
function = "kl"
find = "term(q, p).sum(-1)"
replace = "7.0"
says = "must not be used"

[[slip]]
name = "of the formula only"
notebook = "solutions/01_kl"
function = "kl"
find = "term(q, p).sum(-1)"
replace = "8.0"

[[slip]]
name = "no longer there"
notebook = "solutions/01_kl"
function = "kl"
find = "nowhere"
replace = "7.0"
says = "must not be used"
"""


@pytest.fixture(autouse=True)
def solutions(tmp_path, monkeypatch):
    """A folder of solutions to judge by."""
    cells = [
        {"cell_type": "code", "source": cell.strip().splitlines(keepends=True)} for cell in SOLUTIONS.split("%%\n")
    ]
    cells.insert(1, {"cell_type": "markdown", "source": ["it isn't Python"]})
    (tmp_path / "01_kl.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    (tmp_path / "01_kl.slips.toml").write_text(SLIPS, encoding="utf-8")
    monkeypatch.setattr(elbokit.exercise, "SOLUTIONS", tmp_path)
    return tmp_path


def judge(number, function, name):
    function.__name__ = name
    return elbokit.exercise.judge(number, function)


def wrong(number, function, name):
    """The hint, the first line, for a wrong answer that is no known slip."""
    verdict = judge(number, function, name)
    assert verdict.verdict == "wrong" and verdict.slip is None, verdict
    first, _, _ = verdict.text.partition("\n")
    assert first.startswith(f"✗ Exercise {number}  ")
    return first.removeprefix(f"✗ Exercise {number}  ")


def stub(*arguments):
    """The starter cell."""
    ...


def not_implemented(*arguments):
    raise NotImplementedError


@pytest.mark.parametrize("untried", [stub, not_implemented, lambda *_: ..., lambda *_: None])
def test_untried(untried):
    verdict = judge("1.3", untried, "kl")
    assert (verdict.verdict, verdict.slip) == ("untried", None)
    assert verdict.text.startswith("○ Exercise 1.3  not tried yet")


def kl_by_loop(q, p):
    total = 0.0
    for q_i, p_i in zip(q, p, strict=True):
        if q_i > 0:
            total += np.inf if p_i == 0 else q_i * (np.log(q_i) - np.log(p_i))
    return total


@pytest.mark.parametrize(
    ("number", "name", "answer"),
    [
        ("1.3", "kl", kl_by_loop),
        ("1.3", "kl", lambda q, p: np.array(kl_by_loop(q, p))),
        ("1.4", "sides", lambda: ("upper", "lower", "lower")),
        ("1.4", "sides", lambda: [" Upper", "LOWER\n", np.str_("lower")]),
        ("1.5", "moments", lambda x: [x.sum() / len(x), np.sqrt(((x - x.mean()) ** 2).mean())]),
        ("1.5", "moments", lambda x: np.array([x.mean(), x.std()])),
        ("1.5", "centred", lambda x: list(x - x.mean())),
        ("1.6", "symmetric", lambda q, p: abs(kl_by_loop(q, p) - kl_by_loop(p, q)) < 1e-9),
        ("1.7", "word", lambda n: ["GAP", "Bound"][n]),
    ],
)
def test_right(number, name, answer):
    verdict = judge(number, answer, name)
    assert verdict.verdict == "right" and verdict.slip is None, verdict.text
    assert verdict.text.startswith(f"✓ Exercise {number}  right on ")


@pytest.mark.parametrize(
    ("answer", "slip"),
    [
        (lambda q, p: rel_entr(p, q).sum(), "arguments swapped"),
        (lambda q, p: rel_entr(q, p), "no sum"),
        (lambda q, p: (rel_entr(q, p) ** 2).sum(), "in the helper"),
        (lambda q: q, "fails"),
    ],
)
def test_slips_are_named_whatever_their_code(answer, slip):
    verdict = judge("1.3", answer, "kl")
    assert (verdict.verdict, verdict.slip) == ("wrong", slip)
    first = verdict.text.partition("\n")[0]
    assert (
        first
        == "✗ Exercise 1.3  "
        + {
            "arguments swapped": "these are the numbers of KL(p‖q): the arguments are swapped",
            "no sum": "the sum is missing",
            "in the helper": "each term is squared",
            "fails": "one argument too many",
        }[slip]
    )


def finite(q, p):
    """KL, where it is finite."""
    return rel_entr(q, p)[np.isfinite(rel_entr(q, p))]


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda q, p: rel_entr(q, p).sum(keepdims=True), "array of shape (1,) where a number"),
        (lambda q, p: np.ones(len(q)), "where a number is wanted: was the sum over the last axis forgotten?"),
        (lambda q, p: np.outer(q, p), "array of shape (2, 2) where a number"),
        (lambda q, p: "0.5", "a text where a number"),
        (lambda q, p: True, "True or False where a number"),
        (lambda q, p: 1j, "complex"),
        (lambda q, p: {"kl": 1.0}, "dict"),
        (lambda q, p: (x for x in q), "generator"),
        (lambda q, p: [[1.0], [1.0, 2.0]], "list"),
        (lambda q, p: np.ma.masked_array(1.0), "Masked"),
        (lambda q, p: kl_by_loop(q, p) if len(q) > 2 else None, "NoneType"),
        (lambda q, p: 1 / 0, "raises ZeroDivisionError: division by zero"),
        (lambda q, p: undefined, "raises NameError"),  # noqa: F821
        (lambda q, p: q[7], "raises IndexError"),
        (lambda q, p: (q * np.log(q / p)).sum(), "NaN"),
        (lambda q, p: -kl_by_loop(q, p), "right on 0|wrong on every|sign"),
        (lambda q, p: kl_by_loop(q, p) if (q > 0).all() else 7.0, "right except where `q` has a zero"),
        (lambda q, p: kl_by_loop(q, p) * (len(q) < 4), "cases, so what sets the others apart"),
        (lambda q, p: kl_by_loop(q, p) if (q > 0).all() or p[0] == 0.5 else 7.0, "right on 1,002 of 1,003 cases"),
        (lambda q, p: kl_by_loop(q, p) if (q > 0).all() and len(q) > 2 else 7.0, "cases, so what sets"),
        (lambda q, p: abs(q - p).sum(), "the numbers are wrong on every case"),
        (lambda q, p: 7.0, "the numbers are wrong on every case"),
        (lambda q, p: 8.0, "the numbers are wrong on every case"),
    ],
)
def test_hints(answer, hint):
    said = wrong("1.3", answer, "kl")
    assert any(part in said for part in hint.split("|")), said


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda x: (-x.mean(), -x.std()), "the sign is flipped"),
        (lambda x: (x.mean() * 2, x.std() * 2), "the same factor everywhere, 2"),
        (lambda x: (x.mean() / np.log(2), x.std() / np.log(2)), "bits"),
        (lambda x: (x.mean() + np.log(2), x.std() + np.log(2)), "the same amount everywhere, +0.693147 (log 2)"),
        (lambda x: (x.mean() / len(x), x.std() / len(x)), "a mean over the last axis where a sum"),
        (lambda x: x.mean(), "a number where 2 values"),
        (lambda x: np.float64(3.0), "a number where 2 values"),
        (lambda x: np.array(3.0), "a number where 2 values"),
        (lambda x: (x.mean(), x.std(), 0.0), "returns 3 values where 2 are wanted"),
        (lambda x: (x.mean(), x), "value 2: returns an array of shape (2,)"),
        (lambda x: "ab", "a text where 2 values"),
    ],
)
def test_hints_on_several_values(answer, hint):
    assert hint in wrong("1.5", answer, "moments")


def test_words_are_not_given_away():
    verdict = judge("1.4", lambda: ("upper", "upper", "upper"), "sides")
    assert "wrong at 2 of 3 values: 2, 3" in verdict.text and "lower" not in verdict.text
    verdict = judge("1.7", lambda n: "gap", "word")
    assert verdict.verdict == "wrong" and "bound" not in verdict.text
    assert "where a text is wanted" in wrong("1.7", lambda n: 1, "word")
    assert "True or False" in wrong("1.6", lambda q, p: 1, "symmetric")
    assert "value 1" in wrong("1.4", lambda: (1, 2, 3), "sides")


def test_a_hint_comes_with_an_example():
    assert "summed over too many axes" in wrong("1.5", lambda x: x.mean(), "centred")
    assert "yours (2, 0.5), wanted (" in judge("1.5", lambda x: (2, 0.5), "moments").text
    assert all(len(line) < 300 for line in judge("1.5", lambda x: (x.mean(), 9.0), "moments").text.splitlines())
    second = judge("1.5", lambda x: x, "centred").text.splitlines()[1]
    assert second.startswith("  for example x = [") and "yours" in second and "wanted" in second


def test_answers_are_called_quietly_on_copies(capfd):
    def loud(x):
        print("here")
        warnings.warn("careful", stacklevel=1)
        np.log(-np.ones(1))
        x -= x.mean()
        return x

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert judge("1.5", loud, "centred").verdict == "right"
    assert capfd.readouterr() == ("", "")


def test_nothing_is_close_enough_by_being_small_or_large():
    assert judge("1.5", lambda x: (x - x.mean()) * (1 + 1e-7), "centred").verdict == "wrong"
    assert judge("1.5", lambda x: (x - x.mean()) * (1 + 1e-11), "centred").verdict == "right"


@pytest.mark.parametrize(
    ("number", "name", "says"),
    [
        ("1.99", "kl", "no exercise 1.99; 01_kl has 1.3"),
        ("2.1", "kl", "no exercise 2.1"),
        ("A.1", "kl", "no exercise A.1"),
        ("1", "kl", 'such as "1.3"'),
        (1.3, "kl", 'such as "1.3"'),
        (None, "kl", 'such as "1.3"'),
        ("../1.3", "kl", 'such as "1.3"'),
        ("1.3", "KL", "asks for a function named `kl`, not for `KL`"),
        ("1.5", "variance", "`moments` or `centred`"),
        ("1.8", "lost", "does not define"),
        ("1.9", "broken", "has no answer"),
        ("1.10", "caseless", "list of argument tuples"),
        ("1.11", "answerless", "has no answer"),
        ("1.11", "untupled", "list of argument tuples"),
    ],
)
def test_misuse_is_refused(number, name, says):
    with pytest.raises(CheckRefused) as caught:
        judge(number, lambda *_: 0.0, name)
    assert says in str(caught.value)


@pytest.mark.parametrize("answer", [None, 3.0, "kl", np.ones(3)])
def test_an_answer_is_a_function(answer):
    with pytest.raises(CheckRefused, match="asks for a function"):
        elbokit.exercise.judge("1.3", answer)


def test_two_notebooks_of_one_chapter_are_refused(solutions):
    (solutions / "01_more.ipynb").write_text("{}", encoding="utf-8")
    with pytest.raises(CheckRefused, match="2 notebooks"):
        judge("1.3", stub, "kl")


def test_an_appendix_has_exercises_too(solutions):
    (solutions / "01_kl.ipynb").rename(solutions / "A_claims.ipynb")
    with pytest.raises(CheckRefused, match="no exercise A.1; A_claims has 1.3"):
        judge("A.1", stub, "kl")


def test_without_slips(solutions):
    (solutions / "01_kl.slips.toml").unlink()
    assert judge("1.3", lambda q, p: rel_entr(q, p), "kl").slip is None


def test_a_wrong_answer_raises_nothing_and_prints_its_hint_first():
    def kl(q, p):
        raise ValueError("no")

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert check.exercise("1.3", kl) is None
    assert out.getvalue().startswith("✗ Exercise 1.3  `kl` raises ValueError: no")


@pytest.mark.parametrize("seed", ["0", "1", "20"])
def test_any_seed_will_do(monkeypatch, seed):
    monkeypatch.setenv("ELBO_SEED", seed)
    assert judge("1.3", kl_by_loop, "kl").verdict == "right"
    assert judge("1.3", lambda q, p: rel_entr(p, q).sum(), "kl").slip == "arguments swapped"
