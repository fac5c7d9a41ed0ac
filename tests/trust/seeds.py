"""Does the book hold for other random numbers too? `make trust`, or `python tests/trust/seeds.py [NOTEBOOK …]`.

Runs every notebook with the seeds 0, 1, …, each in a process of its own, and writes what every check said to
_build/trust/, one line for each run; a run of the same code is not made again, so an interrupted `make trust` goes on
where it stopped. Then it reports, for each check: how often it passed, the worst residual as a share of what is
allowed, and, for a sampled mean, whether its scores z = (mean − exact) / (standard error) follow the normal law.

Of S seeds the sum of the squares of a mean's scores is chi-square with S degrees of freedom. A check is *odd* if that
sum lies in the outermost parts of this law, in a thousand for all means of the book together: so narrow or so wide that
an allowance in standard errors means nothing. Nothing fails here; what is odd is for a person to look at.
"""
import argparse
import contextlib
import functools
import json
import multiprocessing
import os
import platform
import re
import sys
import time
from collections import defaultdict
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import mutants  # noqa: E402  before NumPy, which it holds to one thread; it knows the way to book/_ext
import run  # noqa: E402

OUT = ROOT / "_build" / "trust"
MANY, FEW = 50, 10  # seeds of a quick notebook, and of one that trains a network
PACKAGES = ("numpy", "scipy", "torch")
SLOW = ("09", "10", "11", "A")
LIMIT = 1800  # seconds one run may take
CHANCE = 1e-3  # that a book without fault has an odd check


def notebooks():
    """The names of all notebooks, as `mutants.load` takes them."""
    return [doc.removeprefix("notebooks/") for doc, path in run.sources(ROOT).items() if path.suffix == ".ipynb"]


def seeds_of(name, seeds):
    """How many seeds a notebook gets."""
    return seeds or (FEW if Path(name).name.split("_")[0] in SLOW else MANY)


@functools.cache
def key_of(name):
    """A hash of all that decides what a notebook's checks say, but the seed."""
    code = sorted(run.seen_by(ROOT, ROOT / "notebooks" / f"{name}.ipynb").items())
    versions = [platform.python_version(), *(metadata.version(package) for package in PACKAGES)]
    return run.digest(code, run.tree(ROOT, "notebooks/elbokit"), run.tree(ROOT, "notebooks/data"), versions)


def witnessed(notebook, seed):
    """Runs a notebook in this process. -> dict: outcome, what failed, seconds, and a record of each check"""
    from elbokit import check

    records, start = [], time.perf_counter()

    def note(line, what, record):
        if what == "check" and not check._awaited:
            records.append({"cell": cell(), **record})

    def cell():
        """The cell that runs: the outermost frame of the notebook's code."""
        frame, name = sys._getframe(), ""
        while frame := frame.f_back:
            name = frame.f_code.co_filename if frame.f_code.co_filename.startswith("<" + notebook.name) else name
        return name.rpartition("cell ")[2].rstrip(">")

    os.environ["ELBO_SEED"] = str(seed)
    check._show = note
    outcome = mutants.run(notebook, range(len(notebook.cells)))
    failed = "" if outcome.kind == "passed" else f"cell {notebook.cells[outcome.cell].id}: {outcome.message}"
    return {"failed": failed, "seconds": time.perf_counter() - start, "checks": records}


def one(task):
    """The run of one (name, seed, key), in a fork of its own. -> dict"""
    name, seed, key = task
    answer = mutants.in_fork(witnessed, mutants.load(name), seed, limit=LIMIT)
    if isinstance(answer, mutants.Outcome):
        answer = {"failed": answer.message, "seconds": 0.0, "checks": []}
    return {"notebook": name, "seed": seed, "key": key, **answer}


def rows(path):
    """The rows of a record, one JSON object a line. A line cut off by an interruption is passed over."""
    with contextlib.suppress(FileNotFoundError):
        for line in path.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError):
                yield json.loads(line)


@contextlib.contextmanager
def appending(path):
    """A function that adds a row to a record, at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.write("\n" if file.tell() else "")  # ends a line that was cut off
        yield lambda row: (file.write(json.dumps(row) + "\n"), file.flush())


def run_all(tasks, out, jobs):
    """Yields the run of every task, those on record first; records each new one as it comes."""
    path = out / "runs.jsonl"
    before = {(made["notebook"], made["seed"], made["key"]): made for made in rows(path)}
    yield from (before[task] for task in tasks if task in before)
    todo = [task for task in tasks if task not in before]
    mutants.warm_up({mutants.load(name) for name, *_ in todo})
    with appending(path) as record, multiprocessing.get_context("fork").Pool(jobs) as pool:
        for made in pool.imap_unordered(one, todo):
            record(made)
            yield made


# ---------------------------------------------------------------- the report


def by_check(runs):
    """The records of each check over the seeds: {(notebook, cell, place in it, equation, kind): [record, …]}."""
    checks = defaultdict(list)
    for made in runs:
        places = defaultdict(int)
        for record in made["checks"]:
            cell = record["cell"]
            places[cell] += 1
            checks[made["notebook"], cell, places[cell], record["name"], record["kind"]].append(record)
    return checks


def law(scores, means):
    """How the scores of one check compare with the normal law. scores: (S, k) -> (spread, bias, odd or not)

    spread: root mean square of all; bias: the mean of all; means: of how many the whole report judges the spread."""
    import numpy as np
    from scipy import stats

    scores = np.asarray(scores)
    sums = (scores**2).sum(0)
    outer = 2 * np.minimum(stats.chi2.cdf(sums, len(scores)), stats.chi2.sf(sums, len(scores)))
    return float(np.sqrt((scores**2).mean())), float(scores.mean()), bool(outer.min() < CHANCE / means)


def table(head, rows):
    """A Markdown table; numbers to the right. -> str"""
    if not rows:
        return "None."
    marks = ["---:" if all(re.fullmatch(r"[-+.,e\d]+", cell) for cell in column) else "---" for column in zip(*rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, marks, *rows))


def of_notebooks(runs, checks):
    """The table of the notebooks: runs, passes, and how much of an allowance was used up."""
    per, lines = defaultdict(list), []
    for made in runs:
        per[made["notebook"]].append(made)
    for name in filter(per.__contains__, notebooks()):
        own = {key: records for key, records in checks.items() if key[0] == name}
        share = max((r["worst"] / r["tolerance"] for rs in own.values() for r in rs if r["tolerance"]), default=0)
        passed = sum(not made["failed"] for made in per[name])
        seconds = sorted(made["seconds"] for made in per[name])[len(per[name]) // 2]
        lines.append([name, str(len(per[name])), str(passed), str(len(own)), f"{share:.2g}", f"{seconds:.1f}"])
    return table(["notebook", "seeds", "passed", "checks", "worst / allowed", "median s"], lines)


def of_scores(checks):
    """The table of the sampled means: do their scores follow the normal law?"""
    sampled, lines = {key: records for key, records in checks.items() if key[-1] == "mean"}, []
    means = sum(len(records[0]["scores"]) for records in sampled.values())
    for (name, cell, place, equation, _), records in sampled.items():
        spread, bias, odd = law([record["scores"] for record in records], means)
        lines.append([name, f"{cell}, {place}", f"({equation})", str(len(records)), str(len(records[0]["scores"])),
                     f"{spread:.2f}", f"{bias:+.2f}", f"{max(r['worst'] for r in records):.2f}",
                     f"{min(r['mistake_z'] or 0 for r in records):.1f}", "ODD" if odd else ""])
    head = ["notebook", "cell", "equation", "seeds", "means", "spread", "mean", "worst z", "mistake's z", ""]
    return table(head, lines)


def of_checks(checks):
    """The table of every check: its worst residual over the seeds."""
    lines = []
    for (name, cell, place, equation, kind), records in checks.items():
        worst = max(record["worst"] for record in records)
        lines.append([name, f"{cell}, {place}", f"({equation})", kind, str(len(records)), f"{worst:.1e}",
                     f"{records[0]['tolerance']:.0e}", f"{worst / records[0]['tolerance'] if worst else 0:.2g}"])
    return table(["notebook", "cell", "equation", "kind", "seeds", "worst residual", "allowed", "share"], lines)


def report(runs):
    """The report, as Markdown."""
    checks = by_check(runs)
    failures = [f"- {made['notebook']}, seed {made['seed']}: {made['failed']}" for made in runs if made["failed"]]
    versions = ", ".join(f"{package} {metadata.version(package)}" for package in PACKAGES)
    made = sum(len(each["checks"]) for each in runs)
    counts = f"{len(runs):,} runs, {len(runs) - len(failures):,} passed; {made:,} checks. {versions}."
    sections = ["# Seeds", counts, of_notebooks(runs, checks), "## What failed", "\n".join(failures or ["Nothing."]),
                "## Scores of the sampled means", "By the normal law their spread is 1 and their mean 0.",
                of_scores(checks), "## Every check", of_checks(checks)]
    return "\n\n".join(sections) + "\n"


def main(arguments=None):
    """The command line. -> exit status"""
    parser = argparse.ArgumentParser(description="Run the notebooks with many seeds; report what every check said.")
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="such as solutions/01_kl (default: all)")
    parser.add_argument("--seeds", type=int, help=f"how many for each (default: {MANY}; {FEW} for {', '.join(SLOW)})")
    parser.add_argument("--jobs", type=int, default=run.cores(), help="how many at a time (default: one a core)")
    options = parser.parse_args(arguments)
    if unknown := set(options.notebooks) - set(notebooks()):
        parser.error(f"no notebook {', '.join(sorted(unknown))}; there are {', '.join(notebooks())}")
    if min(options.seeds or 1, options.jobs) < 1:
        parser.error("--seeds and --jobs are to be 1 or more")
    tasks = []
    for name in options.notebooks or notebooks():
        tasks += [(name, seed, key_of(name)) for seed in range(seeds_of(name, options.seeds))]
    runs = []
    for made in run_all(tasks, OUT, options.jobs):
        runs.append(made)
        if made["failed"] or len(runs) % 20 == 0 or len(runs) == len(tasks):
            print(f"  {len(runs)}/{len(tasks)}" + (f"  ✗ {made['notebook']}, seed {made['seed']}: {made['failed']}"
                  if made["failed"] else ""), flush=True)
    text = report(sorted(runs, key=lambda made: (made["notebook"], made["seed"])))
    run.write(OUT / "seeds.md", text)
    print(text.partition("## Every check")[0])
    print(f"Every check: {(OUT / 'seeds.md').relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
