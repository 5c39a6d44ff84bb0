"""The driver's neutral frame: where its face rests and looks ahead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegen.errors import FaceNotFoundError, UsageError
from facegen.flame.rotations import rotation_matrix, rotation_vector
from facegen.motion import Motion
from facegen.tracking.head_frame import head_rotations

# Unrest of one unit is an expression of 0.5, a jaw of 0.1 rad, a turn of 20 degrees.
_JAW, _TURN = 0.1, np.radians(20)
GOOD_UNREST = 3.0


@dataclass(frozen=True)
class NeutralFrame:
    """A frame index and how far from rest it is (0 is perfect; :data:`GOOD_UNREST` still good)."""

    index: int
    unrest: float


def unrest(motion: Motion) -> NDArray[np.float64]:
    """Distance of each frame from a frontal face at rest, ``(T,)``; infinite where not valid.

    Mouth open, lids closed, expression energy, head turn and lack of confidence count.
    """
    expression = motion.expression.astype(np.float64)
    # Coefficients of a basis without names spread about zero with its own scale.
    scale = 0.5 * max(1.0, float(np.abs(expression).max(initial=0)))
    energy = np.linalg.norm(expression / scale, axis=1)
    lids = [i for i, n in enumerate(motion.expression_names) if n.startswith("eyeBlink")]
    closed = expression[:, lids].max(1) / 0.3 if lids else 0.0
    jaw = np.abs(motion.jaw_pose[:, 0]) / _JAW
    turn = np.linalg.norm(rotation_vector(head_rotations(motion)), axis=1) / _TURN
    doubt = 2 * (1 - motion.confidence)
    total = energy + closed + jaw + turn + doubt
    return np.where(motion.valid, total, np.inf)


def neutral_frame(motion: Motion, frame: str | int = "auto") -> NeutralFrame:
    """Choose the frame that relative motion is measured from.

    Args:
        frame: ``auto`` or an index.

    Raises:
        UsageError: no such frame. FaceNotFoundError: no face in it, or in any.
    """
    cost = unrest(motion)
    if frame != "auto":
        try:
            index = int(frame)
        except ValueError:
            raise UsageError(f"reference frame {frame!r}: give auto or a number") from None
        if not 0 <= index < len(motion):
            raise UsageError(f"there is no frame {index}: the driver has {len(motion)}")
        if not motion.valid[index]:
            raise FaceNotFoundError(f"no face in frame {index}; choose another reference frame")
        return NeutralFrame(index, float(cost[index]))
    index = int(np.argmin(cost))
    if not np.isfinite(cost[index]):
        raise FaceNotFoundError("no face in any frame of the driver")
    return NeutralFrame(index, float(cost[index]))


def soft_limit_turns(turns: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    """Axis-angles ``(T, 3)`` whose turn to the side or up stays below ``limit`` radians.

    Small turns pass unchanged; beyond 0.7 of the limit they bend towards it. Roll is in the
    picture's plane, uncovers nothing and is left alone.
    """
    out = turns.copy()
    angle = np.linalg.norm(turns[:, :2], axis=1)
    knee = 0.7 * limit
    room = max(limit - knee, 1e-9)
    bent = knee + room * np.tanh((angle - knee) / room)
    out[:, :2] *= np.where(angle > knee, bent / np.maximum(angle, 1e-9), 1.0)[:, None]
    return out


def view_rotations(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least turns ``(T, 3, 3)`` from +z towards the camera, for heads at ``points (T, 3)``.

    A head beside the optical axis shows the camera another side; rotations compare only after
    this turn is taken out.
    """
    sight = -points / np.linalg.norm(points, axis=1, keepdims=True)
    axis = np.stack([-sight[:, 1], sight[:, 0], np.zeros(len(sight))], 1)
    sine = np.linalg.norm(axis, axis=1, keepdims=True)
    angle = np.arctan2(sine, sight[:, 2:])
    return rotation_matrix(axis * np.where(sine > 1e-9, angle / np.maximum(sine, 1e-9), 1.0))
