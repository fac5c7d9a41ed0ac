"""The benchmark: `make bench`, or `python tests/bench/bench.py [--tests] [ROWS …]`.

Times the book beside its peers and beside the limits of the machine, and writes tests/bench/RESULTS.md, whole or not at
all. ROWS choose groups (book, lattice, mixture, conjugate, training, evidence): these are printed, and the page stays
as it is. `--tests` times the whole suite too, which takes as long as `make test`. Before anything is timed, the two
sides have to give the same answer; if they don't, that is said, and the exit status is 1.
"""
import argparse
import datetime
import sys
from pathlib import Path

import builds
import conjugate
import frame
import lattice
import run
import vae

PAGE = Path(__file__).resolve().parent / "RESULTS.md"
GROUPS = {
    "book": builds.section, "lattice": lattice.section, "mixture": conjugate.gmm, "conjugate": conjugate.normal_gamma,
    "training": vae.training, "evidence": vae.evidence,
}
OPENING = """
# Benchmark

Written by `make bench`, for maintainers: what the numbers are, and how to have them again.

Each row has two pieces of work, or a piece of work and the least that the machine allows it.
Two pieces of work have to give the same answer, which is asserted before they are timed.
They run by turns, forwards and backwards, and the figures are medians over the rounds: of the processor's seconds,
which on a quiet machine are the clock's (the builds go by the clock).
**The ratio is the other's time divided by the book's, round by round: above 1 the book is ahead, and beside a limit of
the machine it is the share of the limit that is reached.**
The last column is the middle half of the ratios.
Where the book is behind, the text above the table says why.
"""


def page(sections, before):
    """The whole text. before: the load when it began."""
    about = [f"Measured on {datetime.date.today().isoformat()}, on", "", *frame.machine()]
    about.append(frame.busy([before, frame.load()]))
    return "\n\n".join([OPENING.strip(), "\n".join(about), *(section.text() for section in sections)]) + "\n"


def measured(wanted, small=False):
    """The sections that are wanted, each printed as it comes."""
    for name in wanted:
        section = GROUPS[name](small)
        print(section.text(), end="\n\n", flush=True)
        yield section


def main(arguments=None, target=PAGE, small=False):
    """The command line. -> exit status"""
    parser = argparse.ArgumentParser(description="Time the book beside its peers and the limits of the machine.")
    parser.add_argument("rows", nargs="*", metavar="ROWS", help=f"of {', '.join(GROUPS)} (default: all, and the page)")
    parser.add_argument("--tests", action="store_true", help="time the whole suite too: many minutes")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.rows if name not in GROUPS]:
        parser.error(f"there are no rows {', '.join(unknown)}, but {', '.join(GROUPS)}")
    before = frame.load()
    frame.one_thread()
    try:
        sections = list(measured(options.rows or GROUPS, small))
        if options.tests:
            sections.append(builds.tests())
        if not options.rows:
            run.write(target, page(sections, before))
            print(f"written: {target.name}")
    except frame.Different as error:
        print(f"✗ {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
