"""``fit``: curves, action units and pose straight from facegen's own head fit. No weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from facegen.arkit import ARKIT, check_head, from_motion
from facegen.assets import load_head
from facegen.evaluation.expression import euler_deg
from facegen.faces.crowd import CrowdTracker
from facegen.flame.camera import Camera
from facegen.flame.fitting import LandmarkFitter
from facegen.flame.landmark_model import LandmarkModel
from facegen.flame.model import HeadModel
from facegen.flame.rotations import rotation_matrix
from facegen.motion import Motion
from facegen.recognizer.adapters.curves import curve_output
from facegen.recognizer.base import FaceRecognizer
from facegen.recognizer.crop import CropSpec
from facegen.recognizer.output import RecognizerOutput
from facegen.recognizer.sights import Picture, SeenFace
from facegen.recognizer.spec import RecognizerSpec, Role
from facegen.tracking.live import LiveFit

# For crops only; in pictures and videos the landmarks found there are fitted in the whole frame.
CROP = CropSpec(256, "box", 1.8)
_TRAINED_ON = ("Google in-house faces",)


class FitRecognizer(FaceRecognizer):
    """The head model fitted to MediaPipe's landmarks, frame by frame, without looking ahead.

    In a video every face keeps its identity, and its curves are smoothed as they come; a still
    picture has an identity of its own. No gradients.
    """

    def __init__(self, spec: RecognizerSpec, head: HeadModel) -> None:
        super().__init__(spec)
        self.head = head
        self._fitter = LandmarkFitter(LandmarkModel.from_head(head))
        self._fits: dict[int, LiveFit] = {}
        self._crowd: CrowdTracker | None = None
        self._source = ""

    def restart(self) -> None:
        self._fits = {}

    def observe(self, picture: Picture, face: SeenFace) -> Tensor:
        """Curves and pose of one face, ``(55,)``."""
        if face.points is None:
            return self._still(picture)
        if picture.name != self._source:
            self.restart()
        self._source = picture.name
        if not picture.moving:
            fit = LiveFit(self.head, fitter=self._fitter)
        else:
            fit = self._fits.setdefault(face.face_id, LiveFit(self.head, fitter=self._fitter))
        height, width = picture.rgb.shape[:2]
        camera = Camera.from_fov(width, height)
        motion = fit(face.points, camera, picture.time, restarted=face.restarted)
        return torch.from_numpy(np.concatenate([from_motion(motion, self.head)[0], pose(motion)]))

    def tell(self, observed: Tensor) -> RecognizerOutput:
        both = observed.cpu().numpy()
        return curve_output(both[:, : len(ARKIT)], both[:, len(ARKIT) :])

    def forward(self, x: Tensor) -> RecognizerOutput:
        pictures = (x.detach().permute(0, 2, 3, 1) * 255).round().clamp(0, 255).to(torch.uint8)
        crops = [Picture("", k, 0.0, rgb) for k, rgb in enumerate(pictures.cpu().numpy())]
        return self.tell(torch.stack([self._still(crop) for crop in crops]))

    def _still(self, picture: Picture) -> Tensor:
        """One face of a picture that is cropped already; NaN where none is found."""
        self._crowd = self._crowd or CrowdTracker(most=1)
        found = self._crowd.photo(picture.rgb)
        if not found:
            return torch.full((len(ARKIT) + 3,), torch.nan)
        return self.observe(picture, SeenFace(0, found[0].points, restarted=True))


def pose(motion: Motion) -> np.ndarray:
    """Pitch, yaw, roll of a one-frame motion's head in camera space, degrees: ``(3,)``."""
    turn = rotation_matrix(motion.global_orient[0]) @ rotation_matrix(motion.neck_pose[0])
    return euler_deg(np.asarray(turn, np.float64)).astype(np.float32)


def open_fit(path: Path | None = None) -> FitRecognizer:
    """The fit of the open head; another head with ARKit's actions by its file.

    Raises:
        ModelFileError: the head cannot be read or has no such actions.
    """
    head = load_head("open" if path is None else str(path))
    check_head(head)
    spec = RecognizerSpec(
        name="fit",
        version=head.version,
        crop=CROP,
        weights_licence="CC0-1.0 (head), Apache-2.0 (MediaPipe landmarks)",
        trained_on=_TRAINED_ON,
        aus="arkit23",
        blendshapes=True,
        differentiable=False,
        roles=frozenset(set(Role) - {Role.GUIDE, Role.STUDENT}),
        source="facegen's own fit to MediaPipe Face Mesh",
    )
    return FitRecognizer(spec, head)
