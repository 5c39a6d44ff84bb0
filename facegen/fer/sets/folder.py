"""Any set as torchvision and Hugging Face keep it: a folder per class."""

from __future__ import annotations

from pathlib import Path

from facegen.errors import MediaError, UsageError
from facegen.fer.dataset import SPLITS, FerDataset, FerSample, one_label
from facegen.fer.sets.files import pictures
from facegen.recognizer.labels import KEYS, canonical_key


def folder(path: Path) -> FerDataset:
    """``CLASS/*.jpg``, or ``{train,val,test}/CLASS/*.jpg``; class names by any usual word.

    People are not named.

    Raises:
        MediaError: no class folder with pictures.
    """
    parts = [(name, path / name) for name in SPLITS if (path / name).is_dir()]
    samples = []
    for split, base in parts or [("train", path)]:
        for inside in sorted(p for p in base.iterdir() if p.is_dir()) if base.is_dir() else ():
            try:
                key = canonical_key(inside.name)
            except UsageError:
                continue
            label = one_label(key) if key in KEYS else ()
            samples += [FerSample(path=p, split=split, label=label) for p in pictures(inside)]
    if not samples:
        raise MediaError(f"{path} has no folder named after an emotion with pictures in it")
    return FerDataset(path.name, tuple(samples))
