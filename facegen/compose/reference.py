"""A photo prepared once, so that every driven frame is cheap."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.compose.background import background_layer
from facegen.compose.frame import (
    CAVITY,
    LOWER,
    SKIN,
    UPPER,
    HeadFrame,
    head_frame,
    rigid_rotation,
)
from facegen.compose.matte import as_unit, drop_fringe, refine_matte
from facegen.compose.shell import hair_shell, matte_at, shell_weight
from facegen.compose.window import HeadWindow
from facegen.errors import UsageError
from facegen.flame.camera import Camera
from facegen.flame.model import HeadModel
from facegen.flame.normals import frame_normals
from facegen.flame.raster import rasterize_attributes
from facegen.motion import Motion
from facegen.posing import pose_vertices

# Less than this of the squared inter-ocular distance is more lip edge than mouth, lash than eye.
_TOO_LITTLE = 0.012
# The person's colour bleeds this far into the background, in inter-ocular distances.
BLEED_PER_IOD = 0.02
# Side of the cells, photo pixels, of which it is known whether the person reaches into them.
CELL = 16


@dataclass(frozen=True, eq=False)
class Geometry:
    """The reference head as seen in its window of S by S pixels.

    Attributes:
        vertices: ``(V, 3)`` camera space. shell: ``(V, 3)`` hair displacement, metres.
        pixels: ``(V, 3)`` u, v (window pixels) and depth of the vertices with their shell.
        facing: ``(V,)`` z of the normal, 1 towards the viewer.
        depth: ``(S, S)`` metres, infinite where empty. kind: ``(S, S)`` uint8 surface class.
        face_id: ``(S, S)`` int32 triangle of ``HeadFrame.faces``, -1 where empty.
        hold: ``(V,)`` 0..1, how far a vertex belongs to the body rather than to the head.
        solid: ``(V,)`` 0..1, the matte where the vertex stands: 0 where the mesh leaves the person.
        hair: ``(V,)`` 0..1, where the shell may grow.
        iod: inter-ocular distance in window pixels (metres times focal over depth).
        reuse: ``(6,)`` bool by surface class: False where the photo shows too little of it.
        opening: height of the mouth's visible inside, window pixels.
    """

    vertices: NDArray[np.float32]
    shell: NDArray[np.float32]
    pixels: NDArray[np.float32]
    facing: NDArray[np.float32]
    depth: NDArray[np.float32]
    kind: NDArray[np.uint8]
    face_id: NDArray[np.int32]
    hold: NDArray[np.float32]
    solid: NDArray[np.float32]
    hair: NDArray[np.float32]
    iod: float
    reuse: NDArray[np.bool_]
    opening: float


@dataclass(frozen=True, eq=False)
class Reference:
    """One photo, its head and the layers the compositor mixes.

    Attributes:
        photo: ``(H, W, 3)`` uint8. alpha: ``(H, W)`` uint8 of a cut-out, or None.
        window: the head window. camera: of the window.
        person: the matte, ``(H, W)`` float32 0..1.
        background: ``(h, w, 3)`` uint8, the window's part of the photo without the person.
        layer: ``(h, w, 4)`` float32, what the person adds to the background (0..255, signed) and
            their matte: ``photo = layer_rgb + (1 - layer_a) * background``.
        image: ``(S, S, 3)`` uint8, the photo in the window.
        skin: ``(3,)`` median skin colour, 0..255.
        frame, model, geometry: the head.
    """

    photo: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None
    window: HeadWindow
    camera: Camera
    person: NDArray[np.float32]
    background: NDArray[np.uint8]
    layer: NDArray[np.float32]
    image: NDArray[np.uint8]
    skin: NDArray[np.float32]
    frame: HeadFrame
    model: HeadModel
    geometry: Geometry

    @classmethod
    def build(
        cls,
        rgb: NDArray[np.uint8],
        fit: Motion,
        model: HeadModel,
        *,
        alpha: NDArray[np.uint8] | None = None,
        matte: NDArray | None = None,
        window_size: int = 512,
    ) -> Reference:
        """Prepare a photo.

        Args:
            rgb: ``(H, W, 3)`` uint8 sRGB. alpha: ``(H, W)`` uint8 where the photo is a cut-out.
            fit: one frame fitted to the photo, with the photo's camera.
            model: the head the fit belongs to.
            matte: person segmentation of any size, uint8 or 0..1; computed where not given.
            window_size: pixels of the window in which geometry is rasterised.

        Raises:
            UsageError: the image is not RGB bytes or the fit is not a single frame.
        """
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
            raise UsageError(f"reference photo: expected (H, W, 3) uint8, got {rgb.shape}")
        if len(fit) != 1:
            raise UsageError(f"reference fit: expected one frame, got {len(fit)}")
        frame = head_frame(model)
        vertices = pose_vertices(model, fit)
        window = HeadWindow.around(
            landmark_pixels(model, vertices, fit.camera), rgb.shape[:2], window_size
        )
        camera = window.camera(fit.camera)
        iod_photo = _iod_pixels(vertices, fit.camera, frame)
        person = _person(rgb, alpha, matte, iod_photo)
        geometry = _geometry(vertices, camera, window.crop(person), frame, model)
        person = _cover_face(person, model, vertices, fit.camera)
        patch = window.patch(rgb.shape[:2])
        background = background_layer(rgb[patch], person[patch], round(BLEED_PER_IOD * iod_photo))
        person[patch] = drop_fringe(person[patch], rgb[patch], background)
        image = window.crop(rgb)
        return cls(
            photo=rgb,
            alpha=alpha,
            window=window,
            camera=camera,
            person=person,
            background=background,
            layer=_foreground(rgb[patch], person[patch], background),
            image=image,
            skin=_skin_colour(image, geometry, landmark_pixels(model, vertices, camera)),
            frame=frame,
            model=model,
            geometry=geometry,
        )

    @cached_property
    def cells(self) -> NDArray[np.uint8]:
        """``(h / CELL, w / CELL)``, rounded up: 1 where ``layer`` adds anything to a cell."""
        height, width = self.layer.shape[:2]
        adds = np.zeros((-(-height // CELL) * CELL, -(-width // CELL) * CELL), bool)
        adds[:height, :width] = self.layer.any(-1)
        squares = adds.reshape(len(adds) // CELL, CELL, -1, CELL)
        return squares.any((1, 3)).astype(np.uint8)


def draw(
    pixels: NDArray[np.floating], faces: NDArray[np.int32], attributes: NDArray, size: int
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.float32]]:
    """Attributes ``(S, S, C)``, triangle and depth of a head in its window.

    Blended linearly in the image, not on the surface: a head that did not move then maps every
    pixel exactly onto itself, and triangles are far too small to tell the difference.
    """
    return rasterize_attributes(pixels, faces, attributes, size, size, perspective=False)


def landmark_pixels(model: HeadModel, vertices: NDArray, camera: Camera) -> NDArray[np.float64]:
    """Photo pixels of the embedded face landmarks, or of every vertex that moves with the head."""
    embedding = model.landmarks.get("mediapipe478") or model.landmarks.get("ibug68")
    if embedding is None:
        return camera.project(vertices[model.weights[:, 1] > 0.9])[:, :2]
    return camera.project(embedding.on(vertices, model.faces))[:, :2]


def _iod_pixels(vertices: NDArray, camera: Camera, frame: HeadFrame) -> float:
    """Inter-ocular distance in pixels, as if the head faced the camera."""
    if camera.kind == "orthographic":
        return frame.iod * camera.focal
    return frame.iod * camera.focal / float(-vertices[frame.skull, 2].mean())


def _person(
    rgb: NDArray[np.uint8], alpha: NDArray | None, matte: NDArray | None, iod: float
) -> NDArray[np.float32]:
    if matte is None and alpha is not None and alpha.min() < 128:
        return as_unit(alpha)
    if matte is None:
        from facegen.faces import person_matte

        matte = person_matte(rgb)
    return refine_matte(matte, rgb, iod)


def _cover_face(
    person: NDArray[np.float32], model: HeadModel, vertices: NDArray, camera: Camera
) -> NDArray[np.float32]:
    """The face itself is person for certain, whatever the segmentation thought."""
    hull = cv2.convexHull(np.rint(landmark_pixels(model, vertices, camera)).astype(np.int32))
    sure = cv2.fillConvexPoly(np.zeros(person.shape, np.uint8), hull, (1,))
    return np.where(sure > 0, np.float32(1), person)


def _geometry(
    vertices: NDArray[np.float32],
    camera: Camera,
    matte: NDArray[np.float32],
    frame: HeadFrame,
    model: HeadModel,
) -> Geometry:
    size = camera.height
    hair = shell_weight(model, frame)
    shell = hair_shell(vertices, camera, matte, frame, hair)
    down = rigid_rotation(model.v_template[frame.skull], vertices[frame.skull])[:, 1]
    shell -= frame.teeth_drop[:, None] * down.astype(np.float32)
    lifted = vertices + shell
    pixels = camera.project(lifted).astype(np.float32)
    _, face_id, depth = draw(pixels, frame.faces, np.zeros((len(pixels), 1)), size)
    kind = np.where(face_id >= 0, frame.face_class[face_id], 0).astype(np.uint8)
    iod = _iod_pixels(vertices, camera, frame)
    reuse = np.bincount(kind.ravel(), minlength=6) > _TOO_LITTLE * iod * iod
    reuse[SKIN] = True
    root = model.weights[:, 0]
    return Geometry(
        vertices=vertices,
        shell=shell,
        pixels=pixels,
        facing=frame_normals(lifted, frame.faces)[:, 2].astype(np.float32),
        depth=np.where(face_id >= 0, depth, np.inf).astype(np.float32),
        kind=kind,
        face_id=face_id,
        solid=matte_at(pixels, matte),
        hair=hair,
        hold=np.clip((root - 0.05) / 0.6, 0, 1).astype(np.float32),
        iod=iod,
        reuse=reuse,
        opening=mouth_opening(kind),
    )


def mouth_opening(kind: NDArray[np.uint8]) -> float:
    """Height in pixels of the mouth's inside, teeth included, from a map of surface classes."""
    inside = (kind == CAVITY) | (kind == UPPER) | (kind == LOWER)
    return float(inside.sum(0).max()) if inside.size else 0.0


def _foreground(
    patch: NDArray[np.uint8], person: NDArray[np.float32], background: NDArray[np.uint8]
) -> NDArray[np.float32]:
    colour = patch - (1 - person[..., None]) * background
    return np.dstack([colour, person]).astype(np.float32)


def _skin_colour(
    image: NDArray[np.uint8], geometry: Geometry, landmarks: NDArray[np.floating]
) -> NDArray[np.float32]:
    hull = cv2.convexHull(np.rint(landmarks).astype(np.int32))
    face = cv2.fillConvexPoly(np.zeros(geometry.kind.shape, np.uint8), hull, (1,))
    size = max(3, round(0.2 * geometry.iod))
    inside = (cv2.erode(face, np.ones((size, size), np.uint8)) > 0) & (geometry.kind == SKIN)
    if not inside.any():
        return np.full(3, 150, np.float32)
    return np.median(image[inside], 0).astype(np.float32)
