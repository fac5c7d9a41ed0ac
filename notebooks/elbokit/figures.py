"""The book's figures: importing this sets matplotlib's style; `gauge` and `flat_line` draw the two recurring pictures.

`explorer` leaves what a live picture of the rendered book needs; the figure above it is its still.

Figures are white, so that they show in a dark JupyterLab; where ELBO_BOOK=1, in the book's build, they are transparent,
and in dark mode the page turns them with invert(.92) hue-rotate(180deg). Colours and line styles always mean the same:
p is P and solid, q is Q and dashed, the gap between them is GAP and hatched, and all else is INK.
"""

import json
import os
import re
import sys

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.ticker import MaxNLocator

P, Q, GAP, INK = "#0072B2", "#D55E00", "#9B6BB3", "#222222"
P_LINE = {"color": P, "linestyle": "-", "linewidth": 2.2}
Q_LINE = {"color": Q, "linestyle": (0, (4, 1.6)), "linewidth": 2.2}
GAP_FILL = {"facecolor": GAP + "55", "edgecolor": GAP, "hatch": "///", "linewidth": 0}

EXPLORER = "application/vnd.elbokit.explorer+json"

_BACKGROUND = "none" if os.environ.get("ELBO_BOOK") == "1" else "white"

mpl.rcParams.update(
    {
        "figure.figsize": (5, 3.1),  # inches
        "figure.dpi": 100,
        "figure.facecolor": _BACKGROUND,
        "figure.constrained_layout.use": True,
        "savefig.facecolor": _BACKGROUND,
        "axes.facecolor": _BACKGROUND,
        "axes.prop_cycle": cycler(color=[P, Q, GAP, INK]) + cycler(linestyle=["-", "--", "-.", ":"]),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.titlesize": 12,
        "axes.titlecolor": INK,
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "xtick.labelsize": 11,
        "ytick.labelsize": 11,
        "font.size": 12,
        "legend.fontsize": 11,
        "legend.frameon": False,
        "lines.linewidth": 2.2,
        "hatch.color": GAP,
        "hatch.linewidth": 1.2,
    }
)


def _sharp_in_notebooks():
    """Twice the pixels at the same size, where figures are shown inline."""
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("retina")


_sharp_in_notebooks()


def gauge(ax, log_Z, minus_J, labels=None, *, title=None, hatched=True):
    """The gauge: a ceiling at log Z, for each q a line at -J(q) below it, and only the gap between them filled.

    ax: matplotlib Axes. log_Z: nats. minus_J: nats, a number or k of them, side by side. labels: k names for the ticks.
    hatched: what cannot be computed outside a toy is hatched; False where this gap can be. Returns ax.
    Raises ValueError if a number is not finite, or if some -J(q) stands above log Z by more than rounding.
    """
    log_Z, lines, gaps = _gaps(log_Z, np.atleast_1d(minus_J))
    count = len(lines)
    if labels is None:
        labels = ["q"] if count == 1 else [f"q{i}" for i in range(1, count + 1)]
    labels = [labels] if isinstance(labels, str) else list(labels)
    if len(labels) != count:
        raise ValueError(f"{count} values of minus_J have {len(labels)} labels")

    line_height = 0.21 / (ax.get_position().height * ax.figure.get_figheight())  # of a line of text, in axes heights
    beside = count == 1 and gaps[0] > 0  # else both numbers stand below the line
    above, below = 1.7 * line_height, (1.7 if beside else 2.7) * line_height
    span = (gaps.max() or 1.0) / (1 - above - below)  # nats in an axes height
    ax.set(xlim=(-0.5, count - 0.5), ylim=(log_Z - gaps.max() - below * span, log_Z + above * span))
    digits, small = _decimals(gaps.max()), {"fontsize": 12 if count <= 3 else 11 if count <= 5 else 9}
    for x, (line, gap) in enumerate(zip(lines, gaps, strict=True)):
        size = _gap(gap, digits)
        value = f"$-J$ = {_nats(line, digits)}" if count <= 3 else _nats(line, digits)
        ax.bar(x, gap, 0.4, bottom=line, **(GAP_FILL if hatched else GAP_FILL | {"hatch": None}))
        ax.plot([x - 0.3, x + 0.3], [line, line], **Q_LINE, zorder=3)
        _note(ax, value if beside else f"{value}\n{size}", (x, line), (0, -5), ha="center", va="top", **small)
        if beside:
            _note(ax, size, (x + 0.2, line + gap / 2), (8, 0), va="center")
    ax.axhline(log_Z, color=INK, linewidth=3)
    _note(ax, f"log $Z$ = {_nats(log_Z, digits)}", (-0.5, log_Z), (4, 4), va="bottom")
    ax.set_xticks(range(count), labels, **small)
    ax.tick_params(axis="x", length=0)
    ax.spines["bottom"].set_visible(False)  # the axis has no floor: only differences mean something
    ax.yaxis.set_major_locator(MaxNLocator(5))
    ax.set_ylabel("nats")
    if title:
        ax.set_title(title)
    return ax


def flat_line(ax, z, log_ratio, log_Z, minus_J, *, q=None, title=None):
    """The flat line: log p_tilde - log q over z, its mean -J under q, and the ceiling log Z. Flat exactly when q = p.

    ax: matplotlib Axes. z, log_ratio: (n,), nats; -inf where p_tilde is zero is left out. log_Z, minus_J: nats.
    q: (n,), drawn as a shadow at the bottom, to show what the mean averages over. Returns ax.
    Raises ValueError if shapes differ, a number is NaN or +inf, q negative, or -J above log Z by more than rounding.
    """
    z, log_ratio = np.asarray(z, dtype=float), np.asarray(log_ratio, dtype=float)
    if z.ndim != 1 or z.size < 2 or any(np.shape(other) != z.shape for other in (log_ratio, z if q is None else q)):
        raise ValueError(f"z, log_ratio and q are (n,) with n >= 2, not {z.shape}, {log_ratio.shape}, {np.shape(q)}")
    if not np.isfinite(z).all() or np.isnan(log_ratio).any() or np.isposinf(log_ratio).any():
        raise ValueError("z must be finite, and log_ratio neither NaN nor +inf: leave out the z where q is zero")
    if q is not None and not (np.isfinite(q).all() and np.min(q) >= 0 < np.max(q)):
        raise ValueError("q must be finite, not negative and somewhere above zero")
    log_Z, (line,), (gap,) = _gaps(log_Z, np.atleast_1d(minus_J))

    shown = np.where(np.isfinite(log_ratio), log_ratio, np.nan)
    reach = 2.5 * max(gap, 0.4)  # nats: beyond that the curve runs out of the picture
    bottom = max(np.nanmin(shown, initial=line), line - reach)
    top = min(np.nanmax(shown, initial=log_Z), log_Z + reach)
    room, left, right = 0.25 * max(top - bottom, 1.0), z.min(), z.max()
    bottom, top, width = bottom - room * (1 if q is None else 2), top + room, right - left
    if q is not None:
        ax.fill_between(z, bottom, bottom + 1.5 * room * np.asarray(q) / np.max(q), color=Q, alpha=0.25, linewidth=0)
    ax.plot(z, shown, color=INK, linestyle="-", linewidth=1.8, marker="o" if z.size <= 20 else None)
    ax.axhline(log_Z, color=INK, linewidth=3)
    ax.axhline(line, **Q_LINE, zorder=3)
    ax.bar(right + 0.05 * width, gap, 0.06 * width, bottom=line, **GAP_FILL)
    digits = _decimals(gap)
    _note(ax, f"log $Z$\n{_nats(log_Z, digits)}", (right + 0.1 * width, log_Z), (0, 4), va="bottom")
    _note(ax, f"$-J$\n{_nats(line, digits)}", (right + 0.1 * width, line), (0, -5), va="top")
    ax.set(xlim=(left - 0.02 * width, right + 0.28 * width), ylim=(bottom, top), xlabel="$z$", ylabel="nats")
    ax.set_xticks(
        [tick for tick in MaxNLocator(5, integer=z.size <= 20).tick_values(left, right) if left <= tick <= right]
    )
    ax.yaxis.set_major_locator(MaxNLocator(5))
    if title:
        ax.set_title(title)
    return ax


def explorer(name, says, **data):
    """Leave the data of a live picture of the rendered book; wherever there is none, `says` is shown.

    name: its file in book/_static/explore, less the suffix. says: one sentence, what can be done there.
    data: numbers, strings, and lists, tuples, dicts or arrays of them, passed on in full precision.
    Raises ValueError if a number is not finite or the name is no name, TypeError for what JSON cannot hold.
    """
    if not re.fullmatch(r"[a-z]+(-[a-z]+)*", name):
        raise ValueError(f"an explorer's name is small letters and hyphens, not {name!r}")
    text = json.dumps(data, default=_plain, allow_nan=False)
    line = f"▷ {says}"
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        record = {"schema": 1, "explorer": name, "says": says, "data": json.loads(text)}
        ipython.display.display({"text/plain": line, EXPLORER: record}, raw=True)
    else:
        print(line)


def _plain(value):
    """An array, a tensor or a NumPy number as JSON can hold it."""
    if not hasattr(value, "tolist"):
        raise TypeError(f"an explorer's data are numbers, strings, lists, dicts and arrays, not {type(value).__name__}")
    return value.tolist()


def _gaps(log_Z, lines):
    """log Z, the lines and the gaps as float64, validated; a gap within rounding is 0."""
    log_Z, lines = float(log_Z), np.asarray(lines, dtype=float)
    if lines.ndim != 1 or lines.size == 0:
        raise ValueError(f"minus_J is a number or a row of them, not of shape {lines.shape}")
    if not (np.isfinite(log_Z) and np.isfinite(lines).all()):
        raise ValueError(f"log_Z and minus_J must be finite, not {log_Z} and {lines}")
    rounding = 1e-9 * max(1.0, abs(log_Z))
    if (lines - log_Z > rounding).any():
        raise ValueError(
            f"-J(q) = {lines.max()} stands above log Z = {log_Z}, and a lower bound cannot: J given for -J?"
        )
    return log_Z, lines, np.where(log_Z - lines <= rounding, 0.0, log_Z - lines)


def _decimals(gap):
    """Decimals that show a gap with two digits, from 1 to 4; two where there is none."""
    return int(np.clip(1 - np.floor(np.log10(gap)), 1, 4)) if gap > 0 else 2


def _nats(value, decimals):
    """A number with fixed decimals and a true minus sign, none before zero."""
    text = f"{value:.{decimals}f}"
    return text.replace("-", "\N{MINUS SIGN}" if text.strip("-0.") else "")


def _gap(gap, decimals):
    """The size of a gap: two digits at least, however small."""
    if gap == 0:
        return "tight"
    if gap < 1e-3:
        return f"gap {gap:.1e}".replace("-", "\N{MINUS SIGN}")
    return f"gap {_nats(gap, max(decimals, _decimals(gap)))}"


def _note(ax, text, place, offset, **how):
    """Text at a place in data coordinates, moved by an offset in points."""
    ax.annotate(text, place, offset, textcoords="offset points", **how)
