"""BP4D-Spontaneous (Zhang et al. 2014): action units of 41 people in eight tasks."""

from __future__ import annotations

import csv
from pathlib import Path

from facegen.errors import MediaError
from facegen.fer.dataset import FerDataset, FerSample
from facegen.fer.sets.files import need, number, pictures

LICENCE = "signed agreement"
FOLDS = 3
UNITS = (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)
_UNKNOWN = 9
_SHOWN = 5.0


def bp4d(folder: Path) -> FerDataset:
    """``AUCoding/AU_OCC/F001_T1.csv`` (frames by units) and pictures ``F001/T1/*.jpg``.

    The table's first row has the units' numbers, its first column the frames'. A unit that is
    there counts 5, one that is not 0; 9 means unknown and is left out, not called absent. Three
    folds by person in the order of names; everything is ``train``.

    Raises:
        MediaError: another layout.
    """
    codes = need(folder / "AUCoding" / "AU_OCC", "folder of codes")
    files = sorted(codes.glob("*_T*.csv"))
    people = sorted({p.stem.split("_")[0] for p in files})
    samples: list[FerSample] = []
    for file in files:
        person, task = file.stem.split("_")
        fold = people.index(person) * FOLDS // len(people)
        coded = _coded(file)
        for picture in pictures(need(folder / person / task, "folder of frames")):
            units = coded.get(number(picture.stem, file, "frame"))
            if units:
                samples.append(FerSample(path=picture, subject=person, fold=fold, aus=units))
    return FerDataset("BP4D", tuple(samples), LICENCE)


def _coded(file: Path) -> dict[int, dict[int, float]]:
    """Units by frame."""
    with file.open(newline="", encoding="utf-8-sig") as stream:
        rows = list(csv.reader(stream))
    if not rows or len(rows[0]) < 2:
        raise MediaError(f"{file} is no table of action units")
    units = [number(text, file, "header") for text in rows[0][1:]]
    found = {}
    for place, row in enumerate(rows[1:], 2):
        given = [number(text, file, f"row {place}") for text in row]
        found[given[0]] = {
            unit: _SHOWN * (value == 1)
            for unit, value in zip(units, given[1:], strict=False)
            if unit in UNITS and value != _UNKNOWN
        }
    return found
