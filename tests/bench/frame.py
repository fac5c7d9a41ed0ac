"""The frame of the benchmark: work timed in turn, the rows of a table, and the page that holds them.

A number of seconds says as much of the machine as of the work, so every row is a ratio: two pieces of work that give
the same answer, one after the other, round after round. What slows the machine for a while slows both.
Seconds are the processor's, of this process: on a quiet machine one thread takes as many by the clock, and on a busy
one waiting does not count.
"""
import importlib.metadata
import math
import os
import platform
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import threadpoolctl
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("tests", "notebooks", "book", "book/_ext")]

import run  # noqa: E402

SHORTEST = 0.02  # seconds that are timed as one piece: what is shorter is repeated
HEAD = "| the work | the book | beside it | its figure | ratio | middle half of the rounds |\n|---|--:|---|--:|--:|--:|"
LIBRARIES = ("numpy", "scipy", "torch", "scikit-learn", "bayespy", "pyro-ppl", "sphinx", "jupyter-book")


class Different(Exception):
    """Two sides of a row do not give the same answer, or one gives none, so that their times say nothing."""


@dataclass(frozen=True)
class Row:
    """Seconds of the book and of what stands beside it, round by round, for one piece of work. `unit` of `amount`."""

    work: str
    beside: str
    ours: list
    theirs: list
    amount: float = 0.0
    unit: str = "s"

    @property
    def ratios(self):
        return np.divide(self.theirs, self.ours)

    def line(self):
        """The row of the table."""
        low, middle, high = np.quantile(self.ratios, (0.25, 0.5, 0.75))
        spread = f"{times(low)} to {times(high)}" if len(self.ratios) > 1 else "one round"
        figures = [self.figure(np.median(seconds)) for seconds in (self.ours, self.theirs)]
        return f"| {self.work} | {figures[0]} | {self.beside} | {figures[1]} | **{times(middle)}** | {spread} |"

    def figure(self, seconds):
        """Seconds, or what is done in one of them: 1.23 M sites/s."""
        return short(self.amount / seconds, f"{self.unit}/s") if self.amount else short(seconds, "s")


def times(ratio):
    """A ratio in three digits, in two below one: 1,330, 12.3, 0.45, 0.022."""
    if ratio >= 99.95:
        return f"{float(f'{ratio:.3g}'):,.0f}"
    return f"{ratio:.1f}" if ratio >= 9.995 else f"{ratio:.2f}" if ratio >= 0.0995 else f"{ratio:.2g}"


def short(value, unit):
    """A positive number in three digits, with its unit: 12.3 ms, 456 k images/s."""
    power = min(max(math.floor(math.log10(value) / 3), -3), 4)
    value, prefix = value / 1000.0**power, {-3: "n", -2: "µ", -1: "m", 0: "", 1: "k", 2: "M", 3: "G", 4: "T"}[power]
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} {prefix}{'' if unit == 's' or not prefix else ' '}{unit}"


@dataclass
class Section:
    """A group of rows with its text. `why` says what is compared, why it is the same work, and what decides it."""

    title: str
    why: str
    rows: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    def text(self):
        """The section of the page."""
        table = [HEAD, *(row.line() for row in self.rows), ""] if self.rows else []
        return "\n".join([f"## {self.title}", "", self.why.strip(), "", *table, *self.notes]).strip()


def in_turn(rounds, **runs):
    """Seconds of each run, all of them in every round, forwards and backwards by turns. -> name -> list, a round each

    A round more at the start warms up, and says how often a short run is repeated."""
    seconds, repeats = {name: [] for name in runs}, {}
    for name, work in runs.items():
        repeats[name] = max(1, math.ceil(SHORTEST / max(timed(work), 1e-6)))
    for number in range(rounds):
        for name in list(runs)[:: 1 if number % 2 else -1]:
            seconds[name].append(timed(runs[name], repeats[name]))
    return seconds


def timed(work, repeats=1):
    """Seconds of the processor that one run takes, the mean of some: all threads count, and waiting does not."""
    start = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - start) / repeats


def scaled(seconds, factor):
    return [each * factor for each in seconds]


def same(what, ours, theirs, tol=1e-9):
    """Raises Different unless two answers agree to `tol`, relative to their size where that is above one."""
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    off = np.abs(ours - theirs).max() / max(1.0, np.abs(theirs).max())
    if not off <= tol:
        raise Different(f"{what}: the two sides are {off:.1e} apart, and {tol:.0e} is allowed; nothing was timed")


def one_thread():
    """Holds NumPy's, SciPy's, scikit-learn's and torch's products to one thread, for good."""
    torch.set_num_threads(1)
    threadpoolctl.threadpool_limits(1)


def machine():
    """What the numbers depend on, as lines of a list."""
    versions = [f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES if installed(name)]
    pools = {pool["internal_api"]: pool["num_threads"] for pool in threadpoolctl.threadpool_info()}
    threads = ", ".join(f"{name} {count}" for name, count in ({"torch": torch.get_num_threads()} | pools).items())
    return [
        f"- {processor()}, {run.cores()} cores, {platform.system()}",
        f"- Python {platform.python_version()}, {', '.join(versions)}",
        f"- threads, where a row does not say otherwise: {threads}",
    ]


def installed(name):
    try:
        return bool(importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return False


def processor():
    """The processor's name, and its caches and widest vectors as far as this system tells."""
    name = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        lines = [line.partition(":")[2].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
        name = lines[0] if lines else name
    return f"{name} ({torch.backends.cpu.get_cpu_capability()})"


def load():
    """How many processes want to run, on average over the last minute; where the system does not tell, nan."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else math.nan


def busy(loads):
    """A line on the load, with a warning if it was more than the cores can serve. loads: at the start, at the end"""
    line = "- load average " + " at the start, ".join(f"{each:.1f}" for each in loads) + " at the end"
    if max(loads) > run.cores() + 1:
        line += ": **busy**, so that the builds, which go by the clock, took longer than they need"
    return line
