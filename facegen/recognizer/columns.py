"""Column names of the field: our own, py-feat's, OpenFace 2's."""

from __future__ import annotations

from facegen.arkit import ARKIT
from facegen.recognizer.au_sets import au_set
from facegen.recognizer.labels import KEYS

WHERE = ("input", "frame", "timestamp", "face_id")
BOX = ("face_x", "face_y", "face_width", "face_height", "face_score")
EMOTIONS = tuple(KEYS)
AFFECT = ("valence", "arousal")
POSE = ("pitch", "yaw", "roll")  # degrees, conventions of facegen.evaluation.expression
BLENDSHAPES = ARKIT
LANDMARKS = tuple(f"{axis}_{i}" for axis in "xy" for i in range(68))  # iBUG 68, pixels

PYFEAT_BOX = ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore")
PYFEAT_POSE = ("Pitch", "Roll", "Yaw")

OPENFACE_WHERE = ("frame", "face_id", "timestamp", "confidence", "success")
OPENFACE_GAZE = (
    *(f"gaze_{eye}_{axis}" for eye in (0, 1) for axis in "xyz"),
    "gaze_angle_x",
    "gaze_angle_y",
)
OPENFACE_POSE = ("pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz")
OPENFACE_R = tuple(f"{name}_r" for name in au_set("openface2_r"))
OPENFACE_C = tuple(f"{name}_c" for name in au_set("openface2_c"))


def is_unit(name: str) -> bool:
    """A column of presence of an action unit: ``AU12``, ``AUL12``."""
    return name.startswith("AU") and name[2:].lstrip("LR").isdigit()


def is_intensity(name: str) -> bool:
    """A column of intensity of an action unit: ``AU12_r``."""
    return name.endswith("_r") and is_unit(name[:-2])
