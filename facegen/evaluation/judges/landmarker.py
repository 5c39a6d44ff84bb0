"""Expression and head rotation: MediaPipe's Face Landmarker task, version 2 with blendshapes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from facegen.arkit import ARKIT
from facegen.errors import ModelFileError
from facegen.evaluation.expression import Estimate, nearest_rotation
from facegen.evaluation.metric import Face, Image
from facegen.evaluation.roles import Component
from facegen.faces.quiet import native_quiet
from facegen.media import file_sha256

FILE = "face_landmarker_v2_with_blendshapes.task"
# ARKit's curves but the tongue; the file's own first one is the neutral face.
NAMES = tuple(name for name in ARKIT if name != "tongueOut")
_FACES = 4


class Landmarker:
    """Input: the whole crop; the task finds the face itself, the nearest to the landmarks counts.

    Expression: the 51 blendshapes ``NAMES`` in 0..1. Rotation: of the 4 x 4 matrix that
    carries the canonical face to the camera. Its landmark network is another one than Face Mesh
    in the MediaPipe wheel that facegen tracks with, but of the same makers and data.
    """

    def __init__(self, path: Path) -> None:
        self.component = Component("landmarker_v2", file_sha256(path), ("Google in-house faces",))
        with native_quiet():
            from mediapipe.tasks.python import BaseOptions, vision

            options = vision.FaceLandmarkerOptions(
                base_options=BaseOptions(model_asset_buffer=path.read_bytes()),
                output_face_blendshapes=True,
                output_facial_transformation_matrixes=True,
                num_faces=_FACES,
            )
            try:
                self._task: Any = vision.FaceLandmarker.create_from_options(options)
            except (RuntimeError, ValueError) as error:
                raise ModelFileError(f"{path} is not a Face Landmarker task ({error})") from error
            # The networks load, and report, with the first picture.
            self._detect(np.zeros((64, 64, 3), np.uint8))

    def _detect(self, image: Image) -> Any:
        import mediapipe as mp

        data = np.ascontiguousarray(image)
        return self._task.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=data))

    def __call__(self, image: Image, face: Face) -> Estimate | None:
        """Expression ``(51,)`` and rotation of a crop; None where the task sees no face."""
        found = self._detect(image)
        if not found.face_landmarks:
            return None
        size = np.array([image.shape[1], image.shape[0]])
        middles = [
            np.mean([(p.x, p.y) for p in points[:468]], axis=0) * size
            for points in found.face_landmarks
        ]
        aim = face.points[:468, :2].mean(0)
        best = int(np.argmin([np.linalg.norm(middle - aim) for middle in middles]))
        shapes = {c.category_name: c.score for c in found.face_blendshapes[best]}
        missing = [name for name in NAMES if name not in shapes]
        if missing:
            raise ModelFileError(f"{FILE} gives no blendshape {missing[0]}")
        matrix = np.asarray(found.facial_transformation_matrixes[best], np.float64)
        expression = np.array([shapes[name] for name in NAMES], np.float64)
        return Estimate(expression, nearest_rotation(matrix[:3, :3]))
