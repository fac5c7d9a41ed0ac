"""Runs the book's notebooks, and hands Sphinx what they printed.

As a script: `python book/_ext/run.py [--seed N] [--out DIR] [--jobs N] [--force] [DOC…]` executes what is out of date
into _build/executed. As a Sphinx extension: does the same first, refuses to build on a failure or a broken ledger, and
then every page is made from the executed notebook. `jupyter-book build .` needs nothing else.

A notebook is executed again only if something that it can see has changed: its code, elbokit, the data, notebooks and
files its code names, the solutions and slips of the exercises it poses, the requirements, Python, ELBO_SEED, or this
runner. If only its text changed, the outputs are carried over. A failure is reported and never kept.
"""

import argparse
import ast
import atexit
import contextlib
import hashlib
import importlib.metadata
import json
import logging
import os
import platform
import re
import subprocess
import sys
import tempfile
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import yaml

import asked
import ledger

sys.modules.setdefault("rfc3987_syntax", None)  # or jsonschema, if it finds it, compiles a grammar for two seconds

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 300  # seconds a cell may take
ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07")


class BuildError(Exception):
    """The notebooks cannot be run, or some failed; the message says which, where and why, for all of them."""


# ------------------------------------------------------------------------------------------------ the book on disk


def toc(root):
    """The docs in the table of contents, in order. -> list of str"""
    path = root / "_toc.yml"
    try:
        contents = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise BuildError(f"✗ _toc.yml cannot be read: {error}") from None

    def named(node):
        if isinstance(node, dict):
            for key, value in node.items():
                if key in ("root", "file") and isinstance(value, str):
                    yield re.sub(r"\.(md|ipynb)$", "", value)
                else:
                    yield from named(value)
        elif isinstance(node, list):
            for item in node:
                yield from named(item)

    return list(dict.fromkeys(named(contents)))


def sources(root):
    """The file of every page: {doc: path}, in the order of the table of contents.

    Raises BuildError for a page that is not there, and for a notebook that no page is made of."""
    found, problems = {}, []
    for doc in toc(root):
        paths = [path for suffix in (".ipynb", ".md") if (path := root / f"{doc}{suffix}").is_file()]
        if paths:
            found[doc] = paths[0]
        else:
            problems.append(f"✗ _toc.yml names {doc}, but there is no {doc}.ipynb and no {doc}.md")
    for path in sorted((root / "notebooks").rglob("*.ipynb")):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if not hidden and path not in found.values():
            problems.append(f"✗ {path.relative_to(root).as_posix()} is not in _toc.yml: add it there, or move it away")
    if problems:
        raise BuildError("\n".join(problems))
    return found


def load(path, root=ROOT):
    """A notebook as a dict; raises BuildError if it isn't one."""
    shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BuildError(f"✗ {shown} cannot be read: {error}") from None
    except json.JSONDecodeError as error:
        raise BuildError(f"✗ {shown} is not valid JSON: {error}") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) and notebook.get("nbformat") == 4 else None
    if not isinstance(cells, list) or not all(isinstance(c, dict) and "cell_type" in c for c in cells):
        raise BuildError(f"✗ {shown} is not a notebook (of format 4, with a list of cells)")
    for cell in cells:
        cell["source"] = ledger.text_of(cell)  # a file may keep it as a list of lines
    for part in (notebook, *cells):
        part.setdefault("metadata", {})
    return notebook


def code_of(notebook):
    """The sources of the code cells, in order. -> list of str"""
    return [ledger.text_of(cell) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def write(path, text):
    """Writes a file as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


# ----------------------------------------------------------------------------------------- what a notebook can see


def digest(*parts):
    """A hash of a nested list of strings and bytes in which no part can run into the next."""
    shown = json.dumps(parts, default=lambda raw: hashlib.sha256(raw).hexdigest(), sort_keys=True)
    return hashlib.sha256(shown.encode()).hexdigest()


def files(folder):
    """Every file under a folder, in order; hidden ones, and what is only built or installed, aside. -> list of Path"""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name[0] != "." and name not in ("_build", "__pycache__", "venv")]
        found += [Path(place, name) for name in names if name[0] != "."]
    return sorted(path for path in found if path.is_file())


def tree(root, folder):
    """The files under a folder, as [name, content]."""
    return [[path.relative_to(root).as_posix(), path.read_bytes()] for path in files(root / folder)]


def surroundings(root, seed):
    """The hash of what every notebook can see."""
    requirements = [[name, (root / name).read_bytes()] for name in REQUIREMENTS if (root / name).is_file()]
    installed = []
    for line in (root / REQUIREMENTS[0]).read_text(encoding="utf-8").splitlines() if requirements else ():
        if name := re.match(r"[A-Za-z0-9._-]+", line.strip()):
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                installed.append([name[0], importlib.metadata.version(name[0])])
    python = [platform.python_implementation(), platform.python_version()]
    helpers, data = tree(root, "notebooks/elbokit"), tree(root, "notebooks/data")
    helpers += [[name, content] for name, content in tree(root, "notebooks") if name.endswith(".py")]
    touched = [path.stat().st_mtime_ns for path in files(root / "notebooks/elbokit")]  # a touch runs it all again
    return digest(Path(__file__).read_bytes(), python, str(seed), requirements, installed, helpers, touched, data)


REQUIREMENTS = ("requirements.txt", "constraints.txt")
STRING = re.compile(r'"([^"\n]{1,200})"|\'([^\'\n]{1,200})\'')
EXERCISE = re.compile(r"\bexercise\(\s*(?:[\"'](\w+)\.)?")


def seen_by(root, path, notebook=None, known=None):
    """What one notebook's code can see beyond that: itself, and the notebooks and files it names.

    -> {name: code, or content}. A chapter that poses exercises sees its solutions and their slips too."""
    known = {} if known is None else known
    code = code_of(notebook or load(path, root))
    known[path.relative_to(root).as_posix()] = code
    folder, source = path.parent, "\n".join(code)
    chapters, solutions = root / "notebooks", root / "notebooks" / "solutions"
    named = []
    for name in {one or other for one, other in STRING.findall(source)}:
        named += [folder / name, folder / f"{name}.ipynb", chapters / name, chapters / f"{name}.ipynb"]
    for chapter in set(EXERCISE.findall(source)):  # "" where the exercise is not given as a literal
        prefix = f"{chapter.zfill(2)}_" if chapter.isdigit() else f"{chapter}_" if chapter else ""
        named += [*solutions.glob(f"{prefix}*.ipynb"), *solutions.glob(f"{prefix}*.slips.toml")]
    for file in sorted(set(named)):
        with contextlib.suppress(OSError, ValueError):  # a string that cannot be a path
            file = file.resolve()
            name = file.relative_to(root.resolve()).as_posix()
            if name in known or not file.is_file():
                continue
            if file.suffix == ".ipynb":
                seen_by(root, root / name, known=known)
            else:
                known[name] = file.read_bytes()
    return known


# ----------------------------------------------------------------------------------------------------- execution


def stripped(notebook):
    """The notebook without outputs, as a new dict."""
    notebook = json.loads(json.dumps(notebook))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
    return notebook


def merged(notebook, executed):
    """The notebook's text with the outputs of an execution of the same code."""
    notebook = stripped(notebook)
    ran = [cell for cell in executed["cells"] if cell["cell_type"] == "code"]
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for cell, old in zip(cells, ran, strict=True):
        cell.update(outputs=old["outputs"], execution_count=old["execution_count"])
    if "language_info" in executed["metadata"]:
        notebook["metadata"]["language_info"] = executed["metadata"]["language_info"]
    return notebook


def recorded(path):
    """An executed notebook from before, or None if there is none that can be read."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        return notebook if {"key", "source", "seconds"} <= notebook["metadata"]["elbo"].keys() else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def scratch(root, out):
    """A folder for what the kernels keep, such as the list of fonts: the book's, or in `out` if that is read-only."""
    home = root.resolve() / "_build" / ".home"
    try:
        home.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=home).close()
        return home
    except OSError:
        return out.resolve() / ".home"


def environment(root, seed, home):
    """The environment of the kernels: this tree's elbokit, one thread, the book's look, nobody's private settings."""
    hidden = {name: value for name, value in os.environ.items() if name not in ("PYTHONWARNINGS", "MPLSTYLE")}
    return hidden | {
        "ELBO_BOOK": "1",
        "ELBO_SEED": str(seed),
        "PYTHONPATH": os.pathsep.join([str(root.resolve() / "notebooks"), *filter(None, [os.getenv("PYTHONPATH")])]),
        "PYTHONHASHSEED": "0",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": str(home / "matplotlib"),
        "IPYTHONDIR": str(home / "ipython"),
        **{f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")},
    }


def _kernel_manager():
    """The class that starts kernels: of this very Python, whatever kernels are installed elsewhere."""
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class ThisPython(AsyncKernelManager):
        @property
        def kernel_spec(self):
            argv = [sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=[*argv, "--log-level=40"], display_name="Python 3", language="python")

    return ThisPython


class Execution:
    """One run of one notebook in a kernel of its own."""

    def __init__(self, root, doc, path, notebook, env, timeout=TIMEOUT):
        import nbformat
        from nbclient import NotebookClient

        self.root, self.doc, self.path, self.env = root, doc, path, env
        self.timeout, self.current, self.seconds, self.stopped = timeout, 0, 0.0, False
        self.notebook = nbformat.from_dict(stripped(notebook))
        self.client = NotebookClient(
            self.notebook,
            kernel_manager_class=_kernel_manager(),
            kernel_name="python3",
            resources={"metadata": {"path": str(path.parent)}},
            timeout=timeout,
            startup_timeout=120,
            force_raise_errors=True,
            record_timing=False,
            coalesce_streams=True,
            shutdown_kernel="immediate",
            on_cell_start=lambda cell, cell_index: setattr(self, "current", cell_index),
        )

    def stop(self):
        """Ends the kernel, from any thread; `run` then returns soon."""
        self.stopped = True
        process = getattr(getattr(self.client.km, "provisioner", None), "process", None)
        if process is not None and process.poll() is None:
            process.kill()

    def run(self):
        """Runs the notebook. -> list of failures (str), empty if all is well"""
        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

        if self.stopped:
            return ["stopped"]
        start, failures = time.perf_counter(), []
        with tempfile.TemporaryFile("w+b") as noise:
            try:
                self.client.execute(env=self.env, stdout=noise, stderr=noise)
            except CellExecutionError:
                failures.append(self._raised())
            except CellTimeoutError:
                failures.append(self._failure(self.current, f"still running after {self.timeout} s"))
            except DeadKernelError:
                failures.append(self._failure(self.current, "the kernel died" + _tail(noise)))
            except Exception as error:  # the kernel did not start, or spoke nonsense
                failures.append(self._failure(self.current, f"{type(error).__name__}: {error}" + _tail(noise)))
            finally:
                atexit.unregister(self.client._cleanup_kernel)  # nbclient leaves it where a kernel did not start
        self.seconds = time.perf_counter() - start
        for index, cell in enumerate(self.notebook.cells):
            for output in cell.get("outputs", ()):
                if output.output_type == "stream" and output.name == "stderr":
                    said = _indented(_plain(output.text), 20)  # warnings go there
                    failures.insert(0, self._failure(index, f"wrote to stderr, which a page must not:\n{said}"))
        return failures

    def _failure(self, index, message, line=None):
        file, cell = self.path.relative_to(self.root).as_posix(), ledger.cell_name(self.notebook.cells[index], index)
        place = f"{file}, {cell}, line {line}" if line else f"{file}, {cell}"
        return f"✗ {place}: {message}"

    def _raised(self):
        """What to say of the exception that ended the run: where, the source there, and its own message."""
        cell = self.notebook.cells[self.current]
        error = next(output for output in reversed(cell.outputs) if output.output_type == "error")
        counts = {c.execution_count: i for i, c in enumerate(self.notebook.cells) if c.get("execution_count")}
        counts[self.client.code_cells_executed] = self.current
        frames = re.findall(r"Cell In\s?\[(\d+)\], line (\d+)", _plain("\n".join(error.traceback)))
        places = [(counts[int(n)], int(line)) for n, line in frames if int(n) in counts]
        message = _plain(error.evalue).strip()
        said = _indented(f"{error.ename}: {message}" if message else error.ename, 40)
        if not places or places[0][0] != self.current:
            return self._failure(self.current, said.strip())
        shown = _indented(_statement(cell.source, places[0][1]), 8, "    | ")
        if places[-1] != places[0]:
            index, line = places[-1]
            inner = self.notebook.cells[index]
            shown += f"\n    in {ledger.cell_name(inner, index)}, line {line}:\n"
            shown += _indented(_statement(inner.source, line), 8, "    | ")
        return self._failure(self.current, f"this failed\n{shown}\n{said}", places[0][1])


def _plain(text):
    return ANSI.sub("", text)


def _indented(text, most, margin="    "):
    lines = text.strip("\n").splitlines()
    kept = lines[:most] + ([f"… {len(lines) - most} more lines"] if len(lines) > most else [])
    return "\n".join(margin + line for line in kept)


def _tail(noise):
    """The last words of a kernel, if any."""
    noise.seek(0)
    said = _plain(noise.read().decode(errors="replace")).strip().splitlines()[-10:]
    return ":\n" + _indented("\n".join(said), 10) if said else ""


def _statement(source, line):
    """The simple statement, or the one line, of a cell's source that a line number points into."""
    spans = []
    with contextlib.suppress(SyntaxError):
        nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.stmt)]
        spans = [(node.lineno, node.end_lineno) for node in nodes if not hasattr(node, "body")]
    first, last = min((span for span in spans if span[0] <= line <= span[1]), default=(line, line))
    return textwrap.dedent("\n".join(source.splitlines()[first - 1 : last]))


# -------------------------------------------------------------------------------------------------------- the whole


@contextlib.contextmanager
def lock(path, what="another build"):
    """Holds a lock file for the time of the block, or raises BuildError at once. -> the file

    The system frees the lock when this process, and any that inherited the file, is gone."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "a+", encoding="utf-8")
    except OSError as error:
        raise BuildError(f"✗ cannot write to {path.parent}: {error.strerror or error}") from None
    with file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            who = f" (process {number})" if (number := file.read().strip()) else ""
            raise BuildError(f"✗ {what} is running{who}: wait for it, or stop it") from None
        except (ImportError, OSError):
            pass  # a system, or a file system, without such locks
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield file


def run(root=ROOT, out=None, *, seed=None, docs=None, force=False, jobs=None, say=print, timeout=TIMEOUT):
    """Executes what is out of date, in parallel, the longest first, and writes it to `out`.

    docs: of the notebooks to run (all if None). -> {doc: executed notebook}, in the order of the table of contents.
    Raises BuildError with every failure of every notebook, after all have run."""
    root = Path(root)
    out = root / "_build" / "executed" if out is None else Path(out)
    seed = os.environ.get("ELBO_SEED", "0") if seed is None else seed
    paths = {doc: path for doc, path in sources(root).items() if path.suffix == ".ipynb"}
    if docs is not None:
        if unknown := [doc for doc in docs if doc not in paths]:
            raise BuildError("\n".join(f"✗ {doc} is no notebook in _toc.yml" for doc in unknown))
        paths = {doc: path for doc, path in paths.items() if doc in set(docs)}
    if any((out / f"{doc}.ipynb").resolve() == path.resolve() for doc, path in paths.items()):
        raise BuildError(f"✗ {out} is where the notebooks themselves are: choose another folder for the executed ones")
    around, notebooks, keys, results, stale = surroundings(root, seed), {}, {}, {}, {}
    problems = []
    for doc, path in paths.items():
        try:
            notebooks[doc] = load(path, root)
            keys[doc] = digest(around, sorted(seen_by(root, path, notebooks[doc]).items()))
        except BuildError as error:
            problems.append(str(error))
            continue
        before = recorded(out / f"{doc}.ipynb")
        if force or before is None or before["metadata"]["elbo"]["key"] != keys[doc]:
            stale[doc] = before["metadata"]["elbo"]["seconds"] if before else float("inf")
        elif before["metadata"]["elbo"]["source"] != digest(notebooks[doc]):
            _keep(out, doc, notebooks[doc], before, keys[doc], before["metadata"]["elbo"]["seconds"])
            say(f"  ✓ {doc}: new text, the same code; nothing executed")
        else:
            results[doc] = before
    if problems:
        raise BuildError("\n".join(dict.fromkeys(problems)))
    if stale:
        places = list(paths)  # of those never run the last first: they train networks
        order = sorted(stale, key=lambda doc: (stale[doc], places.index(doc)), reverse=True)
        with lock(out / ".lock", "another execution of the notebooks"):
            env = environment(root, seed, scratch(root, out))
            runs = [Execution(root, doc, paths[doc], notebooks[doc], env, timeout) for doc in order]

            def keep(ran):
                _keep(out, ran.doc, notebooks[ran.doc], ran.notebook, keys[ran.doc], ran.seconds)

            failures = _all(runs, jobs or cores(), say, keep)
        if failures:
            raise BuildError("\n".join(failure for doc in paths for failure in failures.get(doc, ())))
    else:
        say("  nothing to execute")
    return {doc: results.get(doc) or recorded(out / f"{doc}.ipynb") for doc in paths}


def cores():
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _keep(out, doc, notebook, executed, key, seconds):
    """Writes an executed notebook, with what is needed to know whether it is still good."""
    kept = merged(notebook, executed)
    kept["metadata"]["elbo"] = {"key": key, "source": digest(notebook), "seconds": round(seconds, 2)}
    write(out / f"{doc}.ipynb", json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


def _all(runs, jobs, say, keep):
    """Runs them, `jobs` at a time, in this order, and keeps each that went well at once. -> {doc: failures}"""
    jobs = max(1, min(jobs, len(runs)))
    say(f"  executing {ledger.count(len(runs), 'notebook')} on {ledger.count(jobs, 'core')}")
    logging.getLogger("traitlets").setLevel(logging.CRITICAL)  # what nbclient would log is in the report
    _make_fonts(runs[0].env)
    failures, width = {}, max(len(r.doc) for r in runs)
    with ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(r.run): r for r in runs}
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                this = futures[future]
                if failed := future.result():
                    failures[this.doc] = failed
                else:
                    keep(this)
                say(f"  {'✗' if failed else '✓'} {this.doc:<{width}} {this.seconds:6.1f} s   {done}/{len(runs)}")
        except BaseException:
            while not all(future.cancel() or future.done() for future in futures):
                for this in runs:
                    this.stop()
                time.sleep(0.05)
            raise
    return failures


def _make_fonts(env):
    """Lets matplotlib list the fonts once, before any kernel: two would race, and a slow one warns on stderr."""
    folder = Path(env["MPLCONFIGDIR"])
    if not list(folder.glob("fontlist-*.json")):
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-c", "import matplotlib.font_manager"]
        subprocess.run(command, env=env, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main(arguments=None):
    """The command line. -> exit status"""
    parser = argparse.ArgumentParser(description="Execute the book's notebooks that are out of date.")
    parser.add_argument("docs", nargs="*", metavar="DOC", help="as in notebooks/01_kl; all if none is given")
    parser.add_argument("--seed", type=int, help="ELBO_SEED for the notebooks (default: the environment's, else 0)")
    parser.add_argument("--out", type=Path, help="where executed notebooks go (default: _build/executed)")
    parser.add_argument("--jobs", type=int, help="how many at a time (default: one for each core)")
    parser.add_argument("--force", action="store_true", help="execute even what is up to date")
    options = parser.parse_args(arguments)
    docs = [re.sub(r"\.ipynb$", "", doc) for doc in options.docs] or None
    sys.stdout.reconfigure(errors="replace", line_buffering=True)
    try:
        done = run(ROOT, options.out, seed=options.seed, docs=docs, force=options.force, jobs=options.jobs)
    except BuildError as error:
        print(error)
        return 1
    except OSError as error:
        print(f"✗ {error.filename or ''}: {error.strerror or error}")
        return 1
    except KeyboardInterrupt:
        print("stopped")
        return 130
    print(f"  {ledger.count(len(done), 'notebook')} up to date")
    return 0


# ---------------------------------------------------------------------------------------------- the Sphinx extension


def pages(root, executed):
    """Every page of the book for the ledger: {doc: executed notebook, or Markdown}."""
    return {
        doc: executed[doc] if path.suffix == ".ipynb" else path.read_text(encoding="utf-8")
        for doc, path in sources(root).items()
    }


def setup(app):
    """Connects the runner and the ledger to a Sphinx build."""
    app.connect("config-inited", _off)
    app.connect("builder-inited", _start, priority=100)
    app.connect("env-get-outdated", _outdated)
    app.connect("source-read", _read)
    app.connect("env-purge-doc", _purge)
    app.connect("env-updated", _updated)
    app.connect("build-finished", _finish)
    return {"version": "1", "env_version": 1, "parallel_read_safe": False, "parallel_write_safe": True}


def _off(app, config):
    config.nb_execution_mode = "off"  # executed here, and nowhere else


def _start(app):
    from sphinx.errors import SphinxError
    from sphinx.util.logging import getLogger

    class Unbuilt(SphinxError):
        category = "The book was not built"

    root = Path(app.srcdir)
    try:
        everything = pages(root, run(root, say=getLogger(__name__).info))
        app.elbo_book = ledger.build(everything)
        about = everything, app.elbo_book, root, getattr(app.config, "elbo_site", "")
        texts = {doc: asked.filled(page, doc, *about) for doc, page in everything.items() if isinstance(page, str)}
    except (BuildError, ledger.LedgerError) as error:
        raise Unbuilt(f"\n{error}") from None
    app.elbo_tags = ledger.tags(everything)
    app.elbo_ledger = {entry["name"]: entry for entry in app.elbo_book["equations"]}
    app.elbo_pages, app.elbo_hashes, app.elbo_explorers = {}, {}, {}
    for doc, page in everything.items():
        if isinstance(page, dict):
            app.elbo_explorers[doc] = ledger.explorers_in(page)
            app.elbo_pages[doc] = json.dumps(ledger.rendered(doc, page, app.elbo_ledger), ensure_ascii=False)
        elif texts[doc] != page:
            app.elbo_pages[doc] = texts[doc]
        marks = [app.elbo_ledger[name] for name, (home, _) in app.elbo_tags.items() if home == doc]
        app.elbo_hashes[doc] = digest(app.elbo_pages.get(doc, page), marks)


def _outdated(app, env, added, changed, removed):
    """Pages to read again, though their files have not changed: what they show has.

    All of them, if the last build did not come to a good end: it may have read what it never wrote, and a warning is
    to fail every build until it is mended."""
    mark = Path(app.doctreedir) / "all-is-well"
    if not hasattr(env, "elbo_hashes") or not mark.is_file():
        env.elbo_hashes = {}
    mark.unlink(missing_ok=True)
    again = {doc for doc, now in app.elbo_hashes.items() if env.elbo_hashes.get(doc) != now and doc in env.found_docs}
    app.elbo_changed = bool(again or added or changed or removed)
    return sorted(again)


def _read(app, docname, source):
    source[0] = app.elbo_pages.get(docname, source[0])
    app.env.elbo_hashes[docname] = app.elbo_hashes.get(docname)


def _purge(app, env, docname):
    getattr(env, "elbo_hashes", {}).pop(docname, None)


def _updated(app, env):
    """If any page has changed, all are written: their navigation and their links into it may have too."""
    return sorted(env.found_docs) if app.elbo_changed else []


def _finish(app, exception):
    """Puts the ledger into the site, and takes out what belongs to pages and figures that are no more."""
    if exception is None and app._warncount == 0:
        (Path(app.doctreedir) / "all-is-well").touch()
    if exception is not None or app.builder.format != "html":
        return
    site = Path(app.outdir)
    write(site / "ledger.json", json.dumps(app.elbo_book, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    for source in (site / "_sources").rglob("*"):
        doc = source.relative_to(site / "_sources").as_posix().partition(".")[0]
        if source.is_file() and doc not in app.env.all_docs:
            (site / f"{doc}.html").unlink(missing_ok=True)
            source.unlink()
    shown = {name for _, name in app.env.images.values()}
    for image in (site / "_images").glob("*"):
        if image.name not in shown:
            image.unlink()


if __name__ == "__main__":
    sys.exit(main())
