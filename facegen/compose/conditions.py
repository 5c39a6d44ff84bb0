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

    @classmethod
    def of(
        cls, result: WarpResult, vertices: NDArray[np.floating], camera: Camera, size: int
    ) -> WarpedWindow:
        """Cut the window out of a warped frame.

        Args:
            vertices: ``(V, 3)`` of the driven head. camera: of the photo. size: S.
        """
        reference = result.reference
        window = HeadWindow.following(vertices, camera, reference.model, reference.frame, size)
        person = reference.window.crop(reference.person)
        moved = _moved_matte(result, person)
        visibility = _visibility(result, person, moved)
        edge = window.crop(reference.person)
        return cls(
            window=window,
            rgb=window.crop(result.frame),
            visibility=_carry(visibility, reference.window, window, np.ones_like(edge)),
            matte=_carry(moved, reference.window, window, edge),
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


def _moved_matte(result: WarpResult, person: NDArray[np.float32]) -> NDArray[np.float32]:
    axis = np.arange(len(person), dtype=np.float32)
    u, v = axis + result.shift[..., 0], axis[:, None] + result.shift[..., 1]
    moved = cv2.remap(person, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved * (1 - result.cover) + result.cover, np.float32)


def _visibility(
    result: WarpResult, person: NDArray[np.float32], moved: NDArray[np.float32]
) -> NDArray[np.float32]:
    still = np.abs(result.shift).max(-1) < fields.TEAR
    # Background is known where nobody stood before it, and all of it where nothing moved.
    beside = np.where(still, 1, moved * _BESIDE + (1 - moved) * (1 - person))
    # Where the mesh is trusted less, the field around it has moved the pixel.
    known = result.visibility + (1 - result.visibility) * beside
    known[result.hole | result.occluded] = 0
    return (known * (1 - result.cover)).astype(np.float32)


def _carry(
    image: NDArray[np.float32], source: HeadWindow, target: HeadWindow, beyond: NDArray[np.float32]
) -> NDArray[np.float32]:
    """An image of one window in another; ``beyond (S, S)`` outside of the first."""
    matrix = target.matrix @ np.linalg.inv(source.matrix)
    # OpenCV counts pixels from their centres.
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    matrix = (np.linalg.inv(half) @ matrix @ half)[:2]
    size = (target.size, target.size)
    inside = cv2.warpAffine(np.ones_like(image), matrix, size)
    return np.asarray(cv2.warpAffine(image, matrix, size) + (1 - inside) * beyond, np.float32)
