"""The data sets that ship with the book: what is loaded, and the errors of a damaged copy."""
import numpy as np
import pytest

from conftest import ROOT
from elbokit import data


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the data, to damage."""
    for path in data.FOLDER.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(data, "FOLDER", tmp_path)
    return tmp_path


def test_newcomb():
    times = data.load("newcomb")["deviation"]
    assert times.shape == (66,) and times.dtype == np.float64
    assert sorted(times)[:3] == [-44, -2, 16] and times.max() == 40
    assert round(times.mean(), 2) == 26.21 and round(times.std(ddof=1), 2) == 10.75


def test_penguins():
    birds = data.load("penguins")
    counts = dict(zip(*np.unique(birds["species"], return_counts=True), strict=True))
    assert counts == {"Adelie": 151, "Chinstrap": 68, "Gentoo": 123}
    numbers = {name: column for name, column in birds.items() if name != "species"}
    assert list(numbers) == ["bill_length", "bill_depth", "flipper_length", "body_mass"]
    assert all(column.dtype == np.float64 and column.shape == (342,) for column in numbers.values())
    means = [round(column.mean(), 2) for column in numbers.values()]
    assert means == [43.92, 17.15, 200.92, 4201.75]


def test_challenger():
    launches = data.load("challenger")
    assert launches["temperature"].shape == (23,) and set(launches["distress"]) == {0.0, 1.0}
    assert launches["distress"].sum() == 7 and (launches["distress"][:4] == 1).all()
    assert (launches["temperature"].min(), launches["temperature"].max()) == (53, 81)
    assert round(launches["temperature"].mean(), 2) == 69.57


def test_every_file_is_described_and_every_name_has_its_file():
    assert {path.stem for path in data.FOLDER.glob("*.csv")} == set(data.SHA256)
    described = (ROOT / "notebooks" / "data" / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}.csv`" in described for name in data.SHA256)


@pytest.mark.parametrize("name", data.SHA256)
def test_other_line_ends_are_the_same_data(folder, name):
    before = data.load(name)
    path = folder / f"{name}.csv"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert all((data.load(name)[column] == values).all() for column, values in before.items())


@pytest.mark.parametrize("name", data.SHA256)
def test_a_changed_file_is_refused(folder, name):
    path = folder / f"{name}.csv"
    *most, last = path.read_bytes().rstrip()
    path.write_bytes(bytes(most) + (b"8" if last == ord("9") else b"9") + b"\n")  # one digit
    with pytest.raises(ValueError, match=rf"{name}.csv is damaged or was changed"):
        data.load(name)


def test_a_missing_file_and_an_unknown_name_say_what_to_do(folder):
    (folder / "newcomb.csv").unlink()
    with pytest.raises(FileNotFoundError, match="newcomb.csv is missing: get notebooks/data"):
        data.load("newcomb")
    with pytest.raises(ValueError, match="no data set 'iris', but 'challenger', 'newcomb', 'penguins'"):
        data.load("iris")
