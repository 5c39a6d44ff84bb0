"""RAVDESS (Livingstone and Russo 2018): 24 actors, speech and song."""

from __future__ import annotations

from pathlib import Path

from facegen.errors import MediaError
from facegen.fer.dataset import FerDataset, FerSample
from facegen.fer.sets.files import label_at, number
from facegen.recognizer.labels import label_space

LICENCE = "CC BY-NC-SA 4.0"
FOLDS = 6
_SOUND_ONLY = "03"


def ravdess(folder: Path) -> FerDataset:
    """``Actor_01/02-01-06-01-02-01-12.mp4``; recordings without a picture are left out.

    "Calm" has no canonical counterpart: such clips have no label. Six folds by actor; everything
    is ``train``.

    Raises:
        MediaError: another layout.
    """
    samples = []
    for path in sorted(folder.glob("Actor_*/*.mp4")):
        parts = path.stem.split("-")
        if len(parts) != 7:
            raise MediaError(f"{path.name} is no clip of RAVDESS: expected seven numbers")
        if parts[0] == _SOUND_ONLY:
            continue
        actor = number(parts[6], path, "actor")
        samples.append(
            FerSample(
                path=path,
                subject=f"{actor:02d}",
                label=label_at(number(parts[2], path, "emotion"), label_space("ravdess8"), path),
                fold=(actor - 1) % FOLDS,
            )
        )
    if not samples:
        raise MediaError(f"{folder} holds no RAVDESS: expected Actor_01/*.mp4")
    return FerDataset("RAVDESS", tuple(samples), LICENCE)
