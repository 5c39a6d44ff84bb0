"""What a painted window should make one feel: a frozen recognizer as a term of the painter's loss.

It compares the expression read from the finished window with that read from the true one (EMOCA,
Danecek et al. 2022, for frames), which a pixel loss hardly sees: a lip corner is a few pixels.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facegen.flame.model import HeadModel
from facegen.recognizer.crop import CropSpec
from facegen.recognizer.loss import EmotionLoss
from facegen.recognizer.registry import Use

WINDOWS = 2  # of a batch: whole windows are decoded for this term, which costs memory
# MediaPipe's corners of the eyes and of the mouth, with the lips' middle.
_EYES, _MOUTH = (33, 133, 362, 263), (61, 291, 13, 14)


class WindowEmotion:
    """Distance of what painted windows show from what the true ones show.

    Args:
        loss: at frame level. head: model whose mean face tells where eyes and mouth stand in the
            recognizer's crop.
    """

    def __init__(self, loss: EmotionLoss, head: HeadModel) -> None:
        self._loss = loss
        self._anchors = anchors(loss.recognizer.spec.crop, head)

    @property
    def use(self) -> Use:
        """The guide, for the record of what is trained with it."""
        return self._loss.use

    def __call__(self, painted: Tensor, target: Tensor, eyes: Tensor, mouth: Tensor) -> Tensor:
        """The loss, a scalar, 0 where no window shows both eyes and mouth.

        Args:
            painted, target: ``(B, 3, S, S)`` in -1..1. eyes, mouth: ``(B, 1, S, S)`` masks.
        """
        self._loss.to(painted.device)
        crop = self._loss.recognizer.spec.crop
        matrices, seen = crop_matrices(eyes, mouth, crop, self._anchors)
        # Places of pixels need more digits than mixed precision has.
        with torch.autocast(painted.device.type, enabled=False):
            want = self._loss.aim((target.float() / 2 + 0.5).clamp(0, 1), matrices)
            shown = (painted.float() / 2 + 0.5).clamp(0, 1)
            loss: Tensor = self._loss(shown, matrices, want, mask=seen)["loss"]
        return loss


def anchors(crop: CropSpec, head: HeadModel) -> NDArray[np.float64]:
    """Where the mean face, seen from the front, has eyes and mouth in a crop: ``(2, 2)`` pixels."""
    embedding = head.landmarks["mediapipe478"]
    points = embedding.on(head.v_template, head.faces)[:, :2] * (1, -1)
    places = np.stack([points[list(rows)].mean(0) for rows in (_EYES, _MOUTH)])
    if crop.rule == "whole":  # The window stands for a picture that is cropped already.
        return places
    matrix = crop.matrix(points, 1, 1)
    return places @ matrix[:, :2].T + matrix[:, 2]


def crop_matrices(
    eyes: Tensor, mouth: Tensor, crop: CropSpec, places: NDArray[np.float64]
) -> tuple[Tensor, Tensor]:
    """Matrices ``(B, 2, 3)`` from window to crop, and ``(B,)`` 1 where the window has a face.

    The similarity that brings the middles of eyes and mouth to their places: turning the head
    hardly changes their distance, while it does change the width of the face.

    Args:
        eyes, mouth: ``(B, 1, S, S)`` masks. places: of :func:`anchors`.
    """
    size = eyes.shape[-1]
    whole = torch.as_tensor(_whole(crop, size)).to(eyes)
    seen = (eyes.flatten(1).amax(1) > 0) & (mouth.flatten(1).amax(1) > 0)
    if crop.rule == "whole":
        return whole.expand(len(eyes), 2, 3), seen.to(eyes)
    above, below = _middle(eyes), _middle(mouth)
    aims = torch.as_tensor(places).to(eyes)
    # Points as complex numbers: a similarity is a product and a sum.
    start, end, up, down = (torch.complex(p[..., 0], p[..., 1]) for p in (above, below, *aims))
    apart = torch.where((end - start).abs() < 1, torch.ones_like(start), end - start)
    turn = (down - up) / apart
    shift = up - turn * start
    rows = [turn.real, -turn.imag, shift.real, turn.imag, turn.real, shift.imag]
    matrices = torch.stack(rows, -1).view(-1, 2, 3)
    return torch.where(seen[:, None, None], matrices, whole), seen.to(eyes)


def _whole(crop: CropSpec, size: int) -> NDArray[np.float64]:
    """The matrix that shows the whole window."""
    spec = crop if crop.rule == "whole" else crop.whole()
    return spec.matrix(None, size, size)


def _middle(mask: Tensor) -> Tensor:
    """Centres of mass ``(B, 2)`` of masks ``(B, 1, S, S)``, x and y in pixels."""
    line = torch.arange(mask.shape[-1], device=mask.device, dtype=mask.dtype) + 0.5
    mass = mask.sum((1, 2, 3)).clamp(min=1e-6)
    return (
        torch.stack([(mask.sum((1, 2)) * line), (mask.sum((1, 3)) * line)], -1).sum(1)
        / (mass[:, None])
    )
