"""Stability of the picture in time: warping error and window seams."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.metric import (
    Comparison,
    Image,
    Metric,
    MetricSpec,
    Pair,
    Scene,
    Score,
    gap,
)


class _Steps(Comparison):
    """A fold over pairs of successive frames; keeps one frame of each video."""

    def __init__(self) -> None:
        self._last: Pair | None = None
        self.count = self.missing = 0

    def add(self, pair: Pair) -> float | None:
        last, self._last = self._last, pair
        if last is None or (last.run, last.index) != (pair.run, pair.index - 1):
            return None
        value = self.step(last, pair, _aim(last), _aim(pair))
        if value is None:
            self.missing += 1
        else:
            self.count += 1
        return value

    def step(self, last: Pair, pair: Pair, before: Image, now: Image) -> float | None:
        """Take two successive frames; ``before`` and ``now`` are the true (or driving) ones."""
        raise NotImplementedError

    def skip(self) -> None:
        self.missing += 1
        self._last = None

    def _scores(self, values: dict[str, float]) -> list[Score]:
        return [
            Score(part, float(v), 0 if math.isnan(v) else self.count, self.missing)
            for part, v in values.items()
        ]


def _aim(pair: Pair) -> Image:
    return pair.drive if pair.truth is None else pair.truth


class Seam(Metric):
    """Jump of the picture where a method's window ends, over its usual step.

    Held to the true video's own ratio, or to the driving video's where nobody knows the truth.
    """

    spec = MetricSpec(
        name="seam",
        version=1,
        unit="",
        low=0.0,
        high=1.0,
        better="lower",
        perfect=0.0,
        needs=frozenset({"drive"}),
        main="gap",
        notes=frozenset({"value", "truth"}),
        source="mean |frame step| at window borders / elsewhere; gap = |v - t| / (v + t)",
    )

    def begin(self, scene: Scene) -> Comparison:
        return _Seams(scene.window)


class _Seams(_Steps):
    def __init__(self, window: int) -> None:
        super().__init__()
        self._window = window
        # Rows: elsewhere, at a border; columns: method, truth, number of steps.
        self._sums = np.zeros((2, 3))

    def step(self, last: Pair, pair: Pair, before: Image, now: Image) -> float | None:
        pred, truth = _difference(last.pred, pair.pred), _difference(before, now)
        self._sums[int(pair.index % self._window == 0)] += (pred, truth, 1)
        return abs(pred - truth)

    def scores(self) -> list[Score]:
        (*off, n_off), (*at, n_at) = self._sums
        if not n_off or not n_at:
            return self._scores(dict.fromkeys(("gap", "value", "truth"), math.nan))
        # A still video steps nowhere: no seam.
        pred, truth = (
            (a / n_at) / (o / n_off) if o > 0 else 1.0 for a, o in zip(at, off, strict=True)
        )
        return self._scores({"gap": gap(pred, truth), "value": pred, "truth": truth})


def _difference(a: Image, b: Image) -> float:
    return float(np.abs(a.astype(np.int16) - b).mean())


class WarpingError(Metric):
    """How far a frame is from the frame before, moved by the true video's own motion."""

    spec = MetricSpec(
        name="warping_error",
        version=1,
        unit="grey levels",
        low=0.0,
        high=255.0,
        better="lower",
        perfect=0.0,
        needs=frozenset({"truth"}),
        main="excess",
        notes=frozenset({"value", "truth"}),
        source="Lai et al. 2018; Farneback flow of the true video, forward-backward check; "
        "excess = |value - truth|",
        estimator="OpenCV Farneback",
    )

    def begin(self, scene: Scene) -> Comparison:
        return _Warping()


class _Warping(_Steps):
    def __init__(self) -> None:
        super().__init__()
        self._sum = np.zeros(2)

    def step(self, last: Pair, pair: Pair, before: Image, now: Image) -> float | None:
        flow, seen = backward_flow(before, now)
        if not seen.any():
            return None
        pred, truth = (
            float(np.abs(_warp(a, flow).astype(np.float64) - b)[seen].mean())
            for a, b in ((last.pred, pair.pred), (before, now))
        )
        self._sum += (pred, truth)
        return abs(pred - truth)

    def scores(self) -> list[Score]:
        pred, truth = self._sum / self.count if self.count else (math.nan, math.nan)
        return self._scores({"excess": abs(pred - truth), "value": pred, "truth": truth})


def backward_flow(before: Image, now: Image) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Where each pixel of ``now`` was in ``before``: offsets ``(H, W, 2)`` in pixels (Farneback
    2003), and where the two directions agree within half a pixel plus 1 %: ``(H, W)``."""
    import cv2

    a, b = (np.asarray(cv2.cvtColor(x, cv2.COLOR_RGB2GRAY), np.uint8) for x in (before, now))

    def flow(x: Image, y: Image) -> NDArray[np.float32]:
        found: Any = cv2.calcOpticalFlowFarneback(x, y, None, 0.5, 4, 15, 3, 5, 1.1, 0)  # type: ignore[call-overload]
        return np.asarray(found, np.float32)

    back = flow(b, a)
    there = _warp(flow(a, b), back)
    miss = np.linalg.norm(back + there, axis=-1)
    size = np.linalg.norm(back, axis=-1) + np.linalg.norm(there, axis=-1)
    return back, miss <= 0.5 + 0.01 * size


def _warp(values: NDArray[Any], flow: NDArray[np.float32]) -> NDArray[Any]:
    import cv2

    height, width = flow.shape[:2]
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)
    at = grid + flow
    moved: NDArray[Any] = cv2.remap(
        values, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return moved
