"""AED and APD: distance of expression and head rotation, with the estimator named."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.metric import Face, FrameMetric, Image, MetricSpec, Pair, Scene
from facegen.evaluation.recall import Recall
from facegen.evaluation.roles import Component


@dataclass(frozen=True, eq=False)
class Estimate:
    """What an estimator reads off one face.

    Attributes:
        expression: ``(E,)`` coefficients. rotation: ``(3, 3)`` head to camera.
    """

    expression: NDArray[np.float64]
    rotation: NDArray[np.float64]


class Estimator(Protocol):
    """A network that reads expression and head pose off a crop.

    It must not be the one that made the condition maps or the motion.
    """

    component: Component

    def __call__(self, image: Image, face: Face) -> Estimate | None:
        """Estimate for a ``(S, S, 3)`` uint8 crop and its landmarks; None without a face."""
        ...


def nearest_rotation(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rotation ``(3, 3)`` nearest to a matrix in the Frobenius norm, scale left out."""
    u, _, vt = np.linalg.svd(matrix)
    rotation: NDArray[np.float64] = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    return rotation


def euler_deg(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pitch, yaw, roll in degrees of ``R = Rz(roll) Ry(yaw) Rx(pitch)``: ``(3,)``."""
    r = rotation
    yaw = math.asin(float(np.clip(-r[2, 0], -1, 1)))
    pitch, roll = math.atan2(r[2, 1], r[2, 2]), math.atan2(r[1, 0], r[0, 0])
    return np.degrees([pitch, yaw, roll])


def pose_distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[float, float]:
    """Mean absolute difference of the three Euler angles, and the rotation angle between; deg."""
    turn = euler_deg(a) - euler_deg(b)
    turn = (turn + 180) % 360 - 180
    # Of the chord, not of the trace: exact where the two are equal.
    half = min(float(np.linalg.norm(a - b)) / math.sqrt(8), 1.0)
    return float(np.abs(turn).mean()), math.degrees(2 * math.asin(half))


class _Estimated(FrameMetric):
    """Shares one estimate per picture between AED and APD."""

    def __init__(self, estimate: Recall[Estimate], spec: MetricSpec) -> None:
        self._estimate, self.spec = estimate, spec

    def pair(self, pair: Pair) -> tuple[Estimate, Estimate] | None:
        pred = self._estimate(pair.pred, pair.pred_face)
        drive = self._estimate(pair.drive, pair.drive_face)
        return None if pred is None or drive is None else (pred, drive)


def _spec(name: str, unit: str, high: float, main: str, text: str, part: Component) -> MetricSpec:
    return MetricSpec(
        name=f"{name}_{part.name}",
        version=1,
        unit=unit,
        low=0.0,
        high=high,
        better="lower",
        perfect=0.0,
        needs=frozenset({"drive", "faces"}),
        main=main,
        source=text,
        estimator=part.name,
        components=(part,),
    )


class Aed(_Estimated):
    """Average expression distance: mean |difference| over the coefficients, then over frames."""

    def __init__(self, estimate: Recall[Estimate], part: Component) -> None:
        text = "mean L1 of expression coefficients to the driving frame, mean over dimensions"
        super().__init__(estimate, _spec("aed", "", math.inf, "mean", text, part))

    def frame(self, pair: Pair, scene: Scene) -> Mapping[str, float] | None:
        both = self.pair(pair)
        if both is None:
            return None
        return {"mean": float(np.abs(both[0].expression - both[1].expression).mean())}


class Apd(_Estimated):
    """Average pose distance: mean |difference| of pitch, yaw and roll, degrees; not their sum."""

    def __init__(self, estimate: Recall[Estimate], part: Component) -> None:
        text = "mean L1 of Euler angles to the driving frame; geodesic = angle of the difference"
        super().__init__(estimate, _spec("apd", "deg", 180.0, "euler", text, part))

    def frame(self, pair: Pair, scene: Scene) -> Mapping[str, float] | None:
        both = self.pair(pair)
        if both is None:
            return None
        euler, geodesic = pose_distance(both[0].rotation, both[1].rotation)
        return {"euler": euler, "geodesic": geodesic}
