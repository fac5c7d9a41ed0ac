"""Is every part of every formula checked? `python tests/trust/mutations.py [CHAPTER …]`, part of `make trust`.

`make mutants` puts in the mistakes that people make, and flips every sign. Here every other operator, number, function,
term and order of arguments is changed by rule, one at a time: in each function that a check stands on, and in the sides
of each check. A mutant that no check notices, and that does not crash either, is a *survivor*: it is no change at all,
and then tests/trust/equivalent.toml says why, or it is a hole. Verdicts are kept in _build/trust/, and an interrupted
run goes on where it stopped.
"""
import argparse
import ast
import itertools
import re
import sys
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import seeds  # noqa: E402

import mutants  # noqa: E402

EQUIVALENT = Path(__file__).with_name("equivalent.toml")
MOST = 100  # mutants judged by one process: what an interruption may cost
PAIRS = """sum mean, max min, argmax argmin, maximum minimum, any all, ones zeros, ones_like zeros_like, log log2,
exp expm1, log1p log, std var, sin cos, logsumexp max, logaddexp maximum, cumsum cumprod, prod sum, pdf cdf, logpdf pdf,
softmax log_softmax, sigmoid logsigmoid, tanh arctan"""  # each for the other; of several the first
OTHER = {}
for _one, _two in map(str.split, PAIRS.split(",")):
    OTHER.setdefault(_one, _two)
    OTHER.setdefault(_two, _one)
UNWRAPPED = set("""abs sqrt exp log log1p expm1 tanh square softmax sign cumsum transpose inv cholesky diag tril relu
sigmoid expit flip digamma gammaln""".split())  # may leave their argument as it is
SYMMETRIC = {"logaddexp", "maximum", "minimum", "add", "multiply", "isclose", "allclose"}
FIRST_TWO = re.compile(r"norm\.(log)?pdf$|\bclip$")  # the same with the first two arguments swapped
UNORDERED = {"range", "reshape", "full", "ones", "zeros", "isinstance", "arange", "permute"} | SYMMETRIC
OPERATORS = {ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult, ast.FloorDiv: ast.Mult}
COMPARISONS = {ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
SEEN = ("caught", "crashed")
LISTED = {"name", "over", "because", "tol", "scale", "mistake"}  # arguments of checks that are no mathematics


def changes(node):
    """What an expression may be changed into. -> list of nodes"""
    if isinstance(node, ast.BinOp):
        made = [node.left, node.right] if isinstance(node.op, (ast.Add, ast.Mult)) else [node.left]
        if type(node.op) in OPERATORS:
            made.append(ast.BinOp(node.left, OPERATORS[type(node.op)](), node.right))
        if isinstance(node.op, (ast.Sub, ast.Div, ast.MatMult)):
            made.append(ast.BinOp(node.right, node.op, node.left))
        return [new for new in made if value(new) is None or value(new) != value(node)]
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARISONS:
        return [ast.Compare(node.left, [COMPARISONS[type(node.ops[0])]()], node.comparators)]
    if isinstance(node, ast.BoolOp):
        return [*node.values, ast.BoolOp(ast.And() if isinstance(node.op, ast.Or) else ast.Or(), node.values)]
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        other = node.value + 1 if node.value <= 8 else node.value // 2  # a large one sets how exact it is, or how many
        return [ast.Constant(other), *([ast.Constant(0)] if node.value else [])]
    if isinstance(node, ast.Attribute) and node.attr in ("T", "mT"):
        return [node.value]
    return calls(node) if isinstance(node, ast.Call) and not _is_check(node) else []


def value(node):
    """The number that an expression of numbers has, else None."""
    try:
        return eval(compile(ast.fix_missing_locations(ast.Expression(node)), "", "eval"), {"__builtins__": {}})
    except Exception:
        return None


def calls(node):
    """What a call may be changed into: another function, its argument alone, its arguments in another order."""
    name, made = _name(node), []
    plain = not any(isinstance(argument, ast.Starred) for argument in node.args)
    if name in OTHER and isinstance(node.func, ast.Attribute):
        func = ast.Attribute(node.func.value, OTHER[name], ast.Load())
        made.append(ast.Call(func, node.args, node.keywords))
    if name in UNWRAPPED and len(node.args) == 1 and plain:
        made.append(node.args[0])
    if name == "where" and len(node.args) == 3:
        made += [node.args[1], node.args[2]]
    elif len(node.args) > 1 and plain and name not in UNORDERED:
        for i, (one, two) in enumerate(itertools.pairwise(node.args)):
            same = i == 0 and FIRST_TWO.search(ast.unparse(node.func)) or name == "swapaxes" and i == len(node.args) - 2
            same = same or ast.dump(one) == ast.dump(two)
            if not same and not isinstance(one, ast.Lambda):
                made.append(ast.Call(node.func, [*node.args[:i], two, one, *node.args[i + 2:]], node.keywords))
    return made


def slots(tree):
    """Every place of an expression below a node: (owner, field, index or None, expression). Not: default values of
    arguments, annotations, texts, and the arguments of checks that are no mathematics."""
    for field, value in ast.iter_fields(tree):
        if field in ("defaults", "kw_defaults", "annotation", "returns", "decorator_list"):
            continue
        if field == "args" and _is_check(tree):
            value = [None, *value[1:]]
        if field == "args" and _name(tree) == "reshape":
            continue  # any negative length is what is left; the others crash
        for index, child in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(child, ast.keyword) and _is_check(tree) and child.arg in LISTED:
                continue
            if isinstance(child, ast.expr):
                yield tree, field, index if isinstance(value, list) else None, child
            if isinstance(child, ast.AST):
                yield from slots(child)


def _name(node):
    """The last name of what is called, or ""."""
    func = getattr(node, "func", None)
    return getattr(func, "attr", getattr(func, "id", ""))


def _is_check(node):
    return isinstance(node, ast.Call) and ast.unparse(node.func).startswith("check.")


def mutations(cell, part):
    """(source, "what became what") for every change in one part of a cell, in order, each source once."""
    seen, labels = {ast.unparse(cell)}, Counter()
    for owner, field, index, old in list(slots(part)):
        for new in changes(old):
            if _evenly(owner, old, new):
                continue
            _put(owner, field, index, ast.copy_location(new, old))
            source = ast.unparse(ast.fix_missing_locations(cell))
            _put(owner, field, index, old)
            if source not in seen:
                seen.add(source)
                label = f"{ast.unparse(old)} → {ast.unparse(new)}"
                labels[label] += 1
                yield source, label if labels[label] == 1 else f"{label} (no. {labels[label]})"


def _evenly(owner, old, new):
    """Is this a difference the other way round, of which the square or the size is taken?"""
    squared = isinstance(owner, ast.BinOp) and isinstance(owner.op, ast.Pow) and ast.unparse(owner.right) == "2"
    is_difference = isinstance(old, ast.BinOp) and isinstance(old.op, ast.Sub)
    return is_difference and getattr(new, "right", None) is old.left and (squared or _name(owner) in ("abs", "square"))


def _put(owner, field, index, node):
    if index is None:
        setattr(owner, field, node)
    else:
        getattr(owner, field)[index] = node


def checks_in(cell):
    """The calls of checks in a cell, but for those that are to fail or judge a reader."""
    caught = {call for block in ast.walk(cell) if isinstance(block, ast.With) and "check.catches" in
              ast.unparse(block.items[0].context_expr) for call in ast.walk(block)}
    made = [node for node in ast.walk(cell) if _is_check(node) and node not in caught]
    return [node for node in made if node.func.attr in ("equal", "chain", "bound", "mean")]


def all_mutants(chapter, root=ROOT):
    """Every Mutant of a chapter's functions and checks."""
    notebook, parts = mutants.load(chapter, root), []
    for function in notebook.equation_functions():
        index = notebook.where(function)
        tree = ast.parse(notebook.cells[index].source)
        part = next(node for node in tree.body if getattr(node, "name", None) == function)
        parts.append((index, function, tree, part))
    for index, cell in enumerate(notebook.cells):
        tree = ast.parse(cell.source)
        parts += [(index, f"check {ast.unparse(call.args[0])}", tree, call) for call in checks_in(tree)]
    return [mutants.Mutant(notebook, index, source, place, what, True)
            for index, place, tree, part in parts for source, what in mutations(tree, part)]


# ---------------------------------------------------------------- judging them


def equivalents():
    """{(notebook, place, change): why it is no change}; the notebook "*" for a function that has copies."""
    entries = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")).get("equivalent", [])
    return {(entry["notebook"], entry["place"], entry["change"]): entry["why"] for entry in entries if entry["why"]}


def entry_of(mutant, known):
    """The entry of `known` that explains a survivor, or None."""
    keys = ((notebook, mutant.place, mutant.name) for notebook in (mutant.notebook.name, "*"))
    return next((key for key in keys if key in known), None)


def key_of(mutant):
    """What decides a mutant's fate: the notebook's code, elbokit, the data, the versions, and the mutant itself."""
    return seeds.run.digest(seeds.key_of(mutant.notebook.name), mutant.index, mutant.source)


def judged(made, out):
    """Yields (mutant, kind) of each, those on record first; records each new one."""
    path = out / "mutations.jsonl"
    known, todo = {row["key"]: row["kind"] for row in seeds.rows(path)}, []
    for mutant in made:
        if (key := key_of(mutant)) in known:
            yield mutant, known[key]
        else:
            todo.append(mutant)
    with seeds.appending(path) as record:
        for verdict in mutants.judge_all(todo, most=MOST):
            record({"key": key_of(verdict.mutant), "kind": verdict.kind, "detail": verdict.detail})
            yield verdict.mutant, verdict.kind


def report(found):
    """The report, as Markdown. found: (mutant, kind) of each."""
    known, used, lines, holes, seen = equivalents(), set(), [], [], defaultdict(set)
    for mutant, kind in found:
        if kind in SEEN:
            seen[definition(mutant), mutant.name].add(mutant.notebook.name)
    for chapter in dict.fromkeys(mutant.notebook.name for mutant, _ in found):
        own = [(mutant, kind) for mutant, kind in found if mutant.notebook.name == chapter]
        count, left = Counter(kind for _, kind in own), [mutant for mutant, kind in own if kind == "survived"]
        explained = [entry for mutant in left if (entry := entry_of(mutant, known))]
        used |= set(explained)
        left = [mutant for mutant in left if not entry_of(mutant, known)]
        copies = [mutant for mutant in left if seen[definition(mutant), mutant.name]]
        open_ = [mutant for mutant in left if mutant not in copies]
        holes += open_
        score = 1 - len(open_) / (len(own) - len(explained))
        numbers = len(own), count["caught"], count["crashed"], len(explained), len(copies), len(open_)
        lines.append([chapter, *map(str, numbers), f"{100 * score:.1f}"])
    head = ["chapter", "mutants", "caught", "crashed", "no change", "caught elsewhere", "survived", "score, %"]
    text = ["# Mutants by rule", "", "*Caught elsewhere*: in the same definition in another chapter.", ""]
    text += [seeds.table(head, lines), "", "## Survivors", ""]
    text += [f"- {mutant.notebook.name}, `{mutant.place}`: `{mutant.name}`" for mutant in holes] or ["None."]
    text += ["", "## No change", "", *(f"- {row[0]}, `{row[1]}`: `{row[2]}`: {known[row]}" for row in sorted(used))]
    judged = {(mutant.notebook.name, mutant.place) for mutant, _ in found}
    judged |= {("*", place) for _, place in judged}
    stale = [row for row in known if row[:2] in judged and row not in used]
    text += [f"- in {EQUIVALENT.name}, but no survivor: {', '.join(row)}" for row in stale]
    return "\n".join([*text, ""])


def definition(mutant):
    """The function that a mutant is one of, as it stands; for a check, its cell."""
    cell = mutant.notebook.cells[mutant.index]
    return ast.dump(cell.functions[mutant.place]) if mutant.place in cell.functions else cell.source


def main(arguments=None):
    """The command line. -> exit status"""
    parser = argparse.ArgumentParser(description="Change every part of every formula; report what no check noticed.")
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help="such as 01_kl (default: all)")
    options = parser.parse_args(arguments)
    if unknown := set(options.chapters) - set(mutants.chapters()):
        parser.error(f"no chapter {', '.join(sorted(unknown))}; there are {', '.join(mutants.chapters())}")
    made = [mutant for chapter in options.chapters or mutants.chapters() for mutant in all_mutants(chapter)]
    made.sort(key=lambda mutant: (mutant.notebook.name, mutant.index))
    found = []
    for verdict in judged(made, seeds.OUT):
        found.append(verdict)
        if len(found) % 100 == 0:
            print(f"  {len(found):,}/{len(made):,}", flush=True)
    text = report(found)
    seeds.run.write(seeds.OUT / "mutations.md", text)
    print(text.partition("## No change")[0])
    return 0


if __name__ == "__main__":
    sys.exit(main())
