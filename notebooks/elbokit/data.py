"""The small data sets that ship with the book, in `notebooks/data`; its README says where each comes from."""

import csv
import hashlib
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent.parent / "data"
SHA256 = {
    "challenger": "211971dec91ef384e9a15fc5430bf9cb41a4a5689a7eceffc4308e9d52dbc7d4",
    "newcomb": "0a7be709b2b1362d5ae416e0f97647c74b2fdc11afa969780000de1b04196aa4",
    "penguins": "7ac1eff04383fb0240df80a8fa95c1b831c3f473f47a7d01faad810dee4f04bb",
}  # of the file with Unix line ends


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


def _numbers(values):
    """Texts as float64 if all are numbers, else as they are. -> (n,)"""
    try:
        return np.array(values, dtype=float)
    except ValueError:
        return np.array(values)
