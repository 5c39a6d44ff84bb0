"""Moves a prepared photo's own pixels with a driven head."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.compose import field as fields
from facegen.compose.frame import rigid_rotation
from facegen.compose.paint import Painter
from facegen.compose.paste import composite
from facegen.compose.reference import Reference, draw
from facegen.compose.surface import Surface
from facegen.flame.normals import frame_normals

# Displacement fades to nothing over this share of the window at edges inside the photo.
BORDER = 0.06


@dataclass(frozen=True, eq=False)
class WarpResult:
    """One driven frame in the window of S by S pixels.

    Attributes:
        shift: ``(S, S, 2)`` float32 backward displacement in window pixels.
        state: ``(S, S)`` uint8: 0 off the mesh, 1 seen in the photo, 2 hole (mouth or eye that
            the photo does not show), 3 skin or hair the photo does not show.
        trust: ``(S, S)`` float32 0..1, how well the reference sees the surface.
        paint, cover: ``(S, S, 3)`` premultiplied colour 0..255 and ``(S, S)`` opacity of what is
            painted rather than moved.
        pixels: ``(V, 3)`` driven vertices with their hair shell: u, v (window) and depth.
        face_id: ``(S, S)`` int32 triangle of ``HeadFrame.faces``, -1 off the mesh.
    """

    reference: Reference
    shift: NDArray[np.float32]
    state: NDArray[np.uint8]
    trust: NDArray[np.float32]
    paint: NDArray[np.float32]
    cover: NDArray[np.float32]
    pixels: NDArray[np.float32]
    face_id: NDArray[np.int32]

    @cached_property
    def frame(self) -> NDArray[np.uint8]:
        """The full frame, ``(H, W, 3)``, at the photo's resolution."""
        return compose(self.reference, self)

    @cached_property
    def rgb(self) -> NDArray[np.uint8]:
        """The window, ``(S, S, 3)``."""
        return self.reference.window.crop(self.frame)

    @property
    def field(self) -> NDArray[np.float32]:
        """Backward flow ``(S, S, 2)`` in photo pixels (see ``conventions.md``, "flow")."""
        window = self.reference.window
        axis = np.arange(window.size, dtype=np.float32) + 0.5
        grid = np.dstack(np.meshgrid(axis, axis))
        corner = np.array([window.x0, window.y0], np.float32)
        return (grid + self.shift) / np.float32(window.scale) + corner

    @property
    def hole(self) -> NDArray[np.bool_]:
        """``(S, S)``: mouth or eye without a source in the photo."""
        return self.state == fields.HOLE

    @property
    def occluded(self) -> NDArray[np.bool_]:
        """``(S, S)``: skin or hair without a source in the photo."""
        return self.state == fields.HIDDEN

    @property
    def visibility(self) -> NDArray[np.float32]:
        """``(S, S)`` 0..1: 1 where the photo's own pixels are moved by the mesh."""
        return np.where(self.state == fields.SEEN, self.trust, 0).astype(np.float32)

    @cached_property
    def alpha(self) -> NDArray[np.float32]:
        """``(S, S)`` 0..1: where the frame may differ from the photo."""
        moved = np.abs(self.shift).max(-1) > 0.01
        touched = (moved | (self.cover > 0)).astype(np.float32)
        return cv2.blur(touched, (5, 5))


class Warper:
    """Renders driven frames of one reference.

    Args:
        reference: the prepared photo.
    """

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        geometry = reference.geometry
        self._attributes = np.ascontiguousarray(
            np.column_stack([geometry.pixels, geometry.facing, geometry.hold, geometry.solid]),
            np.float32,
        )
        self._border = _border(reference)
        self._painter = Painter(reference)
        local = reference.frame.local
        embedding = reference.model.landmarks.get("mediapipe478")
        self._chin = (
            int(reference.model.faces[embedding.faces[152], 0])
            if embedding is not None
            else int(np.argmin(np.abs(local - [0, -1.6, 0.2]).sum(1)))
        )

    def render(self, vertices: NDArray[np.floating]) -> WarpResult:
        """Warp the photo to a driven head.

        Args:
            vertices: ``(V, 3)`` driven vertices, metres, in the photo's camera space.
        """
        ref = self.reference
        geometry, frame = ref.geometry, ref.frame
        size = ref.window.size
        rotation = rigid_rotation(geometry.vertices[frame.skull], vertices[frame.skull]).astype(
            np.float32
        )
        lifted = (vertices + geometry.shell @ rotation.T).astype(np.float32)
        pixels = ref.camera.project(lifted).astype(np.float32)
        gain = fields.calm_hair(geometry, pixels, frame)
        facing = frame_normals(lifted, frame.faces)[:, 2]
        values = np.column_stack([self._attributes, facing])
        attributes, face_id, depth = draw(pixels, frame.faces, values, size)
        known = fields.Known(
            *fields.classify(
                face_id,
                attributes,
                frame.face_class,
                geometry.depth,
                geometry.kind,
                fields.DEPTH_TOLERANCE * frame.iod,
                geometry.reuse,
            )
        )
        outside = fields.extend(self._prior(pixels, gain), known.total, known.weight, geometry.iod)
        shift = fields.assemble(attributes, known.state, known.trust, outside, self._border)
        shift = fields.soften_tears(shift)
        surface = Surface(face_id, attributes, depth, pixels, vertices)
        paint, cover = self._painter.paint(surface, known, shift, outside)
        return WarpResult(ref, shift, known.state, known.trust, paint, cover, pixels, face_id)

    def _prior(self, pixels: NDArray[np.float32], gain: float) -> NDArray[np.float32]:
        geometry, frame = self.reference.geometry, self.reference.frame
        head = fields.plane_motion(
            pixels[frame.skull],
            geometry.pixels[frame.skull],
            self.reference.camera.kind == "perspective",
        )
        return fields.prior_displacement(
            self.reference.window.size,
            head,
            fields.body_shift(geometry, pixels, frame),
            gain,
            (float(pixels[self._chin, 1]), float(pixels[frame.neck_base, 1].mean())),
            geometry.iod,
        )


def _border(reference: Reference) -> NDArray[np.float32]:
    """Fade ``(2, S)`` per row and column: 0 at window edges inside the photo, 1 in the middle."""
    window, size = reference.window, reference.window.size
    height, width = reference.photo.shape[:2]
    ramp = np.clip((np.arange(size) + 0.5) / (BORDER * size), 0, 1).astype(np.float32)
    ramp = ramp * ramp * (3 - 2 * ramp)
    border = np.ones((2, size), np.float32)
    ends = ((window.y0, height), (window.x0, width))
    for axis, (start, length) in enumerate(ends):
        if start > 0:
            border[axis] *= ramp
        if start + window.side < length:
            border[axis] *= ramp[::-1]
    return border


def compose(reference: Reference, result: WarpResult) -> NDArray[np.uint8]:
    """The full frame ``(H, W, 3)`` uint8 at the photo's own resolution.

    Bytes of the photo wherever nothing moved.
    """
    return composite(reference, result.shift, result.paint, result.cover)
