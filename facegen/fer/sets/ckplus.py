"""CK+ (Lucey et al. 2010): posed expressions from neutral to peak."""

from __future__ import annotations

from pathlib import Path

from facegen.fer.dataset import FerDataset, FerSample, one_label
from facegen.fer.sets.files import label_at, lines, need, number, pictures
from facegen.recognizer.labels import label_space

LICENCE = "research, on request"
_PEAK = 3
FOLDS = 10


def ckplus(folder: Path) -> FerDataset:
    """``cohn-kanade-images/S005/001/*.png``, ``Emotion/…_emotion.txt``, ``FACS/…_facs.txt``.

    Of each labelled sequence the last three frames with its label and the first as neutral; action
    units of the peak on the last frame (intensity 0 in the files means: present, not graded; it
    becomes 3). Ten folds by person. Everything is ``train``.

    Raises:
        MediaError: another layout.
    """
    root = need(folder / "cohn-kanade-images", "folder of pictures")
    people = sorted(p.name for p in root.iterdir() if p.is_dir())
    samples: list[FerSample] = []
    for place, person in enumerate(people):
        for sequence in sorted(p for p in (root / person).iterdir() if p.is_dir()):
            frames = pictures(sequence)
            label = _label(folder / "Emotion" / person / sequence.name)
            if not frames or not label:
                continue
            units = _units(folder / "FACS" / person / sequence.name)
            fold = place % FOLDS
            samples.append(
                FerSample(path=frames[0], subject=person, label=one_label("neutral"), fold=fold)
            )
            samples += [
                FerSample(
                    path=frame,
                    subject=person,
                    label=label,
                    fold=fold,
                    aus=units if frame == frames[-1] else {},
                )
                for frame in frames[-_PEAK:]
            ]
    return FerDataset("CK+", tuple(samples), LICENCE)


def _label(folder: Path) -> tuple[float, ...]:
    """Label of a sequence; most have none."""
    for file in sorted(folder.glob("*_emotion.txt")) if folder.is_dir() else ():
        for place, line in lines(file):
            return label_at(number(line, file, place), label_space("ckplus8"), file)
    return ()


def _units(folder: Path) -> dict[int, float]:
    units: dict[int, float] = {}
    for file in sorted(folder.glob("*_facs.txt")) if folder.is_dir() else ():
        for place, line in lines(file):
            unit, _, grade = line.partition(" ")
            graded = number(grade.strip() or "0", file, place)
            units[number(unit, file, place)] = float(graded or 3)
    return units
