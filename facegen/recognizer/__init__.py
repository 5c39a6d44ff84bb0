"""One recognizer of facial expression for four uses: judge, loss, filter, student.

Names are loaded on first use: nothing heavy is imported with the package.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facegen.recognizer.base import FaceRecognizer as FaceRecognizer
    from facegen.recognizer.crop import CropSpec as CropSpec
    from facegen.recognizer.frame import FaceFrame as FaceFrame
    from facegen.recognizer.labels import CANONICAL as CANONICAL
    from facegen.recognizer.labels import LabelSpace as LabelSpace
    from facegen.recognizer.labels import label_space as label_space
    from facegen.recognizer.opening import open_recognizer as open_recognizer
    from facegen.recognizer.output import RecognizerOutput as RecognizerOutput
    from facegen.recognizer.spec import RecognizerSpec as RecognizerSpec
    from facegen.recognizer.spec import Role as Role

_HOME = {
    "CANONICAL": "labels",
    "CropSpec": "crop",
    "FaceFrame": "frame",
    "FaceRecognizer": "base",
    "LabelSpace": "labels",
    "RecognizerOutput": "output",
    "RecognizerSpec": "spec",
    "Role": "spec",
    "label_space": "labels",
    "open_recognizer": "opening",
}
__all__ = [
    "CANONICAL",
    "CropSpec",
    "FaceFrame",
    "FaceRecognizer",
    "LabelSpace",
    "RecognizerOutput",
    "RecognizerSpec",
    "Role",
    "label_space",
    "open_recognizer",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'facegen.recognizer' has no attribute {name!r}")
    return getattr(importlib.import_module(f"facegen.recognizer.{_HOME[name]}"), name)
