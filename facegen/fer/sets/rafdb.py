"""RAF-DB, basic emotions (Li, Deng and Du 2017): single labels, aligned faces of 100 pixels."""

from __future__ import annotations

from pathlib import Path

from facegen.errors import MediaError
from facegen.fer.dataset import FerDataset, FerSample
from facegen.fer.sets.files import label_at, lines, need, number
from facegen.recognizer.labels import label_space

LICENCE = "non-commercial research, no redistribution"


def rafdb(folder: Path) -> FerDataset:
    """``basic/EmoLabel/list_patition_label.txt`` and ``basic/Image/aligned/NAME_aligned.jpg``.

    Also without the folder ``basic``. Split by the names' prefix; people are not named.

    Raises:
        MediaError: another layout.
    """
    base = folder / "basic" if (folder / "basic").is_dir() else folder
    listing = need(base / "EmoLabel" / "list_patition_label.txt", "label list of RAF-DB")
    aligned = need(base / "Image" / "aligned", "folder of aligned pictures")
    samples = []
    for place, line in lines(listing):
        name, _, code = line.partition(" ")
        if not code:
            raise MediaError(f"{listing}, line {place}: expected NAME LABEL")
        stem, ending = Path(name).stem, Path(name).suffix
        samples.append(
            FerSample(
                path=aligned / f"{stem}_aligned{ending}",
                split="train" if stem.startswith("train") else "test",
                label=label_at(number(code, listing, place), label_space("rafdb7"), listing),
            )
        )
    return FerDataset("RAF-DB", tuple(samples), LICENCE)
