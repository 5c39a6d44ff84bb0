"""DISFA (Mavadati et al. 2013): intensities of twelve action units of 27 people."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from facegen.errors import MediaError
from facegen.fer.dataset import FerDataset, FerSample
from facegen.fer.sets.files import lines, need, number, pictures

LICENCE = "signed agreement"
FOLDS = 3
_UNIT = re.compile(r"_au(\d+)$")


def disfa(folder: Path) -> FerDataset:
    """``ActionUnit_Labels/SN001/SN001_au1.txt`` (``frame,intensity``) and pictures ``SN001/*.jpg``.

    Frames count from 1; pictures may also lie in ``Images/SN001``. Present means intensity 2 or
    more by custom: that is for the metric to say. Three folds by person in the order of names.

    Raises:
        MediaError: another layout.
    """
    labels = need(folder / "ActionUnit_Labels", "folder of labels")
    people = sorted(p.name for p in labels.iterdir() if p.is_dir())
    samples: list[FerSample] = []
    for place, person in enumerate(people):
        units: dict[int, dict[int, float]] = defaultdict(dict)
        for file in sorted((labels / person).glob("*.txt")):
            unit = _UNIT.search(file.stem)
            if unit is None:
                raise MediaError(f"{file} does not name an action unit; expected {person}_au1.txt")
            for at, line in lines(file):
                frame, _, grade = line.partition(",")
                graded = number(grade, file, f"line {at}")
                units[number(frame, file, f"line {at}")][int(unit[1])] = float(graded)
        for picture in pictures(_frames(folder, person)):
            found = units.get(number(re.sub(r"\D", "", picture.stem), picture, "name"))
            if found:
                fold = place * FOLDS // len(people)
                samples.append(FerSample(path=picture, subject=person, aus=found, fold=fold))
    return FerDataset("DISFA", tuple(samples), LICENCE)


def _frames(folder: Path, person: str) -> Path:
    inner = folder / "Images" / person
    return inner if inner.is_dir() else need(folder / person, "folder of frames")
