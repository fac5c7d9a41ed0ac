"""Finding one's way: the lists of equations and symbols, the foot of a page, how to cite, the terms that light up."""
import json
import posixpath
import re
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import citation  # noqa: E402
import equation_list  # noqa: E402
import ledger  # noqa: E402
import lit  # noqa: E402
import symbols  # noqa: E402


def notebook(*texts):
    return {"cells": [{"cell_type": "markdown", "source": text} for text in texts]}


def html(site, page):
    return (site / f"{page}.html").read_text(encoding="utf-8")


# ---- The list of equations ----

PAGES = {
    "notebooks/01_kl": notebook("# 01 KL\n\n$$ a\n= b \\tag{KL} $$\n\n$$ c \\tag{J} $$"),
    "notebooks/02_log_z": notebook("# 02 Z\n\n[(KL)](01_kl.ipynb#eq-KL) and $$ d \\tag{bound} $$"),
    "notebooks/solutions/02_log_z": notebook("# S\n\n[(J)](../01_kl.ipynb#eq-J)"),
    "book/equations": "# Equations\n\n<!-- equations -->\n",
}
CHECKED = {"equations": [{"name": "J", "checks": [{"url": "notebooks/02_log_z.html#check-J"}]}]}


def test_the_list_of_equations_says_what_stands_where_and_who_uses_it():
    lines = [line for line in equation_list.listing("book/equations", PAGES, CHECKED).splitlines() if line]
    assert lines[1:4] == ["[B](#b)", "[J](#j)", "[K](#k)"]
    assert lines[lines.index("## J"):] == [
        "## J",
        "**[(J)](../notebooks/01_kl.ipynb#eq-J)** 01 KL", ": $$ c $$", "  Used in [02](../notebooks/02_log_z.ipynb)",
        "## K",
        "**[(KL)](../notebooks/01_kl.ipynb#eq-KL)** 01 KL", ": $$ a = b $$",
        "  Used in [02](../notebooks/02_log_z.ipynb)"]  # solutions do not count as use


def test_every_equation_stands_in_the_list_of_the_site_from_a_to_z(site):
    book = json.loads((site / "ledger.json").read_text(encoding="utf-8"))
    shown = re.findall(r'<dt>.*?href="\.\./([^"]+)"', html(site, "book/equations"))
    assert shown == sorted((entry["url"] for entry in book["equations"]), key=lambda url: url.split("#")[1].lower())


# ---- The list of symbols ----

@pytest.mark.parametrize(("row", "found"), [
    (r"| $q$, $p$: distributions over $n$ states | `q`, `p` | |", ["q", "p"]),
    (r"| $m_i=\mathbb{E}_q[x_i]$: for a spin, all of $q_i$ | `m` | |", ["m_i"]),
    (r"| $h_i$: its field; $W_{ij}$: the tie of $i$ and $j$ | `h`, `W` | |", ["h_i", "W_{ij}"]),
    (r"| $R$: rate, $D$: distortion, $-\mathcal L = D + R$ | `R`, `D` | |", ["R", "D"]),
    (r"| $\mu_0, \lambda_0$: the prior | `prior` | |", [r"\mu_0", r"\lambda_0"]),
    (r"| $q(\mu) = \mathcal N(m, v)$ | `m, v` | |", [r"q(\mu)", "m", "v"]),
    (r"| $I_q(n;z)$: what $z$ tells | `information` | |", ["I_q"]),
    (r"| $\lambda_1\ge\lambda_2$: eigenvalues | `lam` | |", [r"\lambda_1"]),
    (r"| $-J(q)$ | `-J(q, p_tilde)` | |", ["J"]),
    (r"| $p(z \mid x)$: the posterior | `post` | |", [r"p(z\mid x)"]),
    (r"| Gamma $(a, b)$ | `a`, `b` | |", ["a", "b"]),
    (r"| $S = LL^\top$: the covariance | `L`, `S` | |", ["S", "L"]),
    (r"| $q_i$: factor $i$ of $q$ | `factors[i]` | |", ["q_i"]),
    ("| the decoder's output | `logits` | |", []),
])
def test_the_symbols_of_a_row(row, found):
    assert symbols.symbols_of(symbols.cells_of(row)) == found


HEAD = "| symbol | in code | shape |\n|---|---|---|\n"


def test_a_symbol_with_two_meanings_is_listed_with_both_and_equal_ones_are_one():
    pages = {
        "notebooks/03_a": notebook(HEAD + "| $m$: a mean, by [(J)](02.ipynb#eq-J) | `m` | |"),
        "notebooks/04_b": notebook(HEAD + "| $m$: a mass | `mass` | |\n| $J$: chapters 01 and 02 | `J` | |"),
        "notebooks/05_c": notebook(HEAD + "| $m$: a mass | `mass` | |\n| $\\hat m$: the best | `m_hat` | |"),
        "notebooks/06_d": notebook(HEAD + "| $m_i$ | `mass` | |\n| $m$ | `mass` | |"),
        "notebooks/07_e": notebook(HEAD + "| $m_i$ | `mass` | |"),
        "book/notation": "| symbol | in code | meaning |\n|---|---|---|\n| $m$ | `m` | a number |\n",
    }
    written = symbols.listing("book/symbols", pages)
    assert written.split("## M\n\n")[1].split("\n") == [
        "$m$",
        ": [notation](notation.md#symbols) $m$: a number — `m`",
        ": [03](../notebooks/03_a.ipynb#symbols) $m$: a mean, by [(J)](/notebooks/02.ipynb#eq-J) — `m`",
        ": [04](../notebooks/04_b.ipynb#symbols), [05](../notebooks/05_c.ipynb#symbols) $m$: a mass — `mass`",
        "",
        "$m_i$",
        ": [06](../notebooks/06_d.ipynb#symbols), [07](../notebooks/07_e.ipynb#symbols) $m_i$ — `mass`",
        "",
        "$\\hat m$",
        ": [05](../notebooks/05_c.ipynb#symbols) $\\hat m$: the best — `m_hat`"]
    assert "$J$" not in written  # a row that only names an earlier chapter introduces nothing


def test_each_table_of_symbols_feeds_the_list_and_is_linked_from_it(site):
    page = html(site, "book/symbols")
    with_table = [doc for doc in sorted(site.glob("notebooks/*.html")) if '<th class="head"><p>symbol</p></th>' in
                  doc.read_text(encoding="utf-8")]
    assert len(with_table) >= 12
    assert [doc.name for doc in with_table if f'href="../notebooks/{doc.name}#symbols"' not in page] == []
    for tex in ("m_i", r"\tilde p", "H", r"\lambda_i", r"\mathrm{KL}", r"q(z\mid x)"):
        assert re.search(r'<dt><span class="math [^>]*>' + re.escape(rf"\({tex}\)") + "</span></dt>", page), tex


# ---- The foot of a page ----

def foot(site, page):
    """{"prev" or "next": (where the link leads, its text)} and where the link to the solutions leads, or None."""
    text = html(site, page)
    link = re.compile(r'<a class="(?:left|right)-(prev|next)" href="([^"]*)".*?>(.*?)</a>', re.S)
    links = {side: (href, " ".join(re.sub("<[^>]*>", " ", words).split())) for side, href, words in link.findall(text)}
    solutions = re.search(r'<p class="to-solutions">.*?href="([^"]*)"', text, re.S)
    return links, solutions and solutions[1]


def test_a_chapter_leads_to_the_next_chapter_with_its_question_and_to_its_solutions_apart(site):
    links, solutions = foot(site, "notebooks/02_log_z")
    assert links["prev"] == ("01_kl.html", "previous 01 KL divergence How far is q from p, and why is the answer never "
                                           "negative?")
    assert links["next"] == ("03_inference.html", "next 03 Inference as optimisation How do you find marginals and "
                                                  "modes by pushing a bound?")
    assert solutions == "solutions/02_log_z.html"


def test_solutions_lead_back_to_the_exercises_and_on_to_the_next_chapter(site):
    links, solutions = foot(site, "notebooks/solutions/02_log_z")
    assert links["prev"][0] == "../02_log_z.html#exercises" and links["prev"][1].startswith("back to the exercises 02 ")
    assert links["next"][0] == "../03_inference.html" and solutions is None


def test_next_and_previous_visit_every_page_but_solutions_once(site):
    there, back, page = ["index"], [], "book/index"
    while "next" in (links := foot(site, page)[0]):
        page = posixpath.normpath(posixpath.join(posixpath.dirname(page), links["next"][0].removesuffix(".html")))
        there.append(posixpath.basename(page))
        back.append(Path(foot(site, page)[0]["prev"][0]).stem)
    toc = re.findall(r"(?:file|root): (\S+)", (ROOT / "_toc.yml").read_text(encoding="utf-8"))
    assert there == [Path(doc).name for doc in toc if not ledger.is_solutions(doc)]
    assert back == there[:-1]


# ---- How to cite ----

def test_the_page_on_citing_says_what_the_citation_file_says(site):
    facts = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    page = re.sub("<[^>]*>", "", html(site, "book/cite"))
    assert f"{facts['title']}, version {facts['version']}" in page
    assert f"version = {{{facts['version']}}}" in page


def test_a_citation_has_all_that_is_known_and_nothing_else():
    facts = {"title": "The ELBO", "version": "1.0", "license": "MIT", "date-released": "2030-01-02",
             "url": "https://example.org/b", "authors": [{"given-names": "Ada", "family-names": "L"}, {"name": "A, B"}]}
    assert citation.in_words(facts) == "> Ada L and A, B (2030). *The ELBO*, version 1.0. <https://example.org/b>."
    assert citation.bibtex(facts).splitlines() == [
        "@misc{the-elbo,", "  title   = {The {ELBO}},", "  author  = {Ada L and {A, B}},", "  year    = {2030},",
        "  version = {1.0},", "  url     = {https://example.org/b},", "}"]


def test_a_citation_file_that_lacks_something_is_an_error_that_says_what(tmp_path):
    (tmp_path / "CITATION.cff").write_text("title: The ELBO\nlicense: MIT\n")
    with pytest.raises(ledger.LedgerError, match="CITATION.cff has no authors and no version"):
        citation.filled(citation.BIBTEX, tmp_path)


# ---- Terms that light up ----

def test_lit_terms_change_nothing_else_and_a_term_that_is_gone_is_an_error():
    plain = r"\log Z = \mathrm{KL}(q\,\|\,p) - J(q)"
    assert lit.lit("log-Z", plain) == (
        r"\class{term-ceiling}{\log Z} = \class{term-gap}{\mathrm{KL}(q\,\|\,p)} \class{term-line}{- J(q)}")
    assert lit.lit("KL", plain) == lit.lit(None, plain) == plain
    with pytest.raises(Exception, match=r"\(log-Z\) has no - J\(q\): say in lit.py what its line is now"):
        lit.lit("log-Z", r"\log Z = \mathrm{KL}(q\,\|\,p) - F(q)")


def test_each_equation_with_lit_terms_stands_in_the_book_and_has_all_three_parts(site):
    book = json.loads((site / "ledger.json").read_text(encoding="utf-8"))
    tex = {entry["name"]: entry["tex"] for entry in book["equations"]}
    for name in lit.TERMS:
        assert set(re.findall(r"\\class\{term-(\w+)\}", lit.lit(name, tex[name]))) == {"ceiling", "gap", "line"}
