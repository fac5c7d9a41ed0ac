"""elbokit.figures: the style, and that the gauge and the flat line show the numbers they were given, legibly."""

import re
import subprocess
import sys

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb, to_rgba

from conftest import ROOT
from elbokit import figures

mpl.use("agg")
book = settings(derandomize=True, deadline=None, max_examples=20)


@pytest.fixture
def ax():
    fig, ax = plt.subplots()
    yield ax
    plt.close(fig)


def texts(ax):
    """Every text in the axes that is not a tick label."""
    return [text for text in ax.texts if text.get_text()]


def boxes(ax):
    """The rectangles, in pixels, that texts and tick labels cover once drawn; and the figure's."""
    ax.figure.canvas.draw()
    labels = [label for label in ax.get_xticklabels() + ax.get_yticklabels() if label.get_text()]
    low, high = sorted(ax.get_ylim())
    labels = [label for label in labels if label.axes is ax and _visible(label, ax, low, high)]
    return [text.get_window_extent() for text in texts(ax) + labels], ax.figure.bbox


def _visible(label, ax, low, high):
    return label in ax.get_xticklabels() or low <= label.get_position()[1] <= high


def assert_legible(ax):
    """No text covers another, none leaves the figure, none is small."""
    found, figure = boxes(ax)
    for i, box in enumerate(found):
        assert figure.x0 - 1 <= box.x0 and box.x1 <= figure.x1 + 1, texts(ax)
        assert figure.y0 - 1 <= box.y0 and box.y1 <= figure.y1 + 1, texts(ax)
        for other in found[:i]:
            across = min(box.x1, other.x1) - max(box.x0, other.x0)
            down = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert across <= 1 or down <= 3, [text.get_text() for text in texts(ax)]
    assert min(text.get_fontsize() for text in texts(ax)) >= 9


def lines_at(ax, height):
    return [
        line for line in ax.lines if np.allclose(line.get_ydata(), height, rtol=0, atol=1e-12 * max(1, abs(height)))
    ]


# The gauge


@book
@given(
    st.floats(-2000, 2000),
    st.lists(st.one_of(st.just(0.0), st.floats(1e-6, 300)), min_size=1, max_size=5),
)
@example(-1.2, [0.7])
@example(0.0, [0.0])
@example(-523.4, [46.7, 0.5, 0.01, 7.0, 0.0])
@example(1234.5, [1e-7, 2e-7])
@example(-0.001, [6e-5, 0.0004, 0.02])
def test_the_gauge_shows_its_numbers(log_Z, gaps):
    fig, ax = plt.subplots()
    lines = [log_Z - gap for gap in gaps]
    assert figures.gauge(ax, log_Z, lines if len(lines) > 1 else lines[0]) is ax
    bottom, top = ax.get_ylim()
    assert bottom < min(lines) and log_Z < top
    assert any(line.get_color() == figures.INK for line in lines_at(ax, log_Z)), "the ceiling"
    assert len(ax.patches) == len(gaps)
    for patch, line, gap in zip(ax.patches, lines, gaps, strict=True):  # only the gap is filled
        assert patch.get_y() == pytest.approx(line, abs=1e-12 * max(1, abs(log_Z)))
        assert patch.get_height() == pytest.approx(gap, abs=2e-9 * max(1, abs(log_Z)))
        assert any(drawn.get_color() == figures.Q for drawn in lines_at(ax, line))
    said = " ".join(text.get_text() for text in texts(ax)).replace("\N{MINUS SIGN}", "-")
    (ceiling,) = re.findall(r"log \$Z\$ = ([-\d.]+)", said)
    assert float(ceiling) == pytest.approx(log_Z, abs=0.0501)
    wide = [log_Z - line for line in lines if log_Z - line > 1e-9 * max(1, abs(log_Z))]
    assert said.count("tight") == len(gaps) - len(wide)
    assert sorted(map(float, re.findall(r"gap ([-\de.]+)", said))) == pytest.approx(sorted(wide), rel=0.06)
    assert_legible(ax)
    plt.close(fig)


def test_the_gauge_has_no_zero_and_no_floor(ax):
    figures.gauge(ax, -520.0, [-530.0, -522.0], ["worse", "better"], title="Two q")
    assert ax.get_ylim()[1] < -500 and ax.get_ylim()[0] > -550
    assert not ax.spines["bottom"].get_visible()
    assert ax.get_ylabel() == "nats" and ax.get_title() == "Two q"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["worse", "better"]


def test_what_is_hatched(ax):
    figures.gauge(ax, 1.0, 0.5)
    figures.gauge(ax, 1.0, 0.5, hatched=False)
    assert [bool(patch.get_hatch()) for patch in ax.patches] == [True, False]


def test_gauges_side_by_side_and_small():
    fig, axes = plt.subplots(1, 2)
    for ax in axes:
        figures.gauge(ax, 2.0, 1.4)
    for ax in axes:
        assert_legible(ax)
    plt.close(fig)


@pytest.mark.parametrize(
    ("log_Z", "minus_J", "labels"),
    [
        (1.0, 1.1, None),
        (1.0, [0.5, 1.0001], None),
        (-523.4, -523.3, None),
        (np.nan, 0.5, None),
        (1.0, np.nan, None),
        (1.0, -np.inf, None),
        (np.inf, 0.5, None),
        (1.0, [], None),
        (1.0, [[0.5]], None),
        (1.0, [0.5, 0.6], ["one"]),
        (1.0, 0.5, ["one", "two"]),
        (1.0, [0.5, 0.6], "ab"),
    ],
)
def test_a_gauge_that_would_lie_is_refused(ax, log_Z, minus_J, labels):
    with pytest.raises(ValueError):
        figures.gauge(ax, log_Z, minus_J, labels)


def test_rounding_is_tight(ax):
    figures.gauge(ax, 0.3, 0.1 + 0.2)
    assert "tight" in " ".join(text.get_text() for text in texts(ax))


# The flat line

z = np.linspace(-3, 3, 200)


@book
@given(st.floats(-500, 500), st.floats(0, 20), st.booleans())
def test_the_flat_line_shows_its_numbers(log_Z, gap, shadow):
    fig, ax = plt.subplots()
    curve = log_Z - gap * z**2
    assert figures.flat_line(ax, z, curve, log_Z, log_Z - gap, q=np.exp(-(z**2)) if shadow else None) is ax
    assert any(np.array_equal(line.get_ydata(), curve) for line in ax.lines)
    assert len(lines_at(ax, log_Z)) >= 1 and any(line.get_color() == figures.Q for line in lines_at(ax, log_Z - gap))
    assert ax.get_ylim()[0] < log_Z - gap and log_Z < ax.get_ylim()[1]
    assert ax.get_xlabel() and ax.get_ylabel() == "nats"
    assert_legible(ax)
    plt.close(fig)


def test_a_flat_line_leaves_out_what_p_tilde_lacks(ax):
    figures.flat_line(ax, [0, 1, 2, 3], [0.5, -np.inf, 1.0, 0.2], 1.0, 0.5, title="four states")
    assert np.isnan(ax.lines[0].get_ydata()[1]) and ax.get_title() == "four states"
    assert all(tick == round(tick) for tick in ax.get_xticks()), "states are whole numbers"


@pytest.mark.parametrize(
    "change",
    [
        {"z": z[:-1]},
        {"z": np.full(200, np.nan)},
        {"z": 3.0},
        {"log_ratio": np.full(200, np.nan)},
        {"log_ratio": np.full(200, np.inf)},
        {"log_Z": np.nan},
        {"minus_J": 1.2},
        {"minus_J": -np.inf},
        {"q": np.ones(3)},
        {"q": -np.ones(200)},
        {"q": np.zeros(200)},
        {"q": np.full(200, np.nan)},
    ],
)
def test_a_flat_line_that_would_lie_is_refused(ax, change):
    right = {"z": z, "log_ratio": 1 - z**2, "log_Z": 1.0, "minus_J": 0.5, "q": np.ones(200)}
    with pytest.raises(ValueError):
        figures.flat_line(ax, **(right | change))


# The style


def luminance(rgb):
    rgb = np.asarray(rgb)
    return np.where(rgb <= 0.03928, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def dark(colour):
    """A colour after the CSS filter invert(.92) hue-rotate(180deg)."""
    red, green, blue = 0.92 - 0.84 * np.array(to_rgb(colour))
    grey = 2 * (0.213 * red + 0.715 * green + 0.072 * blue)
    return np.clip(grey - np.array([red, green, blue]), 0, 1)


def colour_blind(colour, missing):
    """As a dichromat sees it (Viénot, Brettel and Mollon 1999); missing: the cone, "L" or "M"."""
    to_lms = np.array([[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]])
    L, M, S = to_lms @ np.power(to_rgb(colour), 2.2)
    L, M = (2.02344 * M - 2.52581 * S, M) if missing == "L" else (L, 0.494207 * L + 1.24827 * S)
    return np.clip(np.linalg.solve(to_lms, [L, M, S]), 0, 1) ** (1 / 2.2)


@pytest.mark.parametrize("colour", [figures.P, figures.Q, figures.GAP, figures.INK])
def test_colours_are_seen_in_light_and_dark(colour):
    assert contrast(to_rgb(colour), (1, 1, 1)) >= 3
    assert contrast(dark(colour), np.full(3, 18 / 255)) >= 3


@pytest.mark.parametrize("seen_by", [to_rgb, dark, lambda c: colour_blind(c, "L"), lambda c: colour_blind(c, "M")])
def test_p_q_and_gap_are_told_apart(seen_by):
    fill = 1 - (1 - np.array(to_rgb(figures.GAP))) * to_rgba(figures.GAP_FILL["facecolor"])[3]  # the tint on white
    colours = [np.array(seen_by(colour)) for colour in (figures.P, figures.Q, tuple(fill))]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert np.linalg.norm(colours[one] - colours[other]) > 0.3
    assert figures.P_LINE["linestyle"] != figures.Q_LINE["linestyle"] and figures.GAP_FILL["hatch"]


def test_lines_of_a_plot_differ_in_more_than_colour(ax):
    styles = {ax.plot([0, 1])[0].get_linestyle() for _ in range(4)}
    assert len(styles) == 4


def test_style():
    assert tuple(mpl.rcParams["figure.figsize"]) == (5, 3.1) and mpl.rcParams["font.size"] == 12
    assert not mpl.rcParams["axes.spines.top"] and not mpl.rcParams["axes.spines.right"]


@pytest.mark.parametrize(("book", "corner"), [(None, 255), ("1", 0), ("0", 255), ("", 255)])
def test_transparent_only_in_the_book(book, corner):
    code = """
import io, matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt
from elbokit import figures
fig, ax = plt.subplots()
figures.gauge(ax, 1.0, 0.5)
file = io.BytesIO()
fig.savefig(file)
file.seek(0)
picture = plt.imread(file)
print(int(255 * picture[2, 2, 3]), int(255 * picture[picture.shape[0] // 2, -5, 3]), *picture.shape)
"""
    env = {"PATH": "", "MPLCONFIGDIR": mpl.get_configdir()} | ({} if book is None else {"ELBO_BOOK": book})
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT / "notebooks", env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(corner), str(corner), "310", "500", "4"]
