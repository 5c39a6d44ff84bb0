"""``mediapipe``: blendshapes of MediaPipe's Face Landmarker task, and action units by table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from facegen.arkit import ARKIT, INDEX
from facegen.errors import ModelFileError
from facegen.evaluation.expression import euler_deg
from facegen.evaluation.judges.landmarker import NAMES, Landmarker
from facegen.evaluation.metric import Face
from facegen.recognizer.adapters.curves import curve_output
from facegen.recognizer.base import FaceRecognizer
from facegen.recognizer.crop import CropSpec
from facegen.recognizer.output import RecognizerOutput
from facegen.recognizer.spec import RecognizerSpec, Role

PATTERN = "face_landmarker*.task"
# The task finds the face itself: the crop is wide, so that it can.
CROP = CropSpec(256, "box", 1.8)
_COLUMNS = [INDEX[name] for name in NAMES]


class MediaPipeBlendshapes(FaceRecognizer):
    """51 of ARKit's curves, the tongue NaN; no gradients. A face the task misses is NaN."""

    def __init__(self, spec: RecognizerSpec, task: Landmarker) -> None:
        super().__init__(spec)
        self._task = task

    def forward(self, x: Tensor) -> RecognizerOutput:
        middle = Face(np.full((478, 3), self.spec.crop.size / 2))
        pictures = (x.detach().permute(0, 2, 3, 1) * 255).round().clamp(0, 255)
        curves = np.full((len(x), len(ARKIT)), np.nan)
        pose = np.full((len(x), 3), np.nan)
        for row, picture in enumerate(pictures.to(torch.uint8).cpu().numpy()):
            found = self._task(picture, middle)
            if found is not None:
                curves[row, _COLUMNS] = found.expression
                pose[row] = euler_deg(found.rotation)
        return curve_output(curves, pose)


def open_mediapipe(path: Path | None = None) -> MediaPipeBlendshapes:
    """The task in a file or folder; by default in the current folder.

    Raises:
        ModelFileError: there is none, or it is another file.
    """
    where = path or Path()
    file = where if where.is_file() else next(iter(sorted(where.glob(PATTERN))), None)
    if file is None:
        raise ModelFileError(
            f"no {PATTERN} in {where}; get face_landmarker.task from "
            "https://ai.google.dev/edge/mediapipe/solutions/vision/face_landmarker and name it as "
            "mediapipe:PATH"
        )
    task = Landmarker(file)
    component = task.component
    spec = RecognizerSpec(
        name="mediapipe",
        version=component.name,
        crop=CROP,
        weights_sha256=component.sha256,
        weights_licence="Apache-2.0",
        trained_on=component.trained_on,
        aus="arkit23",
        blendshapes=True,
        differentiable=False,
        roles=frozenset(set(Role) - {Role.GUIDE, Role.STUDENT}),
        source="MediaPipe Face Landmarker, blendshapes v2",
    )
    return MediaPipeBlendshapes(spec, task)
