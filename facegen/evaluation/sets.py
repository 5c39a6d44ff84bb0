"""Distances between all frames of a method and all true frames, with the features named."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.frechet import (
    Features,
    clip_features,
    frechet_distance,
    kernel_distance,
)
from facegen.evaluation.metric import Face, Image, Pair
from facegen.evaluation.recall import Recall
from facegen.evaluation.roles import Component

# Frames of one moving sample; short enough for the runs of 11 of a limited evaluation.
WINDOW = 8
# Below it Fréchet distances depend more on the number of frames than on the method.
FEW = 10_000


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """What turns a picture and its landmarks into a vector ``(width,)``; its name is the part's."""

    part: Component
    width: int
    look: Recall[Features]

    @property
    def name(self) -> str:
        """As in the names of its distances."""
        return self.part.name


class GradientHistograms:
    """Features without a network: histograms of gradient directions on an 8 x 8 grid.

    Dalal & Triggs 2005 in small: 64 x 64 luma, 8 unsigned directions, root of the cell's share.
    Of the whole crop.
    """

    part = Component("hog8")
    width = 8 * 8 * 8

    def __call__(self, image: Image, face: Face) -> Features:
        import cv2

        grey = cv2.cvtColor(
            cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY
        )
        dy, dx = np.gradient(grey.astype(np.float64))
        strength = np.hypot(dx, dy)
        direction = np.floor((np.arctan2(dy, dx) % np.pi) / np.pi * 8).astype(int) % 8
        cells = np.arange(64) // 8
        bins = (cells[:, None] * 8 + cells[None]) * 8 + direction
        histogram = np.bincount(bins.ravel(), strength.ravel(), minlength=self.width)
        return np.sqrt(histogram / max(histogram.sum(), 1e-9)) * 8


@dataclass
class Gathered:
    """Features of the frames of one clip and one method: runs ``(T, width)`` float32.

    Attributes:
        pred, truth: uninterrupted runs; frames without a face end one. missing: such frames of
            the method.
    """

    clip: str
    method: str
    features: str
    pred: list[list[NDArray[np.float32]]] = field(default_factory=list)
    truth: list[list[NDArray[np.float32]]] = field(default_factory=list)
    missing: int = 0


class Gatherer:
    """Collects the features of one clip and method: about a kilobyte per frame."""

    def __init__(self, features: FeatureSet, clip: str, method: str) -> None:
        self._look = features.look
        self.found = Gathered(clip, method, features.name)
        self._open = {"pred": (-1, -1), "truth": (-1, -1)}

    def add(self, pair: Pair) -> None:
        """Take a frame."""
        if pair.truth is None:
            return
        pred = self._look(pair.pred, pair.pred_face)
        self.found.missing += pred is None
        self._append("pred", self.found.pred, pred, pair)
        self._append("truth", self.found.truth, self._look(pair.truth, pair.truth_face), pair)

    def skip(self) -> None:
        """Count a frame the method did not deliver."""
        self.found.missing += 1

    def _append(
        self,
        side: str,
        runs: list[list[NDArray[np.float32]]],
        features: Features | None,
        pair: Pair,
    ) -> None:
        if features is None:
            return
        if self._open[side] != (pair.run, pair.index - 1):
            runs.append([])
        runs[-1].append(features.astype(np.float32))
        self._open[side] = (pair.run, pair.index)


@dataclass(frozen=True)
class SetScore:
    """One distance of one method; the fields are the columns of ``sets.csv``.

    Attributes:
        error: standard error by leaving out one clip at a time, NaN with fewer than three clips.
        samples, truth_samples: vectors on either side. missing: the method's frames without one.
    """

    metric: str
    method: str
    value: float
    error: float
    samples: int
    truth_samples: int
    missing: int
    estimator: str
    warning: str


def _frames(runs: Sequence[list[NDArray[np.float32]]], width: int) -> Features:
    vectors = [vector for run in runs for vector in run]
    return np.stack(vectors).astype(np.float64) if vectors else np.zeros((0, width))


def _windows(runs: Sequence[list[NDArray[np.float32]]], width: int) -> Features:
    parts = [clip_features(np.stack(run).astype(np.float64), WINDOW) for run in runs if run]
    return np.concatenate(parts) if parts else np.zeros((0, 3 * width))


Distance = Callable[[Features, Features], float]
Cut = Callable[[Sequence[list[NDArray[np.float32]]], int], Features]
# FID: Fréchet of frames. KID: kernel of frames, times 1000 as is usual. FVD: Fréchet of windows.
_KINDS: tuple[tuple[str, Cut, Distance], ...] = (
    ("fid", _frames, frechet_distance),
    ("kid", _frames, lambda a, b: 1000 * kernel_distance(a, b)),
    (f"fvd{WINDOW}", _windows, frechet_distance),
)


def set_scores(gathered: Sequence[Gathered], sets: Sequence[FeatureSet]) -> list[SetScore]:
    """All distances, by features, kind and method in the order of first appearance.

    Named ``fid_hog8``, ``kid_hog8`` (x 1000) and ``fvd8_hog8`` (windows of eight frames): the
    features are part of the name, numbers do not compare with those of Inception or I3D.
    """
    scores = []
    for features in sets:
        own = [g for g in gathered if g.features == features.name]
        for kind, cut, distance in _KINDS:
            for method in dict.fromkeys(g.method for g in own):
                clips = [g for g in own if g.method == method]
                pred = [cut(g.pred, features.width) for g in clips]
                truth = [cut(g.truth, features.width) for g in clips]
                scores.append(_score(kind, features.name, clips, pred, truth, distance))
    return scores


def _score(
    kind: str,
    name: str,
    clips: Sequence[Gathered],
    pred: list[Features],
    truth: list[Features],
    distance: Distance,
) -> SetScore:
    n, m = sum(map(len, pred)), sum(map(len, truth))
    value = distance(np.concatenate(pred), np.concatenate(truth))
    return SetScore(
        f"{kind}_{name}",
        clips[0].method,
        value,
        jackknife(pred, truth, distance),
        n,
        m,
        sum(g.missing for g in clips),
        name,
        _warning(kind, min(n, m), pred[0].shape[1]),
    )


def _warning(kind: str, samples: int, width: int) -> str:
    if samples < 2:
        return "too few samples to measure"
    if kind == "kid":
        return ""
    if samples <= width:
        return f"fewer samples than the {width} dimensions: compare methods of this run only"
    return f"fewer than {FEW} samples: compare methods of this run only" if samples < FEW else ""


def jackknife(pred: list[Features], truth: list[Features], distance: Distance) -> float:
    """Standard error over clips of a distance between unions (Efron & Stein 1981).

    Resampling clips with replacement would repeat frames, which biases both distances.
    """
    count = len(pred)
    if count < 3:
        return math.nan

    def without(sets: list[Features], k: int) -> Features:
        return np.concatenate(sets[:k] + sets[k + 1 :])

    values = np.array([distance(without(pred, k), without(truth, k)) for k in range(count)])
    return float(np.sqrt((count - 1) * values.var()))
