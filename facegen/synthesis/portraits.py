"""Pictures of a person given by a photo: the photo's own pixels, moved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.arkit import ARKIT, columns
from facegen.compose import Reference, Warper, compose
from facegen.compose.frame import head_frame
from facegen.data.pairs import Picture, resized
from facegen.flame.camera import Camera
from facegen.flame.model import HeadModel
from facegen.media import file_sha256, read_image
from facegen.motion import Motion
from facegen.posing import pose_vertices
from facegen.synthesis.backdrop import backdrop
from facegen.synthesis.identities import Identity, seed_of
from facegen.synthesis.labels import CLASSES
from facegen.synthesis.plan import Plan, Portraits
from facegen.synthesis.record import Row
from facegen.synthesis.samples import Sample
from facegen.synthesis.shot import Shot, Square, face_square, felt_head, landmarks
from facegen.tracking import track_image
from facegen.transfer.arkit import arkit_curves

Frames = Iterator[NDArray[np.uint8]]
Heads = Iterator[NDArray[np.float32]]
Curves = NDArray[np.floating]

# Photo pixels per pixel of a tight picture, and the most that a small photo is enlarged.
_OVERSAMPLED, _ENLARGE = 1.25, 2.5
# Geometry is drawn in a window about twice as wide as the picture, with this many pixels for each
# of the picture's, and at least so many.
_GEOMETRY, _LEAST_WINDOW = 1.5, 192
# Landmarks are found in pictures of at least this side.
_FINDABLE = 256
# Curves from which a photo smiles, and below which it is calm; gaze and resting lids do not count.
_SMILES, _CALM = 0.42, 0.3
# Joy up to which a photo can show everything, and from which nothing but joy.
_JOYLESS = (0.27, 0.42)
_QUIET = tuple(n for n in ARKIT if n.startswith(("eyeLook", "eyeSquint", "eyeBlink")))
# Share of the kept faces whose head is not turned either.
_UNMOVED = 0.3
# A made-over head shape: coefficients of unit spread times this at morph 1.
_MORPH = 0.8


class Move(Protocol):
    """Moves a prepared photo: a generator of reenactment.

    Attributes:
        geometry: pixels of the window it wants a reference prepared with, None for any.
        facts: columns of its samples: weights, what they have seen.
    """

    @property
    def geometry(self) -> int | None:
        """See above."""

    @property
    def facts(self) -> Row:
        """See above."""

    def __call__(self, reference: Reference, camera: Camera, posed: Heads) -> Frames:
        """Frames ``(H, W, 3)`` of the photo moved to heads ``(V, 3)``."""


class WarpMove:
    """Moves the photo's own pixels."""

    geometry = None

    def __init__(self) -> None:
        self.facts: Row = {}

    def __call__(self, reference: Reference, camera: Camera, posed: Heads) -> Frames:
        warper = Warper(reference)
        return (compose(reference, warper.render(vertices)) for vertices in posed)


class PortraitPainter:
    """Moves one photo.

    Args:
        fit: of the photo where it was made before (see :func:`fitted`).
        move: the generator; the warp by default.

    Raises:
        MediaError, FaceNotFoundError: the photo cannot be used.
    """

    def __init__(
        self,
        plan: Plan,
        identity: Identity,
        head: HeadModel,
        *,
        fit: Motion | None = None,
        move: Move | None = None,
    ) -> None:
        assert identity.path is not None and isinstance(identity.group, Portraits)
        self.plan, self.head = plan, head
        self._move = move or WarpMove()
        self.facts = self._move.facts
        picture = _sized(fitted_picture(identity.path, head, fit), head, plan)
        self.rest = _calm(
            picture.fit, head, identity.group.morph, seed_of(plan.seed, identity.name)
        )
        self._fit = picture.fit
        self._curves = arkit_curves(picture.fit, head)[0]
        vertices = pose_vertices(head, picture.fit)
        points = landmarks(vertices, head, picture.fit.camera, "mediapipe478")
        self.portrait = (picture.rgb, points)
        self._own = own_classes(self._curves)
        self.suits = suitable_classes(self._curves)
        self._reference = Reference.build(
            picture.rgb,
            picture.fit,
            head,
            matte=picture.matte,
            window_size=self._move.geometry or max(_LEAST_WINDOW, round(_GEOMETRY * plan.size)),
        )

    def paint(self, sample: Sample) -> Shot:
        """See :class:`facegen.synthesis.shot.Painter`."""
        rng = np.random.default_rng(sample.seed)
        motion, curves = self._moved(sample, rng)
        vertices = pose_vertices(self.head, motion)
        reference = self._dressed(rng)
        lens = motion.camera
        frame = next(iter(self._move(reference, lens, iter([vertices]))))
        square = face_square(vertices, self.head, lens, sample.view)
        size = self.plan.size
        seen = replace(motion, camera=square.camera(lens, size))
        return Shot(square.crop(frame, size), seen, vertices, curves)

    def _moved(self, sample: Sample, rng: np.random.Generator) -> tuple[Motion, Curves]:
        """The head of a sample, and its curves.

        A photo that shows the class by itself mostly keeps its own face: a true smile has true
        teeth and folds.
        """
        asked = felt_head(self.rest, self.head, sample.face.curves, sample.view)
        chance, strength, still = rng.random(3)
        if chance >= self._own.get(sample.face.label, 0.0):
            return asked, sample.face.curves
        gain = 0.8 + 0.3 * strength
        rest = asked if still > _UNMOVED else replace(asked, neck_pose=self.rest.neck_pose)
        low, high = self.head.expression_bounds.T
        kept = replace(
            rest,
            expression=np.clip(gain * self._fit.expression, low, high).astype(np.float32),
            jaw_pose=(gain * self._fit.jaw_pose).astype(np.float32),
        )
        return kept, np.clip(gain * self._curves, 0, 1)

    def still_head(self, sample: Sample) -> Motion:
        """See :class:`facegen.synthesis.shot.Painter`."""
        return felt_head(self.rest, self.head, np.zeros(len(ARKIT)), sample.view)

    def lens(self, motion: Motion, sample: Sample) -> Camera:
        """See :class:`facegen.synthesis.shot.Painter`."""
        return self._square(motion, sample).camera(motion.camera, self.plan.size)

    def film(self, motion: Motion, sample: Sample) -> Frames:
        """See :class:`facegen.synthesis.shot.Painter`."""
        rng = np.random.default_rng(sample.seed)
        reference = self._dressed(rng)
        square = self._square(motion, sample)
        heads = (pose_vertices(self.head, one) for one in motion.frames())
        for frame in self._move(reference, motion.camera, heads):
            yield square.crop(frame, self.plan.size)

    def _square(self, motion: Motion, sample: Sample) -> Square:
        first = pose_vertices(self.head, motion[:1])
        return face_square(first, self.head, motion.camera, sample.view)

    def _dressed(self, rng: np.random.Generator) -> Reference:
        """The photo, sometimes before another background."""
        reference = self._reference
        if rng.random() >= self.plan.scene.background:
            return reference
        rows, cols = reference.window.patch(reference.photo.shape)
        height, width = reference.photo.shape[:2]
        behind = backdrop((height, width), rng)
        layer = reference.layer
        photo = behind.copy()
        shown = layer[..., :3] + (1 - layer[..., 3:]) * behind[rows, cols]
        photo[rows, cols] = np.rint(np.clip(shown, 0, 255)).astype(np.uint8)
        return replace(reference, photo=photo, background=behind[rows, cols])


def own_classes(curves: Curves) -> dict[str, float]:
    """Classes that a photo with curves ``(52,)`` shows by itself, and how often that is kept."""
    if _joy(curves) > _SMILES:
        return {"happy": 0.7}
    loud = float(np.delete(curves, columns(*_QUIET)).max())
    return {"neutral": 0.5} if loud < _CALM else {}


def suitable_classes(curves: Curves) -> dict[str, float]:
    """How far a photo with curves ``(52,)`` can show each class, 0..1.

    Folds and teeth of a smile stay in the skin wherever the mouth is moved: a smiling photo makes
    no sad face, it makes a wrong label.
    """
    low, high = _JOYLESS
    calm = float(np.clip((high - _joy(curves)) / (high - low), 0, 1))
    return {name: 1.0 if name == "happy" else calm for name in CLASSES}


def _joy(curves: Curves) -> float:
    """Smile of a photo: corners and the lip that bares the teeth."""
    corners, lip = curves[columns("mouthSmile")].mean(), curves[columns("mouthUpperUp")].mean()
    return float(corners + 0.5 * lip)


def fitted_picture(path: Path, head: HeadModel, fit: Motion | None = None) -> Picture:
    """A photo and the head in it; small photos are enlarged, or no face would be found."""
    rgb = read_image(path).rgb
    enlarged = 1.0
    if max(rgb.shape[:2]) < _FINDABLE:
        enlarged = min(_ENLARGE, 2 * _FINDABLE / max(rgb.shape[:2]))
        rgb = np.asarray(
            cv2.resize(rgb, None, fx=enlarged, fy=enlarged, interpolation=cv2.INTER_CUBIC)
        )
    if fit is None:
        fit = replace(track_image(rgb, head), source_sha256=file_sha256(path))
    return Picture(rgb, fit, enlarged=enlarged)


def _sized(picture: Picture, head: HeadModel, plan: Plan) -> Picture:
    """As many pixels as the pictures need and no more: painting costs by the pixel."""
    lens = picture.fit.camera
    eyes = head_frame(head).iod * lens.focal / float(-picture.fit.transl[0, 2])
    wanted = _OVERSAMPLED * plan.size / plan.scene.frame[0]
    factor = min(wanted / eyes, _ENLARGE / picture.enlarged)
    return picture if factor > 0.9 and factor < 1.05 else resized(picture, factor)


def _calm(fit: Motion, head: HeadModel, morph: float, seed: int) -> Motion:
    """The photo's head at rest, perhaps with a shape a little unlike the photo's."""
    still = np.zeros((1, 3), np.float32)
    betas = fit.betas
    if morph > 0:
        rng = np.random.default_rng(seed)
        strayed = betas + morph * _MORPH * rng.normal(0, 1, len(betas)) * head.shape_sigma
        betas = strayed.astype(np.float32)
    return replace(fit, expression=np.zeros_like(fit.expression), jaw_pose=still, betas=betas)
