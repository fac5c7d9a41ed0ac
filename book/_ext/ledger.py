"""The ledger: which named equations the book states, and which executed checks stand behind each of them.

A named equation is display math with a `\\tag{name}`; a check is a record that `elbokit.check` left in a cell's output.
`build` joins the two and refuses a book that breaks a rule; the other functions show the result on the pages.
Nothing here needs Sphinx. A *doc* is a page's path from the root without its suffix: "notebooks/01_kl".
"""

import html
import json
import math
import posixpath
import re
from collections import Counter
from functools import cache

from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

import quotes

CHECK = "application/vnd.elbokit.check+json"
CATCH = "application/vnd.elbokit.catch+json"
EXERCISE = "application/vnd.elbokit.exercise+json"
EXPLORER = "application/vnd.elbokit.explorer+json"

KINDS = {"equal", "chain", "bound", "mean"}
NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*")
TAG = re.compile(r"\\tag\s*(\*?)\s*\{([^{}]*)\}")
NEAR_ROUNDING = 1e-12  # the allowance of a check that states no other
TABLE, SUMMARY = "<!-- ledger -->", "<!-- ledger-summary -->"


class LedgerError(Exception):
    """The book breaks rules of the ledger; `problems` lists them all, one sentence each."""

    def __init__(self, problems):
        self.problems = list(problems)
        super().__init__("\n".join(f"✗ {problem}" for problem in self.problems))


# ------------------------------------------------------------------------------------------- what the pages state


def text_of(cell):
    """A cell's source as one string (the format allows a list of lines too)."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def markdown_of(page):
    """The Markdown of a page: a notebook's Markdown cells, or the text itself. dict or str -> list of str"""
    if isinstance(page, str):
        return [page]
    return [text_of(cell) for cell in page["cells"] if cell["cell_type"] == "markdown"]


@cache
def _parser():
    """A Markdown parser with the book's own settings for dollar math."""
    return MarkdownIt("commonmark").enable("table").use(dollarmath_plugin, allow_labels=False, double_inline=True)


def _tokens(text):
    """Every token of a Markdown text, inline ones and those inside MyST directives included."""
    for token in _parser().parse(text):
        yield token
        yield from token.children or ()
        if token.type == "fence" and token.info.startswith("{") and not token.info.startswith(("{code", "{math}")):
            yield from _tokens(token.content)


@cache
def equations_in(text):
    """The named equations of a Markdown text, and what is wrong with its tags. str -> [(name, TeX)], [problem]"""
    found, problems = [], []
    for token in _tokens(text):
        if token.type in ("math_block", "math_inline_double") or token.type == "fence" and token.info == "{math}":
            names = TAG.findall(token.content)
            if len(names) > 1:
                problems.append(f"one display has {len(names)} tags, {_listed(n for _, n in names)}: give each its own")
            for star, name in names:
                if star or not NAME.fullmatch(name):
                    problems.append(f"\\tag{star}{{{name}}}: a name is letters, digits and single hyphens, as log-Z is")
                else:
                    found.append((name, TAG.sub("", token.content).strip()))
        elif token.type in ("text", "math_inline", "html_block", "html_inline") and (tag := TAG.search(token.content)):
            problems.append(f"{tag[0]} stands outside a display: write $$ … {tag[0]} $$ (blank lines around it)")
    return found, problems


def tags(pages):
    """The book's named equations: {doc: notebook or Markdown} -> {name: (doc, TeX)}; of duplicates the first."""
    named = {}
    for doc, page in pages.items():
        for text in markdown_of(page):
            for name, tex in equations_in(text)[0]:
                named.setdefault(name, (doc, tex))
    return named


def is_solutions(doc):
    """Is this the solutions notebook of a chapter?"""
    return posixpath.basename(posixpath.dirname(doc)) == "solutions"


def chapter_of(doc):
    """The chapter a solutions notebook belongs to: "notebooks/solutions/01_kl" -> "notebooks/01_kl"."""
    folder, name = posixpath.split(doc)
    return posixpath.join(posixpath.dirname(folder), name)


def exercises_in(notebook):
    """The names of the exercise boxes of a notebook. -> {"Exercise 1.1", …}"""
    box = re.compile(r"^\s*>\s*\*\*(Exercise\s+\w+\.\w+)", re.M)
    return {" ".join(name.split()) for text in markdown_of(notebook) for name in box.findall(text)}


# --------------------------------------------------------------------------------------------------- inequalities

_RELATIONS = set(
    """\\le \\leq \\leqq \\leqslant \\lesssim \\lessapprox \\lessdot \\lt \\ll \\lll \\ge \\geq \\geqq \\geqslant
    \\gtrsim \\gtrapprox \\gtrdot \\gt \\gg \\ggg \\lessgtr \\lesseqgtr \\lesseqqgtr \\gtrless \\gtreqless \\gtreqqless
    \\lneq \\lneqq \\gneq \\gneqq \\nless \\nleq \\nleqq \\nleqslant \\ngtr \\ngeq \\ngeqq \\ngeqslant \\eqslantless
    \\eqslantgtr \\prec \\preceq \\preccurlyeq \\succ \\succeq \\succcurlyeq < > ≤ ≥ ≦ ≧ ≨ ≩ ≪ ≫ ≮ ≯ ≰ ≱ ≲ ≳ ≶ ≷ ⋘ ⋙
    ⋚ ⋛ ⩽ ⩾ ≺ ≻ ⪯ ⪰""".split()
)
_STATEMENTS = set(
    r"= := \equiv \approx \coloneqq \sim \simeq \cong \propto \iff \implies \Rightarrow \Leftrightarrow \to \in".split()
)
_WORDS = {rf"\{word}" for word in "text textrm textit textbf textnormal textsf texttt mbox hbox label tag".split()}
_HIDDEN = _WORDS | {rf"\{word}" for word in "phantom hphantom vphantom overset underset stackrel hspace".split()}
_SIZES = {rf"\{size}{side}" for size in ("big", "Big", "bigg", "Bigg") for side in ("", "l", "r", "m")}
_DELIMITED = _SIZES | {r"\left", r"\right", r"\middle"}
_OPEN = {"(", "[", r"\{", r"\lbrace", r"\lbrack", r"\lparen"}
_CLOSE = {")", "]", r"\}", r"\rbrace", r"\rbrack", r"\rparen"}
_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|\S|\s+", re.S)
_CONDITION = re.compile(r"\W*(if|for|when|whenever|where|wherever|with|unless|on|provided|as long as)\b", re.I)


def states_inequality(tex):
    """Does the statement itself assert an inequality? str -> bool

    Relations that only say where or under what condition do not count: those in a subscript or superscript, in
    \\text{…}, over or under another symbol, inside parentheses, brackets or braces (an event, a set, a condition set
    beside the statement; where nothing is stated outside them, what stands in them is the statement), in the second
    column of `cases`, and after a \\text{if …}, \\text{for …} that follows an equation on the same line.
    """
    tokens = _TOKEN.findall(re.sub(r"(?<!\\)%.*", "", tex))
    depth, seen_equals, skip_to_row, environments = 0, False, False, []
    bracketed, stated = False, False  # a relation in brackets; a statement outside them
    i = 0
    while i < len(tokens):
        token = tokens[i]
        if token in _HIDDEN:
            end = _argument(tokens, i + 1)
            words = "".join(tokens[i + 1 : end])
            skip_to_row |= token in _WORDS and seen_equals and depth == 0 and bool(_CONDITION.match(words))
            i = end
        elif token in ("_", "^"):
            i = _argument(tokens, i + 1)
        elif token in (r"\begin", r"\end"):
            end = _argument(tokens, i + 1)
            if token == r"\begin":
                environments.append("".join(tokens[i + 1 : end]))
            elif environments:
                environments.pop()
            skip_to_row, i = False, end
        elif token in (r"\\", r"\cr"):
            seen_equals = skip_to_row = False
            i += 1
        elif token == "&" and environments and "cases" in environments[-1]:
            skip_to_row = True
            i += 1
        elif token in _DELIMITED:
            i = _next(tokens, i + 1)  # what follows is a delimiter, even where it is < or >
            if i < len(tokens):
                opens = token == r"\left" or token in _SIZES and (token.endswith("l") or tokens[i] in _OPEN)
                closes = token == r"\right" or token in _SIZES and (token.endswith("r") or tokens[i] in _CLOSE)
                depth = max(0, depth + opens - closes)
            i += 1
        elif token in _OPEN or token in _CLOSE:
            depth = max(0, depth + (1 if token in _OPEN else -1))
            i += 1
        else:
            if token in _RELATIONS and depth == 0 and not skip_to_row:
                return True
            bracketed |= token in _RELATIONS and not skip_to_row
            seen_equals |= token in ("=", ":=", r"\equiv", r"\approx", r"\coloneqq")
            stated |= depth == 0 and token in _STATEMENTS
            i += 1
    return bracketed and not stated


def _next(tokens, i):
    """The position of the next token that is not white space."""
    while i < len(tokens) and tokens[i].isspace():
        i += 1
    return i


def _argument(tokens, i):
    """The position after the argument that starts at i: a group, a single character, or a macro with its groups."""
    i = _next(tokens, i)
    if i < len(tokens) and tokens[i] == "{":
        level = 0
        for j in range(i, len(tokens)):
            level += (tokens[j] == "{") - (tokens[j] == "}")
            if level == 0:
                return j + 1
        return len(tokens)
    macro = i < len(tokens) and re.fullmatch(r"\\[A-Za-z]+", tokens[i])
    i += 1
    while macro and i < len(tokens) and tokens[i] == "{":
        i = _argument(tokens, i)
    return i


# ---------------------------------------------------------------------------------------------- what the checks say


def outputs_of(notebook, mime):
    """Each output of that MIME type: -> (cell, its place among the cells, output, record)"""
    for index, cell in enumerate(notebook["cells"]):
        for output in cell.get("outputs", ()):
            record = output.get("data", {}).get(mime)
            if record is not None:
                yield cell, index, output, json.loads(record) if isinstance(record, str) else record


def checks_in(notebook):
    """A notebook's check records with the place of each. -> (cell, index, output, record, anchor)

    The first check of a name has the anchor check-<name>, the second check-<name>-2, never one that is taken."""
    found = list(outputs_of(notebook, CHECK))
    slugs = [re.sub(r"[^A-Za-z0-9]+", "-", str(record.get("name"))) for *_, record in found]
    taken, counts = set(slugs), Counter()
    for (cell, index, output, record), slug in zip(found, slugs, strict=True):
        counts[slug] += 1
        place = slug
        while counts[slug] > 1 and (place := f"{slug}-{counts[slug]}") in taken:
            counts[slug] += 1
        taken.add(place)
        yield cell, index, output, record, f"check-{place}"


def flaw(record):
    """What is wrong with a check record, in words; None if nothing is."""
    if record.get("schema") != 1 or not isinstance(record.get("name"), str) or record.get("kind") not in KINDS:
        return "has a record that this ledger cannot read"
    if record.get("passed") is not True:
        return "did not pass"
    if not isinstance(record.get("instances"), int) or record["instances"] < 1:
        return "was run on no instance"
    numbers = [record.get("worst"), record.get("tolerance")]
    if not all(isinstance(x, (int, float)) and math.isfinite(x) for x in numbers):
        return "recorded a residual or an allowance that is not a number"
    if numbers[0] > numbers[1] * (1 + 1e-9):  # the quotient of two rounded numbers
        return f"passed with a residual of {numbers[0]:.2g} over its allowance of {numbers[1]:.2g}"
    return None


def build(pages):
    """The ledger of the executed book, in the order of its table of contents.

    pages: {doc: executed notebook, or Markdown text}, in order. -> {"schema": 1, "equations": […]}
    Raises LedgerError naming every tag and check that breaks a rule."""
    problems, places, entries = [], {}, {}
    for doc, page in pages.items():
        for text in markdown_of(page):
            found, wrong = equations_in(text)
            problems += [f"{doc}: {problem}" for problem in wrong]
            for name, tex in found:
                places.setdefault(name, []).append(doc)
                entries.setdefault(name, _entry(name, doc, tex))
    for name, docs in places.items():
        problems += _misplaced(name, docs, pages)

    at_home = {name: [] for name in places}  # the kinds of an equation's checks in its own notebook
    for doc, page in pages.items():
        if isinstance(page, str):
            continue
        for cell, index, _, record, anchor in checks_in(page):
            name, where = record.get("name"), f"{doc}, {cell_name(cell, index)}"
            if wrong := flaw(record):
                problems.append(f"{where}: the check ({name}) {wrong}")
            elif name in entries:
                entries[name]["checks"].append(_result(record, f"{doc}.html#{anchor}"))
                at_home[name] += [record["kind"]] if doc == places[name][0] else []
            elif not (is_solutions(doc) and name in exercises_in(pages.get(chapter_of(doc), {"cells": []}))):
                problems.append(f"{where}: the check ({name}) names no equation: {_suggestion(doc, name, entries)}")
        if is_solutions(doc):
            for cell, index, _, record in outputs_of(page, EXERCISE):
                if (verdict := record.get("verdict")) != "right":
                    where = f"{doc}, {cell_name(cell, index)}"
                    problems.append(f"{where}: the solution of Exercise {record.get('exercise')} is judged {verdict}")

    for name, entry in entries.items():
        if isinstance(pages[places[name][0]], str) or is_solutions(places[name][0]):
            continue  # already named as misplaced
        problems += _unchecked(name, places[name][0], entry, at_home[name])
    for doc, page in pages.items():
        problems += [f"{doc}: {problem}" for problem in quotes.wrong(page, entries)] if isinstance(page, str) else []
    if problems:
        raise LedgerError(problems)
    return {"schema": 1, "equations": list(entries.values())}


def _entry(name, doc, tex):
    return {"name": name, "notebook": posixpath.basename(doc), "url": f"{doc}.html#eq-{name}", "tex": tex, "checks": []}


def _result(record, url):
    """What the ledger keeps of a check: always the first six, the rest where there is something to say."""
    always = {key: record[key] for key in ("kind", "instances", "worst", "tolerance", "passed")}
    extra = {key: record[key] for key in ("over", "because", "z", "mistake_z") if record.get(key) is not None}
    return {**always, "url": url, **extra}


def _misplaced(name, docs, pages):
    """What is wrong with where an equation stands."""
    if len(docs) > 1:
        where = docs[0] + " twice" if len(set(docs)) == 1 else _listed(dict.fromkeys(docs))
        yield f"({name}) is named more than once, in {where}: a name belongs to one equation"
    for doc in dict.fromkeys(docs):
        if isinstance(pages[doc], str):
            yield f"{doc}: ({name}) is named on a page that runs nothing: name it in a notebook, and link to it"
        elif is_solutions(doc):
            yield f"{doc}: ({name}) is named in a solutions notebook: named equations stand in chapters"


def _unchecked(name, doc, entry, kinds):
    """What is missing of an equation's checks; kinds: those of its checks in its own notebook."""
    if not entry["checks"]:
        yield f'{doc}: ({name}) has no check: compute both sides and call check.equal("{name}", …) or its like'
    elif not kinds:
        others = _listed(dict.fromkeys(check["url"].partition(".html")[0] for check in entry["checks"]))
        yield f"{doc}: ({name}) is checked in {others} but not in its own notebook"
    elif states_inequality(entry["tex"]) and "bound" not in kinds:
        yield (
            f'{doc}: ({name}) states an inequality and needs check.bound("{name}", lower=…, upper=…, gap=…) '
            f"(it has check.{_listed(dict.fromkeys(kinds))}; a mere condition belongs in \\text{{…}} or in parentheses)"
        )


def _suggestion(doc, name, entries):
    if str(name).startswith("Exercise"):
        return f"{chapter_of(doc)} has no such box" if is_solutions(doc) else "exercises are checked in the solutions"
    alike = [other for other in entries if other.lower() == str(name).lower().strip("()")]
    return f"do you mean ({alike[0]})?" if alike else f"no \\tag{{{name}}} stands in the book"


def _listed(names):
    return " and ".join(", ".join(map(str, names)).rsplit(", ", 1))


def cell_name(cell, index):
    """A cell's name in messages: its id, or its number where it has none."""
    return f'cell "{cell["id"]}"' if cell.get("id") else f"cell {index + 1}"


# ------------------------------------------------------------------------------------------------------- the pages


def link(from_doc, url):
    """A link to a URL of the site, relative to the page it stands on."""
    page, _, anchor = url.partition("#")
    return f"#{anchor}" if page == f"{from_doc}.html" else posixpath.relpath(url, posixpath.dirname(from_doc) or ".")


def rendered(doc, notebook, entries):
    """The executed notebook as the site shows it: check lines in HTML, linked to their equations; figures classed.

    doc: str; entries: {name: ledger entry}. -> a new notebook (dict)"""
    notebook = json.loads(json.dumps(notebook))
    notebook["metadata"].pop("elbo", None)
    for _, _, output, record, anchor in checks_in(notebook):
        url = entries[record["name"]]["url"] if record["name"] in entries else exercise_url(doc, record["name"])
        name = f'<a href="{html.escape(link(doc, url))}">({html.escape(record["name"])})</a>'
        _show(output, CHECK, f'<div class="check" id="{anchor}">', name, record)
    for _, _, output, record in list(outputs_of(notebook, CATCH)):
        _show(output, CATCH, '<div class="check caught">', None, record)
    for _, _, output, record in list(outputs_of(notebook, EXERCISE)):
        verdict = html.escape(str(record.get("verdict")))
        _show(output, EXERCISE, f'<div class="check exercise {verdict}">', None, record)
    for _, _, output, record in list(outputs_of(notebook, EXPLORER)):
        _place(output, record)
    for cell in notebook["cells"]:
        if any("image/png" in output.get("data", {}) for output in cell.get("outputs", ())):
            cell["metadata"].setdefault("mystnb", {}).setdefault("image", {})["classes"] = "dark-light"
    return notebook


def exercise_url(doc, name):
    """Where in the site an exercise's box stands: the anchor that boxes.py gives it."""
    return f"{chapter_of(doc)}.html#{re.sub(r'[^a-z0-9]+', '-', name.lower())}"


def _show(output, mime, opening, name, record):
    """Replaces a record by its line in HTML; the mark at the line's head gets a span of its own."""
    plain = output["data"].get("text/plain", record.get("text", ""))
    line = (plain if isinstance(plain, str) else "".join(plain)).strip()
    mark, _, rest = line.partition(" ") if line[:1] and not line[:1].isalnum() else ("", "", line)
    shown = f'<span class="check-mark">{html.escape(mark)}</span> ' if mark else ""
    if name:
        rest = rest.strip().removeprefix(f"({record['name']})").strip()
        text = record.get("text") or ""
        code, rest = (text, rest[len(text) :]) if text and rest.startswith(text) else ("", rest)
        shown += name + (f" <code>{html.escape(code)}</code>" if code else "")
    rest = html.escape(rest.strip()).replace("\n", "<br>\n")
    shown += f' <span class="check-rest">{rest}</span>' if rest else ""
    output["data"] = {"text/html": f"{opening}{shown}</div>", "text/plain": line}
    output.get("metadata", {}).pop(mime, None)


def _place(output, record):
    """Replaces an explorer's record by the place it stands in, its data in it, as a script that is not run."""
    data = json.dumps(record["data"], ensure_ascii=False, separators=(",", ":")).replace("<", r"\u003c")
    name = html.escape(record["explorer"])
    place = f'<div class="explorer" id="explorer-{name}" data-explorer="{name}">'
    says = html.escape(record["says"].replace("In the rendered book", "Where scripts run"))
    says = f'<p class="explorer-still">{says}</p>'
    shown = f'{place}{says}<script type="application/json">{data}</script></div>'
    output["data"] = {"text/html": shown, "text/plain": record["says"]}
    output.get("metadata", {}).pop(EXPLORER, None)


def explorers_in(notebook):
    """The names of the explorers that stand in an executed notebook, in order. -> list of str"""
    return list(dict.fromkeys(record["explorer"] for *_, record in outputs_of(notebook, EXPLORER)))


def summary(book):
    """One sentence on what was run. ledger -> str (Markdown)"""
    checks = [check for entry in book["equations"] for check in entry["checks"]]
    chapters = {entry["notebook"] for entry in book["equations"]}
    means = sum(check["kind"] == "mean" for check in checks)
    loose = sum(check["kind"] != "mean" and check["tolerance"] > NEAR_ROUNDING for check in checks)
    held = [f"{len(checks) - means - loose:,} to {NEAR_ROUNDING:g}"]
    held += [f"{loose:,} to a looser allowance that says why"] if loose else []
    held += [f"{means:,} {'mean' if means == 1 else 'means'} of samples within 6 standard errors"] if means else []
    instances = count(sum(check["instances"] for check in checks), "instance")
    equations = f"{count(len(book['equations']), 'named equation')} in {count(len(chapters), 'chapter')}"
    return f"{equations}, held by {count(len(checks), 'check')} on {instances}: {_listed(held)}."


def count(n, noun):
    """A number with its noun: 1 check, 1,000 checks."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def table(book, doc, titles, level=2):
    """The ledger as Markdown for the page `doc`: a heading and a table for each notebook.

    titles: {doc: title of the page}; level: of the headings. -> str"""
    homes = {}
    for entry in book["equations"]:
        homes.setdefault(entry["url"].partition(".html")[0], []).append(entry)
    lines = []
    for home, entries in homes.items():
        lines += [f"{'#' * level} {titles.get(home, home)}", ""]
        lines += ["| Equation | Check | Instances | Worst | Allowed |", "|:--|:--|--:|--:|--:|"]
        reasons = []
        for entry in entries:
            source = posixpath.relpath(home, posixpath.dirname(doc) or ".")
            name = f"[({entry['name']})]({source}.ipynb#eq-{entry['name']})"
            for check in entry["checks"]:
                unit = " s.e." if check["kind"] == "mean" else ""
                shown = "{:.2f}" if unit else "{:.1e}"
                kind = f'<a href="{html.escape(link(doc, check["url"]))}">{check["kind"]}</a>'
                worst = "0" if check["worst"] == 0 else shown.format(check["worst"])
                allowed = f"{check['tolerance']:g}"
                lines.append(f"| {name} | {kind} | {check['instances']:,} | {worst}{unit} | {allowed}{unit} |")
                name = ""
                if reason := check.get("because"):
                    reasons.append(f"({entry['name']}) {allowed}: {_literal(reason)}")
        lines += [
            "",
            f"Allowed more than {NEAR_ROUNDING:g}, and why: {'; '.join(dict.fromkeys(reasons))}." if reasons else "",
            "",
        ]
    return "\n".join(lines)


def _literal(text):
    """Plain text as Markdown that shows it unchanged."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(text.split()).rstrip("."))


def filled(text, doc, book, titles):
    """A book page with the ledger, its summary and equations put where comments ask for them. str -> str"""
    equations = {entry["name"]: entry for entry in book["equations"]}
    lines, level = [], 1
    for line in text.split("\n"):
        if heading := re.match(r"(#+)\s", line):
            level = len(heading[1])
        if line.strip() == TABLE:
            line = table(book, doc, titles, level + 1)
        lines.append(quotes.filled(line.replace(SUMMARY, summary(book)), doc, equations))
    return "\n".join(lines)


def title_of(page):
    """The first heading of a page, or None."""
    heading = next((m for text in markdown_of(page) if (m := re.search(r"^#\s+(.+)$", text, re.M))), None)
    return heading and heading[1].strip()
