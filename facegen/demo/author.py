"""Authors the packaged motion ``hello.motion.npz`` from keyframes (CC0, made for facegen).

python -m facegen.demo.author
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from facegen.assets import load_head
from facegen.demo import MOTION
from facegen.flame.camera import Camera
from facegen.flame.model import HeadModel
from facegen.motion import Motion

FPS = Fraction(25)
SECONDS = 6
BLINKS = (0.9, 2.75, 4.7)  # seconds of the closed eye

# (seconds, value) of each channel; flat before the first and after the last key.
EXPRESSION: dict[str, list[tuple[float, float]]] = {
    "browInnerUp": [(0.2, 0), (0.6, 0.45), (1.2, 0.05), (3.2, 0), (3.5, 0.35), (4.2, 0)],
    "browOuterUpLeft": [(0.2, 0), (0.6, 0.35), (1.2, 0), (3.2, 0), (3.5, 0.5), (4.2, 0)],
    "browOuterUpRight": [(0.2, 0), (0.6, 0.35), (1.2, 0)],
    "cheekSquintLeft": [(1.8, 0), (2.4, 0.5), (3.4, 0.2), (4.9, 0.35), (5.8, 0)],
    "cheekSquintRight": [(1.8, 0), (2.4, 0.5), (3.4, 0.2), (4.9, 0.35), (5.8, 0)],
    "mouthSmileLeft": [(0.3, 0), (1.5, 0.15), (2.4, 0.75), (3.4, 0.3), (4.9, 0.6), (5.9, 0)],
    "mouthSmileRight": [(0.3, 0), (1.5, 0.15), (2.4, 0.7), (3.4, 0.3), (4.9, 0.6), (5.9, 0)],
    # "hello" at 1.0-1.7 s and "how are you" at 3.4-4.4 s
    "mouthFunnel": [(1.35, 0), (1.55, 0.5), (1.85, 0), (3.7, 0), (3.85, 0.4), (4.1, 0.1), (4.4, 0)],
    "mouthPucker": [(1.4, 0), (1.6, 0.3), (1.9, 0), (4.1, 0), (4.3, 0.55), (4.6, 0)],
    "mouthLowerDownLeft": [(1.0, 0), (1.15, 0.35), (1.4, 0.1), (2.4, 0.25), (3.2, 0)],
    "mouthLowerDownRight": [(1.0, 0), (1.15, 0.35), (1.4, 0.1), (2.4, 0.25), (3.2, 0)],
    "mouthUpperUpLeft": [(1.8, 0), (2.4, 0.3), (3.2, 0)],
    "mouthUpperUpRight": [(1.8, 0), (2.4, 0.3), (3.2, 0)],
}
DEGREES: dict[tuple[str, int], list[tuple[float, float]]] = {
    ("jaw_pose", 0): [
        *[(0.95, 0), (1.15, 7), (1.35, 3), (1.55, 8), (1.9, 0), (2.4, 3), (3.2, 0)],
        *[(3.4, 1), (3.6, 9), (3.85, 4), (4.0, 8), (4.3, 3), (4.6, 0)],
    ],
    ("neck_pose", 0): [(0.0, 0), (0.7, -3), (1.4, 5), (2.0, 0), (3.4, -2), (4.4, 4), (5.6, 0)],
    ("neck_pose", 1): [(0.4, 0), (1.6, 12), (2.6, 10), (3.8, -13), (4.8, -8), (5.8, 0)],
    ("neck_pose", 2): [(0.4, 0), (1.8, -4), (3.0, 2), (4.2, 5), (5.8, 0)],
    # The eyes lead the head, then return to the camera.
    ("leye_pose", 1): [(0.3, 0), (0.8, 9), (1.8, -8), (2.8, -9), (3.2, -16), (3.9, 8), (5.6, 0)],
}
SAME_GAZE = {("reye_pose", 1): ("leye_pose", 1)}


def curve(keys: list[tuple[float, float]], t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Monotone cubic through ``(seconds, value)`` keys at times ``t``: no overshoot."""
    times, values = (np.array(column, float) for column in zip(*keys, strict=True))
    return PchipInterpolator(times, values)(np.clip(t, times[0], times[-1]))


def blink(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lid closure 0..1: closes in about 80 ms, opens in about 160 ms."""
    closure = np.zeros_like(t)
    for centre in BLINKS:
        x = t - centre
        width = np.where(x < 0, 0.05, 0.09)
        closure = np.maximum(closure, np.exp(-((x / width) ** 2)))
    return closure


def author(head: HeadModel) -> Motion:
    """The packaged motion in the basis of ``head``."""
    t = np.arange(SECONDS * int(FPS)) / float(FPS)
    n = len(t)
    expression = np.zeros((n, head.n_expression), np.float32)
    for name, keys in EXPRESSION.items():
        expression[:, head.expression_index(name)] = curve(keys, t)
    for name in ("eyeBlinkLeft", "eyeBlinkRight"):
        expression[:, head.expression_index(name)] = blink(t)
    poses: dict[str, Any] = {
        name: np.zeros((n, 3), np.float32)
        for name in ("global_orient", "neck_pose", "jaw_pose", "leye_pose", "reye_pose")
    }
    keyed = DEGREES | {target: DEGREES[source] for target, source in SAME_GAZE.items()}
    for (name, axis), keys in keyed.items():
        poses[name][:, axis] = np.radians(curve(keys, t))
    return Motion(
        expression=expression,
        transl=np.tile(np.array([0, -0.05, -1.5], np.float32), (n, 1)),
        betas=np.zeros(head.n_shape, np.float32),
        camera=Camera.from_fov(512, 512),
        fps=FPS,
        timestamps=t,
        valid=np.ones(n, bool),
        confidence=np.ones(n, np.float32),
        basis=head.version,
        expression_names=head.expression_names,
        **poses,
    )


if __name__ == "__main__":
    author(load_head("open")).save(MOTION)
