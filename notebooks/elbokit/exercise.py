"""Judges an answer to an exercise against the solutions notebook: by its numbers, never by its code.

The solutions notebook of chapter 1, solutions/01_*.ipynb beside this package, holds for each exercise a reference
function, `cases_<its name>(rng)` that returns a list of argument tuples, and check.exercise("1.3", <the function>),
which ties them to the number. Beside it *.slips.toml lists the usual slips, as substitutions in the reference's source.
Of the notebook only imports and top-level definitions are run.
"""

import ast
import contextlib
import copy
import inspect
import io
import json
import re
import tomllib
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

import elbokit
from elbokit.check import CheckRefused, pattern

SOLUTIONS = Path(__file__).resolve().parent.parent / "solutions"


class Verdict(NamedTuple):
    """verdict: "untried", "right" or "wrong". slip: the name of the slip that gives these numbers. text: to print."""

    verdict: str
    slip: str | None
    text: str


def judge(number, function):
    """The Verdict on `function` as an answer to exercise `number`.

    It is called once for each case, on a copy of the arguments; what it prints or warns of is dropped.
    Raises CheckRefused if there is no such exercise, if it asks for another function, or if its solution is broken.
    """
    title = f"Exercise {number}"
    solution = _Solution(number, SOLUTIONS)
    name = getattr(function, "__name__", None)
    if name not in solution.asked:
        wanted, given = " or ".join(f"`{known}`" for known in solution.asked), f"`{name}`" if name else repr(function)
        raise CheckRefused(f"{title} asks for a function named {wanted}, not for {given}")
    with _quiet():
        cases, wanted = solution.cases(name)
        if _untried(_outcome(function, cases[0])):
            return Verdict("untried", None, f"○ {title}  not tried yet: `{name}` returns nothing so far")
        got = [_outcome(function, case) for case in cases]
        wrong = [i for i in range(len(cases)) if _kind(got[i], wanted[i]) or not _close(got[i], wanted[i])]
        if not wrong:
            return Verdict("right", None, f"✓ {title}  right on {len(cases):,} case{'s' * (len(cases) > 1)}")

        wrong.sort(key=lambda i: sum(np.size(argument) for argument in cases[i]))  # the simplest is shown
        parameters, slip = solution.parameters(name), solution.slip(name, cases, got)
        hint = slip["says"] if slip else _hint(name, parameters, cases, got, wanted, wrong)
        example = _example(parameters, cases[wrong[0]], got[wrong[0]], wanted[wrong[0]])
    return Verdict("wrong", slip and slip["name"], f"✗ {title}  {hint}\n{example}".rstrip())


@contextlib.contextmanager
def _quiet():
    """Nothing that an answer prints or warns of: it would stand above the hint."""
    with warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


class _Raised(NamedTuple):
    """The outcome of a call that raised."""

    error: Exception


def _outcome(function, case):
    """What a call returns, or _Raised."""
    try:
        return function(*copy.deepcopy(case))
    except Exception as error:
        return _Raised(error)


def _untried(outcome):
    """Nothing was returned: None, the starter's ellipsis, or NotImplementedError."""
    return outcome is None or outcome is ... or isinstance(getattr(outcome, "error", None), NotImplementedError)


class _Solution:
    """The solutions notebook that an exercise belongs to, read from disk."""

    def __init__(self, number, folder):
        chapter = re.fullmatch(r"(\d+|[A-Z])\.\d+", number) if isinstance(number, str) else None
        if not chapter:
            raise CheckRefused(f'an exercise is named by a text such as "1.3", not {number!r}')
        paths = sorted(folder.glob(f"{chapter[1]:0>2}_*.ipynb" if chapter[1].isdigit() else f"{chapter[1]}_*.ipynb"))
        if len(paths) != 1:
            raise CheckRefused(
                f"there is no exercise {number}: {folder.name}/ has {len(paths)} notebooks for its chapter"
            )
        self.path, self.definitions, numbers = paths[0], [], {}
        for cell in json.loads(self.path.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            for node in ast.parse(source).body if cell["cell_type"] == "code" else ():
                if isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)):
                    self.definitions.append((getattr(node, "name", None), ast.get_source_segment(source, node)))
                elif call := _exercise_call(node):
                    numbers.setdefault(call[0], []).append(call[1])
        self.asked = numbers.get(number)
        if not self.asked:
            raise CheckRefused(f"there is no exercise {number}; {self.path.stem} has {', '.join(numbers) or 'none'}")
        self.names = self.run()

    def run(self, changed=None):
        """The namespace of the definitions; `changed`: {name: source} in place of the notebook's own."""
        names = {"__name__": self.path.stem}
        for name, source in self.definitions:
            exec(compile((changed or {}).get(name, source), str(self.path), "exec"), names)
        return names

    def parameters(self, name):
        return list(inspect.signature(self.names[name]).parameters)

    def cases(self, name):
        """The cases of an exercise and the reference's answers."""
        for needed in (name, f"cases_{name}"):
            if needed not in self.names:
                raise CheckRefused(f"{self.path.name} does not define {needed}")
        cases, reference = self.names[f"cases_{name}"](elbokit.rng()), self.names[name]
        if not cases or not all(isinstance(case, tuple) for case in cases):
            raise CheckRefused(f"cases_{name} in {self.path.name} is to return a list of argument tuples, not empty")
        wanted = [_outcome(reference, case) for case in cases]
        for case, answer in zip(cases, wanted, strict=True):
            if isinstance(answer, _Raised) or _kind(answer, answer) or not _close(answer, answer):
                raise CheckRefused(f"the solution's own {name} has no answer to {case}: {answer}")
        return cases, wanted

    def slip(self, name, cases, got):
        """The slip, {"name", "says", …}, that gives these outcomes on every case, or None."""
        path = self.path.with_suffix(".slips.toml")
        slips = tomllib.loads(path.read_text(encoding="utf-8")).get("slip", []) if path.exists() else []
        sources = dict(self.definitions)
        for slip in slips:
            source = sources.get(slip.get("function"))
            ours = slip["notebook"] == f"solutions/{self.path.stem}" and "says" in slip
            if ours and source and source.count(slip["find"]) == 1:
                slipped = self.run({slip["function"]: source.replace(slip["find"], slip["replace"])})[name]
                if all(_alike(answer, _outcome(slipped, case)) for case, answer in zip(cases, got, strict=True)):
                    return slip
        return None


def _exercise_call(node):
    """("1.3", "kl") for the statement check.exercise("1.3", kl), else None."""
    match node:
        case ast.Expr(ast.Call(ast.Attribute(attr="exercise"), [ast.Constant(number), ast.Name(name)])):
            return number, name
    return None


def _kind(got, wanted):
    """How the type or shape of an answer differs from what is wanted, in words; "" if it does not."""
    if isinstance(got, _Raised):
        return f"raises {type(got.error).__name__}: {got.error}"
    if isinstance(wanted, str):
        return "" if isinstance(got, str) else f"returns {_what(got)} where a text is wanted"
    if isinstance(wanted, tuple):
        if not isinstance(got, (tuple, list)) and not (isinstance(got, np.ndarray) and got.ndim):
            return f"returns {_what(got)} where {len(wanted)} values are wanted"
        if len(got) != len(wanted):
            return f"returns {len(got)} values where {len(wanted)} are wanted"
        parts = ((place, _kind(*pair)) for place, pair in enumerate(zip(got, wanted, strict=True), 1))
        return next((f"value {place}: {part}" for place, part in parts if part), "")
    array, target = _array(got), _array(wanted)
    numbers = all(a is not None and a.dtype.kind in "bfiu" for a in (array, target))
    if not numbers or (array.dtype.kind == "b") != (target.dtype.kind == "b"):
        return f"returns {_what(got)} where {_what(wanted)} is wanted"
    if array.shape != target.shape:
        return f"returns {_what(got)} where {_what(wanted)} is wanted{_shape_hint(array.shape, target.shape)}"
    return ""


def _array(value):
    """The value as an array, or None if it is not one."""
    if isinstance(value, np.ma.MaskedArray) or value is None:
        return None
    try:
        return np.asarray(value)
    except Exception:  # rows of several lengths
        return None


def _what(value):
    """A value's type and shape in words."""
    array = _array(value)
    if isinstance(value, str):
        return "a text"
    if array is None or array.dtype.kind not in "bfiuc":
        return f"{type(value).__name__}"
    kind = {"b": "True or False", "c": "a complex number"}.get(array.dtype.kind, "a number")
    return f"an array of shape {array.shape}" if array.ndim else kind


def _shape_hint(shape, wanted):
    if shape[:-1] == wanted:
        return ": was the sum over the last axis forgotten?"
    if shape == wanted[:-1]:
        return ": was it summed over too many axes?"
    return ""


def _close(got, wanted, equal_nan=False):
    """Two outcomes of one kind are the same: texts up to case and outer spaces, numbers to 1e-9."""
    if isinstance(wanted, str):
        return got.strip().casefold() == wanted.strip().casefold()
    if isinstance(wanted, tuple):
        return all(_close(*pair, equal_nan) for pair in zip(got, wanted, strict=True))
    finite = np.abs(wanted)[np.isfinite(wanted)]
    return np.allclose(got, wanted, rtol=1e-9, atol=1e-12 * finite.max(initial=1), equal_nan=equal_nan)


def _alike(one, other):
    """Two outcomes are the same, NaN and exceptions included."""
    if isinstance(one, _Raised) or isinstance(other, _Raised):
        return type(one) is type(other) and type(one.error) is type(other.error)
    return not _kind(one, other) and _close(one, other, equal_nan=True)


def _hint(name, parameters, cases, got, wanted, wrong):
    """What to say of wrong outcomes that are no known slip's: shape and type first, then the numbers."""
    for i in wrong:
        if kind := _kind(got[i], wanted[i]):
            return f"`{name}` {kind}"
    if isinstance(wanted[0], str) or any(_numbers(answer) is None for answer in wanted):
        return _wrong_parts(got, wanted, wrong)
    ours, theirs = [_numbers(answer) for answer in got], [_numbers(answer) for answer in wanted]
    if any(np.isnan(ours[i]).any() for i in wrong):
        return f"`{name}` is NaN on some cases: 0·log 0 and 0/0 need care; xlogy and rel_entr take it"
    if common := pattern(np.concatenate(ours), np.concatenate(theirs)):
        return common
    sizes = [np.shape(case[0])[-1:] or (1,) for case in cases] if cases[0] else [(1,)] * len(cases)
    if all(_close(our * size, their) for our, size, their in zip(ours, sizes, theirs, strict=True)):
        return "a mean over the last axis where a sum belongs"
    right = sorted(set(range(len(cases))) - set(wrong))
    if not right:
        return "the numbers are wrong on every case"
    for place, parameter in enumerate(parameters):
        zeros = [bool(np.any(np.equal(case[place], 0))) for case in cases]
        if all(zeros[i] for i in wrong) and not any(zeros[i] for i in right):
            return f"right except where `{parameter}` has a zero"
    return f"right on {len(right):,} of {len(cases):,} cases, so what sets the others apart?"


def _wrong_parts(got, wanted, wrong):
    """Which of several values are wrong, without saying what they should be."""
    if not isinstance(wanted[0], tuple):
        return "not that word"
    places = [
        place for place, pair in enumerate(zip(got[wrong[0]], wanted[wrong[0]], strict=True), 1) if not _close(*pair)
    ]
    return f"wrong at {len(places)} of {len(wanted[0])} values: " + ", ".join(map(str, places))


def _numbers(answer):
    """All numbers of an answer in a row (n,), or None if it has texts in it."""
    parts = answer if isinstance(answer, tuple) else (answer,)
    if any(isinstance(part, str) for part in parts):
        return None
    return np.concatenate([np.ravel(np.asarray(part, dtype=float)) for part in parts])


def _example(parameters, case, got, wanted):
    """One wrong case: its arguments, the answer given and, unless it is a word to be found, the answer wanted."""
    if isinstance(got, _Raised) or _numbers(wanted) is None:
        answers = ""
    else:
        answers = f": yours {_short(got, 10)}, wanted {_short(wanted, 10)}"
    arguments = ", ".join(f"{name} = {_short(value)}" for name, value in zip(parameters, case, strict=False))
    return f"  for example {arguments}{answers}" if arguments else ""


def _short(value, digits=4):
    """A value on part of a line."""
    if isinstance(value, tuple):
        return f"({', '.join(_short(part, digits) for part in value)})"
    array = _array(value)
    if array is None or array.dtype.kind not in "bfiu":
        text = repr(value)
    elif array.dtype.kind == "f" and array.ndim == 0:
        text = f"{float(array):.{digits}g}"
    else:
        text = np.array2string(array, precision=digits, threshold=12, edgeitems=3, separator=", ", max_line_width=10**6)
    text = " ".join(text.split())
    return text if len(text) <= 80 else text[:79] + "…"
