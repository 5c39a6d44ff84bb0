"""Lists in the layouts that published trainers read, paths relative to the set's folder."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from facegen.media.atomic import AtomicTexts
from facegen.recognizer.au_sets import au_set
from facegen.recognizer.labels import label_space
from facegen.synthesis.labels import CLASSES
from facegen.synthesis.record import Row

# FERPlus counts the votes of ten people and names its splits after the competition.
_VOTES = 10
_USAGE = {"train": "Training", "val": "PublicTest", "test": "PrivateTest"}
# A unit counts as shown from FACS intensity B on, as DISFA's users binarise.
_SHOWN = 2.0
_PADDING = 999  # FMAE: not labelled


class TrainerLists(AtomicTexts):
    """Writes every list row by row; files appear when the block ends well."""

    def __init__(self, out: Path) -> None:
        super().__init__()
        self._folder = out / "lists"
        self._folder.mkdir(exist_ok=True)

    def add(self, row: Row) -> None:
        """One more sample."""
        for write in _STILLS if row["kind"] == "still" else (_videomae,):
            write(self, row)

    def line(self, name: str, text: str) -> None:
        """A line of a text list."""
        self.text(self._folder / name).write(text + "\n")

    def cells(self, name: str, header: tuple[str, ...], values: list[object]) -> None:
        """A row of a CSV."""
        csv.writer(
            self.text(self._folder / name, ",".join(header) + "\n"), lineterminator="\n"
        ).writerow(values)


def _rafdb(lists: TrainerLists, row: Row) -> None:
    """``list_patition_label.txt``: a path that begins with its split, and 1 to 7."""
    space = label_space("rafdb7")
    if row["label"] in space.keys:
        number = space.first + space.index(row["label"])
        lists.line("list_patition_label.txt", f"{row['file']} {number}")


def _affectnet(lists: TrainerLists, row: Row) -> None:
    header = ("subDirectory_filePath", "expression", "valence", "arousal")
    number = label_space("affectnet8").index(row["label"])
    values = [row["file"], number, row["target_valence"], row["target_arousal"]]
    lists.cells("affectnet.csv", header, values)


def votes(soft: list[float], total: int = _VOTES) -> list[int]:
    """Whole votes that follow a distribution best: largest remainders."""
    exact = np.asarray(soft, np.float64) * total
    counts = np.floor(exact + 1e-9).astype(int)
    rest = np.argsort(counts - exact, kind="stable")[: total - int(counts.sum())]
    counts[rest] += 1
    return [int(n) for n in counts]


def _ferplus(lists: TrainerLists, row: Row) -> None:
    space = label_space("ferplus8")
    header = ("Usage", "Image name", *space.classes, "unknown", "NF")
    by_key = dict(zip(CLASSES, votes(row["soft_label"]), strict=True))
    values = [_USAGE[row["split"]], row["file"], *(by_key[key] for key in space.keys), 0, 0]
    lists.cells("ferplus.csv", header, values)


def _fmae(lists: TrainerLists, row: Row) -> None:
    """JSON lines with the twelve units of BP4D."""
    units = row["target_au"]
    shown = [int(units[au] >= _SHOWN) if au in units else _PADDING for au in au_set("bp4d12")]
    name = f"fmae_{row['split']}.jsonl"
    lists.line(name, json.dumps({"img_path": row["file"], "AUs": shown}))


def _videomae(lists: TrainerLists, row: Row) -> None:
    """``path label`` by split: clips in ``SPLIT.csv``, stills in ``stills_SPLIT.csv``."""
    kind = "" if row["kind"] == "clip" else "stills_"
    lists.line(f"{kind}{row['split']}.csv", f"{row['file']} {CLASSES.index(row['label'])}")


_STILLS: tuple[Callable[[TrainerLists, Row], None], ...] = (
    _rafdb,
    _affectnet,
    _ferplus,
    _fmae,
    _videomae,
)
