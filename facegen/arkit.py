"""The 52 facial actions of ARKit: names, and how curves travel to and from a head's coefficients.

Curves are 0..1 by name. The open head moves the jaw and the eyes by joints, so ``jawOpen``,
``jawLeft``, ``jawRight`` and ``eyeLook*`` become angles; their coefficient columns stay 0. Every
tracked motion does the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from facegen.errors import ModelFileError
from facegen.flame.model import HeadModel
from facegen.motion import Motion

Array = NDArray[np.float32]

ARKIT = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight",
    "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight",
    "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight",
    "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose",
    "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft",
    "mouthPressRight", "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper",
    "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight",
    "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip
INDEX = {name: column for column, name in enumerate(ARKIT)}

# Radians at 1: jaw to a side; full gaze.
JAW_SIDE = 0.15
LOOK = 0.6
_BY_JOINT = ("jawOpen", "jawLeft", "jawRight")


def columns(*names: str) -> list[int]:
    """Columns of ``ARKIT``; a name without its side stands for both."""
    out = [i for n in names for i, full in enumerate(ARKIT) if full in (n, n + "Left", n + "Right")]
    if len(out) < len(names):
        raise KeyError(f"not ARKit names: {names}")
    return out


@dataclass(frozen=True, eq=False)
class FaceCoefficients:
    """ARKit curves in a head's terms: ``expression (T, E)``; ``jaw_pose``, ``leye_pose``,
    ``reye_pose`` ``(T, 3)`` radians."""

    expression: Array
    jaw_pose: Array
    leye_pose: Array
    reye_pose: Array


@lru_cache(maxsize=4)
def jaw_open(head: HeadModel) -> float:
    """Radians of the jaw at ``jawOpen`` = 1."""
    from facegen.speech.mouth import jaw_open_radians

    return jaw_open_radians(head)


def check_head(head: HeadModel) -> None:
    """Refuse a head without the actions.

    Raises:
        ModelFileError: its expressions have no ARKit names.
    """
    if "mouthSmileLeft" not in head.expression_names:
        raise ModelFileError(
            f"speech and emotions need a head with ARKit's actions; {head.version} has none: "
            "use the open head"
        )


def to_head(curves: NDArray[np.floating], head: HeadModel) -> FaceCoefficients:
    """Curves ``(T, 52)`` as coefficients of a head that names ARKit's actions.

    Raises:
        ModelFileError: the head has no such actions.
    """
    check_head(head)
    count = len(curves)
    expression = np.zeros((count, head.n_expression), np.float32)
    for column, name in enumerate(ARKIT):
        if name in head.expression_names and not name.startswith("eyeLook"):
            expression[:, head.expression_index(name)] = curves[:, column]
    for name in _BY_JOINT:
        if name in head.expression_names:
            expression[:, head.expression_index(name)] = 0
    low, high = head.expression_bounds.T
    jaw = np.zeros((count, 3), np.float32)
    jaw[:, 0] = jaw_open(head) * curves[:, INDEX["jawOpen"]]
    jaw[:, 1] = JAW_SIDE * (curves[:, INDEX["jawLeft"]] - curves[:, INDEX["jawRight"]])
    eyes = {}
    for side, outward in (("Left", 1), ("Right", -1)):
        eye = np.zeros((count, 3), np.float32)
        look = {way: curves[:, INDEX[f"eyeLook{way}{side}"]] for way in ("Down", "Up", "In", "Out")}
        eye[:, 0] = LOOK * (look["Down"] - look["Up"])
        eye[:, 1] = LOOK * outward * (look["Out"] - look["In"])
        eyes[side] = np.clip(eye, *head.joint_bounds[3 if side == "Left" else 4].T)
    return FaceCoefficients(
        np.clip(expression, low, high, out=expression),
        np.clip(jaw, *head.joint_bounds[2].T),
        eyes["Left"],
        eyes["Right"],
    )


def from_motion(motion: Motion, head: HeadModel) -> Array:
    """Curves ``(T, 52)``, 0..1, of a motion of ``head``; the inverse of :func:`to_head`."""
    check_head(head)
    out = np.zeros((len(motion), len(ARKIT)), np.float32)
    for column, name in enumerate(ARKIT):
        if name in motion.expression_names:
            out[:, column] = motion.expression[:, motion.expression_names.index(name)]
    # Another program's motion may carry the jaw in its column as well: joints come on top.
    out[:, INDEX["jawOpen"]] += motion.jaw_pose[:, 0] / jaw_open(head)
    out[:, INDEX["jawLeft"]] += motion.jaw_pose[:, 1] / JAW_SIDE
    out[:, INDEX["jawRight"]] -= motion.jaw_pose[:, 1] / JAW_SIDE
    for side, outward, eye in (("Left", 1, motion.leye_pose), ("Right", -1, motion.reye_pose)):
        out[:, INDEX[f"eyeLookDown{side}"]] += eye[:, 0] / LOOK
        out[:, INDEX[f"eyeLookUp{side}"]] -= eye[:, 0] / LOOK
        out[:, INDEX[f"eyeLookOut{side}"]] += outward * eye[:, 1] / LOOK
        out[:, INDEX[f"eyeLookIn{side}"]] -= outward * eye[:, 1] / LOOK
    return np.clip(out, 0, 1)
