"""The data sets that ship with the book: what is loaded, and the errors of a damaged copy."""
import gzip
import hashlib

import numpy as np
import pytest
from sklearn.datasets import load_digits

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


def test_digits():
    ink, label = data.digits()
    assert ink.shape == (1797, 64) and label.shape == (1797,) and ink.dtype == label.dtype == np.float64
    assert set(ink.ravel()) == set(range(17))
    theirs = load_digits()
    assert (np.bincount(label.astype(int)) == np.bincount(theirs.target)).all()
    assert (ink == theirs.data).all() and (label == theirs.target).all()


def test_mnist_run():
    run = data.load("mnist_run")
    assert list(run) == ["epoch", "train", "test"] and (run["epoch"] == np.arange(1, 301)).all()
    for curve in (run["train"], run["test"]):
        assert (np.diff(curve.reshape(10, 30).mean(1)) > 0).all()  # an epoch may fall behind, thirty never do


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
    with pytest.raises(ValueError, match="no data set 'iris', but 'challenger', 'digits', 'mnist_run', 'newcomb', 'p"):
        data.load("iris")


# ---------------------------------------------------------------- MNIST, which the reader brings or fetches


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """Two files of three and two images in place of MNIST's, and a source that can't be reached: name -> bytes."""
    rng = np.random.default_rng(1)
    files = {name: bytes(16) + rng.bytes(count * 784) for name, count in zip(data.MNIST, (3, 2), strict=True)}
    monkeypatch.setattr(data, "MNIST", {name: hashlib.sha256(file).hexdigest() for name, file in files.items()})
    monkeypatch.setattr(data, "MNIST_URL", (tmp_path / "nowhere").as_uri() + "/")
    return files


@pytest.fixture
def source(monkeypatch, tmp_path, tiny):
    """A folder that plays the server, with the files packed."""
    folder = tmp_path / "server"
    folder.mkdir()
    for name, file in tiny.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(file))
    monkeypatch.setattr(data, "MNIST_URL", folder.as_uri() + "/")
    return folder


def is_tiny(images, files):
    """Are these the images of the files, as grey from 0 to 1?"""
    wanted = [np.frombuffer(file[16:], np.uint8).reshape(-1, 784) / 255 for file in files.values()]
    shapes = [each.shape for each in images] == [(3, 784), (2, 784)]
    return shapes and all(a.dtype == np.float32 and abs(a - b).max() < 1e-7 for a, b in zip(images, wanted))


def test_mnist_from_a_folder_packed_or_not(tmp_path, tiny):
    train, test = tiny
    (tmp_path / train).write_bytes(tiny[train])
    (tmp_path / f"{test}.gz").write_bytes(gzip.compress(tiny[test]))
    assert is_tiny(data.mnist(tmp_path), tiny)


@pytest.mark.parametrize("pack", [bytes, lambda file: gzip.compress(file)[:-9]], ids=["a byte less", "half a .gz"])
def test_a_damaged_mnist_is_named(tmp_path, tiny, pack):
    for name, file in tiny.items():
        (tmp_path / name).write_bytes(pack(file[:-1]))
    with pytest.raises(ValueError, match=f"{next(iter(tiny))} is damaged"):
        data.mnist(tmp_path)


def test_mnist_out_of_reach_says_what_to_do_and_leaves_nothing(tmp_path, tiny):
    folder = tmp_path / "mine"
    with pytest.raises(FileNotFoundError, match="can't be reached") as failure:
        data.mnist(folder)
    assert all(name in str(failure.value) for name in (*tiny, str(folder), "by hand"))
    assert not folder.exists()


def test_mnist_is_fetched_once_and_kept(tmp_path, tiny, source):
    folder = tmp_path / "mine"
    assert is_tiny(data.mnist(folder), tiny)
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{name}.gz" for name in tiny)
    for path in source.iterdir():
        path.unlink()
    assert is_tiny(data.mnist(folder), tiny)


def test_a_wrong_download_is_not_kept(tmp_path, tiny, source):
    folder = tmp_path / "mine"
    first = source / f"{next(iter(tiny))}.gz"
    first.write_bytes(gzip.compress(b"a page that says you must log in"))
    with pytest.raises(ValueError, match="nothing was kept"):
        data.mnist(folder)
    assert not folder.exists() or not list(folder.iterdir())
