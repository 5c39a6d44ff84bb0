"""FERV39k (Wang et al. 2022): clips of 22 kinds of scenes."""

from __future__ import annotations

from pathlib import Path

from facegen.errors import MediaError
from facegen.fer.dataset import FerDataset, FerSample
from facegen.fer.sets.dfew import with_frames
from facegen.fer.sets.files import label_of, lines, need
from facegen.recognizer.labels import label_space

LICENCE = "research, on request"


def ferv39k(folder: Path) -> FerDataset:
    """``4_setups/All_scenes/{train,test}_All.csv`` and ``2_ClipsforFaceCrop/SCENE/EMOTION/ID/``.

    Each line of a list is a clip's folder and its emotion by name, apart by a space or a comma.

    Raises:
        MediaError: another layout.
    """
    lists = need(folder / "4_setups" / "All_scenes", "folder of lists")
    clips = need(folder / "2_ClipsforFaceCrop", "folder of frames")
    space = label_space("ferv39k7")
    samples = []
    for split in ("train", "test"):
        file = need(lists / f"{split}_All.csv", "list of clips")
        for place, line in lines(file):
            parts = line.replace(",", " ").split()
            if len(parts) != 2:
                raise MediaError(f"{file}, line {place}: expected FOLDER EMOTION")
            clip = FerSample(path=clips / parts[0], split=split, label=label_of(parts[1], space))
            samples.append(with_frames(clip))
    return FerDataset("FERV39k", tuple(samples), LICENCE)
