"""The ledger's rules, each broken in turn; the names of equations; what is an inequality; how checks are shown."""

import json
import re

import pytest

import ledger


def record(name, kind="equal", **changes):
    """The output that a check leaves in a cell."""
    data = {"schema": 1, "name": name, "kind": kind, "instances": 1000, "worst": 4.4e-16, "tolerance": 1e-12}
    data |= {"passed": True, "text": "a = b", "over": None, "because": None} | changes
    line = f"✓ ({name})  a = b   1,000 instances, worst |lhs − rhs| 4.4e-16 (allowed 1e-12)"
    return {"output_type": "display_data", "metadata": {}, "data": {"text/plain": line, ledger.CHECK: data}}


def verdict(exercise, verdict):
    data = {"schema": 1, "exercise": exercise, "verdict": verdict, "slip": None, "text": f"{exercise}: {verdict}"}
    return {"output_type": "display_data", "metadata": {}, "data": {"text/plain": data["text"], ledger.EXERCISE: data}}


def notebook(*cells):
    """A notebook of Markdown cells (str) and of code cells that show outputs (list)."""
    made = []
    for number, cell in enumerate(cells):
        if isinstance(cell, str):
            made.append({"cell_type": "markdown", "id": f"md-{number}", "metadata": {}, "source": cell})
        else:
            made.append({"cell_type": "code", "id": f"code-{number}", "metadata": {}, "source": "", "outputs": cell})
    return {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def tagged(name, tex="a = b"):
    return rf"$$ {tex} \tag{{{name}}} $$"


def problems(pages):
    with pytest.raises(ledger.LedgerError) as caught:
        ledger.build(pages)
    assert "\x1b" not in str(caught.value)
    return caught.value.problems


NEW, SOLUTIONS = "notebooks/03_x", "notebooks/solutions/02_log_z"
GOOD = {
    "book/index": "# Index\n\nNo equations, but `$$ x \\tag{code} $$` as code.\n",
    "notebooks/01_kl": notebook(
        "# KL", tagged("KL"), tagged("Gibbs", r"\mathrm{KL} \ge 0"), [record("KL")], [record("Gibbs", "bound")]
    ),
    "notebooks/02_log_z": notebook(
        "# log Z",
        tagged("log-Z"),
        [record("log-Z"), record("KL", "mean", tolerance=6, worst=1.2)],
        "> **Exercise 2.1 (a).** Do.",
        [verdict("2.1", "untried")],
    ),
    SOLUTIONS: notebook([record("Exercise 2.1"), record("log-Z", "chain")], [verdict("2.1", "right")]),
}


def with_page(doc, page):
    return GOOD | {doc: page}


def test_a_good_book_has_its_ledger_in_the_designed_format():
    book = ledger.build(GOOD)
    assert [entry["name"] for entry in book["equations"]] == ["KL", "Gibbs", "log-Z"]
    first = book["equations"][0]
    assert (first["notebook"], first["url"], first["tex"]) == ("01_kl", "notebooks/01_kl.html#eq-KL", "a = b")
    assert first["checks"][0] == {
        "kind": "equal",
        "instances": 1000,
        "worst": 4.4e-16,
        "tolerance": 1e-12,
        "passed": True,
        "url": "notebooks/01_kl.html#check-KL",
    }
    assert first["checks"][1]["url"] == "notebooks/02_log_z.html#check-KL"
    assert book["equations"][2]["checks"][1]["url"] == "notebooks/solutions/02_log_z.html#check-log-Z"
    assert json.loads(json.dumps(book, allow_nan=False)) == book
    assert "Exercise" not in json.dumps(book)


@pytest.mark.parametrize(
    ("doc", "page", "said"),
    [
        (NEW, notebook(tagged("new")), r"^notebooks/03_x: \(new\) has no check"),
        (NEW, notebook([record("typo")]), r'^notebooks/03_x, cell "code-0": .*\(typo\) names no equation'),
        (NEW, notebook([record("kl")]), r"do you mean \(KL\)\?"),
        (NEW, notebook(tagged("KL"), [record("KL")]), r"\(KL\) is named more than once, in .*01_kl and .*03_x"),
        (NEW, notebook(tagged("a"), tagged("a"), [record("a")]), r"\(a\) .* in notebooks/03_x twice"),
        (NEW, notebook(tagged("le", r"a \le b"), [record("le")]), r'\(le\) states an inequality .*bound\("le"'),
        (NEW, notebook(tagged("a_b"), [record("a_b")]), r"\\tag\{a_b\}: a name is"),
        (NEW, notebook(r"$$ a \tag*{a} $$"), r"\\tag\*\{a\}: a name is"),
        (NEW, notebook(r"$$ a \tag{a} \\ b \tag{b} $$", [record("a"), record("b")]), r"one display has 2 tags"),
        (NEW, notebook(r"see $a = b \tag{a}$"), r"\\tag\{a\} stands outside a display"),
        (NEW, notebook("<details>\n" + tagged("a") + "\n</details>"), r"\\tag\{a\} stands outside a display"),
        (NEW, notebook(tagged("a"), [record("a", passed=False)]), r"\(a\) did not pass"),
        (NEW, notebook(tagged("a"), [record("a", instances=0)]), r"\(a\) was run on no instance"),
        (NEW, notebook(tagged("a"), [record("a", worst=float("nan"))]), r"\(a\) recorded a residual"),
        (NEW, notebook(tagged("a"), [record("a", worst=None)]), r"\(a\) recorded a residual"),
        (NEW, notebook(tagged("a"), [record("a", worst=1e-3)]), r"\(a\) passed with a residual of 0.001 over"),
        (NEW, notebook(tagged("a"), [record("a", schema=2)]), r"\(a\) has a record that this ledger cannot"),
        (NEW, notebook([record("Exercise 2.1")]), r"\(Exercise 2.1\) names no equation"),
        (SOLUTIONS, notebook([record("Exercise 2.9")]), r"\(Exercise 2.9\).*02_log_z has no such box"),
        (SOLUTIONS, notebook([verdict("2.1", "wrong")]), r"solution of Exercise 2.1 is judged wrong"),
        (SOLUTIONS, notebook(tagged("a"), [record("a")]), r"\(a\) is named in a solutions notebook"),
        ("book/index", tagged("a"), r"^book/index: \(a\) is named on a page that runs nothing"),
    ],
)
def test_each_rule_broken_in_turn(doc, page, said):
    assert any(re.search(said, problem) for problem in problems(with_page(doc, page))), problems(with_page(doc, page))


def test_an_equation_needs_a_check_in_its_own_notebook():
    book = with_page("notebooks/01_kl", notebook(tagged("KL"), tagged("Gibbs"), [record("Gibbs")]))
    assert problems(book) == ["notebooks/01_kl: (KL) is checked in notebooks/02_log_z but not in its own notebook"]


def test_a_bound_elsewhere_does_not_excuse_the_home_of_an_inequality():
    home = notebook(tagged("KL"), tagged("Gibbs", r"\mathrm{KL} \ge 0"), [record("KL"), record("Gibbs")])
    away = notebook([record("Gibbs", "bound")])
    assert any("states an inequality" in p for p in problems(GOOD | {"notebooks/01_kl": home, "notebooks/04_y": away}))


def test_deleting_any_one_equations_checks_is_noticed():
    for doc, page in GOOD.items():
        for name in ledger.tags({doc: page}):
            bare = json.loads(json.dumps(page))
            for cell in bare["cells"]:
                if "outputs" in cell:
                    kept = [o for o in cell["outputs"] if o["data"].get(ledger.CHECK, {}).get("name") != name]
                    cell["outputs"] = kept
            assert any(f"({name})" in problem for problem in problems(with_page(doc, bare)))


def test_all_problems_are_told_at_once():
    page = notebook(tagged("one"), tagged("two"), [record("three"), record("four")])
    told = "\n".join(problems(with_page(NEW, page)))
    assert all(f"({name})" in told for name in ("one", "two", "three", "four"))


def test_what_a_catch_holds_and_what_a_check_prints_are_no_records():
    caught = {"output_type": "display_data", "metadata": {}, "data": {"text/plain": "✓", ledger.CATCH: {"name": "a"}}}
    printed = {"output_type": "stream", "name": "stdout", "text": "✓ (a)  a = b   1,000 instances"}
    page = notebook(tagged("a"), [caught, printed])
    assert "(a) has no check" in "\n".join(problems(with_page(NEW, page)))


# -------------------------------------------------------------------------------------------------- names and places


@pytest.mark.parametrize(
    "text",
    [
        "$$ a = b \\tag{x} $$",
        "Text\n$$\na = b \\tag{x}\n$$\nmore",
        "Text with $$ a = b \\tag{x} $$ in it.",
        "> **Claim.** So:\n>\n> $$ a = b \\tag{x} $$",
        "- item\n\n  $$ a = b\\tag {x} $$",
        "<details>\n<summary>More</summary>\n\n$$ a = b \\tag{x} $$\n\n</details>",
        "```{math}\na = b \\tag{x}\n```",
        "```{note}\n$$ a = b \\tag{x} $$\n```",
    ],
)
def test_tags_are_found_wherever_a_display_may_stand(text):
    assert ledger.equations_in(text) == ([("x", "a = b")], [])


@pytest.mark.parametrize(
    "text",
    [
        "`$$ a \\tag{x} $$`",
        "```\n$$ a \\tag{x} $$\n```",
        "    $$ a \\tag{x} $$",
        "```{code-block} md\n$$ a \\tag{x} $$\n```",
    ],
)
def test_tags_in_code_are_no_tags(text):
    assert ledger.equations_in(text) == ([], [])


# ------------------------------------------------------------------------------------------------------ inequalities


@pytest.mark.parametrize(
    "tex",
    [
        r"\log r \le r - 1",
        r"a \leq b",
        r"a\leqslant b",
        r"a \ge b",
        r"a\geq0",
        r"a \geqslant b",
        "a < b",
        "a>b",
        r"a \lt b",
        r"a \gt b",
        "a ≤ b",
        r"a \lesssim b",
        r"a \lessgtr b",
        r"a \ll b",
        r"A \succeq 0",
        r"a \not\le b",
        r"a \nleq b",
        r"a \mathrel{\le} b",
        r"\begin{aligned} a &= b \\ &\le c \end{aligned}",
        r"\begin{aligned} a &= b && \text{for all } q \\ c &\ge d \end{aligned}",
        r"\boxed{-J(q) \le \log Z}",
        r"\bigl(-J(q) \le \log Z\bigr)",
        r"\left[ 0 \le p \right] \quad \text{always}",
        r"{a \le b}",
        r"\text{for every } q \quad -J(q) \le \log Z",
        r"-J(q) \overset{\text{(a)}}{\le} \log Z",
        r"-J(q) \stackrel{(a)}{\ge} \log Z",
        r"\underbrace{a}_{\text{gap}} \le b",
        r"f(x) \le g(x)",
        r"\left\langle x \right\rangle \ge 0",
        r"\big| a \big| \le b",
        r"\sum_{q > 0} q \le 1",
        r"0 \le p \le 1",
        r"a_i{<}b",
        r"x^2 < y",
        r"x^\top y \le z",
        r"a = b % a comment" + "\n" + r"\le c",
    ],
)
def test_inequalities_are_seen(tex):
    assert ledger.states_inequality(tex)


@pytest.mark.parametrize(
    "tex",
    [
        r"\sum_{q>0} q \log \frac{q}{p} = 0",
        r"\sum_{i < j} J_{ij} = 1",
        r"a^{(t<n)} = b",
        r"a_\le = b",
        r"a_\mathrm{x < y} = b",
        r"\sum_{\substack{i < j \\ k \ge 1}} a_{ij} = 1",
        r"\text{KL} = 0 \text{ where $q > 0$}",
        r"E = Z\,p(q > 0)",
        r"\mathbb{1}[x < y] = 0",
        r"\{ x : x > 0 \} = A",
        r"\left\{ x \mid x \le 1 \right\} = A",
        r"\Pr\big(|z| \ge 6\big) = 2\cdot10^{-9}",
        r"\left< a, b \right> = c",
        r"\big< a \big> = c",
        r"\begin{cases} 1 & x > 0 \\ 0 & x \le 0 \end{cases} = f(x)",
        r"f(x) = x^2 \quad \text{for } x > 0",
        r"f(x) = x^2 \quad\text{ if } x \ge 0",
        r"f(x) = x^2 \qquad (x > 0)",
        r"\underset{q > 0}{\max}\, J = \log Z",
        r"\operatorname*{arg\,min}_{q \ge 0} J(q) = p",
        r"\int_0^{\infty} f = 1, \quad x \in [0, \infty)",
        r"\langle a \rangle = \left\langle b \right\rangle",
        r"a \neq b",
        r"a \approx b \to c \gets d \Rightarrow e \mapsto f",
        r"\lfloor x \rfloor = \lgroup y \rgroup",
        r"\phantom{\le} a = b",
        r"a &= b",
        "a = b % \\le",
    ],
)
def test_conditions_and_look_alikes_are_not_inequalities(tex):
    assert not ledger.states_inequality(tex)


# ----------------------------------------------------------------------------------------------------------- showing


def shown(doc, page, pages=None):
    entries = {entry["name"]: entry for entry in ledger.build(pages or GOOD)["equations"]}
    made = ledger.rendered(doc, page, entries)
    return [output["data"]["text/html"] for cell in made["cells"] for output in cell.get("outputs", ())]


def test_a_check_line_becomes_html_that_links_to_its_equation():
    (line, *_) = shown("notebooks/01_kl", GOOD["notebooks/01_kl"])
    assert line == (
        '<div class="check" id="check-KL"><span class="check-mark">✓</span> <a href="#eq-KL">(KL)</a> '
        "<code>a = b</code> "
        '<span class="check-rest">1,000 instances, worst |lhs − rhs| 4.4e-16 (allowed 1e-12)</span></div>'
    )


def test_links_between_pages_are_relative():
    assert '<a href="01_kl.html#eq-KL">' in shown("notebooks/02_log_z", GOOD["notebooks/02_log_z"])[1]
    solutions = shown("notebooks/solutions/02_log_z", GOOD["notebooks/solutions/02_log_z"])
    assert '<a href="../02_log_z.html#exercise-2-1">(Exercise 2.1)</a>' in solutions[0]
    assert 'id="check-Exercise-2-1"' in solutions[0]
    assert '<a href="../02_log_z.html#eq-log-Z">' in solutions[1]
    assert 'class="check exercise right"' in solutions[2]


def test_the_anchors_of_a_page_are_unique_even_where_names_look_like_numbers():
    page = notebook(tagged("a"), tagged("a-2"), [record("a"), record("a"), record("a-2"), record("a"), record("a-2")])
    anchors = re.findall(r'id="([^"]*)"', "".join(shown("x", page, {"x": page})))
    assert anchors == ["check-a", "check-a-3", "check-a-2", "check-a-4", "check-a-2-2"]


def test_what_stands_in_a_line_is_escaped():
    page = notebook(tagged("a"), [record("a", text="x < y & z") | {}])
    page["cells"][1]["outputs"][0]["data"]["text/plain"] = "✓ (a)  x < y & z   <b>\nbecause: <i>"
    assert "<code>x &lt; y &amp; z</code>" in shown("x", page, {"x": page})[0]
    assert "&lt;b&gt;<br>\nbecause: &lt;i&gt;" in shown("x", page, {"x": page})[0]


def test_showing_leaves_the_executed_notebook_alone():
    before = json.dumps(GOOD["notebooks/02_log_z"])
    shown("notebooks/02_log_z", GOOD["notebooks/02_log_z"])
    assert json.dumps(GOOD["notebooks/02_log_z"]) == before


def test_the_page_of_the_ledger_lists_every_equation_and_its_checks():
    book = ledger.build(GOOD)
    page = f"# Ledger\n\n{ledger.SUMMARY}\n\n{ledger.TABLE}\n"
    text = ledger.filled(page, "book/ledger", book, {"notebooks/01_kl": "KL"})
    assert "## KL\n" in text
    sentence = "3 named equations in 2 chapters, held by 5 checks on 5,000 instances: "
    assert sentence + "4 to 1e-12 and 1 mean of samples within 6 standard errors.\n" in text
    check = '<a href="../notebooks/01_kl.html#check-KL">equal</a>'
    assert f"| [(KL)](../notebooks/01_kl.ipynb#eq-KL) | {check} | 1,000 | 4.4e-16 | 1e-12 |" in text
    assert '<a href="../notebooks/02_log_z.html#check-KL">mean</a> | 1,000 | 1.20 s.e. | 6 s.e. |' in text


def test_a_looser_allowance_is_listed_with_its_reason():
    loose = record("a", tolerance=1e-6, because="a *search* stops | early.")
    book = ledger.build({"x": notebook(tagged("a"), [record("a"), loose, record("a", "mean", tolerance=6)])})
    assert "Allowed more than 1e-12, and why: (a) 1e-06: a \\*search\\* stops \\| early.\n" in ledger.table(
        book, "y", {}
    )
    assert ledger.summary(book).endswith(
        ": 1 to 1e-12, 1 to a looser allowance that says why and 1 mean of samples within 6 standard errors."
    )
