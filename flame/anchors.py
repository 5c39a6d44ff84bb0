"""Points fixed to the skull: they tell head rotation from expression where landmarks cannot.

Landmarks lie in a shallow relief, so a degree of pitch hides behind a raised brow. Points on hair,
ears and temples stand far from the face's centre and no expression moves them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegen.flame.camera import Camera
from facegen.flame.model import HeadModel
from facegen.flame.normal_equations import System
from facegen.flame.rotations import skew

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Anchors:
    """Where points of the skull are seen in one frame.

    Attributes:
        points: ``(N, 3)`` metres, head at rest, relative to the neck joint.
        pixels: ``(N, 2)`` where they are seen.
    """

    points: Array
    pixels: Array

    def add_to(
        self,
        system: System,
        rotation: Array,
        neck: Array,
        camera: Camera,
        *,
        noise: float,
        independent: float,
        huber: float,
    ) -> None:
        """Add their residuals to rotation and translation, the first six unknowns.

        Args:
            rotation: ``(3, 3)`` of the head. neck: ``(3,)`` neck joint in camera space.
            noise: pixels. independent: share that counts. huber: outliers from here, in ``noise``.
        """
        arms = self.points @ rotation.T
        seen = arms + neck
        residual = (self.pixels - camera.project(seen)[:, :2]) / noise
        weight = independent / np.sqrt(1 + np.sum(residual**2, 1) / huber**2)
        root = np.sqrt(weight)[:, None]
        lens = camera.jacobian(seen) * (root[:, None] / noise)
        rows = np.concatenate([-lens @ skew(arms), lens], -1).reshape(-1, 6)
        system.hessian[:6, :6] += rows.T @ rows
        system.gradient[:6] += rows.T @ (residual * root).ravel()


@dataclass(frozen=True, eq=False)
class Skull:
    """An ellipsoid about the parts that turn with the head, relative to the neck joint at rest.

    Attributes:
        centre, radii: ``(3,)`` metres.
    """

    centre: Array
    radii: Array

    @classmethod
    def of(cls, head: HeadModel, betas: NDArray[np.floating]) -> Skull:
        """Skull of an identity."""
        shaped = head.v_template + head.shapedirs[:, :, : len(betas)] @ betas.astype(np.float32)
        solid = shaped[head.weights[:, 1] > 0.99].astype(np.float64)
        neck = head.J_regressor[1].astype(np.float64) @ shaped
        low, high = solid.min(0), solid.max(0)
        return cls((low + high) / 2 - neck, (high - low) / 2)

    def under(self, pixels: Array, rotation: Array, neck: Array, camera: Camera) -> Array:
        """Points ``(N, 3)`` at rest under pixels ``(N, 2)``; beside the skull, in its middle plane.

        Args:
            rotation: ``(3, 3)`` of the head. neck: ``(3,)`` neck joint in camera space.
        """
        rays = np.empty((len(pixels), 3))
        rays[:, 0] = (pixels[:, 0] - camera.cx) / camera.focal
        rays[:, 1] = -(pixels[:, 1] - camera.cy) / camera.focal
        rays[:, 2] = -1.0
        # In the head's own axes, scaled so that the skull is the unit ball.
        origin = (rotation.T @ -neck - self.centre) / self.radii
        direction = (rays @ rotation) / self.radii
        a = (direction * direction).sum(1)
        b = direction @ origin
        inside = b * b - a * (origin @ origin - 1)
        depth = (-b - np.sqrt(np.maximum(inside, 0))) / a
        return (origin + depth[:, None] * direction) * self.radii + self.centre
