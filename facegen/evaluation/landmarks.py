"""Landmark distance, mouth opening, lids and gaze against the driving frame."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.geometry import (
    angle_deg,
    eye_openness,
    gaze,
    landmarks68,
    mouth_opening,
)
from facegen.evaluation.metric import (
    FrameMetric,
    MetricSpec,
    Pair,
    Scene,
    SequenceMetric,
    Trace,
)
from facegen.evaluation.roles import Component

FACE_MESH = Component("mediapipe-face-mesh", "", ("Google in-house faces",))
_ESTIMATOR = "MediaPipe Face Mesh 478"
MAX_LAG_SECONDS = 0.4


def _spec(name: str, unit: str, high: float, main: str, source: str, **more: object) -> MetricSpec:
    fields: dict[str, object] = {
        "low": 0.0,
        "better": "lower",
        "perfect": 0.0,
        "needs": frozenset({"drive", "faces"}),
        "version": 1,
    }
    return MetricSpec(
        name=name,
        unit=unit,
        high=high,
        main=main,
        source=source,
        estimator=_ESTIMATOR,
        components=(FACE_MESH,),
        **{**fields, **more},  # type: ignore[arg-type]
    )


class Akd(FrameMetric):
    """Average keypoint distance: mean distance of 68 landmarks over the inter-ocular distance."""

    spec = _spec(
        "akd",
        "iod",
        math.inf,
        "all",
        "mean L2 of 68 landmarks / 3-D inter-ocular distance of the true frame",
        needs=frozenset({"truth", "faces"}),
    )

    def frame(self, pair: Pair, scene: Scene) -> Mapping[str, float] | None:
        if pair.pred_face is None or pair.truth_face is None:
            return None
        difference = landmarks68(pair.pred_face) - landmarks68(pair.truth_face)
        return {"all": float(np.linalg.norm(difference, axis=1).mean()) / pair.truth_face.iod}


class EyeClosure(FrameMetric):
    """Difference of the eyes' openness (lid distance over eye width), mean of both eyes."""

    spec = _spec("eye_closure", "", math.inf, "both", "mean |openness - driver's openness|")

    def frame(self, pair: Pair, scene: Scene) -> Mapping[str, float] | None:
        if pair.pred_face is None or pair.drive_face is None:
            return None
        difference = np.abs(eye_openness(pair.pred_face) - eye_openness(pair.drive_face))
        return {"both": float(difference.mean())}


class Gaze(FrameMetric):
    """Angle between the gaze directions in the head; frames with a shut eye do not count."""

    spec = _spec("gaze", "deg", 180.0, "angle", "angle of iris directions, eyeball of 0.4 widths")

    def frame(self, pair: Pair, scene: Scene) -> Mapping[str, float] | None:
        if pair.pred_face is None or pair.drive_face is None:
            return None
        a, b = gaze(pair.pred_face), gaze(pair.drive_face)
        return None if a is None or b is None else {"angle": angle_deg(a, b)}


class MouthOpening(FrameMetric):
    """Difference of the inner lips' distance."""

    spec = _spec("mouth_opening", "iod", math.inf, "lips", "mean |opening - driver's opening|")

    def frame(self, pair: Pair, scene: Scene) -> Mapping[str, float] | None:
        if pair.pred_face is None or pair.drive_face is None:
            return None
        return {"lips": abs(mouth_opening(pair.pred_face) - mouth_opening(pair.drive_face))}


class MouthCorrelation(SequenceMetric):
    """Correlation of the mouth's opening over time with the driver's, and the lag of the best."""

    spec = _spec(
        "mouth_correlation",
        "",
        1.0,
        "zero_lag",
        "Pearson r of inner-lip distance; lag > 0: the method comes late; at most 0.4 s",
        low=-1.0,
        better="higher",
        perfect=1.0,
        notes=frozenset({"lag_s", "best_lag"}),
    )

    def observe(self, pair: Pair, scene: Scene) -> NDArray[np.float64] | None:
        if pair.pred_face is None or pair.drive_face is None:
            return None
        return np.array([mouth_opening(pair.pred_face), mouth_opening(pair.drive_face)])

    def summarise(self, trace: Trace, scene: Scene) -> Mapping[str, float]:
        runs = trace.arrays(shortest=8)
        if not runs:
            return dict.fromkeys(("zero_lag", "lag_s", "best_lag"), math.nan)
        frames = [len(run) for run in runs]
        reach = min(round(MAX_LAG_SECONDS * scene.fps), min(frames) // 3)
        # The smaller lag wins a tie.
        lags = sorted(range(-reach, reach + 1), key=abs)
        by_lag = {lag: _correlation(runs, lag) for lag in lags}
        best = max(lags, key=lambda k: -2.0 if math.isnan(by_lag[k]) else by_lag[k])
        return {"zero_lag": by_lag[0], "lag_s": best / scene.fps, "best_lag": by_lag[best]}


def correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Pearson r; 0 where only ``x`` stands still, NaN where the truth ``y`` does."""
    x, y = x - x.mean(), y - y.mean()
    sx, sy = float(np.sqrt(x @ x)), float(np.sqrt(y @ y))
    if sy < 1e-9:
        return math.nan
    return float(np.clip(x @ y / (sx * sy), -1, 1)) if sx > 1e-9 else 0.0


def _correlation(runs: Sequence[NDArray[np.float64]], lag: int) -> float:
    pred, truth = [], []
    for run in runs:
        stop = len(run)
        pred.append(run[max(lag, 0) : stop + min(lag, 0), 0])
        truth.append(run[max(-lag, 0) : stop - max(lag, 0), 1])
    return correlation(np.concatenate(pred), np.concatenate(truth))
