"""MAFW (Liu et al. 2022): clips of eleven emotions, five folds."""

from __future__ import annotations

from pathlib import Path

from facegen.errors import MediaError
from facegen.fer.dataset import FerDataset, FerSample
from facegen.fer.sets.files import label_of, lines, need
from facegen.recognizer.labels import label_space

LICENCE = "research, on request"
FOLDS = 5


def mafw(folder: Path, fold: int = 1) -> FerDataset:
    """``**/single/no_caption/set_1/{train,test}.txt`` and ``data/clips/00025.mp4``.

    Anxiety, helplessness and disappointment have no canonical counterpart: no label. Clips are
    looked for below the folder by their name.

    Args:
        fold: 1 to 5.

    Raises:
        MediaError: another layout, or a clip is missing.
    """
    lists = sorted(folder.glob(f"**/single/no_caption/set_{fold}"))
    if not lists:
        raise MediaError(f"no single/no_caption/set_{fold} below {folder}; is that MAFW's folder?")
    clips = {p.name: p for p in sorted(folder.glob("**/*.mp4"))}
    samples = []
    for split in ("train", "test"):
        file = need(lists[0] / f"{split}.txt", "list of clips")
        for place, line in lines(file):
            name, _, emotion = line.partition(" ")
            if name not in clips:
                raise MediaError(f"{file}, line {place}: no clip {name} below {folder}")
            label = label_of(emotion.strip(), label_space("mafw11"))
            samples.append(FerSample(path=clips[name], split=split, label=label, fold=fold - 1))
    return FerDataset("MAFW", tuple(samples), LICENCE)
