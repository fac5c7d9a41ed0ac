"""Builds the book: `make book`, or `python book/build.py [--force] [--jobs N]`.

Runs the notebooks that are out of date, checks the ledger, lets Jupyter Book make the site aside, and only if all of
that went without a failure or a warning puts the new site in the place of the old one, _build/html. What fails, fails
every time: nothing of a failed build is kept but the notebooks that ran well. Exit status: 0, or 1, or 130 if stopped.
"""

import argparse
import importlib.metadata
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import address  # noqa: E402
import ledger  # noqa: E402
import run  # noqa: E402

BUILD = ROOT / "_build"
SITE = BUILD / "html"
NEW, OLD = BUILD / ".html.new", BUILD / ".html.old"  # beside it while one takes the place of the other
ASIDE = BUILD / "aside"  # Jupyter Book's output folder; the site is made in ASIDE/_build/html
STAMP = ASIDE / "made-from"  # of what all pages of the site aside were made
RECORD = BUILD / "made-from.json"  # of what the site was made, and what it looked like then
JUPYTER_BOOK = (
    "import sys; sys.modules['rfc3987_syntax'] = None; "  # two seconds: see run.py
    "from jupyter_book.cli.main import main; main()"
)
NOISE = ("Running Jupyter-Book", "Source Folder:", "Config Path:", "Output Path:", "Traceback", "  File ", "    ")
NOISE += ("Please also report", "A bug report can", "The above exception", "=====", "There was an error in building")


def main():
    """The command line. -> exit status"""
    parser = argparse.ArgumentParser(description="Build the book into _build/html.")
    parser.add_argument("--force", action="store_true", help="execute every notebook and make every page again")
    parser.add_argument("--jobs", type=int, help="how many notebooks at a time (default: one for each core)")
    options = parser.parse_args()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace", line_buffering=True)
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopped politely is stopped as by Ctrl-C
        with run.lock(BUILD / ".lock") as lock:
            return build(options, lock)
    except (run.BuildError, ledger.LedgerError) as error:
        print(f"\n{error}\n", file=sys.stderr)
        return _failed("failed")
    except KeyboardInterrupt:
        return _failed("stopped", 130)
    except OSError as error:
        print(f"\n✗ {in_short(error)}\n", file=sys.stderr)
        return _failed("failed")


def build(options, lock):
    """Builds the book, under the lock; raises BuildError or LedgerError. -> exit status"""
    start = time.perf_counter()
    put_back()
    version = importlib.metadata.version("jupyter-book")
    if not version.startswith("1."):
        raise run.BuildError(f"✗ this book needs Jupyter Book 1, not {version}: see README")
    address.site(os.environ)  # a wrong one is told now, not after minutes
    print("notebooks")
    everything = run.pages(ROOT, run.run(ROOT, force=options.force, jobs=options.jobs))
    book = ledger.build(everything)
    executed = time.perf_counter()
    print(f"  {ledger.summary(book)}")

    print("site")
    for_all = ingredients()
    made_from = run.digest(for_all, everything, looks(ROOT))
    if not options.force and recorded() == {"made_from": made_from, "looks": looks(SITE)}:
        print("  nothing has changed")
    else:
        if options.force or not STAMP.is_file() or STAMP.read_text() != for_all:
            shutil.rmtree(ASIDE, ignore_errors=True)
        try:
            STAMP.unlink(missing_ok=True)  # so that a build cut short is not built upon
            made = pages_made(list(everything), lock)
            STAMP.write_text(for_all)
        except BaseException:
            shutil.rmtree(ASIDE, ignore_errors=True)  # half a build, or one with warnings, must not be built upon
            raise
        put_in_place(made)
        run.write(RECORD, json.dumps({"made_from": made_from, "looks": looks(SITE)}))
    end = time.perf_counter()
    print(f"  {ledger.count(len(everything), 'page')}; notebooks {executed - start:.1f} s, site {end - executed:.1f} s")
    print(f"\n  {(SITE / 'index.html').as_uri()}\n")
    return 0


def ingredients():
    """A hash of what every page depends on; if it has changed, all pages are made anew. -> str"""
    files = [[name, (ROOT / name).read_bytes()] for name in ("_config.yml", "_toc.yml")]
    folders = [run.tree(ROOT, f"book/{name}") for name in ("_ext", "_static", "_templates")]
    installed = sorted({f"{d.name} {d.version}" for d in importlib.metadata.distributions()})
    settings = [item for item in os.environ.items() if item[0].startswith(("ELBO_", "LANG", "LC_", "SOURCE_DATE_"))]
    return run.digest(files, folders, installed, sys.version, sorted(settings), str(ROOT))


def looks(folder):
    """The name, size and time of every file of a folder, as one hash."""
    return run.digest([[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in run.files(folder)])


def recorded():
    try:
        return json.loads(RECORD.read_text())
    except (OSError, ValueError):
        return None


def pages_made(docs, lock):
    """Lets Jupyter Book make the site aside. -> its folder; raises BuildError on any warning, with all of them

    Should this process be killed, Jupyter Book still holds the lock until it ends."""
    site = ASIDE / "_build" / "html"
    command = [sys.executable, "-P", "-c", JUPYTER_BOOK, "build", str(ROOT), "--path-output", str(ASIDE)]
    command += ["-q", "-W", "-n", "--keep-going"]
    environment = os.environ | {"NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    ASIDE.mkdir(parents=True, exist_ok=True)
    sphinx = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        pass_fds=[lock.fileno()],
    )
    try:
        said = run.ANSI.sub("", sphinx.communicate()[0])
    except BaseException:
        sphinx.kill()
        sphinx.wait()
        raise
    lines = [line.replace(f"{ROOT}/", "") for line in said.splitlines() if line.strip()]
    warnings = list(dict.fromkeys(in_words(line) for line in lines if "WARNING: " in line or "ERROR: " in line))
    if warnings or sphinx.returncode != 0:
        rest = "\n".join(line for line in lines if not line.startswith(NOISE))
        raise run.BuildError("\n".join(f"✗ {line}" for line in warnings) or f"✗ Jupyter Book failed:\n{rest}")
    missing = [name for name in [f"{doc}.html" for doc in docs] + ["ledger.json"] if not (site / name).is_file()]
    if missing:
        raise run.BuildError(f"✗ Jupyter Book says all is well, but did not write {', '.join(missing)}")
    return site


def in_words(warning):
    """A warning with its place in a notebook, which MyST-NB gives as 10,000 * cell + line + 1, in words."""
    place = re.match(r"(\S+\.ipynb):(\d{5,}): ", warning)
    if not place:
        return warning
    cell, line = divmod(int(place[2]), 10_000)
    cells = run.load(ROOT / place[1])["cells"]
    name = f'"{cells[cell - 1].get("id")}"' if cell <= len(cells) else str(cell)
    return f"{place[1]}, cell {name}, line {max(line - 1, 1)}: {warning[place.end():]}"


def put_in_place(made):
    """Puts a copy of the new site where readers look, in two renames, the last good one leaving only then."""
    for leftover in (NEW, OLD):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        shutil.copytree(made, NEW, ignore=shutil.ignore_patterns(".buildinfo*", "objects.inv"))
        if SITE.exists():
            SITE.rename(OLD)
        NEW.rename(SITE)
    finally:
        put_back()
        for leftover in (NEW, OLD):
            shutil.rmtree(leftover, ignore_errors=True)
    shutil.rmtree(BUILD / ".doctrees", ignore_errors=True)  # what a plain `jupyter-book build .` believes to have made


def put_back():
    """Puts the last good site back, if a build was cut off between the two renames."""
    if OLD.exists() and not SITE.exists():
        OLD.rename(SITE)


def in_short(error):
    """What the system refused, in a line. Who copies a folder is told of every file that failed: here, of the first."""
    if isinstance(error, shutil.Error) and isinstance(error.args[0], list):
        return f"{NEW}: {error.args[0][0][-1]}"
    return f"{error.filename or BUILD}: {error.strerror or error}"


def _failed(how, status=1):
    there = f"; the last good site is still in {SITE}" if (SITE / "index.html").is_file() else ""
    print(f"the build {how}{there}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
