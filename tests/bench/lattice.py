"""Chapter 04 on large lattices: its checkerboard ascent, a loop over sites, and what the memory could give."""
import math

import numpy as np

import frame
from conftest import definitions

WHY = """
One sweep of `ascend_torus` (chapter 04) over an L × L torus in float64: every site is updated once, the black ones
first.
The loop is the same ascent in plain Python, site by site, on lists; both end at the same means, to 1e-12.

The limit is the memory.
A sweep has to read m and h and to write m, once for each colour: 48 bytes a site at the least.
Beside it stands `np.add(a, b, out=c)` on arrays of the same size, 24 bytes a site, twice.

What decides: the chapter's two lines of NumPy compute all sites and keep half, and each of their steps (four shifts,
their sum, the product, tanh, the choice, the copy into the path) passes once through memory.
That is about 500 bytes a site and sweep, and two values of tanh, where 48 and one would do; and all of it is new
memory each time, which large lattices feel most.
It is the price of code that reads as the equation does, and the book pays it: its own largest lattice has 1,024
sites.
"""
SIDES, LOOP_SIDES, BETA = (64, 128, 256, 512, 1024, 2048), (64, 256), 0.2


def by_loop(m, h, beta):
    """The same sweep in plain Python. m, h: L lists of L numbers -> the new m"""
    m, L = [row[:] for row in m], len(m)
    for colour in (0, 1):
        for i in range(L):
            above, row, below, field = m[i - 1], m[i], m[(i + 1) % L], h[i]
            for j in range((i + colour) % 2, L, 2):
                row[j] = math.tanh(field[j] + beta * (above[j] + below[j] + row[j - 1] + row[(j + 1) % L]))
    return m


def section(small=False):
    """The rows. -> Section"""
    ascend = definitions("notebooks/04_ising")["ascend_torus"]
    sides, loop_sides, rounds = ((8, 16), (8,), 1) if small else (SIDES, LOOP_SIDES, 9)
    part = frame.Section("Mean field on large lattices", WHY)
    medians = []
    for L in sides:
        rng = np.random.default_rng(L)
        m, h = rng.uniform(-1, 1, (2, L, L))
        a, b, c = rng.normal(size=(3, L, L))
        runs = {"ours": lambda m=m, h=h: ascend(m, h, BETA, 1), "add": lambda a=a, b=b, c=c: np.add(a, b, out=c)}
        if L in loop_sides:
            lists = m.tolist(), h.tolist()
            runs["loop"] = lambda lists=lists: by_loop(*lists, BETA)
            frame.same("the plain loop", ascend(m, h, BETA, 1)[-1], runs["loop"](), 1e-12)
        seconds = frame.in_turn(rounds, **runs)
        medians.append(np.median(seconds["ours"]))
        sweep = f"a sweep, L = {L}", seconds["ours"], L * L, "sites"
        if L in loop_sides:
            part.rows.append(row(sweep, "plain Python loop", seconds["loop"]))
        part.rows.append(row(sweep, "memory, 48 bytes a site", frame.scaled(seconds["add"], 2)))
    power = np.polyfit(np.log(sides), np.log(medians), 1)[0]
    part.notes.append(f"From L = {sides[0]} to {sides[-1]} a sweep takes time as L to the power {power:.2f}; "
                      "2 would be the same time for every site, whatever the cache holds.")
    return part


def row(sweep, beside, theirs):
    work, ours, amount, unit = sweep
    return frame.Row(work, beside, ours, theirs, amount, unit)
