"""The mutation runner judged on tiny notebooks whose fate is known; and the real slips files, applied but not run."""
import json
import os

import pytest

import mutants
from conftest import ROOT, tiny_chapter

SETUP = "import numpy as np\nfrom elbokit import check\nimport elbokit\n\nrng = elbokit.rng()"
DOUBLE = 'def double(x):\n    """Twice x."""\n    return x + x'
CHECKED = 'x = rng.normal(size=1000)\ncheck.equal("double", double(x), 2 * x)'


@pytest.fixture
def book(tmp_path):
    """write(cells, slips_text) -> root of a book with one chapter, 01_tiny. cells: {id: source}"""

    def write(cells, slips=""):
        tiny_chapter(tmp_path, {"setup": SETUP, **cells})
        (tmp_path / "notebooks" / "solutions" / "01_tiny.slips.toml").write_text(slips)
        return tmp_path

    return write


def slip(find, replace, function="double", name="a slip", **more):
    keys = {"name": name, "notebook": "01_tiny", "function": function, "find": find, "replace": replace, **more}
    return "[[slip]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items() if value is not None)


def judged(root):
    """The verdicts on a tiny book's slips, every one of which applies."""
    made, _ = mutants.slip_mutants("01_tiny", root)
    return list(mutants.judge_all(made, root))


def errors(root):
    """What is wrong with a tiny book's slips, but for their number."""
    return [error for error in mutants.slip_mutants("01_tiny", root)[1] if "fewer than" not in error]


def test_a_wrong_formula_is_caught_and_its_equation_named(book):
    (verdict,) = judged(book({"double": DOUBLE, "check": CHECKED}, slip("x + x", "x + 2")))
    assert (verdict.kind, verdict.equation, verdict.detail) == ("caught", "double", "(double) in cell check")
    assert not mutants.is_bad(verdict)


def test_a_survivor_is_found(book):
    weak = CHECKED.replace("double(x)", "double(0 * x)").replace("2 * x", "0 * x")
    (verdict,) = judged(book({"double": DOUBLE, "check": weak}, slip("x + x", "x - x")))
    assert verdict.kind == "survived" and mutants.is_bad(verdict)


def test_a_broken_mutant_is_not_caught(book):
    (verdict,) = judged(book({"double": DOUBLE, "check": CHECKED}, slip("x + x", "x + y")))
    assert verdict.kind == "crashed" and "NameError" in verdict.detail and mutants.is_bad(verdict)


def test_a_refused_check_is_caught(book):
    (verdict,) = judged(book({"double": DOUBLE, "check": CHECKED}, slip("x + x", "np.nan * x")))
    assert (verdict.kind, verdict.equation) == ("caught", "double")


def test_a_notebook_that_fails_by_itself_proves_nothing(book):
    always = 'check.equal("never", double(rng.normal(size=9)), np.arange(9.0))'
    (verdict,) = judged(book({"double": DOUBLE, "check": always}, slip("x + x", "x + 1")))
    assert verdict.kind == "invalid" and mutants.is_bad(verdict)


def test_a_mutant_that_hangs_is_an_error():
    outcome = mutants.in_fork(_forever, limit=1)
    assert (outcome.kind, outcome.message) == ("crashed", "ran longer than 1 s")


def _forever():
    while True:
        pass


def test_a_crash_of_the_process_is_an_error():
    assert mutants.in_fork(os._exit, 3).message == "the process died"


def test_a_change_seen_through_functions_mutation_and_loops_is_followed(book):
    cells = {
        "double": DOUBLE,
        "late": "def four(x):\n    return double(double(x))",
        "table": "rows = [0.0]\nbox = {}",
        "fill": "for n in range(3):\n    rows.append(four(n))\nbox['last'] = rows[-1]",
        "figure": "picture = rng.normal(size=9)",
        "grow": "total = 0.0\ntotal += box['last']",
        "check": 'check.equal("sum", np.array([total]), np.array([8.0]))',
    }
    root = book(cells, slip("x + x", "x + 1"))
    notebook = mutants.load("01_tiny", root)
    assert [notebook.cells[i].id for i in notebook.seeing(1)] == ["check"]
    assert "figure" not in [notebook.cells[i].id for i in notebook.needed(notebook.seeing(1))]
    (verdict,) = judged(root)
    assert (verdict.kind, verdict.equation) == ("caught", "sum")


def test_a_cell_the_syntax_does_not_show_is_still_run_before_a_mutant_survives(book):
    hidden = "exec('y = double(np.ones(5))')"
    check = 'check.equal("hidden", globals()["y"], 2 * np.ones(5))'
    (verdict,) = judged(book({"double": DOUBLE, "hidden": hidden, "check": check}, slip("x + x", "3 * x")))
    assert (verdict.kind, verdict.equation) == ("caught", "hidden")


def test_a_slip_in_a_cell(book):
    cell = slip("2 * x", "3 * x", function=None, cell="check")
    (verdict,) = judged(book({"double": DOUBLE, "check": CHECKED}, cell))
    assert verdict.kind == "caught" and verdict.mutant.place == "check"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (slip("x * x", "x"), "occurs 0 times"),
        (slip("x", "y"), "occurs 4 times"),
        (slip("x + x", "x  +  x"), "stays as it was"),
        (slip("x + x", "x + ("), "no longer Python"),
        (slip("x + x", "x", function="triple"), "defines triple 0 times"),
        (slip("x + x", "x", function=None, cell="nowhere"), "no cell nowhere"),
        (slip("x + x", "x", cell="check"), "either function or cell"),
        (slip("x + x", "x", notebook="02_other"), "another chapter's"),
        (slip("x + x", "x", notebook="solutions/01_tiny"), "no notebook solutions/01_tiny"),
        (slip("x + x", "x") + slip("Twice", "Thrice"), "two slips have this name"),
        ("", "no slip for the equation function double"),
        ("[[slip", "Expected"),
    ],
)
def test_a_slip_that_does_not_apply_is_an_error(book, text, said):
    found = errors(book({"double": DOUBLE, "check": CHECKED}, text))
    assert any(said in error for error in found), found


def test_too_few_slips_and_a_missing_file_are_errors(book):
    root = book({"double": DOUBLE, "check": CHECKED}, slip("x + x", "x"))
    assert any("fewer than 10" in error for error in mutants.slip_mutants("01_tiny", root)[1])
    (root / "notebooks" / "solutions" / "01_tiny.slips.toml").unlink()
    assert "no slips file" in mutants.slip_mutants("01_tiny", root)[1][0]


def test_which_functions_need_a_slip(book):
    cells = {
        "defs": f"{DOUBLE}\n\ndef draw(rng):\n    return rng.normal(size=9)\n\ndef show(x):\n    figures.plot(x)",
        "inner": "def half(x):\n    return x / 2\n\ndef quarter(x):\n    return half(half(x))",
        "wrong": "def wrong(x):\n    return x - x",
        "check": 'x = draw(rng)\ncheck.equal("double", double(x), 8 * quarter(x))',
        "break": 'with check.catches("double"):\n    check.equal("double", wrong(x), 2 * x)',
        "try": 'def starter(x):\n    ...\n\ncheck.exercise("1.1", starter)',
    }
    assert mutants.load("01_tiny", book(cells)).equation_functions() == ["double", "half", "quarter"]


def test_every_sign_is_flipped_but_indices_and_axes(book):
    function = "def f(x, y):\n    x -= y[:-1] + y[1 - 1]\n    return -np.sum(x - 1, axis=-1) + x.sum(-1)"
    root = book({"f": function, "check": 'check.equal("f", f(rng.normal(size=(9, 3))), 1.0)'})
    made, found = mutants.sign_mutants("01_tiny", root)
    assert [m.name.removeprefix("sign: ") for m in made] == [
        "x += y[:-1] + y[1 - 1]", "y[:-1] - y[1 - 1]",
        "-np.sum(x - 1, axis=-1) - x.sum(-1)", "+np.sum(x - 1, axis=-1) + x.sum(-1)", "x + 1",
    ]
    assert not found


def test_a_harmless_sign_must_exist_and_survive(book):
    harmless = '[[harmless]]\nnotebook = "01_tiny"\nfunction = "square"\nflip = "{}"\nwhy = "a test"\n'
    square = "def square(x):\n    return (-x) ** 2 + x - x"
    check = 'x = rng.normal(size=9)\ncheck.equal("square", square(x), x * x)'
    cells = {"square": square, "check": check}
    made, found = mutants.sign_mutants("01_tiny", book(cells, harmless.format("(+x) ** 2")))
    assert not found
    told = {verdict.mutant.name: (verdict.kind, mutants.is_bad(verdict)) for verdict in mutants.judge_all(made)}
    assert told["sign: (+x) ** 2"] == ("survived", False) and told["sign: (-x) ** 2 + x + x"] == ("caught", False)
    lie = "(-x) ** 2 + x + x"
    made, found = mutants.sign_mutants("01_tiny", book(cells, harmless.format(lie)))
    lies = [mutant for mutant in made if lie in mutant.name]
    assert [mutants.is_bad(verdict) for verdict in mutants.judge_all(lies)] == [True] and not found
    assert "listed as harmless" in mutants.sign_mutants("01_tiny", book(cells, harmless.format("x * x")))[1][0]


def test_the_command_fails_on_a_survivor_and_passes_without(book, capsys):
    ten = "".join(slip("x + x", f"x + {n}", name=f"slip {n}") for n in range(10))
    root = book({"double": DOUBLE, "check": CHECKED}, ten)
    assert mutants.main([], root) == 0
    said = capsys.readouterr().out
    assert "11 mutants (10 slips, 1 signs): 11 caught by the checks of 1 equations" in said
    book({"double": DOUBLE, "check": CHECKED}, ten + slip("x + x", "2 * x", name="no mistake"))
    mutants.load.cache_clear()
    assert mutants.main(["--slips"], root) == 1
    assert "01_tiny: SURVIVED double" in capsys.readouterr().out


def test_an_equation_that_never_failed_is_an_error(book, capsys):
    ten = "".join(slip("x + x", f"x + {n}", name=f"slip {n}") for n in range(10))
    weak = CHECKED + '\ncheck.equal("idle", x + 1, 1 + x)'
    root = book({"double": DOUBLE, "check": weak}, ten)
    path = root / "notebooks" / "01_tiny.ipynb"
    notebook = json.loads(path.read_text())
    text = "$$ 2x = x + x \\tag{double} $$\n\n$$ x + 1 = 1 + x \\tag{idle} $$"
    notebook["cells"].append({"cell_type": "markdown", "id": "text", "metadata": {}, "source": [text]})
    path.write_text(json.dumps(notebook))
    assert mutants.main(["--slips"], root) == 1
    assert "error: 01_tiny: no wrong formula turned (idle) red" in capsys.readouterr().out
    notebook["cells"][-2]["source"] += '\nwith check.catches("idle"):\n    check.equal("idle", x + 1, x)'
    path.write_text(json.dumps(notebook))
    mutants.load.cache_clear()
    assert mutants.main(["--slips"], root) == 0


@pytest.mark.parametrize("chapter", mutants.chapters())
def test_the_books_own_slips_apply_and_cover_every_equation_function(chapter):
    made, found = mutants.slip_mutants(chapter, ROOT)
    assert made and not found, "\n".join(found)
    _, found = mutants.sign_mutants(chapter, ROOT)
    assert not found, "\n".join(found)
