"""One pinhole or orthographic camera (see ``facegen/conventions.md``)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

DEFAULT_FOV_DEG = 20.0


@dataclass(frozen=True)
class Camera:
    """Maps camera-space metres (x right, y up, looking along -z) to pixels (x right, y down).

    Attributes:
        focal: pixels (perspective) or pixels per metre (orthographic).
        cx, cy: principal point in pixels.
        width, height: image size in pixels.
        kind: ``perspective`` or ``orthographic``.
    """

    focal: float
    cx: float
    cy: float
    width: int
    height: int
    kind: Literal["perspective", "orthographic"] = "perspective"

    @classmethod
    def from_fov(cls, width: int, height: int, fov_deg: float = DEFAULT_FOV_DEG) -> Camera:
        """Centred camera whose *larger* image side spans ``fov_deg`` degrees."""
        focal = max(width, height) / 2 / math.tan(math.radians(fov_deg) / 2)
        return cls(focal, width / 2, height / 2, width, height)

    def project(self, points: Any) -> Any:
        """Pixels of camera-space points.

        Args:
            points: ``(..., 3)`` numpy array or torch tensor, metres.

        Returns:
            ``(..., 3)``: u, v in pixels and depth (``-z``, metres), same array type.
        """
        z = -points[..., 2]
        scale = self.focal / z if self.kind == "perspective" else self.focal + 0 * z
        u = self.cx + scale * points[..., 0]
        v = self.cy - scale * points[..., 1]
        if isinstance(points, np.ndarray):
            return np.stack([u, v, z], -1)
        import torch

        return torch.stack([u, v, z], -1)

    def jacobian(self, points: NDArray[np.floating]) -> NDArray[np.floating]:
        """Derivative of ``(u, v)`` by the camera-space point: ``(..., 2, 3)``."""
        out = np.zeros((*points.shape[:-1], 2, 3), points.dtype)
        if self.kind == "orthographic":
            out[..., 0, 0], out[..., 1, 1] = self.focal, -self.focal
            return out
        z = -points[..., 2]
        out[..., 0, 0] = self.focal / z
        out[..., 1, 1] = -self.focal / z
        out[..., 0, 2] = self.focal * points[..., 0] / z**2
        out[..., 1, 2] = -self.focal * points[..., 1] / z**2
        return out

    def cropped(self, x0: float, y0: float, scale: float, width: int, height: int) -> Camera:
        """Camera of the crop whose top-left corner is ``(x0, y0)``, enlarged by ``scale``."""
        return replace(
            self,
            focal=self.focal * scale,
            cx=(self.cx - x0) * scale,
            cy=(self.cy - y0) * scale,
            width=width,
            height=height,
        )
