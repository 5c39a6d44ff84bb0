"""Pictures of people who do not exist: the open head with drawn skin, hair, light and wall."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen.arkit import ARKIT
from facegen.compose.frame import head_frame
from facegen.data.renders import Studio
from facegen.flame.camera import Camera
from facegen.flame.model import HeadModel
from facegen.motion import POSES, Motion
from facegen.synthesis.backdrop import backdrop
from facegen.synthesis.identities import Identity, seed_of
from facegen.synthesis.plan import Plan
from facegen.synthesis.record import Row
from facegen.synthesis.samples import Sample
from facegen.synthesis.shot import Shot, face_square, felt_head, posed


class PersonPainter:
    """Renders one made person."""

    def __init__(self, plan: Plan, identity: Identity, head: HeadModel) -> None:
        self.plan, self.head = plan, head
        self.suits: dict[str, float] = {}
        self.portrait = None
        self.facts: Row = {}
        rng = np.random.default_rng(seed_of(plan.seed, "person", identity.name))
        self._studio = Studio.random(head, plan.size, rng)
        self._betas = (rng.normal(0, 0.9, head.n_shape) * head.shape_sigma).astype(np.float32)

    def rest(self, sample: Sample) -> Motion:
        """The person calm before the camera of a sample: one frame."""
        lens = Camera.from_fov(self.plan.size, self.plan.size, sample.view.fov)
        return calm_head(self.head, self._betas, lens, sample.view.frame)

    def paint(self, sample: Sample) -> Shot:
        """See :class:`facegen.synthesis.shot.Painter`."""
        rng = np.random.default_rng(sample.seed)
        motion = felt_head(self.rest(sample), self.head, sample.face.curves, sample.view)
        vertices = posed(self.head, motion)
        lens = self._lens(motion, vertices, sample)
        motion = replace(motion, camera=lens)
        studio = self._lit(lens, rng)
        return Shot(studio.picture(motion).rgb, motion, vertices, sample.face.curves, studio.light)

    def still_head(self, sample: Sample) -> Motion:
        """See :class:`facegen.synthesis.shot.Painter`."""
        return felt_head(self.rest(sample), self.head, np.zeros(len(ARKIT)), sample.view)

    def lens(self, motion: Motion, sample: Sample) -> Camera:
        """See :class:`facegen.synthesis.shot.Painter`."""
        return self._lens(motion, posed(self.head, motion[:1]), sample)

    def film(self, motion: Motion, sample: Sample) -> Iterator[NDArray[np.uint8]]:
        """See :class:`facegen.synthesis.shot.Painter`."""
        rng = np.random.default_rng(sample.seed)
        studio = self._lit(self.lens(motion, sample), rng)
        for one in motion.frames():
            yield studio.picture(replace(one, camera=studio.camera)).rgb

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
    place = np.array([[0, -middle.eyes.mean(0)[1], -distance]], np.float32)
    poses: dict[str, Any] = {name: np.zeros((1, 3), np.float32) for name in POSES}
    return Motion(
        expression=np.zeros((1, head.n_expression), np.float32),
        **poses,
        transl=place,
        betas=betas,
        camera=lens,
        fps=Fraction(25),
        timestamps=np.zeros(1),
        valid=np.ones(1, bool),
        confidence=np.ones(1, np.float32),
        basis=head.version,
        expression_names=head.expression_names,
    )
