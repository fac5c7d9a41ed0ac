"""`make trust` where the answer is known: scores of known laws, a tiny notebook, formulas of known mutants."""
import ast
import sys

import numpy as np
import pytest

from conftest import ROOT, tiny_chapter

sys.path.insert(0, str(ROOT / "tests" / "trust"))

import mutations
import seeds

import mutants


@pytest.mark.parametrize(("spread", "odd"), [(1.0, False), (0.3, True), (2.0, True)])
def test_scores_too_narrow_or_too_wide_are_odd(spread, odd):
    scores = spread * np.random.default_rng(3).normal(size=(50, 4))
    found = seeds.law(scores, means=30)
    assert found[0] == pytest.approx(spread, rel=0.15) and abs(found[1]) < spread / 4 and found[2] is odd


def test_a_biased_mean_is_odd():
    assert seeds.law(1.5 + np.random.default_rng(3).normal(size=(50, 1)), means=30)[2]


SETUP = "import numpy as np\nimport elbokit\nfrom elbokit import check\n\nrng = elbokit.rng()"
SAMPLED = """x = rng.normal(size=2000)
check.mean("half", half(2 * x), 0, mistake=1)
check.equal("half", half(x), x - x / 2)"""


def test_a_run_says_what_every_check_said_and_what_failed(tmp_path):
    half, fail = "def half(x):\n    return x / 2", 'check.equal("two", 2, 2.0 + (elbokit.rng().random() < 0.3))'
    tiny_chapter(tmp_path, {"setup": SETUP, "half": half, "check": SAMPLED, "fail": fail})
    tiny = mutants.load("01_tiny", tmp_path)
    runs = [mutants.in_fork(seeds.witnessed, tiny, seed) for seed in range(4)]
    fails = [np.random.default_rng(seed).random() < 0.3 for seed in range(4)]
    assert [bool(run["failed"]) for run in runs] == fails and any(fails) and not all(fails)
    first = runs[fails.index(True)]
    assert first["failed"].startswith("cell fail: (two) fails")
    said = [(record["cell"], record["name"], record["kind"]) for record in runs[fails.index(False)]["checks"]]
    assert said == [("check", "half", "mean"), ("check", "half", "equal"), ("fail", "two", "equal")]
    scores = [run["checks"][0]["scores"] for run in runs]
    assert len({score for (score,) in scores}) == 4, "every seed draws its own numbers"


def test_an_interrupted_record_goes_on(tmp_path):
    path = tmp_path / "deep" / "rows.jsonl"
    with seeds.appending(path) as record:
        record({"n": 1})
    path.write_text(path.read_text() + '{"n": 2, "cut o')
    with seeds.appending(path) as record:
        record({"n": 3})
    assert [row["n"] for row in seeds.rows(path)] == [1, 3]


def became(source):
    """What the rules make of a cell of one expression."""
    tree = ast.parse(source)
    return {what.partition(" → ")[2] for _, what in mutations.mutations(tree, tree)}


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("a + b", {"a", "b"}),
        ("a - b", {"a", "b - a"}),
        ("(a - b) ** 2", {"a", "a - b", "(a - b) * 2", "3", "0"}),
        ("np.abs(a - b)", {"a", "a - b"}),
        ("stats.norm.logpdf(x, m, s)", {"stats.norm.logpdf(x, s, m)", "stats.norm.pdf(x, m, s)"}),
        ("40 * x", {"40", "x", "40 / x", "20", "0"}),
        ("a * b", {"a", "b", "a / b"}),
        ("a / b", {"a", "a * b", "b / a"}),
        ("f(a, b)", {"f(b, a)"}),
        ("np.logaddexp(a, b)", {"np.maximum(a, b)"}),
        ("x.sum(-1)", {"x.mean(-1)", "2", "0"}),
        ("np.log(x)", {"np.log2(x)", "x"}),
        ("np.where(c, a, b)", {"a", "b"}),
        ("a if a < b else b", {"a", "b", "a >= b"}),
        ("a and b", {"a", "b", "a or b"}),
        ("x.T @ x", {"x.T", "x @ x.T", "x"}),
        ('check.equal("name", f(a, b), c, tol=1e-9, because="why", over="2 cases")', {"f(b, a)"}),
        ("lambda x, n=3: x", set()),
    ],
)
def test_what_the_rules_make_of_an_expression(source, made):
    assert became(source) == made


def test_a_survivor_is_told_and_an_explained_one_is_no_survivor(tmp_path, monkeypatch):
    weak = {"f": "def f(x):\n    return 0 * (x + 1)", "check": 'check.equal("f", f(np.ones(3)), 0.0)'}
    tiny_chapter(tmp_path, {"setup": SETUP, **weak})
    monkeypatch.setattr(seeds, "key_of", lambda name: name)
    monkeypatch.setattr(mutations, "EQUIVALENT", tmp_path / "equivalent.toml")
    made = mutations.all_mutants("01_tiny", tmp_path)
    entry = {"notebook": "01_tiny", "place": "f", "change": "x + 1 → x", "why": "times 0"}
    mutations.EQUIVALENT.write_text("[[equivalent]]\n" + "".join(f'{key} = "{text}"\n' for key, text in entry.items()))
    found = list(mutations.judged(made, tmp_path / "out"))
    assert {mutant.name: kind for mutant, kind in found}["0 → 1"] == "caught"
    text = mutations.report(found)
    survivors, same = text.split("## No change")
    assert "`x + 1 → 1`" in survivors and "`x + 1 → x`" not in survivors and "`x + 1 → x`: times 0" in same
    monkeypatch.setattr(mutants, "judge_all", lambda *ask, **how: iter(()))
    again = list(mutations.judged(made, tmp_path / "out"))
    assert sorted(kind for _, kind in again) == sorted(kind for _, kind in found), "kept, not judged again"
