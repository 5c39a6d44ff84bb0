"""Causal smoothing for live motion: the One-Euro filter.

Casiez, Roussel and Vogel 2012, "1 EUR filter: a simple speed-based low-pass filter".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from facegen.flame.rotations import rotation_matrix, rotation_vector
from facegen.motion import POSES, Motion

Array = NDArray[np.float64]


@dataclass(frozen=True)
class OneEuro:
    """Settings of one kind of signal.

    Attributes:
        min_cutoff: hertz at rest; lower is calmer and later.
        beta: hertz per unit of speed; higher follows motion with less delay.
        derivative_cutoff: hertz of the speed estimate.
    """

    min_cutoff: float
    beta: float
    derivative_cutoff: float = 1.0


class _Filter:
    """State of one signal ``(C,)``."""

    def __init__(self, settings: OneEuro) -> None:
        self.settings = settings
        self.value: Array | None = None
        self.speed: Array | float = 0.0

    def __call__(self, value: Array, seconds: float) -> Array:
        if self.value is None or seconds <= 0:
            self.value = value
            return value
        s = self.settings
        speed = (value - self.value) / seconds
        self.speed = self.speed + _share(s.derivative_cutoff, seconds) * (speed - self.speed)
        share = _share(s.min_cutoff + s.beta * np.abs(self.speed), seconds)
        self.value = self.value + share * (value - self.value)
        return self.value


def _share(cutoff: Array | float, seconds: float) -> Array | float:
    """Weight of the new sample: eq. 5."""
    rate = 2 * np.pi * cutoff * seconds
    return rate / (rate + 1)


class StreamingSmoother:
    """Smooths one-frame motions as they come; lids that close pass unchanged.

    A frame without a face, or :meth:`reset`, starts all filters afresh.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the past: after a cut."""
        self._time: float | None = None
        self._turned: dict[str, Array] = {}
        self._filters = {name: _Filter(OneEuro(1.5, 20.0)) for name in POSES}
        self._filters["jaw_pose"] = _Filter(OneEuro(4.0, 40.0))
        self._filters["place"] = _Filter(OneEuro(1.5, 60.0))
        self._filters["depth"] = _Filter(OneEuro(0.4, 8.0))
        self._filters["expression"] = _Filter(OneEuro(3.0, 6.0))

    def __call__(self, frame: Motion) -> Motion:
        """The smoothed frame.

        Args:
            frame: a motion of one frame, later than the one before.
        """
        if not frame.valid[0]:
            self.reset()
            return frame
        now = float(frame.timestamps[0])
        seconds = 0.0 if self._time is None else now - self._time
        self._time = now
        poses = {
            name: self._turn(name, getattr(frame, name)[0], seconds)[None].astype(np.float32)
            for name in POSES
        }
        x, y, z = frame.transl[0].astype(np.float64)
        place = self._filters["place"](np.array([x / -z, y / -z]), seconds)
        depth = np.exp(self._filters["depth"](np.log([-z]), seconds))
        transl = np.array([[*(place * depth), -depth[0]]], np.float32)
        raw = frame.expression[0].astype(np.float64)
        calm = self._filters["expression"](raw, seconds)
        lids = np.array([name.startswith("eyeBlink") for name in frame.expression_names])
        expression = np.where(lids, raw, calm)[None].astype(np.float32)
        return replace(
            frame,
            global_orient=poses["global_orient"],
            neck_pose=poses["neck_pose"],
            jaw_pose=poses["jaw_pose"],
            leye_pose=poses["leye_pose"],
            reye_pose=poses["reye_pose"],
            transl=transl,
            expression=expression,
        )

    def _turn(self, name: str, pose: NDArray[np.float32], seconds: float) -> Array:
        """Filter the change since the last smoothed rotation, in its tangent space."""
        measured = rotation_matrix(pose)
        last = self._turned.get(name, measured)
        filtered = self._filters[name]
        change = rotation_vector(last.T @ measured)
        # The last smoothed rotation is the origin of the tangent space, so the state is zero.
        filtered.value = None if seconds <= 0 else np.zeros(3)
        step = filtered(change, seconds)
        self._turned[name] = last @ rotation_matrix(step)
        return rotation_vector(self._turned[name])
