"""The book's figures: importing this sets matplotlib's style; `gauge` and `flat_line` draw the two recurring pictures.

Figures are white, so that they show in a dark JupyterLab; where ELBO_BOOK=1, in the book's build, they are transparent,
and in dark mode the page turns them with invert(.92) hue-rotate(180deg). Colours and line styles always mean the same:
p is P and solid, q is Q and dashed, the gap between them is GAP and hatched, and all else is INK.
"""

import os
import sys

import matplotlib as mpl
import numpy as np
from cycler import cycler

P, Q, GAP, INK = "#0072B2", "#D55E00", "#9B6BB3", "#222222"
P_LINE = {"color": P, "linestyle": "-", "linewidth": 2.2}
Q_LINE = {"color": Q, "linestyle": (0, (4, 1.6)), "linewidth": 2.2}
GAP_FILL = {"facecolor": GAP + "55", "edgecolor": GAP, "hatch": "///", "linewidth": 0}

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
    """The gauge: a ceiling at log Z, for each q a line at -J(q) below it, and the gap between them, filled.

    ax: matplotlib Axes. log_Z, minus_J: in nats, a number and one number or a sequence of k of them, side by side.
    labels: k names of the q. hatched: False where the gap can be computed outside a toy too. Returns ax.
    Raises ValueError if a number is not finite or some -J(q) stands above log Z by more than rounding.
    """
    log_Z, lines = float(log_Z), np.atleast_1d(np.asarray(minus_J, dtype=float))
    k = lines.size
    if lines.ndim != 1 or k == 0:
        raise ValueError(f"minus_J is one number or a sequence of them, not of shape {lines.shape}")
    if not (np.isfinite(log_Z) and np.isfinite(lines).all()):
        raise ValueError(f"log_Z = {log_Z} and minus_J = {minus_J} must be finite")
    rounding = 1e-9 * max(1.0, abs(log_Z))
    gaps = log_Z - lines
    if (gaps < -rounding).any():
        raise ValueError(f"-J(q) = {lines.max()} stands above log Z = {log_Z}: no lower bound does, is its sign J's?")
    gaps = np.where(gaps <= rounding, 0.0, gaps)
    if labels is None:
        labels = ["$q$"] if k == 1 else [f"$q_{{{i}}}$" for i in range(1, k + 1)]
    if isinstance(labels, str):
        labels = [labels]
    if len(labels) != k:
        raise ValueError(f"{k} values of minus_J but {len(labels)} labels")

    span = gaps.max() or 1.0
    ax.set(xlim=(-0.75, k - 0.25), ylim=(log_Z - 1.35 * span, log_Z + 0.2 * span), title=title)
    ax.axhline(log_Z, color=INK, linewidth=2.5)
    ax.text(-0.7, log_Z, f"log Z = {log_Z:.2f}", va="bottom")
    for x, (line, gap) in enumerate(zip(lines, gaps, strict=True)):
        ax.bar(x, gap, 0.5, line, **GAP_FILL)
        ax.plot([x - 0.25, x + 0.25], [line, line], **Q_LINE)
        ax.text(x, line, f"{line:.2f}", va="top", ha="center", color=Q)
        ax.text(x + 0.28, line + gap / 2, f"{gap:.2f}" if gap else "tight", va="center", color=GAP)
    ax.set_xticks(range(k), labels)
    ax.set_ylabel("nats")
    return ax
