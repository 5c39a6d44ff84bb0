"""FER2013 (Goodfellow et al. 2013) and its crowd labels FERPlus (Barsoum et al. 2016)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from facegen.errors import MediaError
from facegen.fer.dataset import FerDataset, FerSample, Picture
from facegen.fer.sets.files import label_at, need, number, table
from facegen.recognizer.labels import CANONICAL, KEYS, label_space

LICENCE = "no clear licence (pictures collected by web search)"
_SIDE = 48
_SPLITS = {"Training": "train", "PublicTest": "val", "PrivateTest": "test"}


def fer2013(folder: Path) -> FerDataset:
    """``fer2013.csv`` with columns ``emotion, pixels, Usage``, or its folder.

    Raises:
        MediaError: another layout.
    """
    file = _pixel_file(folder)
    samples, pixels = [], []
    for place, row in enumerate(table(file, "emotion", "pixels", "Usage"), 2):
        code = number(row["emotion"], file, f"row {place}")
        pixels.append(_pixels(row["pixels"], file, place))
        samples.append(
            FerSample(
                path=file / str(place),
                split=_split(row["Usage"], file, place),
                label=label_at(code, label_space("fer2013_7"), file),
            )
        )
    return FerDataset("FER2013", tuple(samples), LICENCE, _Pixels(samples, pixels))


def ferplus(folder: Path) -> FerDataset:
    """``fer2013new.csv`` (votes) beside ``fer2013.csv`` (pixels): shares of ten raters' votes.

    Rows whose most votes are ``NF`` or ``unknown`` are left out; votes for these are dropped from
    the others and the rest scaled to sum 1.

    Raises:
        MediaError: another layout, or tables of unequal length.
    """
    votes_file = need(folder / "fer2013new.csv", "table of votes")
    file = _pixel_file(folder)
    space = label_space("ferplus10")
    votes = table(votes_file, "Usage", *space.classes)
    rows = table(file, "pixels")
    if len(votes) != len(rows):
        raise MediaError(f"{votes_file} has {len(votes)} rows, {file} has {len(rows)}")
    samples, pixels = [], []
    for place, (row, given) in enumerate(zip(rows, votes, strict=True), 2):
        counts = np.array([number(given[c], votes_file, place) for c in space.classes], float)
        if counts.argmax() >= len(KEYS) or counts.sum() == 0:
            continue
        pixels.append(_pixels(row["pixels"], file, place))
        samples.append(
            FerSample(
                path=file / str(place),
                split=_split(given["Usage"], votes_file, place),
                label=tuple(map(float, space.map_to(CANONICAL, counts))),
            )
        )
    return FerDataset("FERPlus", tuple(samples), LICENCE, _Pixels(samples, pixels))


class _Pixels:
    """Pictures by sample; the whole set is 83 MB."""

    def __init__(self, samples: list[FerSample], pixels: list[Picture]) -> None:
        self._pixels = {s.path: p for s, p in zip(samples, pixels, strict=True)}

    def __call__(self, sample: FerSample) -> Picture:
        return np.repeat(self._pixels[sample.path][:, :, None], 3, axis=2)


def _pixel_file(folder: Path) -> Path:
    return need(folder if folder.is_file() else folder / "fer2013.csv", "fer2013.csv")


def _pixels(text: str, file: Path, place: int) -> Picture:
    try:
        return np.array(text.split(), np.uint8).reshape(_SIDE, _SIDE)
    except ValueError:
        raise MediaError(f"{file}, row {place}: expected {_SIDE * _SIDE} grey values") from None


def _split(usage: str, file: Path, place: int) -> str:
    if usage not in _SPLITS:
        raise MediaError(f"{file}, row {place}: Usage {usage!r} is none of {', '.join(_SPLITS)}")
    return _SPLITS[usage]
