"""What a run of the evaluator found."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.metric import Image
from facegen.evaluation.sets import Gathered

SHEET_CLIPS = 4


@dataclass(frozen=True)
class Row:
    """One line of the per-clip table; the fields are its columns."""

    clip: str
    method: str
    metric: str
    part: str
    value: float
    frames: int
    missing: int
    estimator: str
    version: int


@dataclass(frozen=True, eq=False)
class Worst:
    """The worst frame of a metric in a clip: crops of what it should be and of what it is."""

    clip: str
    method: str
    metric: str
    value: float
    badness: float
    index: int
    truth: Image
    pred: Image


@dataclass(frozen=True)
class Pace:
    """How long a method took for a clip; differs from run to run, so it has a table of its own.

    Attributes:
        prepare_s: seconds before the first frame (tracking, fitting). paint_s: for all frames.
        frames: painted. peak_mb: largest resident size of the whole process so far, MB.
    """

    clip: str
    method: str
    frames: int
    prepare_s: float
    paint_s: float
    peak_mb: float


@dataclass
class Results:
    """What a run found.

    Attributes:
        rows: numbers. issues: (clip, method, problem) -> count; nothing is dropped silently.
        worst: worst frame per clip, method and metric, none of the truth itself.
        crops: clip -> matrix used for all methods.
        gathered: features of all frames. pace: speed and memory.
    """

    rows: list[Row] = field(default_factory=list)
    issues: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    worst: list[Worst] = field(default_factory=list)
    crops: dict[str, list[list[float]]] = field(default_factory=dict)
    gathered: list[Gathered] = field(default_factory=list)
    pace: list[Pace] = field(default_factory=list)

    def take(self, part: Results) -> None:
        """Add another clip's findings; of the worst frames only what a sheet shows is kept."""
        self.rows += part.rows
        self.issues += part.issues
        self.crops |= part.crops
        self.gathered += part.gathered
        self.pace += part.pace
        best = sorted([*self.worst, *part.worst], key=lambda w: (-w.badness, w.clip))
        seen: Counter[tuple[str, str]] = Counter()
        self.worst = []
        for worst in best:
            seen[worst.metric, worst.method] += 1
            if seen[worst.metric, worst.method] <= SHEET_CLIPS:
                self.worst.append(worst)


def merge(parts: Iterable[Results]) -> Results:
    """Results of several clips as one, taken one by one."""
    total = Results()
    for part in parts:
        total.take(part)
    return total


def clip_values(
    rows: Sequence[Row], method: str, metric: str, part: str, clips: Sequence[str]
) -> NDArray[np.float64]:
    """One number per clip in the given order, NaN where there is none."""
    known = {
        r.clip: r.value for r in rows if (r.method, r.metric, r.part) == (method, metric, part)
    }
    return np.array([known.get(clip, math.nan) for clip in clips])
