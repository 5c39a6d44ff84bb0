"""Lip sync in the manner of LSE: distance of audio and lip windows over offsets, with a control."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.geometry import mouth_opening
from facegen.evaluation.landmarks import FACE_MESH
from facegen.evaluation.metric import MetricSpec, Pair, Scene, SequenceMetric, Trace
from facegen.evaluation.roles import Component

RATE = 16000
REACH = 15  # frames of offset to either side, as in SyncNet's evaluation
WINDOW = 5
SHORTEST = 2 * REACH + WINDOW
Features = NDArray[np.float64]


class SyncEmbedder(Protocol):
    """Puts a window of lips and a window of sound into one space.

    ``lips`` reads what it needs off one frame ``(K,)``; ``embed`` turns T of these and the
    sound of the clip into two lists of ``(T - 4, D)`` embeddings of 5-frame windows.
    """

    component: Component

    def lips(self, pair: Pair) -> Features | None: ...

    def embed(
        self, lips: Features, audio: NDArray[np.float32], fps: float
    ) -> tuple[Features, Features]: ...


def offset_distances(lips: Features, audio: Features, reach: int = REACH) -> Features:
    """Mean distance of lip window ``t`` and sound window ``t + k``: ``(2 reach + 1,)``.

    Frames beyond either end are left out.
    """
    means = []
    for k in range(-reach, reach + 1):
        a = lips[max(-k, 0) : len(lips) - max(k, 0)]
        b = audio[max(k, 0) : len(audio) - max(-k, 0)]
        means.append(float(np.linalg.norm(a - b, axis=1).mean()))
    return np.array(means)


def lse(distances: Features) -> tuple[float, float, int]:
    """LSE-D (least distance), LSE-C (median minus least), offset in frames at the least.

    Prajwal et al. 2020. Offset > 0: the lips come early.
    """
    best = int(distances.argmin())
    least = float(distances[best])
    return least, float(np.median(distances)) - least, best - len(distances) // 2


class EnvelopeEmbedder:
    """No network: 5-frame windows of mouth opening and of loudness, each at zero mean, unit size.

    Weak but honest: it tells a clip from a time-shifted control, not a good dub from a fair one.
    """

    component = Component("lip-opening-vs-loudness")

    def lips(self, pair: Pair) -> Features | None:
        return None if pair.pred_face is None else np.array([mouth_opening(pair.pred_face)])

    def embed(
        self, lips: Features, audio: NDArray[np.float32], fps: float
    ) -> tuple[Features, Features]:
        loud = loudness(audio, fps, len(lips))
        return _windows(_standard(lips[:, 0])), _windows(_standard(loud))


def loudness(audio: NDArray[np.float32], fps: float, frames: int) -> Features:
    """Log energy of the differentiated sound per video frame: ``(frames,)``.

    The difference lifts the speech band over hum; 0 dB is full scale, floor -60 dB.
    """
    edge = np.diff(audio.astype(np.float64), prepend=0.0)
    bounds = np.round(np.arange(frames + 1) * RATE / fps).astype(int)
    energy = np.array(
        [np.square(edge[a:b]).mean() if b > a else 0.0 for a, b in _pairs(bounds, len(edge))]
    )
    return 10 * np.log10(np.maximum(energy, 1e-6))


def _pairs(bounds: NDArray[np.int_], stop: int) -> list[tuple[int, int]]:
    clipped = np.minimum(bounds, stop)
    return list(zip(clipped[:-1].tolist(), clipped[1:].tolist(), strict=True))


def _standard(x: Features) -> Features:
    spread = float(x.std())
    return (x - x.mean()) / spread if spread > 1e-9 else x - x.mean()


def _windows(x: Features) -> Features:
    return np.lib.stride_tricks.sliding_window_view(x, WINDOW).astype(np.float64)


class Sync(SequenceMetric):
    """LSE-type distance and confidence, and the same with the sound shifted by half the clip."""

    def __init__(self, embedder: SyncEmbedder) -> None:
        self.embedder = embedder
        part = embedder.component
        uses = (part,) if part.sha256 else (part, FACE_MESH)
        self.spec = MetricSpec(
            name=f"sync_{part.name}",
            version=1,
            unit="",
            low=-math.inf,
            high=math.inf,
            better="higher",
            perfect=math.nan,
            needs=frozenset({"audio", "faces"}),
            main="margin",
            notes=frozenset({"lse_d", "offset_frames", "control_c"}),
            source="Chung & Zisserman 2016, Prajwal et al. 2020; 5-frame windows, +-15 frames; "
            "margin = LSE-C minus LSE-C of the half-clip shifted sound",
            estimator=part.name,
            components=uses,
        )

    def observe(self, pair: Pair, scene: Scene) -> Features | None:
        row = self.embedder.lips(pair)
        return None if row is None else np.append(row, pair.index)

    def summarise(self, trace: Trace, scene: Scene) -> Mapping[str, float]:
        runs = trace.arrays(shortest=SHORTEST)
        parts = ("lse_d", "lse_c", "offset_frames", "control_c", "margin")
        if not runs or scene.audio is None:
            return dict.fromkeys(parts, math.nan)
        longest = max(runs, key=len)
        first = round(longest[0, -1] * RATE / scene.fps)
        last = round((longest[-1, -1] + 1) * RATE / scene.fps)
        sound = scene.audio[first:last]
        least, confidence, offset = self._lse(longest[:, :-1], sound, scene.fps)
        _, control, _ = self._lse(longest[:, :-1], np.roll(sound, len(sound) // 2), scene.fps)
        values = (least, confidence, float(offset), control, confidence - control)
        return dict(zip(parts, values, strict=True))

    def _lse(
        self, lips: Features, sound: NDArray[np.float32], fps: float
    ) -> tuple[float, float, int]:
        return lse(offset_distances(*self.embedder.embed(lips, sound, fps)))
