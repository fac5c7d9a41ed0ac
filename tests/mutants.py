"""Does a wrong formula turn the book red?

    python tests/mutants.py [--slips | --signs] [CHAPTER ...]

Two kinds of wrong formula are put into the notebooks' own code, one at a time:

- the *slips* of ``notebooks/solutions/*.slips.toml``: mistakes people make, each a substitution in one function or
  cell;
- the *signs*: every + and - of every equation function, flipped.

A mutant is *caught* when a check fails (``CheckFailed``). Any other exception is an error: a mutant that is merely
broken proves nothing. (A flipped sign may also crash its cell, since nobody chose it; the summary counts those apart.)
After the notebook has run as it stands, a mutant runs only the cells that can see it, as far as the first check that
fails; and the same cells, run again unmutated, must pass. Which cells those are is read off the syntax; should that
reading be wrong, it costs time and never truth, because the whole notebook runs before a mutant is called a survivor.

A check can fail only if someone has seen it fail: every named equation must be the one to catch some slip or sign, or
fail in a ``with check.catches(...)``. Exits with 1 on a survivor, an error, or an equation that caught nothing.

A sign that may flip without harm is listed in the slips file, with its reason, and must survive (``flip`` is the wrong
formula, as this program prints it):

    [[harmless]]
    notebook = "01_kl"
    function = "gap"
    flip = "a + b"
    why = "it is squared"
"""
import argparse
import ast
import contextlib
import functools
import gc
import itertools
import json
import math
import multiprocessing
import os
import pickle
import re
import signal
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before NumPy is imported, further down: processes do the work, and threads don't fork
os.environ["MPLBACKEND"] = "Agg"

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "notebooks"), str(ROOT / "book" / "_ext")]

import ledger  # noqa: E402

LIMIT = 600  # seconds one run of a mutant may take
FEWEST = 10  # slips a chapter must have
WORDS = {"caught": "caught", "crashed": "crashed", "survived": "SURVIVED", "invalid": "INVALID"}


# ---------------------------------------------------------------- reading notebooks


class Flow(ast.NodeVisitor):
    """Which names a cell reads from earlier cells, surely binds, and perhaps changes; read off its syntax."""

    def __init__(self):
        self.reads, self.binds, self.changes = set(), set(), set()
        self.later = {}  # function -> the names its body reads when it is called
        self.honest = set()  # names read outside `with check.catches(...)`

    @classmethod
    def of(cls, tree):
        """The flow of a parsed cell or statement."""
        flow = cls()
        flow.visit(tree)
        return flow

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Load):
            self.honest.add(node.id)
            if node.id not in self.binds:
                self.reads.add(node.id)
        else:
            self.binds.add(node.id)

    def visit_Attribute(self, node):
        if isinstance(node.value, ast.Name) and (node.value.id, node.attr) == ("check", "exercise"):
            return  # judges the reader, never the book
        self._target(node)
        self.visit(node.value)

    def visit_Subscript(self, node):
        self._target(node)
        self.generic_visit(node)

    def _target(self, node):
        if not isinstance(node.ctx, ast.Load):
            self.changes.add(_root(node))

    def visit_Assign(self, node):
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)

    def visit_AnnAssign(self, node):
        if node.value:
            self.visit(node.value)
            self.visit(node.target)

    def visit_AugAssign(self, node):
        self.visit(node.value)
        if isinstance(node.target, ast.Name) and node.target.id not in self.binds:
            self.reads.add(node.target.id)
        self.visit(node.target)

    def visit_NamedExpr(self, node):
        self.visit(node.value)
        self.visit(node.target)

    def visit_Import(self, node):
        self.binds |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}

    visit_ImportFrom = visit_Import

    def visit_Expr(self, node):
        """A call made for its effect changes its object, or its arguments if it has no object."""
        self.visit(node.value)
        if isinstance(node.value, ast.Call):
            call = node.value
            owners = [call.func] if isinstance(call.func, ast.Attribute) else call.args
            self.changes |= {_root(owner) for owner in owners} - {None, "check", "rng", "plt", "figures"}

    def visit_FunctionDef(self, node):
        for part in [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]:
            self.visit(part)
        self.binds.add(node.name)
        arguments = {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}
        inner = Flow()
        inner.binds |= arguments
        for statement in node.body:
            inner.visit(statement)
        self.later[node.name] = inner.reads | set().union(*inner.later.values()) - inner.binds

    def visit_ClassDef(self, node):
        self.binds.add(node.name)
        inner = Flow()
        for statement in node.body:
            inner.visit(statement)
        self.later[node.name] = inner.reads | set().union(*inner.later.values()) - inner.binds

    def visit_Lambda(self, node):
        self._scope({a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}, [node.body])

    def visit_ListComp(self, node):
        stored = {n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
        self.visit(node.generators[0].iter)
        self._scope(stored, ast.iter_child_nodes(node))

    visit_SetComp = visit_GeneratorExp = visit_DictComp = visit_ListComp

    def _scope(self, local, nodes):
        before = set(self.binds)
        self.binds |= local
        for node in nodes:
            self.visit(node)
        self.binds = before

    def visit_With(self, node):
        honest = set(self.honest)
        self.generic_visit(node)
        if any("check.catches" in ast.unparse(item.context_expr) for item in node.items):
            self.honest = honest

    def visit_For(self, node):
        self.visit(node.iter)
        self._perhaps([node.target, *node.body, *node.orelse])

    def visit_If(self, node):
        self.visit(node.test)
        self._perhaps(node.body)
        self._perhaps(node.orelse)

    def visit_While(self, node):
        self.visit(node.test)
        self._perhaps([*node.body, *node.orelse])

    def visit_Try(self, node):
        self._perhaps(ast.iter_child_nodes(node))

    def _perhaps(self, nodes):
        """Code that may not run: what it binds is perhaps bound."""
        before = set(self.binds)
        for node in nodes:
            self.visit(node)
        self.changes |= self.binds - before
        self.binds = before


def _root(node):
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call, ast.Starred)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


@dataclass(frozen=True)
class Cell:
    """A code cell: its id, its source, and what its syntax says of names."""

    id: str
    source: str

    @functools.cached_property
    def tree(self):
        return ast.parse(self.source)

    @functools.cached_property
    def flow(self):
        return Flow.of(self.tree)

    @functools.cached_property
    def functions(self):
        """Top-level defs by name."""
        return {node.name: node for node in self.tree.body if isinstance(node, ast.FunctionDef)}


@dataclass(frozen=True)
class Notebook:
    """The code cells of one notebook, called by its path below notebooks/: "01_kl", "solutions/01_kl"."""

    name: str
    folder: Path
    cells: tuple
    equations: tuple = ()  # the names it states

    @functools.cached_property
    def later(self):
        """Function name -> every name read when it is called, through the functions it calls."""
        later = {}
        for cell in self.cells:
            for name, reads in cell.flow.later.items():
                later[name] = later.get(name, set()) | reads
        return {name: closure(reads, later) for name, reads in later.items()}

    def reads(self, cell):
        """The names a cell needs from others, with those that the functions it calls need."""
        return cell.flow.reads | {n for f in cell.flow.honest | cell.flow.reads for n in self.later.get(f, ())}

    def is_checked(self, cell):
        return "check" in self.reads(cell)

    def equation_functions(self):
        """Defs that some check stands on. Not: random generators (they take an rng), figures, deliberate mistakes."""
        used = set()
        for cell in filter(self.is_checked, self.cells):
            used |= cell.flow.honest | {n for f in cell.flow.honest for n in self.later.get(f, ())}
        defs = {name: node for cell in self.cells for name, node in cell.functions.items()}
        drawn = {"plt", "figures", "ax", "axes"}
        return [
            name for name, node in defs.items()
            if name in used and not {"rng", *drawn} & {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}
            and not drawn & self.later.get(name, set())
        ]

    def where(self, function):
        """The index of the cell that defines a function; SlipError unless there is exactly one."""
        found = [i for i, cell in enumerate(self.cells) if function in cell.functions]
        if len(found) != 1:
            raise SlipError(f"{self.name} defines {function} {len(found)} times, not once")
        return found[0]

    def touched(self, start):
        """Indices of the cells, from `start` on, that can see a change of cell `start`."""
        tainted, cells = self.cells[start].flow.binds | self.cells[start].flow.changes, [start]
        for i, cell in enumerate(self.cells[start + 1:], start + 1):
            if self.reads(cell) & tainted:
                tainted |= cell.flow.binds | cell.flow.changes
                cells.append(i)
            else:
                tainted -= cell.flow.binds
        return cells

    def seeing(self, start):
        """Those of them that are checked."""
        return [i for i in self.touched(start) if self.is_checked(self.cells[i])]

    def needed(self, wanted):
        """`wanted` and every earlier cell that they need, in order; the setup cell always."""
        need, todo = {0}, list(wanted)
        while todo:
            index = todo.pop()
            if index in need:
                continue
            need.add(index)
            for name in self.reads(self.cells[index]):
                for i in range(index - 1, -1, -1):
                    flow = self.cells[i].flow
                    if name in flow.binds | flow.changes:
                        todo.append(i)
                    if name in flow.binds:
                        break
        return tuple(sorted(need))


def closure(names, later):
    """The names, the names that `later` gives for these, and so on."""
    names, todo = set(names), list(names)
    while todo:
        new = later.get(todo.pop(), set()) - names
        names |= new
        todo += new
    return names


@functools.cache
def load(name, root=ROOT):
    """The notebook called `name` ("01_kl", "solutions/01_kl")."""
    path = root / "notebooks" / f"{name}.ipynb"
    if not path.exists():
        raise SlipError(f"there is no notebook {name}")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = tuple(Cell(c.get("id", "?"), "".join(c["source"])) for c in cells if c["cell_type"] == "code")
    return Notebook(name, path.parent, code, tuple(ledger.tags({name: {"cells": cells}})))


def chapters(root=ROOT):
    """Names of the chapters on disk."""
    return sorted(path.stem for path in (root / "notebooks").glob("*.ipynb"))


# ---------------------------------------------------------------- making mutants


class SlipError(Exception):
    """A slip that cannot be applied, or a rule of the slips files that is broken."""


@dataclass(frozen=True)
class Mutant:
    """One wrong formula: the notebook, the cell it replaces, and the cell's new source."""

    notebook: Notebook
    index: int
    source: str
    place: str  # function or cell id
    name: str
    sign: bool = False
    harmless: bool = False  # is to survive


def slips(chapter, root=ROOT):
    """The tables of a chapter's slips file: {"slip": [...], "harmless": [...]}."""
    path = root / "notebooks" / "solutions" / f"{chapter}.slips.toml"
    if not path.exists():
        raise SlipError(f"{chapter} has no slips file {path.name}")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def mutate(slip, root=ROOT):
    """The Mutant of one [[slip]]; SlipError if it does not apply, applies twice, or changes nothing."""
    notebook = load(slip["notebook"], root)
    if "function" in slip:
        index, place = notebook.where(slip["function"]), slip["function"]
        cell = notebook.cells[index]
        part = ast.get_source_segment(cell.source, cell.functions[place])
    else:
        place = slip["cell"]
        index = next((i for i, cell in enumerate(notebook.cells) if cell.id == place), None)
        if index is None:
            raise SlipError(f"{notebook.name} has no cell {place}")
        cell = notebook.cells[index]
        part = cell.source
    if part.count(slip["find"]) != 1:
        raise SlipError(f"{slip['find']!r} occurs {part.count(slip['find'])} times in {place}, not once")
    source = cell.source.replace(part, part.replace(slip["find"], slip["replace"]), 1)
    try:
        same = ast.dump(ast.parse(source)) == ast.dump(cell.tree)
    except SyntaxError as error:
        raise SlipError(f"{place} is no longer Python: {error}") from None
    if same:
        raise SlipError(f"{place} stays as it was")
    return Mutant(notebook, index, source, place, slip["name"])


def slip_mutants(chapter, root=ROOT):
    """(mutants, errors) of one chapter's slips file: every slip applied, and the rules for the file."""
    try:
        tables = slips(chapter, root)
    except (SlipError, tomllib.TOMLDecodeError) as error:
        return [], [str(error)]
    mutants, errors, names = [], [], set()
    for slip in tables.get("slip", []):
        label = f"{chapter}.slips.toml, {slip.get('name', '(no name)')!r}"
        lacking = [key for key in ("name", "notebook", "find", "replace") if not slip.get(key) and key != "replace"]
        if lacking or "replace" not in slip or ("function" in slip) == ("cell" in slip):
            errors.append(f"{label}: needs name, notebook, find, replace, and either function or cell")
            continue
        if slip["name"] in names:
            errors.append(f"{label}: two slips have this name")
        names.add(slip["name"])
        if slip["notebook"] not in (chapter, f"solutions/{chapter}"):
            errors.append(f"{label}: notebook {slip['notebook']!r} is another chapter's")
            continue
        try:
            mutants.append(mutate(slip, root))
        except SlipError as error:
            errors.append(f"{label}: {error}")
    own = [mutant for mutant in mutants if mutant.notebook.name == chapter]
    if len(own) < FEWEST:
        errors.append(f"{chapter} has {len(own)} slips that apply, fewer than {FEWEST}")
    without = [f for f in load(chapter, root).equation_functions() if f not in {mutant.place for mutant in own}]
    if without:
        errors.append(f"{chapter}: no slip for the equation function{'s' * (len(without) > 1)} {', '.join(without)}")
    return mutants, errors


def signs(function):
    """[(node whose sign can flip, node to show), ...] of a def. Not: indices, or a negative integer as an argument."""
    todo, found = [(function, function)], []
    while todo:
        node, parent = todo.pop(0)
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, (ast.Add, ast.Sub)):
            found.append((node, node))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            found.append((node, parent if isinstance(parent, (ast.BinOp, ast.Compare)) else node))
        for child in ast.iter_child_nodes(node):
            is_index = isinstance(node, ast.Subscript) and child is node.slice
            is_axis = isinstance(node, (ast.Call, ast.keyword)) and _is_axis(child)
            if not is_index and not is_axis:
                todo.append((child, node))
    return found


def _is_axis(node):
    """-1, or (-2, -1)."""
    if isinstance(node, ast.Tuple):
        return all(map(_is_axis, node.elts))
    return bool(re.fullmatch(r"-?\d+", ast.unparse(node)))


def sign_mutants(chapter, root=ROOT):
    """(mutants, errors): each sign of each equation function flipped."""
    notebook, mutants, errors, tables = load(chapter, root), [], [], {}
    with contextlib.suppress(SlipError, tomllib.TOMLDecodeError):  # said once, by slip_mutants
        tables = slips(chapter, root)
    harmless = {(h["notebook"], h["function"], h["flip"]) for h in tables.get("harmless", []) if h.get("why")}
    unused = set(harmless)
    for function in notebook.equation_functions():
        index = notebook.where(function)
        cell = notebook.cells[index]
        for k in range(len(signs(cell.functions[function]))):
            tree = ast.parse(cell.source)
            node, shown = signs(next(n for n in tree.body if getattr(n, "name", None) == function))[k]
            node.op = {ast.USub: ast.UAdd, ast.Sub: ast.Add, ast.Add: ast.Sub}[type(node.op)]()
            flip = ast.unparse(shown)
            known = (chapter, function, flip) in harmless
            unused.discard((chapter, function, flip))
            mutants.append(Mutant(notebook, index, ast.unparse(tree), function, f"sign: {flip}", True, known))
    errors += [f"{chapter}: no flipped sign in {f} reads {flip!r}, listed as harmless" for _, f, flip in sorted(unused)]
    return mutants, errors


# ---------------------------------------------------------------- running them


@dataclass(frozen=True)
class Outcome:
    """What became of a run. kind: passed, caught (a check failed), crashed (anything else)."""

    kind: str
    equation: str = ""
    cell: int = -1
    message: str = ""


def run(notebook, indices, mutant=None, names=None):
    """The Outcome of running some cells of a notebook in this process, with a mutant's cell in place of its own.

    names: what is defined at the start, and then at the end; nothing if it is not given."""
    import matplotlib.pyplot as plt

    from elbokit import check

    os.chdir(notebook.folder)
    names = {} if names is None else names
    names.update(__name__="__main__", display=lambda *things, **how: None)
    for i in indices:
        cell = notebook.cells[i]
        source = mutant.source if mutant and i == mutant.index else cell.source
        try:
            exec(compile(source, f"<{notebook.name}, cell {cell.id}>", "exec"), names)
        except check.CheckFailed as failure:
            return Outcome("caught", failure.name or "?", i, str(failure).split("\n")[0])
        except Exception as error:
            return Outcome("crashed", "", i, f"{type(error).__name__}: {error}".split("\n")[0])
        plt.close("all")
    return Outcome("passed")


def in_fork(function, *args, limit=LIMIT):
    """function(*args), in a forked process that prints nothing and may take `limit` seconds. Returns an Outcome."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            signal.alarm(math.ceil(limit))
            silence()
            with os.fdopen(write, "wb") as pipe:
                pickle.dump(function(*args), pipe)
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(pid, 0)
    if answer:
        return pickle.loads(answer)
    late = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM
    return Outcome("crashed", message=f"ran longer than {limit:.0f} s" if late else "the process died")


@dataclass(frozen=True)
class Verdict:
    """What to say of a mutant. kind: caught, crashed, survived, or invalid (the control failed)."""

    mutant: Mutant
    kind: str
    detail: str
    equation: str = ""


def judge(mutants):
    """The verdicts on mutants of one notebook, in this process: it runs the notebook, then forks for each mutant.

    A fork finds everything as the notebook left it. So it runs only the cells that can see the mutant: first as far as
    the nearest check, then all of them. Should these fail unmutated, since a later cell has used one of their names for
    something else, they run from nothing, after what they need. The whole notebook runs before a mutant survives."""
    notebook, names, controls = mutants[0].notebook, {}, {}
    everything, start = tuple(range(len(notebook.cells))), time.perf_counter()
    ran = run(notebook, everything, names=names)
    limit = min(LIMIT, 60 + 10 * (time.perf_counter() - start))
    if ran.kind != "passed":
        detail = f"the notebook fails without any mutant: {ran.message}"
        return [Verdict(mutant, "invalid", detail) for mutant in mutants]

    def verdict(mutant):
        seeing, touched = notebook.seeing(mutant.index), notebook.touched(mutant.index)
        for wanted, left in ((seeing[:1], names), (seeing, names), (seeing, None)):
            indices = tuple(i for i in notebook.needed(wanted) if left is None or i in touched)
            outcome = in_fork(run, notebook, indices, mutant, left, limit=limit)
            if outcome.kind != "passed":
                before = tuple(i for i in indices if outcome.cell < 0 or i <= outcome.cell)
                if (before, left is None) not in controls:  # the same cells, unmutated
                    controls[before, left is None] = in_fork(run, notebook, before, None, left, limit=limit)
                if controls[before, left is None].kind == "passed":
                    break
        else:
            outcome = in_fork(run, notebook, everything, mutant, limit=limit)
        if outcome.kind == "passed":
            return Verdict(mutant, "survived", "no check failed in the whole notebook")
        where = f" in cell {notebook.cells[outcome.cell].id}" if outcome.cell >= 0 else ""
        detail = f"({outcome.equation}){where}" if outcome.kind == "caught" else f"{outcome.message}{where}"
        return Verdict(mutant, outcome.kind, detail, outcome.equation)

    gc.freeze()  # else the collector of each fork would touch, and so copy, all that the notebook made
    return [verdict(mutant) for mutant in mutants]


def never_red(notebook, verdicts):
    """The notebook's equations whose checks nobody has seen fail: no mutant of its own, and no check.catches."""
    code = "\n".join(cell.source for cell in notebook.cells)
    red = {v.equation for v in verdicts if v.kind == "caught" and v.mutant.notebook.name == notebook.name}
    red |= set(re.findall(r"""check\.catches\(["']([^"']+)""", code))
    return [name for name in notebook.equations if name not in red]


def is_bad(verdict):
    """Survivors and invalid runs; and a crash, unless it is that of a flipped sign, which nobody chose."""
    if verdict.mutant.harmless:
        return verdict.kind != "survived"
    return verdict.kind in ("survived", "invalid") or (verdict.kind == "crashed" and not verdict.mutant.sign)


def warm_up(notebooks, root=ROOT):
    """Import, once and before any fork, whatever the notebooks import."""
    imports = {
        ast.unparse(node) for notebook in notebooks for cell in notebook.cells for node in cell.tree.body
        if isinstance(node, (ast.Import, ast.ImportFrom))
    }
    for statement in ["import matplotlib.pyplot", "from elbokit import check", *sorted(imports)]:
        with contextlib.suppress(ImportError):  # the cell that needs it will say so
            exec(statement, {})


def judge_all(mutants, root=ROOT, most=1000):
    """The verdicts on all mutants, in order, as they come; on all cores, each notebook in new processes.

    most: how many mutants one process judges."""
    warm_up({mutant.notebook for mutant in mutants}, root)
    cores, tasks = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(), []
    for _, group in itertools.groupby(mutants, key=lambda mutant: mutant.notebook.name):
        group = list(group)
        size = min(most, max(10, -(-len(group) // cores)))
        tasks += [group[i:i + size] for i in range(0, len(group), size)]
    with multiprocessing.get_context("fork").Pool(cores, silence, maxtasksperchild=1) as pool:
        for verdicts in pool.imap(judge, tasks, chunksize=1):
            yield from verdicts


def silence():
    """Whatever this process and its forks print goes nowhere."""
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)


def say(verdict, width=70):
    """One line on one mutant, its name cut to `width` characters."""
    word = "ERROR" if verdict.kind == "crashed" and is_bad(verdict) else WORDS[verdict.kind]
    word = ("NOT SO HARMLESS" if is_bad(verdict) else "harmless") if verdict.mutant.harmless else word
    name = verdict.mutant.name if len(verdict.mutant.name) <= width else f"{verdict.mutant.name[:width - 1]}…"
    return f"{word:8} {verdict.mutant.place:20} {name:{min(width, 70)}} {verdict.detail}"


def main(arguments=None, root=ROOT):
    """Run the mutants and print what became of each; 1 if any survived or was in error, else 0."""
    parser = argparse.ArgumentParser(description="Put wrong formulas into the notebooks and demand that a check fails.")
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help="such as 01_kl (default: all)")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--slips", action="store_true", help="only the slips files")
    kind.add_argument("--signs", action="store_true", help="only the flipped signs")
    options = parser.parse_args(arguments)
    if unknown := set(options.chapters) - set(chapters(root)):
        parser.error(f"no chapter {', '.join(unknown)}; there are {', '.join(chapters(root))}")
    start, mutants, errors = time.perf_counter(), [], []
    wanted = options.chapters or chapters(root)
    for chapter in wanted:
        for asked, make in ((not options.signs, slip_mutants), (not options.slips, sign_mutants)):
            made, wrong = make(chapter, root) if asked else ([], [])
            mutants += made
            errors += wrong
    mutants.sort(key=lambda mutant: (mutant.notebook.name, mutant.index))
    verdicts, heading = [], None
    for verdict in judge_all(mutants, root):
        if verdict.mutant.notebook.name != heading:
            heading = verdict.mutant.notebook.name
            print(f"\n{heading}")
        print(f"  {say(verdict)}", flush=True)
        verdicts.append(verdict)
    count = {kind: sum(v.kind == kind and not v.mutant.harmless for v in verdicts) for kind in WORDS}
    harmless = sum(v.mutant.harmless for v in verdicts)
    equations = {(v.mutant.notebook.name, v.equation) for v in verdicts if v.kind == "caught"}
    flipped = sum(v.mutant.sign for v in verdicts)
    print(
        f"\n{len(verdicts)} mutants ({len(verdicts) - flipped} slips, {flipped} signs): {count['caught']} caught "
        f"by the checks of {len(equations)} equations, {count['crashed']} crashed, {count['survived']} survived, "
        f"{count['invalid']} invalid, {harmless} harmless; {time.perf_counter() - start:.0f} s"
    )
    errors += dict.fromkeys(f"{v.mutant.notebook.name}: {v.detail}" for v in verdicts if v.kind == "invalid")
    errors += [f"{v.mutant.notebook.name}: {say(v, 999)}" for v in verdicts if is_bad(v) and v.kind != "invalid"]
    for notebook in (load(chapter, root) for chapter in wanted if not options.signs):
        if names := never_red(notebook, verdicts):
            errors.append(f"{notebook.name}: no wrong formula turned ({'), ('.join(names)}) red: slips should")
    for error in errors:
        print(f"error: {error}")
    return 1 if errors or not verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
