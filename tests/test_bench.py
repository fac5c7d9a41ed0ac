"""The benchmark at tiny sizes: both sides of every row agree, the page has its form, and a failure leaves it alone.

Nothing here judges a number of seconds.
"""
import itertools
import re
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent / "bench"))

import bench
import builds
import frame

ROW = re.compile(r"\| [^|]+ \| [\d.]+ [^|]*s \| [^|]+ \| [\d.]+ [^|]*s \| \*\*[\d.,e-]+\*\* \| [^|]+ \|")


def tables(text):
    """The lines of the tables of ratios in a page."""
    parts = text.split(frame.HEAD)[1:]
    return [line for part in parts for line in part.strip().split("\n\n")[0].splitlines()]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A page of tiny sizes. Where two sides gave different answers, there would be none."""
    page = tmp_path_factory.mktemp("bench") / "RESULTS.md"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frame, "SHORTEST", 0.0)  # each run once
        assert bench.main([], page, small=True) == 0
    return page.read_text(encoding="utf-8")


def test_both_sides_agree_and_the_page_has_its_form(small):
    rows = tables(small)
    assert len(rows) > 20 and all(ROW.fullmatch(row) for row in rows)


def test_the_committed_page_is_of_this_program(small):
    """The same headings, and a table of the same form under each."""
    committed = bench.PAGE.read_text(encoding="utf-8")
    headings = re.findall("(?m)^## .*", small)
    assert re.findall("(?m)^## .*", committed)[: len(headings)] == headings
    assert committed.count(frame.HEAD) >= len(headings)
    assert all(ROW.fullmatch(row) for row in tables(committed))


def test_a_different_answer_is_said_and_nothing_is_written(tmp_path, monkeypatch, capsys):
    page = tmp_path / "RESULTS.md"
    page.write_text("as it was")
    monkeypatch.setattr(bench.lattice, "by_loop", lambda m, h, beta: m)
    monkeypatch.setattr(bench, "GROUPS", {"lattice": bench.lattice.section})
    assert bench.main([], page, small=True) == 1
    assert "the plain loop" in capsys.readouterr().err and page.read_text() == "as it was"
    assert list(tmp_path.iterdir()) == [page]


def test_chosen_rows_leave_the_page_alone(tmp_path, capsys):
    assert bench.main(["lattice"], tmp_path / "RESULTS.md", small=True) == 0
    assert "## Mean field" in capsys.readouterr().out and not list(tmp_path.iterdir())
    with pytest.raises(SystemExit):
        bench.main(["lattices"])
    assert "lattices" in capsys.readouterr().err


def test_a_ratio_is_theirs_over_ours_round_by_round():
    """Two rounds of three are slow on both sides, which the ratio does not feel."""
    row = frame.Row("work", "peer", [1.0, 10.0, 100.0], [2.0, 20.0, 200.0], 30, "sites")
    assert row.line() == "| work | 3.00 sites/s | peer | 1.50 sites/s | **2.00** | 2.00 to 2.00 |"
    assert [frame.times(ratio) for ratio in (1332.9, 12.34, 0.456, 0.0219)] == ["1,330", "12.3", "0.46", "0.022"]
    assert [frame.short(value, "s") for value in (12e-6, 0.999, 240.0)] == ["12.0 µs", "999 ms", "240 s"]


def test_runs_take_turns():
    calls = []
    seconds = frame.in_turn(3, a=lambda: calls.append("a"), b=lambda: calls.append("b"))
    turns = [name for name, _ in itertools.groupby(calls)]  # a b, b a, a b, b a
    assert turns == list("ababa") and [len(each) for each in seconds.values()] == [3, 3]


def test_what_is_the_same():
    frame.same("equal", [1.0, 1e6], [1.0 + 1e-10, 1e6 + 1e-4])
    for ours, theirs in ((1.0, 1.0 + 1e-8), ([0.0, 1.0], [0.0, 1.1]), (float("nan"), 1.0), (float("nan"),) * 2):
        with pytest.raises(frame.Different, match="a sum: the two sides are"):
            frame.same("a sum", ours, theirs)


def test_edits_and_durations(tmp_path):
    """What is edited is the copy's second cell of the kind; pytest's report is summed over files."""
    path = shutil.copy(frame.ROOT / builds.TEXT, tmp_path)
    before = builds.run.load(Path(path), tmp_path)["cells"]
    builds.edit(Path(path), "code", "\n# here")
    after = builds.run.load(Path(path), tmp_path)["cells"]
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert [cell["cell_type"] for cell in changed] == ["code"] and changed[0]["source"].endswith("\n# here")
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite><testcase classname="tests.test_a" name="one" time="1.5"/>'
                      '<testcase classname="tests.test_a" name="two" time="0.5"/></testsuite></testsuites>')
    files, each = builds.durations(report)
    assert files == {"test_a": 2.0} and each.most_common(1) == [("test_a: one", 1.5)]
