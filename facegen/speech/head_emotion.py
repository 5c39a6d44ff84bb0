"""What drawn head motion should make one feel: a frozen recognizer as a term of its loss.

Drawn and true motion move a mean head that is rendered softly, and the recognizer compares what
the two stretches show as wholes (EMOTE, Danecek et al. 2023, for talking heads).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from facegen.assets import load_head
from facegen.flame.camera import Camera
from facegen.flame.skinning import HeadLayer
from facegen.recognizer.loss import EmotionLoss
from facegen.recognizer.registry import Use
from facegen.recognizer.soft_render import render_head
from facegen.speech.head_channels import CURVES, PAIRS, ROTATIONS

WINDOWS, FRAMES = 2, 4  # of a batch, and of each window: rendering costs more than the network
_SIDE = 96  # pixels
_PLACE = (0.0, -0.01, -0.9)  # metres before the camera


class MotionEmotion:
    """Distance of what drawn motion shows from what the true motion shows.

    Args:
        loss: at clip level.
    """

    def __init__(self, loss: EmotionLoss) -> None:
        self._loss = loss
        self._head = load_head("open")
        self._layer = HeadLayer(self._head)
        self._camera = Camera.from_fov(_SIDE, _SIDE)
        names = self._head.expression_names
        self._columns = torch.tensor([names.index(name) for name in CURVES])
        # Both sides of a pair get the same.
        pair = [k for k, name in enumerate(PAIRS) for curve in CURVES if curve.startswith(name)]
        self._pairs = torch.tensor(pair) + len(ROTATIONS)
        self._matrix = torch.as_tensor(
            loss.recognizer.spec.crop.matrix(self._landmarks(), _SIDE, _SIDE), dtype=torch.float32
        )

    @property
    def use(self) -> Use:
        """The guide, for the record of what is trained with it."""
        return self._loss.use

    def __call__(self, drawn: Tensor, true: Tensor) -> Tensor:
        """The loss, a scalar.

        Args:
            drawn, true: ``(B, T, 10)`` channels in their own units; a few frames of a few windows
                are looked at.
        """
        shown = torch.linspace(0, drawn.shape[1] - 1, FRAMES).round().long()
        drawn, true = (x[:WINDOWS, shown].float().cpu() for x in (drawn, true))
        matrices = self._matrix.expand(*drawn.shape[:2], 2, 3)
        # Places of pixels need more digits than mixed precision has.
        with torch.autocast(drawn.device.type, enabled=False):
            want = self._loss.aim(self.pictures(true), matrices)
            loss: Tensor = self._loss(self.pictures(drawn), matrices, want)["loss"]
        return loss

    def pictures(self, channels: Tensor) -> Tensor:
        """The mean head under ``channels (B, T, 10)``: ``(B, T, 3, H, W)`` in 0..1."""
        rows = channels.flatten(0, 1)
        curves = rows[:, self._pairs].clamp(0, 1)
        rest = torch.zeros(len(rows), self._head.n_expression)
        expression = rest.index_copy(1, self._columns, curves)
        vertices = self._layer(
            expression=expression,
            neck_pose=rows[:, : len(ROTATIONS)],
            transl=torch.tensor([_PLACE]).expand(len(rows), 3),
        ).vertices
        drawn = render_head(vertices, self._head, self._camera)
        return drawn.unflatten(0, channels.shape[:2])

    def _landmarks(self) -> np.ndarray:
        """MediaPipe's 478 points of the resting head, pixels."""
        embedding = self._head.landmarks["mediapipe478"]
        with torch.no_grad():
            vertices = self._layer(transl=torch.tensor([_PLACE])).vertices[0].numpy()
        return np.asarray(self._camera.project(embedding.on(vertices, self._head.faces)))
