"""Networks that look at made faces: votes beside each sample, and what follows for its label."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegen.errors import UsageError
from facegen.recognizer.au_sets import INTENSITY_MAX
from facegen.recognizer.base import FaceRecognizer
from facegen.recognizer.predict import recognize
from facegen.recognizer.sights import Picture, Seen, SeenFace
from facegen.synthesis.labels import CLASSES
from facegen.synthesis.record import UNITS, Row

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """Recognizers that judge together."""

    judges: tuple[FaceRecognizer, ...]

    @classmethod
    def open(cls, names: Iterable[str]) -> Panel:
        """Judges by what :func:`facegen.recognizer.opening.open_recognizer` knows.

        Raises:
            UsageError, ModelFileError, MissingExtraError: one cannot be opened, or two share a
                name.
        """
        from facegen.recognizer.opening import open_recognizer

        judges = tuple(open_recognizer(name) for name in names)
        keys = [key_of(judge) for judge in judges]
        if len(set(keys)) < len(keys):
            raise UsageError(f"judges: {', '.join(keys)}: name each of them once")
        return cls(judges)

    def __call__(self, rgb: NDArray[np.uint8], points: NDArray[np.floating]) -> Row:
        """Votes on one face: ``judge_NAME_probs``, ``_va`` and ``_au``, each where it is told.

        Args:
            points: landmarks ``(478, 2+)``, pixels.
        """
        seen = Seen(Picture("", 0, 0.0, rgb), (SeenFace(0, _deep(points)),))
        row: Row = {}
        for judge in self.judges:
            told = next(iter(recognize(judge, [seen])))
            row |= votes_of(key_of(judge), told)
        agreement = [agree for agree in (_agreement(row, key_of(j)) for j in self.judges) if agree]
        return row | ({"judged_units": agreement[0]} if agreement else {})


def key_of(judge: FaceRecognizer) -> str:
    """Name of a judge in columns."""
    return re.sub(r"[^a-z0-9]+", "", judge.spec.name.lower())


def votes_of(key: str, told: Row) -> Row:
    """Columns of a sample from a row of a FaceFrame."""
    row: Row = {}
    probs = [_number(told.get(name)) for name in CLASSES]
    if any(p is not None for p in probs):
        row[f"judge_{key}_probs"] = probs
    if "valence" in told:
        row[f"judge_{key}_va"] = [_number(told["valence"]), _number(told["arousal"])]
    units = {name: _number(told.get(f"{name}_r")) for name in UNITS if f"{name}_r" in told}
    if units:
        row[f"judge_{key}_au"] = units
    return row


def _agreement(row: Row, key: str) -> dict[str, float] | None:
    units = row.get(f"judge_{key}_au")
    return units if isinstance(units, dict) else None


def unit_agreement(asked: dict[str, float], judged: dict[str, float | None]) -> float | None:
    """Likeness 0..1 of two sets of units: cosine over those both tell; None without any.

    Two faces without any unit agree.
    """
    names = [name for name in asked if judged.get(name) is not None]
    if not names:
        return None
    first = np.array([asked[name] for name in names]) / INTENSITY_MAX
    second = np.array([float(judged[name] or 0) for name in names]) / INTENSITY_MAX
    sizes = np.linalg.norm(first), np.linalg.norm(second)
    quiet = 0.25
    if max(sizes) < quiet:
        return 1.0
    return round(float(first @ second / max(sizes[0] * sizes[1], 1e-9)), 4)


def vote_table(rows: Sequence[Row], keys: Sequence[str]) -> Array:
    """Votes ``(J, N, 8)`` of judges over ``CLASSES``; NaN where a judge cannot tell or has none."""
    out = np.full((len(keys), len(rows), len(CLASSES)), np.nan)
    for j, key in enumerate(keys):
        for n, row in enumerate(rows):
            probs = row.get(f"judge_{key}_probs")
            if probs is not None:
                out[j, n] = [np.nan if p is None else p for p in probs]
    return out


def _deep(points: NDArray[np.floating]) -> NDArray[np.float32]:
    """Landmarks ``(478, 3)``; painted ones have no depth, and no crop asks for it."""
    flat = np.asarray(points, np.float32)[:, :2]
    return np.column_stack([flat, np.zeros(len(flat), np.float32)])


def _number(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else round(float(value), 4)
