"""Stability of the face in time: landmark jerk, jitter, energy above 8 Hz.

A still picture has no jitter at all, so none of these is scored as "less is better": each is
compared with the true (or driving) video's own value by ``gap``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.geometry import landmarks68
from facegen.evaluation.landmarks import FACE_MESH
from facegen.evaluation.metric import MetricSpec, Pair, Scene, SequenceMetric, Trace, gap

Runs = list[NDArray[np.float64]]
FLICKER_HZ = 8.0


def _spec(name: str, unit: str, source: str) -> MetricSpec:
    return MetricSpec(
        name=name,
        version=1,
        unit=unit,
        low=0.0,
        high=1.0,
        better="lower",
        perfect=0.0,
        needs=frozenset({"drive", "faces"}),
        main="gap",
        notes=frozenset({"value", "truth"}),
        source=f"{source}; gap = |value - truth| / (value + truth)",
        estimator="MediaPipe Face Mesh 478",
        components=(FACE_MESH,),
    )


def jerk(tracks: Runs, fps: float) -> float:
    """Mean size of the third difference of tracks ``(T, K, 2)``, per second cubed."""
    third = [np.diff(t, 3, axis=0) for t in tracks if len(t) > 3]
    return _mean_norm(third) * fps**3


def jitter(tracks: Runs) -> float:
    """Mean distance of a point from the middle of its neighbours in time, ``(T, K, 2)``."""
    bend = [t[1:-1] - (t[:-2] + t[2:]) / 2 for t in tracks if len(t) > 2]
    return _mean_norm(bend)


def flicker(tracks: Runs, fps: float) -> float:
    """Share of the motion energy at or above 8 Hz, 0..1; NaN below 16 frames a second.

    Tracks ``(T, K, 2)`` are freed of their line in time and windowed (Hann).
    """
    if fps < 2 * FLICKER_HZ:
        return math.nan
    high = total = 0.0
    for track in tracks:
        steps = len(track)
        if steps < 8:
            continue
        flat = track.reshape(steps, -1)
        time = np.linspace(-1, 1, steps)[:, None]
        slope = (time * flat).sum(0) / (time * time).sum()
        rest = (flat - flat.mean(0) - time * slope) * np.hanning(steps)[:, None]
        power = (np.abs(np.fft.rfft(rest, axis=0)) ** 2).sum(1)
        fast = np.fft.rfftfreq(steps, 1 / fps) >= FLICKER_HZ
        high += float(power[fast].sum())
        total += float(power[1:].sum())
    return high / total if total > 0 else math.nan


def _mean_norm(parts: list[NDArray[np.float64]]) -> float:
    if not parts:
        return math.nan
    return float(np.concatenate([np.linalg.norm(p, axis=-1).ravel() for p in parts]).mean())


class _Tracks(SequenceMetric):
    """A statistic of the 68 landmarks' paths, in inter-ocular distances."""

    def statistic(self, tracks: Runs, fps: float) -> float:
        raise NotImplementedError

    def observe(self, pair: Pair, scene: Scene) -> NDArray[np.float64] | None:
        if pair.pred_face is None or pair.drive_face is None:
            return None
        faces = (pair.pred_face, pair.drive_face)
        return np.stack([landmarks68(face) / face.iod for face in faces])

    def summarise(self, trace: Trace, scene: Scene) -> Mapping[str, float]:
        runs = trace.arrays(shortest=4)
        pred, truth = (self.statistic([run[:, k] for run in runs], scene.fps) for k in (0, 1))
        if math.isnan(pred) and not math.isnan(truth):
            pred = 0.0  # nothing moves
        return {"gap": gap(pred, truth), "value": pred, "truth": truth}


class Jerk(_Tracks):
    """Landmark jerk."""

    spec = _spec("jerk", "iod/s^3", "mean |third difference| of 68 landmarks")

    def statistic(self, tracks: Runs, fps: float) -> float:
        return jerk(tracks, fps)


class Jitter(_Tracks):
    """Landmark jitter from frame to frame."""

    spec = _spec("jitter", "iod", "mean |x_t - (x_t-1 + x_t+1) / 2| of 68 landmarks")

    def statistic(self, tracks: Runs, fps: float) -> float:
        return jitter(tracks)


class Flicker(_Tracks):
    """Landmark motion energy above 8 Hz."""

    spec = _spec("energy_8hz", "", "share of landmark energy >= 8 Hz, detrended, Hann")

    def statistic(self, tracks: Runs, fps: float) -> float:
        return flicker(tracks, fps)
