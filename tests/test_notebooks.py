"""Every notebook: portable and tidy as written, clean and fully checked as executed, and its exercises fair.

Each rule is a function from a notebook to its faults, in words. The rules are tried on faulty samples too: a rule that
sees nothing would pass everything.
"""
import ast
import re
import statistics
from pathlib import PurePosixPath

import pytest
import yaml

import ledger
import mutants
from conftest import ROOT, cells, definitions, docs, executed, source
from elbokit import exercise

SETUP = """\
import matplotlib.pyplot as plt
import numpy as np
from scipy import integrate, optimize, stats
from scipy.special import logsumexp, rel_entr, softmax, xlogy

import elbokit
from elbokit import check, figures

rng = elbokit.rng()"""

CHAPTERS = [doc for doc in docs() if PurePosixPath(doc).parent.name == "notebooks"]
SOLUTIONS = [doc for doc in docs() if PurePosixPath(doc).parent.name == "solutions"]
NUMBERED = [doc for doc in CHAPTERS if PurePosixPath(doc).name[0].isdigit()]  # A goes over what the others proved
PRIMERS = [doc for doc in docs() if PurePosixPath(doc).parent.name == "primers"]

# What the design promises, chapter by chapter.
PROMISED = {
    "notebooks/01_kl": "KL log-ineq Gibbs cross-entropy chain-KL data-processing KL-invariance KL-normal KL-mvn "
    "KL-std-normal M-projection Pythagoras Pinsker mutual-information KL-MC",
    "notebooks/02_log_z": "p-tilde Z J J-split log-Z normalised bound tight variational-principle Jensen "
    "energy-entropy scale gradient grad-log-Z EUBO importance chi-square",
    "notebooks/03_inference": "MAP-limit ELBO-poisson stationary nesting",
    "notebooks/04_ising": "mean-field coordinate-J CAVI descent Ising-J tanh marginal-gap",
    "notebooks/05_gaussian": "mf-gauss mf-gauss-gap",
    "notebooks/06_conjugate": "evidence-NG CAVI-NG ELBO-NG CAVI-GMM ELBO-GMM label-cost",
    "notebooks/07_latent": "log-px ELBO-joint ELBO-rec-KL ELBO-gap ELBO-forms LG-evidence LG-posterior EM Fisher "
    "ELBO-bias minibatch joint-KL",
    "notebooks/08_gradients": "score score-zero baseline reparam pathwise STL",
    "notebooks/09_linear_vae": "pPCA LVAE-ELBO LVAE-opt",
    "notebooks/10_vae": "Bernoulli VAE-ELBO VAE-log-Z",
    "notebooks/11_gap": "gap-split surgery decoder-at-mean",
}

# ---------------------------------------------------------------- rules for the notebook as written

RULES = []


def rule(function):
    RULES.append(function)
    return function


def of_kind(notebook, kind):
    return [(c.get("id", "?"), "".join(c["source"])) for c in notebook["cells"] if c["cell_type"] == kind]


CODE = re.compile(r"^( *>? *)```.*?^\1```|`[^`\n]+`", re.M | re.S)
MATH = re.compile(r"\$\$.*?\$\$|(?<!\\)\$[^$\n]+\$", re.S)
TABLE = re.compile(r"^\s*>?\s*\|.*$", re.M)


def markdown(notebook, *hidden):
    """(cell id, text) of the Markdown cells; code is crossed out, and so is what matches a hidden pattern."""
    for cell, text in of_kind(notebook, "markdown"):
        for pattern in (CODE, *hidden):
            text = pattern.sub(lambda match: re.sub(r"[^\n]", "x", match[0]), text)
        yield cell, text


@rule
def stripped(notebook):
    """No outputs, no execution counts, and no metadata but alt text."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and (cell["outputs"] or cell["execution_count"] is not None):
            yield f"{cell['id']}: stored outputs or an execution count"
        if cell["metadata"] and (list(cell["metadata"]) != ["mystnb"] or list(cell["metadata"]["mystnb"]) != ["image"]):
            yield f"{cell['id']}: metadata other than alt text"
        if cell.get("attachments"):
            yield f"{cell['id']}: attachments"


@rule
def python3(notebook):
    """One kernel, named alike everywhere; the current notebook format, which has cell ids."""
    if notebook["metadata"].get("kernelspec", {}).get("name") != "python3":
        yield "the kernel is not python3"
    if "version" in notebook["metadata"].get("language_info", {}):
        yield "the metadata records a Python version"
    if (notebook["nbformat"], notebook["nbformat_minor"]) != (4, 5):
        yield "not notebook format 4.5"


@rule
def named_cells(notebook):
    """Cell ids are unique and say something."""
    ids = [cell.get("id", "") for cell in notebook["cells"]]
    for name in ids:
        mechanical = re.fullmatch(r"[0-9a-f]{8}(-.*)?|(cell|untitled)[-_]?\d*", name)
        if mechanical or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]+", name):
            yield f"the cell id {name!r} says nothing"
        if ids.count(name) > 1:
            yield f"the cell id {name!r} stands {ids.count(name)} times"


@rule
def same_setup(notebook):
    """The first code cell is the set-up, the same text everywhere."""
    code = of_kind(notebook, "code")
    if not code or code[0] != ("setup", SETUP):
        yield "the first code cell is not the set-up cell"


@rule
def short_cells(notebook):
    """Code cells: plain Python, half of them at most 8 lines, none over 25."""
    code = of_kind(notebook, "code")
    lengths = [len(text.splitlines()) for _, text in code]
    if statistics.median(lengths) > 8:
        yield f"the median code cell has {statistics.median(lengths)} lines, more than 8"
    for (cell, text), length in zip(code, lengths, strict=True):
        if length > 25:
            yield f"{cell}: {length} lines, more than 25"
        if not text.strip():
            yield f"{cell}: empty"
        try:
            ast.parse(text)
        except SyntaxError as error:
            yield f"{cell}: not plain Python: {error.msg}"


@rule
def no_myst(notebook):
    """Nothing that only the rendered book understands."""
    syntax = {
        r"\{[a-z][\w:-]*\}x": "a role", r"^\s*:::": "a directive", r"^\s*\([\w-]+\)=\s*$": "a target",
        r"\{\{": "a substitution", r"^%": "a comment", r"\[\]\(": "a link without text", r"\[\^": "a footnote",
        r"\{[#.][\w-]+\}": "an attribute",
    }
    for cell, text in of_kind(notebook, "markdown"):
        if re.search(r"^\s*[`~]{3,}\s*\{", text, re.M):
            yield f"{cell}: a directive"
    for cell, text in markdown(notebook, MATH):
        yield from (f"{cell}: {what}" for pattern, what in syntax.items() if re.search(pattern, text, re.M))


@rule
def plain_html(notebook):
    """No HTML but folds and line breaks: GitHub and JupyterLab drop the rest."""
    for cell, text in markdown(notebook, MATH):
        for tag in re.findall(r"</?([A-Za-z][A-Za-z0-9]*)\b(?!:)[^<>]*>", text):
            if tag not in ("details", "summary", "br", "sub", "sup", "kbd"):
                yield f"{cell}: <{tag}>"


@rule
def folds(notebook):
    """<details> and </details> stand between blank lines, so does what is folded; no math in <summary>."""
    for cell, text in of_kind(notebook, "markdown"):
        lines = ["", *(re.sub(r"^\s*>\s?", "", line) for line in text.split("\n")), ""]
        for before, line, after in zip(lines, lines[1:], lines[2:], strict=False):
            if line.startswith("<details") and (before.strip() or not after.startswith("<summary>")):
                yield f"{cell}: <details> needs a blank line before it and its <summary> below it"
            if "<summary>" in line and (not line.rstrip().endswith("</summary>") or after.strip()):
                yield f"{cell}: <summary> is one line, with a blank line below it"
            if "<summary>" in line and re.search(r"\$|`|\*", line):
                yield f"{cell}: math or mark-up in <summary>: {line}"
            if line.strip() == "</details>" and (before.strip() or after.strip()):
                yield f"{cell}: </details> needs a blank line on either side"
        if len({text.count(tag) for tag in ("<details", "<summary>", "</summary>", "</details>")}) > 1:
            yield f"{cell}: <details> and <summary> don't pair up"


@rule
def math(notebook):
    """Displays that MathJax, KaTeX and GitHub read alike; names well formed, one to a display."""
    for cell, text in markdown(notebook):
        if text.count("$$") % 2:
            yield f"{cell}: $$ don't pair up"
        displays = re.findall(r"\$\$(.*?)\$\$", text, re.S)
        for tex in displays:
            tags = re.findall(r"\\tag\*?\{([^}]*)\}", tex)
            bare = re.sub(r"\\begin\{(\w+)\}.*\\end\{\1\}", "", tex, flags=re.S)
            if len(tags) > 1:
                yield f"{cell}: two names in one display: {', '.join(tags)}"
            if r"\\" in bare or "&" in bare:
                yield f"{cell}: line break or & outside aligned: {tex.strip()[:60]}"
            yield from (f"{cell}: the name {t!r}" for t in tags if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", t))
        outside = re.sub(r"\$\$.*?\$\$", "", text, flags=re.S)
        if r"\tag" in outside:
            yield rf"{cell}: \tag outside a display"
        for line in outside.split("\n"):
            if len(re.findall(r"(?<!\\)\$", line)) % 2:
                yield f"{cell}: $ don't pair up in: {line[:60]}"
        foreign = r"\\(label|eqref|ref|newcommand|def|require|begin\{(?:align|equation|gather)\*?\})"
        for macro in re.findall(foreign, text):
            yield rf"{cell}: \{macro} is not understood everywhere"


@rule
def math_in_quotes(notebook):
    """Math inside a blockquote stays on one source line: JupyterLab shows the > of the next one inside the formula."""
    for cell, text in markdown(notebook):
        for line in text.split("\n"):
            if line.lstrip().startswith(">") and (line.count("$$") % 2 or len(re.findall(r"(?<!\\)\$", line)) % 2):
                yield f"{cell}: math over several lines of a blockquote: {line[:60]}"


@rule
def tables(notebook):
    r"""No | in a table cell's math (\Vert, \mid), escaped or not: rows have as many cells as the heading."""
    for cell, text in of_kind(notebook, "markdown"):
        rows = [line.strip().removeprefix(">").strip() for line in text.split("\n")]
        for above, row in zip(["", *rows], rows, strict=False):
            if row.startswith("|") and r"\|" in row:
                yield rf"{cell}: \| in a table: {row[:60]}"
            if row.startswith("|") and above.startswith("|") and row.count("|") != above.count("|"):
                yield f"{cell}: a row with {row.count('|') - 1} cells below one with {above.count('|') - 1}: {row[:60]}"


@rule
def one_sentence_a_line(notebook):
    """In paragraphs. (Lists of sources and boxes are left alone: there a line is an item.)"""
    for (cell, text), (_, original) in zip(markdown(notebook, MATH, TABLE), of_kind(notebook, "markdown"), strict=True):
        for line, written in zip(text.split("\n"), original.split("\n"), strict=True):
            if re.match(r"\s*(>|[-*] |\d+\. |\*\*|<)", line):
                continue
            for match in re.finditer(r"[a-z)x]{3,}[.!?] +(?:\*\*?)?[A-Z][a-z ]", line):
                if not re.match(r"(etc|vol|eds?|chap|sec|fig|approx|resp)\.", match[0]):
                    yield f"{cell}: two sentences in a line: …{written[match.start():][:60]}…"


@rule
def honest_prose(notebook):
    """The words that the style does without."""
    for cell, text in markdown(notebook, MATH):
        for word in re.findall(r"\b(?:clearly|simply|obviously|trivially|it is easy to see)\b", text, re.I):
            yield f"{cell}: {word!r}"


@pytest.mark.parametrize("doc", docs())
@pytest.mark.parametrize("check", RULES, ids=lambda function: function.__name__)
def test_as_written(doc, check):
    assert not (faults := list(check(source(doc)))), f"{doc}:\n" + "\n".join(faults)


FAULTY = {
    stripped: [{"outputs": [1]}, {"execution_count": 3}, {"metadata": {"tags": ["x"]}}],
    python3: [],
    named_cells: [{"id": "3fa9c2d1"}, {"id": "cell-3"}, {"id": "Übung"}, {"id": "setup"}],
    same_setup: [],
    short_cells: [{"source": [text]} for text in ("x = 1\n" * 26, "%matplotlib inline", "pip install x y", "  ")],
    no_myst: [
        "see {eq}`log-Z`", "```{note}\nx\n```", ":::{note}\nx\n:::", "(target)=\n# Title", "{{ name }}", "% comment",
        "[](other.ipynb)", "a note[^1]", "![x](y.png){.left}",
    ],
    plain_html: ['<div class="x">a</div>', "<img src='x.png'>", "> a <script>x</script>"],
    folds: [
        "text\n<details>\n<summary>Hint</summary>\n\nx\n\n</details>",
        "<details>\n<summary>Hint</summary>\nx\n\n</details>",
        "<details>\n<summary>Hint</summary>\n\nx\n</details>",
        "<details>\n<summary>What $x$ is</summary>\n\nx\n\n</details>",
        "<details>\n\n<summary>Hint</summary>\n\nx\n\n</details>",
        "<details>\n<summary>Hint</summary>\n\nx\n",
        "<details>\n<summary>Hint</summary>\n\nx\n\n</details>\nmore",
    ],
    math: [
        "$$ x", "$$ x \\\\ y $$", "$$ x \\tag{a b} $$", "$$ x \\tag{a} \\tag{b} $$", "$x \\tag{a}$", "costs $5",
        "$$ x \\label{x} $$", "\\begin{align} x \\end{align}", "$$ x &= y $$",
    ],
    math_in_quotes: ["> **Claim.** $$ x\n> = y $$", "> a $x +\n> y$"],
    tables: ["| a | b |\n|---|---|\n| $\\mathrm{KL}(q\\|p)$ | x |", "| a | b |\n|---|---|\n| $p(x|z)$ | x |"],
    one_sentence_a_line: ["The one thing. The other thing.", "Take $x$. Then go.", "It is so (always). Now go on."],
    honest_prose: ["This is clearly so.", "Simply add."],
}


def code_cell(**changed):
    plain = {"cell_type": "code", "id": "one", "metadata": {}, "source": ["1"], "outputs": [], "execution_count": None}
    return plain | changed


def sample(extra=None):
    """A faultless notebook, and one cell more: a Markdown text or a code cell."""
    kept = [code_cell(id="setup", source=[SETUP]), code_cell()]
    if isinstance(extra, str):
        extra = {"cell_type": "markdown", "id": "extra", "metadata": {}, "source": [extra]}
    base = {"metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4, "nbformat_minor": 5}
    return {"cells": [*kept, extra] if extra else kept, **base}


@pytest.mark.parametrize(
    ("check", "fault"), [(c, f) for c, faults in FAULTY.items() for f in faults],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_each_rule_sees_its_faults(check, fault):
    if isinstance(fault, dict):
        fault = code_cell(**{"id": "extra", **fault})
    assert list(check(sample(fault)))


def test_the_other_rules_see_their_faults():
    assert set(FAULTY) == set(RULES)
    assert list(python3(sample() | {"metadata": {}})) and list(python3(sample() | {"nbformat_minor": 2}))
    assert list(python3(sample() | {"metadata": {"language_info": {"version": "3.11"}}}))
    assert list(same_setup(sample() | {"cells": [code_cell(id="setup", source=[SETUP, "\nimport torch"])]}))
    assert list(same_setup(sample() | {"cells": []}))
    assert list(short_cells(sample() | {"cells": [code_cell(source=["x = 1\n" * 9])] * 3}))


def test_what_is_fine_has_no_faults():
    fine = """
A line with `code {x}` and $p(x\\mid z)$, e.g. this one, and the book of D. J. C. MacKay.
The next $$ \\begin{aligned} a &= b \\\\ &= c \\end{aligned} \\tag{log-Z} $$ is named.

> **Careful.** $x$ is not $y$. Mind that.

| symbol | in code |
|---|---|
| $\\mathrm{KL}(q\\,\\Vert\\,p)$ | `kl(q, p)` |

<details>
<summary>Hint</summary>

Fold.

</details>

- C. M. Bishop. Pattern recognition. Chapter 10."""
    assert not [fault for check in RULES for fault in check(sample(fine))]


# ---------------------------------------------------------------- the book as a whole


def named():
    """Equation name -> the notebook it stands in."""
    return {name: doc for name, (doc, _) in ledger.tags({doc: source(doc) for doc in docs()}).items()}


def test_every_notebook_is_in_the_table_of_contents():
    toc = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    listed = re.findall(r"(?:root|file): *(\S+)", toc)
    assert yaml.safe_load(toc)["format"] == "jb-book"
    assert sorted(doc for doc in listed if doc.startswith("notebooks/")) == docs()
    assert not [doc for doc in listed if not any((ROOT / f"{doc}{end}").exists() for end in (".md", ".ipynb"))]


@pytest.mark.parametrize("doc", docs())
def test_links_lead_somewhere(doc):
    tags = named()
    for cell, text in cells(doc, "markdown"):
        for label, target in re.findall(r"\[([^\]]*)\]\(([^)\s]+)\)", text):
            if re.match(r"https?:", target):
                continue
            path, _, anchor = target.partition("#")
            there = (ROOT / doc).parent.joinpath(path).resolve() if path else ROOT / f"{doc}.ipynb"
            assert there.exists() and ROOT in there.parents, f"{doc}, {cell}: no file {path}"
            page = there.relative_to(ROOT).with_suffix("").as_posix()
            if anchor.startswith("eq-"):
                name = anchor.removeprefix("eq-")
                assert tags.get(name) == page, f"{doc}, {cell}: ({name}) does not stand in {page}"
                is_name = re.fullmatch(r"\([\w-]+\)", label)
                assert not is_name or label == f"({name})", f"{doc}, {cell}: {label} leads to {anchor}"


def test_definitions_with_the_same_name_are_the_same():
    """Docstrings and comments included. Not compared: what the reader is to write, and the cases it is judged on."""
    seen = {}
    answers = {name for doc in CHAPTERS for _, name in exercises(doc)}
    answers |= {f"cases_{name}" for name in answers}
    for doc in docs():
        for cell, text in cells(doc, "code"):
            for node in ast.parse(text).body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name not in answers:
                    code = ast.get_source_segment(text, node)
                    first, where = seen.setdefault(node.name, (code, f"{doc}, {cell}"))
                    assert code == first, f"{node.name} in {doc}, {cell} is not what it is in {where}"


@pytest.mark.parametrize("doc", CHAPTERS)
def test_a_chapter_has_its_parts(doc):
    """Those that every chapter has: a table of symbols, predictions, mistakes made on purpose, summary, sources."""
    text = "\n\n".join(text for _, text in cells(doc, "markdown"))
    code = "\n".join(text for _, text in cells(doc, "code"))
    number = PurePosixPath(doc).name.split("_")[0]
    parts = [rf"\A# {number} \w", r"^\| symbol \| in code \| shape \|$"]
    parts += [rf"^## {heading}\b" for heading in ("Summary", *["Exercises"] * (doc in NUMBERED), "Sources")]
    parts += [rf"^> \*\*{box}\.\*\*" for box in ("Predict", "Break it", "Summary")]
    assert not [part for part in parts if not re.search(part, text, re.M)]
    assert "with check.catches(" in code and "plt." in code


@pytest.mark.parametrize("doc", PRIMERS)
def test_a_primer_states_no_equation_and_sees_its_traps(doc):
    """It is checked under the names of the chapters' equations, and its mistakes are made on purpose and caught."""
    assert doc not in named().values()
    assert records(doc, ledger.CHECK) and records(doc, ledger.CATCH) and not records(doc, ledger.EXERCISE)


@pytest.mark.parametrize("doc", PROMISED)
def test_the_promised_equations_are_there(doc):
    assert not set(PROMISED[doc].split()) - {name for name, where in named().items() if where == doc}


# ---------------------------------------------------------------- as executed


def records(doc, mime):
    """The records of one kind (ledger.CHECK, CATCH, EXERCISE) in an executed notebook."""
    return [record for *_, record in ledger.outputs_of(executed(doc), mime)]


@pytest.mark.parametrize("doc", docs())
def test_it_runs_clean(doc):
    faults = [
        f"{cell['id']}: {output.get('ename', output.get('text'))}"
        for cell in executed(doc)["cells"] for output in cell.get("outputs", [])
        if output["output_type"] == "error" or output.get("name") == "stderr"
    ]
    assert not faults
    written = [(c["id"], "".join(c["source"])) for c in executed(doc)["cells"] if c["cell_type"] == "code"]
    assert written == cells(doc, "code"), "what was executed is not what is written"
    assert all(c["execution_count"] for c in executed(doc)["cells"] if c["cell_type"] == "code"), "a cell did not run"


@pytest.mark.parametrize("doc", docs())
def test_its_checks_deserve_their_mark(doc):
    assert records(doc, ledger.CHECK)
    for record in records(doc, ledger.CHECK):
        assert record["passed"] is True and record["instances"] >= 1, record
        assert record["worst"] <= record["tolerance"], record
        if record["kind"] == "mean":
            assert (record["mistake_z"] or 0) >= 12, f"the mistake must stand out at 12 standard errors: {record}"
        else:
            assert record["tolerance"] <= 1e-12 or record["because"], record


FEW = {"M-projection": "each instance is a search by an optimiser"}  # equations with under 1,000 instances, and why


def test_every_equation_is_checked_on_many_instances():
    counts = {}
    for entry in ledger.build({doc: executed(doc) for doc in docs()})["equations"]:
        counts[entry["name"]] = sum(check["instances"] for check in entry["checks"] if check["kind"] != "mean")
    assert {name for name, count in counts.items() if count < 1000} == set(FEW), counts


@pytest.mark.parametrize("doc", docs())
def test_its_figures_have_alt_text(doc):
    for cell in executed(doc)["cells"]:
        if cell["cell_type"] != "code":
            continue
        pictures = sum(any(mime.startswith("image/") for mime in o.get("data", {})) for o in cell["outputs"])
        alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt")
        assert pictures <= 1, f"{cell['id']}: {pictures} pictures, and one alt text"
        assert bool(pictures) == bool(alt), f"{cell['id']}: {pictures} pictures, alt text {alt!r}"
        if pictures:
            assert len(alt) >= 40 and " " in alt, f"{cell['id']}: the alt text {alt!r} says too little"
            assert not re.search(r"\.(png|svg|jpe?g)\b|[$\\`<>]", alt), f"{cell['id']}: file name or mark-up in {alt!r}"


def test_deleting_all_checks_of_any_one_equation_is_red():
    """The ledger's promise, kept for every equation: without its checks the build fails and says which."""
    ran = {doc: executed(doc) for doc in docs()}
    names = [entry["name"] for entry in ledger.build(ran)["equations"]]
    assert set(names) == set(named())
    for name in names:
        with pytest.raises(ledger.LedgerError, match=rf"\({re.escape(name)}\) has no check"):
            ledger.build({doc: without_checks(notebook, name) for doc, notebook in ran.items()})


def without_checks(notebook, name):
    """An executed notebook with no record of any check of one equation."""
    gone = [id(output) for *_, output, record in ledger.outputs_of(notebook, ledger.CHECK) if record["name"] == name]
    kept = [
        {**cell, "outputs": [output for output in cell.get("outputs", []) if id(output) not in gone]}
        for cell in notebook["cells"]
    ]
    return {**notebook, "cells": kept}


# ---------------------------------------------------------------- exercises


def exercises(doc):
    """[("1.3", function name), ...]: the calls of check.exercise in a notebook."""
    return re.findall(r'^check\.exercise\("([\w.]+)", (\w+)\)', "\n".join(text for _, text in cells(doc, "code")), re.M)


def top_level(doc):
    """Name -> def, of a notebook's top-level functions."""
    return {n.name: n for _, text in cells(doc, "code") for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)}


@pytest.mark.parametrize("doc", NUMBERED)
def test_every_exercise_can_be_tried_and_has_a_solution(doc):
    chapter = PurePosixPath(doc).name.split("_")[0].lstrip("0")
    text = "\n".join(text for _, text in cells(doc, "markdown"))
    boxes = re.findall(r"^> \*\*Exercise ([\w.]+) \([^)]+\)\.\*\*", text, re.M)
    assert len(boxes) >= 5 and boxes == [f"{chapter}.{i}" for i in range(1, len(boxes) + 1)]
    solutions = doc.replace("notebooks/", "notebooks/solutions/")
    assert sorted({n for n, _ in exercises(doc)}) == boxes and exercises(solutions) == exercises(doc)
    starters, answers = top_level(doc), top_level(solutions)
    checked = {record["name"] for record in records(solutions, ledger.CHECK)}
    slipped = {slip.get("function") for slip in mutants.slips(PurePosixPath(doc).name)["slip"] if slip.get("says")}
    for n, name in exercises(doc):
        assert ast.get_docstring(starters[name]), f"the starter of {n} has no docstring"
        assert ast.unparse(answers[name].args) == ast.unparse(starters[name].args), f"{n}: other arguments than solved"
        assert f"cases_{name}" in answers and f"Exercise {n}" in checked, f"{n}: no cases, or no check by another route"
        assert name in slipped, f"{n}: no usual slip that the check knows by name"


@pytest.mark.parametrize("doc", docs())
def test_starters_are_untried_and_solutions_right(doc):
    wanted = "right" if doc in SOLUTIONS else "untried"
    verdicts = [(record["exercise"], record["verdict"]) for record in records(doc, ledger.EXERCISE)]
    assert verdicts == [(n, wanted) for n, _ in exercises(doc)]


def exercise_slips():
    """One parameter set for each slip in a solution: doc, number of its exercise, function, slip."""
    for doc in SOLUTIONS:
        numbers = {name: n for n, name in exercises(doc)}
        for slip in mutants.slips(PurePosixPath(doc).name).get("slip", []):
            if f"notebooks/{slip['notebook']}" == doc and slip.get("function") in numbers:
                yield pytest.param(doc, numbers[slip["function"]], slip, id=slip["name"])


@pytest.mark.parametrize(("doc", "number", "slip"), list(exercise_slips()))
def test_each_slip_is_judged_wrong_and_named(doc, number, slip, monkeypatch):
    """On the first 100 cases, to be quick; more cases can only tell more slips apart."""
    every = exercise._Solution.cases
    monkeypatch.setattr(exercise._Solution, "cases", lambda self, name: tuple(part[:100] for part in every(self, name)))
    mutant, names = mutants.mutate(slip), dict(definitions(doc))
    body = [node for node in ast.parse(mutant.source).body if isinstance(node, ast.FunctionDef)]
    exec(compile(ast.Module(body, []), "<the slip>", "exec"), names)
    verdict = exercise.judge(number, names[slip["function"]])
    assert (verdict.verdict, verdict.slip) == ("wrong", slip["name"])
    assert slip["says"] in verdict.text.split("\n")[0]
