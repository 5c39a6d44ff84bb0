"""Label spaces as data: classes by name, mapped by name, never by number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Any, Literal

import numpy as np
import yaml
from numpy.typing import NDArray

from facegen.emotion.labels import EMOTIONS, emotion_name
from facegen.errors import UsageError

Array = NDArray[np.float64]
Unmapped = Literal["drop", "nan", "merge"]

# EMOTIONS holds adjectives, files hold nouns: the canonical keys by position in EMOTIONS.
_KEYS = dict(
    zip(
        EMOTIONS,
        ("neutral", "happy", "sad", "anger", "fear", "disgust", "surprise", "contempt"),
        strict=True,
    )
)
_OWN = "classes:"
EMOTION_OF = {key: emotion for emotion, key in _KEYS.items()}


@cache
def table() -> dict[str, Any]:
    """``label_spaces.yaml``."""
    text = (resources.files(__package__) / "label_spaces.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


def canonical_key(label: str) -> str:
    """The key of a class by whatever name a set gives it.

    One of ``neutral, happy, sad, surprise, fear, disgust, anger, contempt``, or of the classes
    without a counterpart (``calm``, ``other``, ...).

    Raises:
        UsageError: not a known name.
    """
    word = label.strip().lower().replace("-", "")
    if word in table()["others"]:
        return word
    for key, names in table()["aliases"].items():
        if word == key or word in names:
            return str(key)
    return _KEYS[emotion_name(word)]


@dataclass(frozen=True)
class LabelSpace:
    """Classes of a data set or network, in the order of its columns.

    Attributes:
        name: as in ``label_spaces.yaml``.
        classes: C names as the set writes them.
        first: number of the first class in the set's files.
    """

    name: str
    classes: tuple[str, ...]
    first: int = 0

    def __len__(self) -> int:
        return len(self.classes)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Canonical key of every class."""
        return tuple(canonical_key(name) for name in self.classes)

    def index(self, label: str) -> int:
        """Column of a class by any of its names.

        Raises:
            UsageError: the space has no such class.
        """
        key = canonical_key(label)
        if key not in self.keys:
            raise UsageError(f"{self.name} has no class {label!r}: {', '.join(self.classes)}")
        return self.keys.index(key)

    def matrix_to(self, other: LabelSpace, unmapped: Unmapped = "drop") -> Array:
        """``(C, D)`` of 0 and 1: which class of ``other`` takes each class; a row may be empty.

        ``merge`` puts classes without a counterpart where ``label_spaces.yaml`` says, others
        leave their rows empty.
        """
        out = np.zeros((len(self), len(other)))
        for row, key in enumerate(self.keys):
            if key not in other.keys and unmapped == "merge":
                key = table()["others"].get(key) or key
            if key in other.keys:
                out[row, other.keys.index(key)] = 1
        return out

    def map_to(
        self, other: LabelSpace, values: NDArray[np.floating], unmapped: Unmapped = "drop"
    ) -> Array:
        """Probabilities ``(..., C)`` as ``(..., D)`` of another space.

        Mass of classes without a counterpart is left out and the rest scaled to sum 1; rows with
        no mass left are NaN. ``nan`` marks columns that this space cannot tell with NaN, where
        ``drop`` and ``merge`` have 0.
        """
        matrix = self.matrix_to(other, unmapped)
        kept = np.asarray(values, np.float64) @ matrix
        total = kept.sum(-1, keepdims=True)
        out = np.divide(kept, total, out=np.full_like(kept, np.nan), where=total > 0)
        if unmapped == "nan":
            out[..., ~matrix.any(0)] = np.nan
        return out

    def map_ids(
        self, other: LabelSpace, ids: Iterable[int], unmapped: Unmapped = "drop"
    ) -> NDArray[np.int64]:
        """Class numbers from 0 as those of another space, -1 for those without a counterpart."""
        matrix = self.matrix_to(other, unmapped)
        column = np.where(matrix.any(1), matrix.argmax(1), -1)
        numbers = np.asarray(list(ids), np.int64)
        out = column[np.clip(numbers, 0, None)]
        return np.where(numbers < 0, -1, out)

    def present(self, targets: Iterable[int]) -> NDArray[np.bool_]:
        """``(C,)``: which classes occur among class numbers from 0; negative ones are no label."""
        found = {int(t) for t in targets if t >= 0}
        return np.array([column in found for column in range(len(self))])

    def one_hot(self, label: str) -> Array:
        """``(C,)`` with 1 at a class."""
        out = np.zeros(len(self))
        out[self.index(label)] = 1
        return out


@cache
def label_space(name: str) -> LabelSpace:
    """A space of ``label_spaces.yaml``, or ``classes:sad,happy,...`` for a network of its own.

    Raises:
        UsageError: there is none of that name (all are listed), or a class is unknown or double.
    """
    if name.startswith(_OWN):
        space = LabelSpace(name, tuple(name.removeprefix(_OWN).split(",")))
        if len(set(space.keys)) < len(space):
            raise UsageError(f"label space {name!r}: two classes mean the same")
        return space
    given = table()["spaces"]
    if name not in given:
        raise UsageError(f"no label space {name!r}; choose from {', '.join(sorted(given))}")
    entry = given[name]
    classes = tuple(map(str, entry["classes"]))
    return LabelSpace(name, classes, entry.get("first", 0))


def label_spaces() -> tuple[str, ...]:
    """Names of all spaces."""
    return tuple(table()["spaces"])


CANONICAL = label_space("affectnet8")
KEYS = CANONICAL.keys
