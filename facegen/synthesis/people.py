"""Pictures of people who do not exist: the open head with drawn skin, hair, light and wall."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from facegen.arkit import ARKIT
from facegen.compose.frame import head_frame
from facegen.data.renders import Studio
from facegen.flame.camera import Camera
from facegen.flame.lighting import shade
from facegen.flame.model import HeadModel
from facegen.flame.normals import frame_normals
from facegen.flame.raster import rasterize_attributes
from facegen.motion import Motion
from facegen.posing import pose_vertices, resting_head
from facegen.synthesis.backdrop import backdrop
from facegen.synthesis.identities import Identity, seed_of
from facegen.synthesis.looks import Look, detailed, exposed, living, squeezed, surface
from facegen.synthesis.plan import Plan
from facegen.synthesis.record import Row
from facegen.synthesis.samples import Sample
from facegen.synthesis.shot import Shot, face_square, felt_head

_SAMPLES = 2  # per pixel and axis


class PersonPainter:
    """Renders one made person."""

    def __init__(self, plan: Plan, identity: Identity, head: HeadModel) -> None:
        self.plan, self.head = plan, head
        self.suits: dict[str, float] = {}
        self.portrait: tuple[NDArray[np.uint8], NDArray] | None = None
        self.facts: Row = {}
        rng = np.random.default_rng(seed_of(plan.seed, "person", identity.name))
        studio = Studio.random(head, plan.size, rng)
        face = np.asarray(head.masks["face"]) > 0.5
        albedo = living(studio.albedo, np.median(studio.albedo[face], 0))
        self._studio = replace(studio, albedo=albedo)
        self._look = Look.random(np.median(albedo[face], 0), rng)
        self._betas = (rng.normal(0, 0.9, head.n_shape) * head.shape_sigma).astype(np.float32)
        lens = Camera.from_fov(plan.size, plan.size)
        self._relaxed = pose_vertices(head, calm_head(head, self._betas, lens, plan.scene.frame[1]))

    def rest(self, sample: Sample) -> Motion:
        """The person calm before the camera of a sample: one frame."""
        lens = Camera.from_fov(self.plan.size, self.plan.size, sample.view.fov)
        return calm_head(self.head, self._betas, lens, sample.view.frame)

    def paint(self, sample: Sample) -> Shot:
        """See :class:`facegen.synthesis.shot.Painter`."""
        rng = np.random.default_rng(sample.seed)
        motion = felt_head(self.rest(sample), self.head, sample.face.curves, sample.view)
        vertices = pose_vertices(self.head, motion)
        lens = self._lens(motion, vertices, sample)
        motion = replace(motion, camera=lens)
        studio = self._lit(lens, rng)
        rgb = self._render(studio, vertices)
        return Shot(rgb, motion, vertices, sample.face.curves, studio.light)

    def still_head(self, sample: Sample) -> Motion:
        """See :class:`facegen.synthesis.shot.Painter`."""
        return felt_head(self.rest(sample), self.head, np.zeros(len(ARKIT)), sample.view)

    def lens(self, motion: Motion, sample: Sample) -> Camera:
        """See :class:`facegen.synthesis.shot.Painter`."""
        return self._lens(motion, pose_vertices(self.head, motion[:1]), sample)

    def film(self, motion: Motion, sample: Sample) -> Iterator[NDArray[np.uint8]]:
        """See :class:`facegen.synthesis.shot.Painter`."""
        rng = np.random.default_rng(sample.seed)
        studio = self._lit(self.lens(motion, sample), rng)
        for one in motion.frames():
            yield self._render(studio, pose_vertices(self.head, one))

    def _render(self, studio: Studio, vertices: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The person as the studio's camera sees them."""
        head, size = self.head, self.plan.size
        side = _SAMPLES * size
        lens = studio.camera.cropped(0, 0, _SAMPLES, side, side)
        values = np.column_stack(
            [
                frame_normals(vertices, head.faces),
                studio.albedo,
                surface(head),
                squeezed(head, self._relaxed, vertices),
            ]
        )
        drawn, face, _ = rasterize_attributes(
            lens.project(vertices), head.faces, values, side, side, perspective=True
        )
        drawn = np.asarray(drawn, np.float32)
        normal = torch.nn.functional.normalize(torch.from_numpy(drawn[..., :3].copy()), dim=-1)
        albedo = detailed(drawn[..., 3:6], drawn[..., 6:11], drawn[..., 11], self._look)
        light = torch.from_numpy(studio.light)
        colour = exposed(shade(normal, torch.from_numpy(albedo), light).numpy(), face >= 0)
        seen = (face >= 0).astype(np.float32)
        # Averaged in premultiplied light, so that outlines mix skin with the wall.
        body = cv2.resize(colour * seen[..., None], (size, size), interpolation=cv2.INTER_AREA)
        matte = np.asarray(cv2.resize(seen, (size, size), interpolation=cv2.INTER_AREA))
        rgb = np.clip(body + (1 - matte[..., None]) * studio.wall, 0, 1)
        return np.rint(rgb * 255).astype(np.uint8)

    def _lens(self, motion: Motion, vertices: NDArray[np.float32], sample: Sample) -> Camera:
        """The camera that holds the face where the sample wants it."""
        square = face_square(vertices, self.head, motion.camera, sample.view)
        return square.camera(motion.camera, self.plan.size)

    def _lit(self, lens: Camera, rng: np.random.Generator) -> Studio:
        size = self.plan.size
        other = Studio.random(self.head, size, rng)
        wall = backdrop((size, size), rng).astype(np.float32) / 255
        return replace(self._studio, light=other.light, wall=wall, camera=lens)


def calm_head(head: HeadModel, betas: NDArray[np.float32], lens: Camera, frame: float) -> Motion:
    """A head at rest in the middle of a square picture ``frame`` inter-ocular distances wide."""
    middle = head_frame(head)
    distance = lens.focal * middle.iod * frame / lens.width
    place = (0, -middle.eyes.mean(0)[1], -distance)
    return resting_head(head, lens, place, betas)
