"""The small data sets that ship with the book, in `notebooks/data`, whose README says where each comes from; and MNIST,
which does not ship: it is read from a folder of the reader's, or fetched into it."""

import csv
import gzip
import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent.parent / "data"
SHA256 = {
    "challenger": "211971dec91ef384e9a15fc5430bf9cb41a4a5689a7eceffc4308e9d52dbc7d4",
    "digits": "159ff45a909db2c3f38e130cb1f3df94eccbcf5e1ca4479f22fe555320dc59a2",
    "mnist_run": "16f4c16f4a6263071230dc47250b382621a4dee6d044e6f037264924d588693c",
    "newcomb": "0a7be709b2b1362d5ae416e0f97647c74b2fdc11afa969780000de1b04196aa4",
    "penguins": "7ac1eff04383fb0240df80a8fa95c1b831c3f473f47a7d01faad810dee4f04bb",
}  # of the file with Unix line ends
MNIST = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
}  # of the file unpacked
MNIST_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"


def load(name):
    """A data set as a dict of its columns: column name -> (n,), float64 where it holds numbers, else str.

    Raises ValueError for a name that the book does not have, FileNotFoundError where the file is missing, and
    ValueError where it is not, byte for byte (line ends apart), the file that the book was written with.
    """
    if name not in SHA256:
        raise ValueError(f"the book has no data set {name!r}, but {', '.join(map(repr, SHA256))}")
    path = FOLDER / f"{name}.csv"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: get notebooks/data of the book's repository, beside elbokit")
    text = path.read_bytes().replace(b"\r\n", b"\n")
    if hashlib.sha256(text).hexdigest() != SHA256[name]:
        raise ValueError(f"{path} is damaged or was changed: `git checkout -- {path.name}` in its folder restores it")
    names, *rows = csv.reader(text.decode().splitlines())
    return {column: _numbers(values) for column, values in zip(names, zip(*rows, strict=True), strict=True)}


def digits():
    """The 1,797 images of `digits`: ink (1797, 64) from 0 to 16, row by row of 8 x 8, and labels (1797,), both float64.

    Raises as `load` does.
    """
    table = load("digits")
    ink = np.frombuffer("".join(table["pixels"]).encode(), np.uint8).reshape(-1, 64)
    return np.where(ink >= ord("A"), ink - ord("A") + 10.0, ink - ord("0")), table["label"]


def mnist(folder):
    """MNIST's images: train (60000, 784) and test (10000, 784), grey from 0 to 1, float32.

    folder: holds the two files `train-images-idx3-ubyte` and `t10k-images-idx3-ubyte`, packed (.gz) or not; what is
    missing is fetched into it, and no file is kept whose sum is wrong. Raises ValueError where a file is damaged,
    FileNotFoundError where one is missing and can't be fetched.
    """
    folder = Path(folder).expanduser()
    raw = [_mnist_file(folder, name, wanted) for name, wanted in MNIST.items()]
    return [np.frombuffer(each, np.uint8, offset=16).reshape(-1, 784).astype(np.float32) / 255 for each in raw]


def _mnist_file(folder, name, wanted):
    """The bytes of one file, unpacked: from the folder, else from the network into the folder."""
    path, packed = folder / name, folder / f"{name}.gz"
    found = next((each for each in (path, packed) if each.exists()), None)
    if found is None:
        _fetch(f"{MNIST_URL}{packed.name}", packed, wanted)
        found = packed
    content = _unpacked(found.read_bytes(), found)
    if hashlib.sha256(content).hexdigest() != wanted:
        raise ValueError(f"{found} is damaged, or is not MNIST: delete it, and it will be fetched again")
    return content


def _fetch(url, path, wanted):
    """A packed file from the network, written whole or not at all."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            content = answer.read()
    except (urllib.error.URLError, OSError) as error:
        raise FileNotFoundError(
            f"{path} is missing, and {url} can't be reached ({error}): "
            f"put {' and '.join(MNIST)}, packed or not, into {path.parent} by hand"
        ) from None
    if hashlib.sha256(_unpacked(content, url)).hexdigest() != wanted:
        raise ValueError(f"what {url} sent is damaged, or is not MNIST: nothing was kept; try again")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    os.replace(temporary, path)


def _unpacked(content, where):
    """Bytes as they are, or unpacked if they are gzip's."""
    try:
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError) as error:
        raise ValueError(f"{where} is damaged: {error}") from None


def _numbers(values):
    """Texts as float64 if all are numbers, else as they are. -> (n,)"""
    try:
        return np.array(values, dtype=float)
    except ValueError:
        return np.array(values)
