"""Faces in pictures: detection, choice among several, 478 landmarks, and the person's matte.

All through the MediaPipe models inside its wheel; nothing is imported or loaded before first use.
"""

from facegen.faces.boxes import FaceBox, FaceChoice, choose_face, parse_face_choice
from facegen.faces.detection import FaceDetector
from facegen.faces.landmarks import LandmarkTracker, find_landmarks
from facegen.faces.matte import person_matte

__all__ = [
    "FaceBox",
    "FaceChoice",
    "FaceDetector",
    "LandmarkTracker",
    "choose_face",
    "find_landmarks",
    "parse_face_choice",
    "person_matte",
]
