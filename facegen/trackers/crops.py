"""Crops as the regressors were trained on: a box around landmarks, enlarged, 224 px wide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facegen.evaluation.geometry import IBUG68

SIDE = 224


@dataclass(frozen=True)
class Window:
    """A square of the picture: top left corner and side in pixels."""

    x: float
    y: float
    side: float


@dataclass(frozen=True)
class Crop:
    """How the square is found.

    Attributes:
        scale: side over the mean of the landmarks' width and height.
        points: which of MediaPipe's 478 landmarks make the box; empty means all.
    """

    scale: float
    points: tuple[int, ...] = ()

    def window(self, landmarks: NDArray[np.floating]) -> Window:
        """The square around ``(478, 2+)`` landmarks in pixels; its side is a whole number."""
        chosen = landmarks[list(self.points)] if self.points else landmarks
        low, high = chosen[:, :2].min(0), chosen[:, :2].max(0)
        side = float(int((high - low).mean() * self.scale))
        x, y = (low + high) / 2 - side / 2
        return Window(float(x), float(y), side)

    def cut(self, rgb: NDArray[np.uint8], window: Window) -> Tensor:
        """The square as ``(3, 224, 224)`` float32 RGB in 0..1; black beyond the picture.

        The first and the last pixel's centres lie on the square's borders (the convention of the
        published loaders), sampling is bilinear.
        """
        height, width = rgb.shape[:2]
        # A coarse cut first: only the window's pixels become floating point.
        x0, y0 = max(int(window.x) - 1, 0), max(int(window.y) - 1, 0)
        x1 = min(int(window.x + window.side) + 3, width)
        y1 = min(int(window.y + window.side) + 3, height)
        if x0 >= x1 or y0 >= y1:
            return torch.zeros(3, SIDE, SIDE)
        part = torch.from_numpy(np.ascontiguousarray(rgb[y0:y1, x0:x1])).permute(2, 0, 1)[None]
        steps = torch.linspace(0, 1, SIDE, dtype=torch.float64) * window.side
        x = 2 * (window.x + steps - x0) / max(x1 - x0 - 1, 1) - 1
        y = 2 * (window.y + steps - y0) / max(y1 - y0 - 1, 1) - 1
        grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None].float()
        cut = torch.nn.functional.grid_sample(part.float() / 255, grid, align_corners=True)
        return cut[0]


# DECA and EMOCA: 68 landmarks, a tenth wider, 1.25 times. The points are MediaPipe's nearest ones.
FAN_BOX = Crop(1.1 * 1.25, IBUG68)
# SMIRK: MediaPipe's own box.
MEDIAPIPE_BOX = Crop(1.4)
