"""AffectNet (Mollahosseini, Hasani and Mahoor 2019), both layouts it was handed out in."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from facegen.errors import MediaError
from facegen.fer.dataset import FerDataset, FerSample
from facegen.fer.sets.files import label_at, need, number, table
from facegen.recognizer.labels import label_space

LICENCE = "academic licence: nothing to third parties"
_INVALID = -2.0
_SPLITS = {"training": "train", "train_set": "train", "validation": "test", "val_set": "test"}


def affectnet8(folder: Path) -> FerDataset:
    """Eight classes; ``None``, ``Uncertain`` and ``Non-face`` are left out.

    ``{train_set,val_set}/images/N.jpg`` with ``annotations/N_{exp,val,aro}.npy``, or
    ``training.csv`` and ``validation.csv`` with ``Manually_Annotated_Images/``. The validation
    part is the test split: the real one is not published.

    Raises:
        MediaError: another layout.
    """
    return _affectnet(folder, 8)


def affectnet7(folder: Path) -> FerDataset:
    """As :func:`affectnet8` without contempt."""
    return _affectnet(folder, 7)


def _affectnet(folder: Path, classes: int) -> FerDataset:
    new = (folder / "train_set").is_dir() or (folder / "val_set").is_dir()
    rows = _of_arrays(folder) if new else _of_tables(folder)
    space = label_space(f"affectnet{classes}")
    samples = tuple(
        FerSample(path=path, split=split, label=label_at(code, space, path), affect=affect)
        for path, split, code, affect in rows
        if 0 <= code < classes
    )
    if not samples:
        raise MediaError(f"{folder} holds no AffectNet: expected train_set/ or training.csv")
    return FerDataset(f"AffectNet-{classes}", samples, LICENCE)


Rows = Iterator[tuple[Path, str, int, tuple[float, float]]]


def _of_arrays(folder: Path) -> Rows:
    for part in ("train_set", "val_set"):
        if not (folder / part).is_dir():
            continue
        notes = need(folder / part / "annotations", "folder of annotations")
        for file in sorted(notes.glob("*_exp.npy"), key=lambda p: (len(p.stem), p.stem)):
            stem = file.name.removesuffix("_exp.npy")
            code = int(_value(file))
            affect = (_affect(_value(notes / f"{stem}_{k}.npy")) for k in ("val", "aro"))
            picture = folder / part / "images" / f"{stem}.jpg"
            valence, arousal = affect
            yield picture, _SPLITS[part], code, (valence, arousal)


def _of_tables(folder: Path) -> Rows:
    pictures = folder / "Manually_Annotated_Images"
    if not pictures.is_dir():
        pictures = folder / "Manual_Annotated_Images"
    columns = ("subDirectory_filePath", "expression", "valence", "arousal")
    for name in ("training", "validation"):
        file = folder / f"{name}.csv"
        if not file.is_file():
            continue
        for place, row in enumerate(table(file, *columns), 2):
            code = number(row["expression"], file, f"row {place}")
            affect = (_affect(float(row["valence"])), _affect(float(row["arousal"])))
            yield pictures / row["subDirectory_filePath"], _SPLITS[name], code, affect


def _value(file: Path) -> float:
    """A number that was saved as an array, sometimes of text."""
    try:
        return float(np.load(file, allow_pickle=False).reshape(()))
    except (OSError, ValueError) as error:
        raise MediaError(f"{file} cannot be read ({error})") from error


def _affect(value: float) -> float:
    return math.nan if value == _INVALID else value
