"""A named recognizer on a named set."""

from __future__ import annotations

from pathlib import Path

from facegen.errors import UsageError
from facegen.fer.crops import MARGIN, SIDE, cut_faces, recut
from facegen.fer.dataset import FerDataset
from facegen.fer.evaluation import PRESENT, Report, tell
from facegen.fer.registry import open_fer_dataset
from facegen.fer.source import source_of
from facegen.recognizer.base import FaceRecognizer
from facegen.recognizer.labels import KEYS, canonical_key

DEFAULT_UNITS = "disfa12"


def measured_set(text: str, split: str | None, classes: tuple[str, ...] = ()) -> FerDataset:
    """A set by ``KIND:PATH``, or one split of it, or some of its classes.

    Raises:
        UsageError: no such set, split or class, or nothing left.
    """
    dataset = open_fer_dataset(text)
    if split is not None:
        dataset = dataset.split(split)
    if classes:
        keys = [canonical_key(name) for name in classes]
        unknown = set(keys) - set(KEYS)
        if unknown:
            raise UsageError(f"--classes: {sorted(unknown)[0]} is none of {', '.join(KEYS)}")
        dataset = dataset.only(keys)
    if not len(dataset):
        raise UsageError(f"{text}: no samples are left to measure on")
    return dataset


def measure(
    recognizer: FaceRecognizer,
    dataset: FerDataset,
    *,
    cache: Path | None = None,
    present: float = PRESENT,
    allow_circular: bool = False,
) -> Report:
    """Every measure of a recognizer on a set.

    Args:
        present: least strength 0..5 at which a unit counts as shown.
        allow_circular: measure although it learned from the set; the report's name says so.

    Raises:
        UsageError: it learned from the set.
    """
    name = dataset.name
    if name in recognizer.spec.trained_on:
        if not allow_circular:
            raise UsageError(
                f"{recognizer.spec.name} learned from {name}: what it scores there says nothing; "
                "measure on another set, or give --allow-circular"
            )
        name += " (trained on it)"
    units = recognizer.spec.aus or DEFAULT_UNITS
    crop = recognizer.spec.crop
    # Large enough that a large input is not made of enlarged pixels.
    side = max(SIDE, round(crop.size * MARGIN / crop.margin))
    source = source_of(dataset, recut(dataset, cut_faces(dataset, cache), side), units)
    if not len(source):
        raise UsageError(f"no face was found in the pictures of {dataset.name}")
    told = tell(recognizer, source)
    return Report.of(name, told, source, unit_names=recognizer.spec.au_names, present=present)
