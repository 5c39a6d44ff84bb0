"""DFEW (Jiang et al. 2020): clips of films, five folds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from facegen.errors import MediaError
from facegen.fer.dataset import FerDataset, FerSample
from facegen.fer.sets.files import label_at, need, number, pictures, table
from facegen.recognizer.labels import label_space

LICENCE = "research, on request"
FOLDS = 5
_SPLITS = {"train": "train(single-labeled)", "test": "test(single-labeled)"}


def dfew(folder: Path, fold: int = 1) -> FerDataset:
    """``EmoLabel_DataSplit/train(single-labeled)/set_1.csv`` and ``Clip/jpg_256/00001/*.jpg``.

    The published test part of a fold is ``test``; nothing is set aside for selection.

    Args:
        fold: 1 to 5.

    Raises:
        MediaError: another layout.
    """
    lists = need(folder / "EmoLabel_DataSplit", "folder of label lists")
    clips = need(folder / "Clip" / "jpg_256", "folder of frames")
    samples: list[FerSample] = []
    for split, part in _SPLITS.items():
        file = need(lists / part / f"set_{fold}.csv", "list of clips")
        for place, row in enumerate(table(file, "video_name", "label"), 2):
            name = f"{number(row['video_name'], file, place):05d}"
            label = label_at(number(row["label"], file, place), label_space("dfew7"), file)
            samples.append(FerSample(path=clips / name, split=split, label=label, fold=fold - 1))
    return FerDataset("DFEW", tuple(map(with_frames, samples)), LICENCE)


def with_frames(sample: FerSample) -> FerSample:
    """A clip with its folder's pictures.

    Raises:
        MediaError: it has none.
    """
    frames = pictures(sample.path) if sample.path.is_dir() else ()
    if not frames:
        raise MediaError(f"no frames in {sample.path}; unpack the clips or remove it from the list")
    return replace(sample, frames=frames)
