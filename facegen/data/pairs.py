"""From pictures with fitted heads to training windows; the warp is the one of use."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from facegen.compose import Reference, Warper
from facegen.compose.conditions import WindowCutter, reference_light
from facegen.compose.matte import refine_matte
from facegen.data.windows import Window, WindowMeta
from facegen.faces import person_matte
from facegen.flame.model import HeadModel
from facegen.flame.rotations import rotation_matrix
from facegen.motion import Motion
from facegen.posing import head_layer

# The warp's own window has this many pixels per pixel of the training window.
GEOMETRY_PER_SIZE = 2


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture and the head in it: ``rgb (H, W, 3)`` uint8, ``fit`` of one frame.

    Attributes:
        matte: ``(H, W)`` float32 person matte where it is known exactly, else None.
        number: of the frame, or of the variant of a photo.
        enlarged: pixels per pixel of the file, where the file was smaller.
    """

    rgb: NDArray[np.uint8]
    fit: Motion
    matte: NDArray[np.float32] | None = None
    number: int = 0
    enlarged: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What the windows of one source share; see :class:`WindowMeta`."""

    kind: str
    split: str
    source: str
    licence: str
    identity: str


class PairMaker:
    """Warps one reference picture to other pictures of the same person.

    Args:
        head: the model of the fits. reference: the photo.
        size: of the windows, pixels.
    """

    def __init__(self, head: HeadModel, reference: Picture, size: int) -> None:
        self.head, self.size = head, size
        self._picture = reference
        self._camera = reference.fit.camera
        self._reference = Reference.build(
            reference.rgb,
            reference.fit,
            head,
            matte=reference.matte,
            window_size=GEOMETRY_PER_SIZE * size,
        )
        self._warper = Warper(self._reference)
        self._light = reference_light(self._reference, self._camera)
        self._cut = WindowCutter(self._reference, self._camera, size)
        self._own = self._cut.window(self._reference.geometry.vertices)
        self._image = self._own.crop(reference.rgb)

    def warp(self, fit: Motion) -> NDArray[np.uint8]:
        """The reference driven to another head: the full frame ``(H, W, 3)``."""
        return self._warper.render(self._vertices(fit)).frame

    def pair(self, target: Picture, origin: Origin) -> Window:
        """The reference warped to the target, and the target itself.

        Args:
            target: of the same person, size and camera as the reference.
        """
        vertices = self._vertices(target.fit)
        warped = self._cut(self._warper.render(vertices), vertices)
        window = warped.window
        matte = target.matte
        if matte is None:
            iod = self._reference.geometry.iod / self._reference.window.scale
            matte = refine_matte(person_matte(target.rgb), target.rgb, iod)
        return Window(
            target=window.crop(target.rgb),
            warped=warped.rgb,
            reference=self._image,
            matte=_bytes(window.crop(matte)),
            moved=_bytes(warped.matte),
            visibility=_bytes(warped.visibility),
            head=replace(target.fit, camera=window.camera(self._camera)),
            light=self._light,
            meta=WindowMeta(
                **vars(origin),
                frame=target.number,
                reference_frame=self._picture.number,
                window=(window.x0, window.y0, window.side),
                reference_window=(self._own.x0, self._own.y0, self._own.side),
                picture=(target.rgb.shape[1], target.rgb.shape[0]),
                yaw=round(turn(self._picture.fit, target.fit), 2),
                scale=round(window.scale * target.enlarged, 4),
            ),
        )

    def _vertices(self, fit: Motion) -> NDArray[np.float32]:
        with torch.inference_mode():
            return head_layer(self.head)(**fit.tensors()).vertices[0].numpy()


def turn(reference: Motion, target: Motion) -> float:
    """Turn of the head about the vertical between two one-frame motions, degrees."""

    def heading(motion: Motion) -> float:
        nose = rotation_matrix(motion.global_orient[0]) @ rotation_matrix(motion.neck_pose[0])
        return float(np.arctan2(nose[0, 2], nose[2, 2]))

    return float(np.degrees(heading(target) - heading(reference)))


def resized(picture: Picture, factor: float) -> Picture:
    """The picture at ``factor`` times its size; its head with it."""
    import cv2

    height, width = (max(8, round(factor * n)) for n in picture.rgb.shape[:2])
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    rgb = np.asarray(cv2.resize(picture.rgb, (width, height), interpolation=how))
    lens = picture.fit.camera
    # One scale for both axes: rounding a side by half a pixel must not squeeze the head.
    camera = lens.cropped(0, 0, width / lens.width, width, height)
    enlarged = picture.enlarged * max(1.0, factor)
    return replace(picture, rgb=rgb, fit=replace(picture.fit, camera=camera), enlarged=enlarged)


def _bytes(image: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
