"""What a network is told about one driven frame, in training and in use alike.

The window follows the head. In it stand what the warp made (``WarpedWindow``) and what the head
model says (:func:`head_maps`).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facegen.compose import field as fields
from facegen.compose.light import estimate_light
from facegen.compose.reference import Reference
from facegen.compose.warp import WarpResult
from facegen.compose.window import HeadWindow
from facegen.flame.camera import Camera
from facegen.flame.jit import F32, U8, jit
from facegen.flame.maps import render_maps
from facegen.flame.model import HeadModel

MOUTH = ("mouth", "teeth_upper", "teeth_lower", "tongue")
EYES = ("eye_left", "eye_right")
# Mouth and eye masks reach this far (share of the window) past what the mesh shows: lips and lids.
_REACH = 0.018
# How far hair and body beside the mesh are where the smooth field put them.
_BESIDE = 0.6


@dataclass(frozen=True, eq=False)
class WarpedWindow:
    """The warp's frame in a window of S by S pixels.

    Attributes:
        window: where it stands in the photo.
        rgb: ``(S, S, 3)`` uint8.
        visibility: ``(S, S)`` float32 0..1: 1 where the photo shows what stands here now, 0 where
            the colour is painted, stretched or invented.
        matte: ``(S, S)`` float32 0..1, the photo's person matte, moved along.
    """

    window: HeadWindow
    rgb: NDArray[np.uint8]
    visibility: NDArray[np.float32]
    matte: NDArray[np.float32]


class WindowCutter:
    """Cuts the head's window out of the warped frames of one photo.

    Args:
        reference: the photo. camera: of the whole photo. size: S.
    """

    def __init__(self, reference: Reference, camera: Camera, size: int) -> None:
        self._reference, self._camera, self._size = reference, camera, size
        self._person = np.ascontiguousarray(reference.window.crop(reference.person), np.float32)

    def window(self, vertices: NDArray[np.floating]) -> HeadWindow:
        """Where the window of a driven head ``(V, 3)`` stands."""
        reference = self._reference
        return HeadWindow.following(
            vertices, self._camera, reference.model, reference.frame, self._size
        )

    def __call__(self, result: WarpResult, vertices: NDArray[np.floating]) -> WarpedWindow:
        """Cut the window out of the frame driven by ``vertices (V, 3)``."""
        reference, window = self._reference, self.window(vertices)
        visibility, moved = _known(
            result.shift, result.state, result.trust, result.cover, self._person
        )
        # Beyond the warp's own window the photo stands as it is.
        seen = np.ones((self._size, self._size), np.float32)
        matte = np.ascontiguousarray(window.crop(reference.person), np.float32)
        return WarpedWindow(
            window=window,
            rgb=window.crop(result.frame),
            visibility=_carry(visibility, reference.window, window, seen),
            matte=_carry(moved, reference.window, window, matte),
        )


def reference_light(reference: Reference, camera: Camera, size: int = 128) -> NDArray[np.float32]:
    """Light of the photo ``(9, 3)``, judged by the face's skin.

    Args:
        camera: of the photo. size: pixels of the window it is judged in.
    """
    vertices = reference.geometry.vertices
    window = HeadWindow.following(vertices, camera, reference.model, reference.frame, size)
    model, lens = reference.model, window.camera(camera)
    maps = render_maps(
        model, torch.from_numpy(vertices)[None], lens, light=_only_ambient(), albedo=_albedo(model)
    )
    skin = np.isin(maps.regions[0].numpy(), model.region_ids("skin"))
    seen = skin & (maps.normal[0, ..., 2].numpy() > 0.3)
    return estimate_light(
        window.crop(reference.photo), maps.normal[0].numpy(), maps.render[0].numpy(), seen
    )


def head_maps(
    model: HeadModel, vertices: Tensor, camera: Camera, light: Tensor | None = None
) -> dict[str, Tensor]:
    """What the head model says about a window.

    Args:
        vertices: ``(V, 3)`` camera space. camera: of the window, S by S pixels.
        light: ``(9, 3)``, a soft default if None.

    Returns:
        ``depth (1, S, S)`` 0..1 (1 near, 0 nothing), ``normal (3, S, S)`` -1..1, ``render
        (3, S, S)`` 0..1, ``region (S, S)`` uint8 labels, ``mouth`` and ``eyes`` ``(1, S, S)`` 0 or
        1 with a margin for lips and lids; float32.
    """
    maps = render_maps(model, vertices[None], camera, light=light, albedo=_albedo(model))
    region = maps.regions[0]
    labels = region.numpy()
    return {
        "depth": maps.normalised_depth(),
        "normal": maps.normal[0].permute(2, 0, 1).contiguous(),
        "render": maps.render[0].permute(2, 0, 1).contiguous(),
        "region": region,
        "mouth": _grown(np.isin(labels, model.region_ids(*MOUTH, "lips"))),
        "eyes": _grown(np.isin(labels, model.region_ids(*EYES))),
    }


def _grown(mask: NDArray[np.bool_]) -> Tensor:
    reach = max(1, round(_REACH * len(mask)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2)
    return torch.from_numpy(cv2.dilate(mask.astype(np.uint8), disc)).float()[None]


def _albedo(model: HeadModel) -> Tensor | None:
    return None if model.albedo_mean is None else torch.from_numpy(model.albedo_mean)


def _only_ambient() -> Tensor:
    """Light under which a render is its albedo."""
    from facegen.flame.lighting import directional_light

    return directional_light((0, 0, 1), intensity=0, ambient=1)


@jit
def _known(shift: F32, state: U8, trust: F32, cover: F32, person: F32) -> tuple[F32, F32]:
    """Visibility and moved matte ``(R, R)`` of a warped frame in the warp's window of R pixels.

    Args:
        shift, state, trust, cover: of ``WarpResult``. person: ``(R, R)`` matte of the photo.
    """
    size = len(person)
    visibility, moved = np.empty_like(person), np.empty_like(person)
    for y in range(size):
        for x in range(size):
            dx, dy = shift[y, x, 0], shift[y, x, 1]
            u = min(max(x + dx, np.float32(0)), np.float32(size - 1.001))
            v = min(max(y + dy, np.float32(0)), np.float32(size - 1.001))
            c, r = int(u), int(v)
            fx, fy = u - c, v - r
            top = person[r, c] * (1 - fx) + person[r, c + 1] * fx
            low = person[r + 1, c] * (1 - fx) + person[r + 1, c + 1] * fx
            matte = top * (1 - fy) + low * fy
            moved[y, x] = matte * (1 - cover[y, x]) + cover[y, x]
            if state[y, x] == fields.HOLE or state[y, x] == fields.HIDDEN:
                visibility[y, x] = 0
                continue
            # Background is known where nobody stood before it, and all of it where nothing moved.
            beside = matte * _BESIDE + (1 - matte) * (1 - person[y, x])
            if max(abs(dx), abs(dy)) < fields.TEAR:
                beside = 1.0
            # Where the mesh is trusted less, the field around it has moved the pixel.
            own = trust[y, x] if state[y, x] == fields.SEEN else np.float32(0)
            visibility[y, x] = (own + (1 - own) * beside) * (1 - cover[y, x])
    return visibility, moved


def _carry(
    image: NDArray[np.float32], source: HeadWindow, target: HeadWindow, around: NDArray[np.float32]
) -> NDArray[np.float32]:
    """An image of one window in another, drawn over ``around (S, S)``."""
    matrix = target.matrix @ np.linalg.inv(source.matrix)
    # OpenCV counts pixels from their centres.
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    matrix = (np.linalg.inv(half) @ matrix @ half)[:2]
    size = (target.size, target.size)
    return cv2.warpAffine(image, matrix, size, dst=around, borderMode=cv2.BORDER_TRANSPARENT)
