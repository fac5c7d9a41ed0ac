"""The book's checks: both sides of an equation, computed and compared, never assumed.

Every check names the equation it stands for, prints one line when it passes and leaves a record for the ledger; when it
does not pass it raises. `CheckFailed` says that the equation does not hold on these numbers. `CheckRefused` says that
they decide nothing: NaN, nothing to compare, shapes that don't match, one thing compared with itself. Both are
AssertionErrors. Numbers are float64 or integers; each entry of an array is one instance.
"""

import ast
import contextlib
import functools
import itertools
import math
import sys

import numpy as np

try:
    import executing  # comes with IPython; without it a line has no equation in it
except ImportError:
    executing = None

TOL = 1e-12  # the default allowance, near rounding
LOOSEST = 1e-2  # a check that allows more is none
LOOSEST_SCALE = 1e-6  # of the numbers compared: to allow more than that by way of scale needs a reason
STANDS_OUT = 10  # a mistake that is caught exceeds its allowance this many times
MAX_Z = 6  # standard errors that a mean may be off
MISTAKE_Z = 12  # standard errors at which a mistake stands out
MIN_SAMPLES = 1000
LONGEST = 80  # characters of source text that fit into a line


class CheckFailed(AssertionError):
    """An equation does not hold on these numbers.

    name: the equation. brief: the failure in one line. clear: too far off for rounding or chance.
    """

    def __init__(self, message, name=None, brief="", clear=False):
        super().__init__(message)
        self.name, self.brief, self.clear = name, brief, clear


class CheckRefused(CheckFailed):
    """These numbers cannot decide whether the equation holds."""


def _reports(check):
    """A check whose traceback stops at the line that called it: what is of interest is there, not in here."""

    @functools.wraps(check)
    def call(*args, **options):
        __tracebackhide__ = True  # known to IPython and pytest
        try:
            check(*args, **options)
        except CheckFailed as failure:
            raise failure.with_traceback(None) from None

    return call


@_reports
def equal(name, lhs, rhs, *, tol=TOL, because=None, scale=None, over=None, allow_inf=False):
    """Both sides of the equation `name` agree on every instance, to tol * max(1, |lhs|, |rhs|, scale).

    lhs, rhs: arrays of one shape; either may be a single number.
    tol: the allowance, relative for numbers above 1; above 1e-12 it needs `because`, the reason, which is printed.
    scale: the size of the terms where they cancel, a number or an array of that shape.
    over: what the instances are, for the printed line. allow_inf: equal infinities count as equal.

    Raises CheckFailed where the sides differ, CheckRefused where the numbers decide nothing.
    """
    check = _Check("equal", name, tol, because, scale, over, allow_inf)
    left, right = check.sides({"left side": lhs, "right side": rhs}, keywords=("lhs", "rhs"))
    worst = check.compare(left.array, right.array, [left, right], "|lhs − rhs|")
    check.passed([left, right], "|lhs − rhs|", worst)


@_reports
def chain(name, *lines, tol=TOL, because=None, scale=None, over=None, allow_inf=False):
    """A derivation: every line agrees with the one before it. The first line that departs is named.

    lines: two or more, arrays of one shape or single numbers. All else as in `equal`.
    """
    check = _Check("chain", name, tol, because, scale, over, allow_inf)
    if len(lines) < 2:
        check.refuse(f"a chain has two lines or more, not {len(lines)}")
    lines = check.sides({f"line {number}": line for number, line in enumerate(lines, 1)})
    worst = 0.0
    for before, after in itertools.pairwise(lines):
        what = f"|{before.role} − {after.role}|"
        worst = max(worst, check.compare(before.array, after.array, [before, after], what))
    check.passed(lines, "|line − next|", worst)


@_reports
def bound(name, *, lower, upper, gap, tol=TOL, because=None, scale=None, over=None, allow_inf=False):
    """A bound with its gap: lower <= upper, gap >= 0 and upper - lower = gap on every instance.

    lower, upper, gap: arrays of one shape or single numbers; `gap` comes by a road of its own, never as upper - lower.
    The allowance is tol * max(1, |lower|, |upper|, |gap|, scale); for the two signs it is never looser than 1e-12.
    All else as in `equal`.
    """
    check = _Check("bound", name, tol, because, scale, over, allow_inf)
    sides = check.sides({"lower": lower, "upper": upper, "gap": gap}, keywords=("lower", "upper", "gap"))
    lower, upper, gap = (side.array for side in sides)
    with np.errstate(over="ignore", invalid="ignore"):
        between = upper - lower
    if np.isnan(between).any():
        check.refuse("lower and upper are the same infinity somewhere, so that their difference has no value")
    check.own_road(*sides, between)
    crossed = "the bound points the other way: are lower and upper swapped, or is a sign wrong?"
    check.compare(np.maximum(-between, 0), 0, sides, "lower − upper", crossed, min(tol, TOL))
    check.compare(np.maximum(-gap, 0), 0, sides, "−gap", "a gap is never negative: is its sign wrong?", min(tol, TOL))
    worst = check.compare(between, gap, sides, "|upper − lower − gap|")
    check.passed(sides, "|upper − lower − gap|", worst)


@_reports
def mean(name, samples, exact, *, mistake=None, over=None):
    """A Monte Carlo mean is at most 6 standard errors off the exact value.

    By chance that fails about twice in 10^9, for each mean, if n is large against the kurtosis of the samples.
    samples: (n,) or (n, k), independent draws along the first axis, n >= 1000, with a fourth moment known to be finite.
    exact: a number or (k,). mistake: the wrong value to guard against, likewise; it must be 12 standard errors away.

    Raises CheckFailed where the mean is off; CheckRefused where the samples are too few, too alike or too wild to tell.
    """
    check = _Check("mean", name, over=over)
    drawn, truth = check.sides({"samples": samples, "exact value": exact}, ("samples", "exact"), alike=False)
    wrong = None if mistake is None else check.numbers(mistake, "the mistake")
    check.estimate(drawn, truth, wrong)


@contextlib.contextmanager
def catches(name):
    """A block in which the check of `name` must fail: a mistake made on purpose, and seen.

    Checks inside leave no record. Raises CheckFailed if nothing failed, if another check failed, or if `name` failed by
    so little (under ten times its allowance; a mean, under 12 standard errors) that rounding or chance could have done
    it. CheckRefused and all other exceptions pass through.
    """
    label = _label(name)
    if _awaited:
        raise CheckRefused(f"{label} was not checked: its block of catches stands inside that of {_label(_awaited[0])}")
    _awaited.append(name)
    try:
        yield
    except CheckRefused:
        raise
    except CheckFailed as failure:
        if failure.name != name:
            raise CheckFailed(f"waiting for {label} to fail, but this failed:\n{failure}") from failure
        if not failure.clear:
            raise CheckFailed(
                f"{label} failed as it should, but so narrowly that it could be rounding or chance:\n"
                f"  {failure.brief}\n  where to look: make the mistake larger, or the check sharper"
            ) from failure
        line = f"✓ caught  {failure.brief}"
    else:
        raise CheckFailed(f"the mistake went unseen: no check of {label} failed in this block")
    finally:
        _awaited.pop()
    _show(line, "catch", {"name": name, "caught": True, "text": line})


def exercise(number, function):
    """Your answer to an exercise, judged case by case: not tried yet, right, or wrong and a hint.

    number: as in the exercise's box, such as "1.3". function: yours, under the name that the starter cell gives it.
    A wrong answer raises nothing. Raises CheckRefused if there is no such exercise.
    """
    from .exercise import judge  # here, since it needs this module

    verdict = judge(number, function)
    _show(verdict.text, "exercise", {"exercise": number, **verdict._asdict()})


def pattern(got, wanted):
    """What all the differences have in common, in words, or "" if nothing. got, wanted: (n,) float64."""
    if got.size < 2 or not (np.isfinite(got).all() and np.isfinite(wanted).all()):
        return ""
    alike = functools.partial(np.allclose, rtol=1e-9, atol=1e-12)
    with np.errstate(all="ignore"):
        if alike(got, -wanted):
            return "the sign is flipped"
        if np.ptp(wanted) < 1e-9:  # all alike: a factor and an amount look the same
            return ""
        largest = np.abs(wanted).argmax()
        factor, amount = got[largest] / wanted[largest], got[largest] - wanted[largest]
        if alike(got, factor * wanted):
            return f"off by the same factor everywhere, {factor:.6g}{_known(factor, _FACTORS)}"
        if alike(got - wanted, amount):
            return f"off by the same amount everywhere, {amount:+.6g}{_known(amount, _AMOUNTS)}"
    return ""


# The rest is how they do it.

_awaited = []  # the name that the block of `catches` around us waits for

_FACTORS = {1 / math.log(2): "1/log 2: bits, not nats", math.log(2): "log 2: nats taken for bits"}
_AMOUNTS = {math.log(2): "log 2", math.log(2 * math.pi) / 2: "½ log 2π", math.log(2 * math.pi): "log 2π"}


def _known(number, names):
    return next((f" ({name})" for value, name in names.items() if math.isclose(abs(number), value, rel_tol=1e-9)), "")


class _Side:
    """One side of an equation: its role in messages, the value given, its source text if known, its float64 array."""

    def __init__(self, role, value, text):
        self.role, self.value, self.text, self.array = role, value, text, None

    def __str__(self):
        return f"the {self.role} {_fitting(self.text, '({})')}".strip()


class _Check:
    """One call of a check: its name and options, the source texts of its arguments, and what it does with numbers."""

    def __init__(self, kind, name, tol=TOL, because=None, scale=None, over=None, allow_inf=False):
        self.kind, self.name, self.label = kind, name, _label(name)
        self.tol, self.because, self.over, self.allow_inf = tol, because, over, allow_inf
        self.texts = _argument_texts(sys._getframe(3))  # of who called equal, chain, …
        for word, text in (("because", because), ("over", over)):
            if text is not None and not (isinstance(text, str) and text.strip()):
                self.refuse(f"{word} is to be a text, not {text!r}")
        if isinstance(tol, bool) or not isinstance(tol, (int, float)) or not 0 <= tol <= LOOSEST:
            self.refuse(f"tol is to be a number from 0 to {LOOSEST:g}, not {tol!r}")
        if tol > TOL and because is None:
            self.refuse(f'tol={tol:g} is looser than rounding: say why, with because="…"')
        self.relative = False  # set where the worst residual is one relative to a size above 1
        self.scale = self.numbers(0.0 if scale is None else scale, "scale")
        if not np.all((0 <= self.scale) & (self.scale < np.inf)):
            self.refuse("scale is to be finite and not negative")

    def refuse(self, why):
        raise CheckRefused(f"{self.label} was not checked: {why}", self.name)

    # What was given, as arrays that can be compared

    def sides(self, values, keywords=(), alike=True):
        """{role: value} as sides with float64 arrays, finite, computed apart and, if alike, of one shape."""
        sides = []
        for place, (role, value) in enumerate(values.items()):
            text = self.texts.get(place) or self.texts.get(keywords[place] if keywords else None)
            side = _Side(role, value, text)
            side.array = self.numbers(value, side)
            self.finite(side)
            sides.append(side)
        for one, other in itertools.combinations(sides, 2):
            self.computed_apart(one, other)
        shaped = [side for side in sides if side.array.ndim]
        self.shape = shaped[0].array.shape if shaped else ()
        for side in shaped if alike else ():
            if side.array.shape != self.shape:
                hint = _shape_hint(self.shape, side.array.shape)
                self.refuse(f"{shaped[0]} has shape {self.shape}, {side} has {side.array.shape}{hint}")
        if self.scale.ndim and self.scale.shape != self.shape:
            self.refuse(f"scale has shape {self.scale.shape}, the sides have {self.shape}")
        return sides

    def numbers(self, value, whose):
        """A value as a float64 array; refused unless it is all float64 or exact integers, and not empty."""
        if isinstance(value, np.ma.MaskedArray):
            self.refuse(f"{whose} is a masked array, and what is masked would go unchecked")
        if isinstance(value, (list, tuple)):
            value = [self.numbers(item, whose) for item in value]
        try:
            array = np.asarray(value)
        except Exception as error:  # rows of several lengths; a tensor that wants .detach()
            self.refuse(f"{whose} is no array of numbers: {error}")
        if array.size == 0:
            self.refuse(f"{whose} is empty, shape {array.shape}: no instance, no check")
        if array.dtype != np.float64 and array.dtype.kind not in "iu":
            self.refuse(f"{whose} holds {array.dtype} ({type(value).__name__}), and a check needs float64 or integers")
        if array.dtype.kind in "iu" and np.any((array > 2**53) | (array < -(2**53))):
            self.refuse(f"{whose} has integers beyond 2^53, which float64 cannot hold")
        return array.astype(np.float64)

    def finite(self, side):
        bad = np.isnan(side.array) if self.allow_inf else ~np.isfinite(side.array)
        if bad.any():
            index = np.unravel_index(bad.argmax(), bad.shape)
            found = "NaN" if np.isnan(side.array[index]) else f"{side.array[index]:+}"
            hint = "" if found == "NaN" or self.kind == "mean" else "; where that is right, say allow_inf=True"
            self.refuse(f"{side} is {found}{_at(index)} ({bad.sum():,} of {bad.size:,} entries are not finite){hint}")

    def computed_apart(self, one, other):
        """A thing agrees with itself, whatever it is: refused."""
        same = one.value is other.value and not isinstance(one.value, int)
        if one.array.ndim and not same:
            a, b = (getattr(side.value, "__array_interface__", {"data": side}) for side in (one, other))
            same = all(a.get(key) == b.get(key) for key in ("data", "shape", "strides"))
        if same or (one.text and one.text == other.text):
            self.refuse(f"{one} and {other} are one and the same: compute each by a road of its own")

    def own_road(self, lower, upper, gap, between):
        """A gap that was computed as upper - lower says nothing: refused."""
        finite = between[np.isfinite(between)]
        circular = lower.text and upper.text and gap.text == ast.unparse(ast.parse(f"({upper.text}) - ({lower.text})"))
        to_the_last_bit = gap.array.size >= 100 and np.array_equal(between, gap.array) and np.any(finite % 1)
        if circular or to_the_last_bit:
            self.refuse(f"{gap} is upper − lower, to the last bit: compute it by a road of its own, from its formula")

    # The comparison

    def compare(self, a, b, sides, what, look="", tol=None):
        """The largest |a - b| / max(1, |sides|, scale) over all instances; CheckFailed if it is above tol.

        a, b: what is compared, in the sides' shape or single numbers. what: |a - b| in words. look: where to look.
        """
        tol = self.tol if tol is None else tol
        own = functools.reduce(np.maximum, (np.abs(side.array) for side in sides), 1.0)
        loosest = LOOSEST if self.because else LOOSEST_SCALE
        if np.any(self.tol * self.scale > loosest * own):
            more = "" if self.because else '; say why, with because="…", to allow more'
            self.refuse(f"with this scale residuals may be over {loosest:g} of the numbers themselves{more}")
        with np.errstate(over="ignore", invalid="ignore"):
            size = np.maximum(own, self.scale)
            residual = np.where(np.equal(a, b), 0.0, np.abs(np.subtract(a, b)))
            relative = np.where(np.isinf(residual), np.inf, residual / size)
        a, b, size, residual, relative = (np.broadcast_to(x, self.shape) for x in (a, b, size, residual, relative))
        worst = np.unravel_index(relative.argmax(), self.shape)
        wrong = ~(relative <= tol)
        if wrong.any():
            allowed = f"{tol * size[worst]:.2g}" if np.isfinite(size[worst]) else "none beside an infinity"
            off = f"{what} {residual[worst]:.2g} (allowed {allowed})"
            values = [(side.role, np.broadcast_to(side.array, self.shape)[worst], side.text) for side in sides]
            look = look or _where_to_look(a, b, wrong, near=relative[worst] <= 1000 * tol)
            self.fail(sides, off, wrong, worst, values, look, clear=relative[worst] >= STANDS_OUT * tol)
        self.relative |= bool(size[worst] > 1 and residual[worst] > 0)
        return float(relative[worst])

    def estimate(self, drawn, truth, mistake):
        """The means of samples against the truth, in standard errors: passed, failed or refused."""
        samples, exact = drawn.array, truth.array
        shapes = [drawn.array.shape, exact.shape, () if mistake is None else mistake.shape]
        if samples.ndim not in (1, 2) or any(shape not in ((), samples.shape[1:]) for shape in shapes[1:]):
            found = f"the samples' shape is {shapes[0]}, the exact value's {shapes[1]}, the mistake's {shapes[2]}"
            self.refuse(f"samples are (n,) or (n, k), exact value and mistake a number or (k,): {found}")
        count = len(samples)
        if count < MIN_SAMPLES:
            self.refuse(f"{_count(count, 'sample')}: standard errors are not to be trusted under {MIN_SAMPLES:,}")

        with np.errstate(all="ignore"):
            centre, spread = samples.mean(0), samples.std(0, ddof=1)
            kurtosis = (((samples - centre) / spread) ** 4).mean(0)
            error = spread / math.sqrt(count)
            scores = (centre - exact) / error
            z = np.abs(scores)
        if np.any(spread <= TOL * np.abs(samples).max(0)):
            self.refuse("the samples do not vary, so that there is no standard error: compare them by check.equal")
        if not np.all(kurtosis <= count / 20) or not np.all(np.isfinite(spread)):
            self.refuse(
                f"a few samples make up the whole spread (kurtosis {np.max(kurtosis):.3g} in {count:,} samples), so "
                "that standard errors are not to be trusted: draw more, or average something with lighter tails"
            )
        if np.all(z == 0) and len(np.unique(samples)) > MIN_SAMPLES / 2:
            self.refuse("the exact value is the samples' own mean, to the last bit: compute it by a road of its own")

        mistake_z = None if mistake is None else float(np.max(np.abs(mistake - exact) / error))
        if mistake is not None and not MISTAKE_Z <= mistake_z < math.inf:
            needed = count * (MISTAKE_Z / mistake_z) ** 2 if mistake_z > 0 else math.nan
            hint = f"{needed:,.0f} samples would do" if math.isfinite(needed) else "is it a mistake?"
            self.refuse(f"the mistake is only {mistake_z:.3g} standard errors away, not {MISTAKE_Z}: {hint}")

        worst = np.unravel_index(z.argmax(), z.shape)
        wrong = ~(z <= MAX_Z)
        if wrong.any():
            exact = np.broadcast_to(exact, z.shape)[worst]
            values = [("mean", centre[worst], f"± {error[worst]:.2g}"), ("exact", exact, truth.text)]
            off = f"|z| {z[worst]:.3g} standard errors (allowed {MAX_Z})"
            look = "what is averaged, and what it is drawn from"
            self.fail([drawn, truth], off, wrong, worst, values, look, clear=z[worst] >= MISTAKE_Z)
        self.passed([drawn, truth], "|z|", float(z[worst]), mistake_z, scores.ravel().tolist())

    # What is said

    def equation(self, sides):
        """The source of the call's arguments as an equation, or "" where it is not known."""
        texts = [side.text for side in sides]
        if not all(texts):
            return ""
        if self.kind == "bound":
            return "{} ≤ {}, gap {}".format(*texts)
        return "mean of {} = {}".format(*texts) if self.kind == "mean" else " = ".join(texts)

    def fail(self, sides, off, wrong, worst, values, look, clear):
        noun = "mean" if self.kind == "mean" else "instance"
        few = f" on {wrong.sum():,} of {_count(wrong.size, noun)}" if wrong.size > 1 else ""
        width = max(len(role) for role, *_ in values)
        rows = [f"    {role:<{width}}  {float(value)!r:<24}{_fitting(text)}".rstrip() for role, value, text in values]
        head = f"{self.label} fails{few}{_fitting(self.equation(sides), ':   {}')}"
        there = [f"  the worst,{_at(worst)}:"] if wrong.size > 1 else []
        message = "\n".join([head, *there, *rows, f"    {off}", f"  where to look: {look}"])
        raise CheckFailed(message, self.name, brief=f"{self.label} fails{few}: {off}", clear=bool(clear))

    def passed(self, sides, what, worst, mistake_z=None, scores=None):
        """Print the line, leave the record."""
        equation, instances = self.equation(sides), math.prod(self.shape)
        record = {"instances": instances, "worst": worst, "tolerance": float(self.tol)}
        what = f"relative {what}" if self.relative else what
        reason = f": {self.because}" if self.because else ""
        line = f"{_count(instances, 'instance')}, worst {what} {worst:.2g} (allowed {self.tol:.2g}{reason})"
        if self.kind == "mean":
            samples, instances = self.shape[0], math.prod(self.shape[1:])
            record = {"instances": instances, "samples": samples, "worst": worst, "tolerance": float(MAX_Z)}
            record |= {"z": worst, "mistake_z": mistake_z, "scores": scores}
            many = f"{_count(instances, 'mean')} of " if instances > 1 else ""
            line = f"{many}{_count(samples, 'sample')}, {what} {worst:.2g} standard errors (allowed {MAX_Z})"
            line += "" if mistake_z is None else f"; the mistake stands out at {mistake_z:.3g}"
        infinite = max(int(np.isinf(side.array).sum()) for side in sides)
        line += f"; {infinite:,} of them infinite" if infinite else ""
        line += f"; over {self.over}" if self.over else ""
        line = f"✓ {self.label}  {_fitting(equation, '{}   ')}{line}"
        record = {"name": self.name, "kind": self.kind, **record, "passed": True, "text": equation or None}
        _show(line, "check", record | {"over": self.over, "because": self.because})


def _label(name):
    """How an equation is named in messages: (log-Z); an exercise without parentheses."""
    if not (isinstance(name, str) and name and name == name.strip()):
        raise CheckRefused(f'a check begins with the name of its equation, such as "log-Z", not with {name!r}')
    return name if name.startswith("Exercise ") else f"({name})"


def _count(number, noun):
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _at(index):
    """An instance's place, as an index into the array; nothing for a single number."""
    return f" [{', '.join(map(str, index))}]" if index else ""


def _fitting(text, form="{}"):
    """A source text where it is known and short enough for a line."""
    return form.format(text) if text and len(text) <= LONGEST else ""


def _shape_hint(one, other):
    if math.prod(one) == math.prod(other):
        return ": the same numbers in another shape, is an axis of length 1 left over (keepdims, [:, None])?"
    if one[: len(other)] == other or other[: len(one)] == one:
        return ": was the sum over the last axis forgotten on one side?"
    return ""


def _where_to_look(a, b, wrong, near):
    """What a failed comparison of a and b says about its cause. a, b, wrong: one shape. near: close to rounding."""
    if near:
        return "nearly right: where large terms cancel, give their size as scale=…; where a route is approximate, tol=…"
    if common := pattern(a.ravel(), b.ravel()):
        return common
    if not wrong.all():
        places = ",".join(_at(index) for index in np.argwhere(wrong)[:4].tolist())
        return (
            f"the others are right, so what sets these apart:{places}? A zero, q = p, a single state, a large number?"
        )
    if wrong.size == 1:
        return "work out each side by hand"
    return "every instance is wrong: work out each side by hand at this one"


def _argument_texts(frame):
    """The source of a call's arguments after the first, {place or keyword: text}; {} where it cannot be found."""
    try:
        call = executing.Source.executing(frame).node
    except Exception:  # it is only an ornament: without it the numbers are compared all the same
        call = None
    if not isinstance(call, ast.Call) or any(isinstance(argument, ast.Starred) for argument in call.args):
        return {}
    places = dict(enumerate(call.args[1:])) | {keyword.arg: keyword.value for keyword in call.keywords}
    return {place: ast.unparse(node) for place, node in places.items() if place is not None}


def _show(line, what, record):
    """Display a line with its record where there is IPython, print it elsewhere; nothing within a block of catches."""
    if _awaited:
        return
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        mime = f"application/vnd.elbokit.{what}+json"
        ipython.display.display({"text/plain": line, mime: {"schema": 1, **record}}, raw=True)
    else:
        print(line)
