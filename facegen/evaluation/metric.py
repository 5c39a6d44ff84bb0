"""What a metric is: a named fold over the frames of one clip."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.roles import Component

Image = NDArray[np.uint8]
Better = Literal["higher", "lower"]
Need = Literal["truth", "drive", "reference", "faces", "audio"]


@dataclass(frozen=True, eq=False)
class Face:
    """Landmarks of one face in a crop.

    Attributes:
        points: ``(478, 3)`` crop pixels, z relative to the head in the same unit.
    """

    points: NDArray[np.float64]

    @cached_property
    def iod(self) -> float:
        """Distance of the two eye centres in 3-D, hence free of yaw; pixels."""
        right = self.points[[33, 133]].mean(0)
        left = self.points[[362, 263]].mean(0)
        return max(float(np.linalg.norm(left - right)), 1e-6)


@dataclass(frozen=True, eq=False)
class Pair:
    """One frame of a method next to what it is measured against; all crops of one size.

    Attributes:
        index: frame number in the driving clip. time: seconds.
        run: number of the uninterrupted run of frames it belongs to.
        pred: ``(S, S, 3)`` uint8 crop of the method's frame.
        truth: crop of the true frame, None where there is no truth (cross-identity).
        drive: crop of the driving frame (the true frame itself in self-reenactment).
        pred_face, truth_face, drive_face: None where no face was found.
    """

    index: int
    time: float
    run: int
    pred: Image
    truth: Image | None
    drive: Image
    pred_face: Face | None
    truth_face: Face | None
    drive_face: Face | None


@dataclass(frozen=True, eq=False)
class Scene:
    """What stays the same through one clip.

    Attributes:
        name: of the clip. fps: of the driving clip.
        reference: ``(S, S, 3)`` uint8 crop of the reference picture. reference_face: its face.
        audio: ``(N,)`` float32 mono at 16 kHz, aligned with frame 0, or None.
        emotion: label the clip should show, or None.
        window: frames a method paints at once, for the seam score.
    """

    name: str
    fps: float
    reference: Image
    reference_face: Face | None = None
    audio: NDArray[np.float32] | None = None
    emotion: str | None = None
    window: int = 16


@dataclass(frozen=True)
class Score:
    """One number for one clip.

    Attributes:
        part: region or aspect. value: NaN where the metric is undefined.
        frames: frames that count. missing: frames left out because something was not there.
    """

    part: str
    value: float
    frames: int
    missing: int


@dataclass(frozen=True)
class MetricSpec:
    """The pinned description of a metric.

    Attributes:
        name: as in the report. version: grows when the same input may give another number.
        unit: of the values. low, high: range. better: direction.
        perfect: value for two identical videos.
        needs: what a clip must offer.
        main: the part that decides which frame or clip is worst.
        notes: parts that are only told, not ranked.
        source: paper or definition.
        estimator: network or rule the number comes from.
        components: networks used, with what they were trained on.
    """

    name: str
    version: int
    unit: str
    low: float
    high: float
    better: Better
    perfect: float
    needs: frozenset[Need]
    main: str
    source: str
    notes: frozenset[str] = frozenset()
    estimator: str = "none"
    components: tuple[Component, ...] = ()

    @property
    def trained_on(self) -> tuple[str, ...]:
        """Data sets of all networks in use."""
        return tuple(sorted({name for c in self.components for name in c.trained_on}))

    def badness(self, value: float) -> float:
        """Larger is worse, whatever the direction."""
        return -value if self.better == "higher" else value


class Comparison(ABC):
    """The state of one metric within one clip of one method."""

    @abstractmethod
    def add(self, pair: Pair) -> float | None:
        """Take the next frame; its own value of the main part, or None where it has none."""

    @abstractmethod
    def skip(self) -> None:
        """Count a frame the method did not deliver."""

    @abstractmethod
    def scores(self) -> list[Score]:
        """The clip's numbers."""


class Measure(ABC):
    """Anything with a pinned description that has a place in the report."""

    spec: MetricSpec


class Metric(Measure):
    """A named measure of pictures; holds no state between clips."""

    @abstractmethod
    def begin(self, scene: Scene) -> Comparison:
        """Start a clip."""


class FrameMetric(Metric):
    """The mean over frames of a value per frame."""

    @abstractmethod
    def frame(self, pair: Pair, scene: Scene) -> Mapping[str, float] | None:
        """Values by part; None, or NaN for a part, where the frame cannot be measured."""

    def begin(self, scene: Scene) -> Comparison:
        return _FrameMeans(self, scene)


@dataclass
class _Mean:
    total: float = 0.0
    count: int = 0


class _FrameMeans(Comparison):
    def __init__(self, metric: FrameMetric, scene: Scene) -> None:
        self._metric, self._scene = metric, scene
        self._means: dict[str, _Mean] = {metric.spec.main: _Mean()}
        self._frames = 0

    def add(self, pair: Pair) -> float | None:
        self._frames += 1
        values = self._metric.frame(pair, self._scene) or {}
        for part, value in values.items():
            mean = self._means.setdefault(part, _Mean())
            if not math.isnan(value):
                mean.total += value
                mean.count += 1
        main = values.get(self._metric.spec.main, math.nan)
        return None if math.isnan(main) else main

    def skip(self) -> None:
        self._frames += 1

    def scores(self) -> list[Score]:
        return [
            Score(part, m.total / m.count if m.count else math.nan, m.count, self._frames - m.count)
            for part, m in self._means.items()
        ]


@dataclass
class Trace:
    """What a sequence metric keeps of a clip: a few numbers per frame.

    Attributes:
        runs: lists of rows, one list per uninterrupted run of measured frames.
        missing: frames that could not be measured; they end a run.
    """

    runs: list[list[NDArray[np.float64]]] = field(default_factory=list)
    missing: int = 0

    @property
    def frames(self) -> int:
        """Measured frames."""
        return sum(len(run) for run in self.runs)

    def arrays(self, shortest: int = 1) -> list[NDArray[np.float64]]:
        """Runs of at least ``shortest`` frames as ``(T, K)``."""
        return [np.stack(run) for run in self.runs if len(run) >= shortest]


class SequenceMetric(Metric):
    """A value of the whole clip, from a few numbers per frame."""

    @abstractmethod
    def observe(self, pair: Pair, scene: Scene) -> NDArray[np.float64] | None:
        """``(K,)`` numbers of a frame, None where it cannot be measured."""

    @abstractmethod
    def summarise(self, trace: Trace, scene: Scene) -> Mapping[str, float]:
        """Values by part; NaN where undefined."""

    def badness(self, row: NDArray[np.float64]) -> float | None:
        """The frame's own value for the contact sheet, where there is one."""
        return None

    def begin(self, scene: Scene) -> Comparison:
        return _Sequence(self, scene)


class _Sequence(Comparison):
    def __init__(self, metric: SequenceMetric, scene: Scene) -> None:
        self._metric, self._scene = metric, scene
        self._trace = Trace()
        self._last: tuple[int, int] | None = None

    def add(self, pair: Pair) -> float | None:
        row = self._metric.observe(pair, self._scene)
        if row is None:
            self.skip()
            return None
        if self._last != (pair.run, pair.index - 1):
            self._trace.runs.append([])
        self._trace.runs[-1].append(row)
        self._last = (pair.run, pair.index)
        return self._metric.badness(row)

    def skip(self) -> None:
        self._trace.missing += 1
        self._last = None

    def scores(self) -> list[Score]:
        trace = self._trace
        values = self._metric.summarise(trace, self._scene)
        return [
            Score(part, float(value), 0 if math.isnan(value) else trace.frames, trace.missing)
            for part, value in values.items()
        ]


def gap(pred: float, truth: float) -> float:
    """How far a statistic is from the true one: ``|p - t| / (p + t)`` for ``p, t >= 0``.

    0 where they agree, 1 where one of them is zero. Unlike the statistic itself it cannot be
    won by standing still.
    """
    if math.isnan(pred) or math.isnan(truth):
        return math.nan
    total = pred + truth
    return abs(pred - truth) / total if total > 0 else 0.0
