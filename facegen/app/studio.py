"""The expression studio: a photo prepared once, then a picture for every move of a slider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from facegen.arkit import ARKIT, INDEX, from_motion, to_head
from facegen.compose import Reference, Warper, compose
from facegen.emotion.affect import affect_of
from facegen.emotion.labels import EMOTIONS
from facegen.emotion.prototypes import expression_of
from facegen.flame.model import HeadModel
from facegen.motion import Motion
from facegen.pipelines.config import ReenactConfig
from facegen.pipelines.reenact import Portrait, ReenactmentPipeline

PREVIEW_SIDE = 420  # pixels: a frame of this costs a few hundredths of a second
WHEEL_SIDE = 300
TURNS = ("turn", "nod", "tilt")
TURN_LIMIT = 20.0  # degrees
_GEOMETRY = 320
_ROOM = 1.3  # side of the preview against the head's longer side
_NUDGE = {"fearful": 12, "angry": -6, "surprised": 8, "happy": -8}  # names that would meet

GROUPS = {
    "Brows": ("brow",),
    "Eyes": ("eye",),
    "Cheeks and nose": ("cheek", "nose"),
    "Jaw and tongue": ("jaw", "tongue"),
    "Mouth": ("mouth",),
}


def names_of(group: str) -> tuple[str, ...]:
    """The facial actions of a group, in ARKit's order."""
    return tuple(name for name in ARKIT if name.startswith(GROUPS[group]))


@dataclass(frozen=True)
class Pose:
    """What the sliders say.

    Attributes:
        curves: ``(52,)`` 0..1 in the order of ``ARKIT``.
        turns: degrees away from the photo's pose: to the subject's left, down, and sideways.
    """

    curves: NDArray[np.float32]
    turns: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def on(self, fit: Motion, own: NDArray[np.float32], head: HeadModel) -> Motion:
        """A one-frame motion: the fit of a photo whose curves are ``own (52,)``, moved."""
        face, before = to_head(self.curves[None], head), to_head(own[None], head)
        low, high = head.expression_bounds.T
        turn = Rotation.from_euler("yxz", self.turns, degrees=True)
        neck = (Rotation.from_rotvec(fit.neck_pose) * turn).as_rotvec()
        moved = {
            name: getattr(fit, name) + getattr(face, name) - getattr(before, name)
            for name in ("expression", "jaw_pose", "leye_pose", "reye_pose")
        }
        moved["expression"] = np.clip(moved["expression"], low, high).astype(np.float32)
        return replace(fit, **moved, neck_pose=neck.astype(np.float32))


class Studio:
    """A photo whose face can be moved at once.

    Raises:
        MediaError, FaceNotFoundError: the photo cannot be used.
    """

    def __init__(self, photo: Path | str, pipe: ReenactmentPipeline) -> None:
        self.photo, self.pipe = Path(photo), pipe
        self.portrait: Portrait = pipe.portray(photo, ReenactConfig())
        shown = self._small(self.portrait)
        reference = Reference.build(
            shown.photo.rgb, shown.fit, pipe.head, alpha=shown.photo.alpha, window_size=_GEOMETRY
        )
        self._fit, self._reference, self._warper = shown.fit, reference, Warper(reference)
        self.own = from_motion(self.portrait.fit, pipe.head)[0]

    def _small(self, portrait: Portrait) -> Portrait:
        """The portrait's surroundings of the head at preview size, its camera with them."""
        image, camera = portrait.photo, portrait.fit.camera
        points = camera.project(next(self.pipe.pose(portrait.fit)))[:, :2]
        low, high = points.min(0), points.max(0)
        half = _ROOM / 2 * float((high - low).max())
        border = image.width, image.height
        x0, y0 = (max(0, int(c)) for c in (low + high) / 2 - half)
        x1, y1 = (min(b, int(c)) for b, c in zip(border, (low + high) / 2 + half, strict=True))
        scale = min(1.0, PREVIEW_SIDE / max(x1 - x0, y1 - y0))
        size = round((x1 - x0) * scale), round((y1 - y0) * scale)

        def cut(picture: NDArray[Any]) -> NDArray[Any]:
            return cv2.resize(picture[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA)

        alpha = None if image.alpha is None else cut(image.alpha)
        photo = replace(image, rgb=cut(image.rgb), alpha=alpha)
        return Portrait(photo, replace(portrait.fit, camera=camera.cropped(x0, y0, scale, *size)))

    def preview(self, pose: Pose) -> NDArray[np.uint8]:
        """The small picture, a few hundredths of a second."""
        vertices = next(self.pipe.pose(pose.on(self._fit, self.own, self.pipe.head)))
        return compose(self._reference, self._warper.render(vertices))

    def picture(self, pose: Pose) -> NDArray[np.uint8]:
        """The picture at the photo's own size."""
        return next(self.pipe.paint(self.portrait, self.motion(pose), workers=1))

    def motion(self, pose: Pose) -> Motion:
        """The pose as a one-frame motion."""
        return pose.on(self.portrait.fit, self.own, self.pipe.head)


def felt(own: NDArray[np.float32], levels: NDArray[np.floating]) -> Pose:
    """A feeling of intensities ``(8,)`` on a photo whose curves are ``own (52,)``.

    Every feeling but joy lets the photo's own smile go; what both show is shown once.
    """
    others = [i for i, name in enumerate(EMOTIONS) if name not in ("neutral", "happy")]
    kept = (1 - float(np.clip(levels[others].sum(), 0, 1))) ** 2
    shown = np.maximum(kept * own, expression_of(levels[None])[0])
    return Pose(np.clip(shown, 0, 1).astype(np.float32))


def levels_of(name: str, strength: float) -> NDArray[np.float64]:
    """Intensities ``(8,)`` of one feeling."""
    return strength * (np.array(EMOTIONS) == name).astype(np.float64)


def place_on_wheel(x: float, y: float) -> tuple[float, float]:
    """Valence and arousal of a pixel of the wheel's picture; outside it counts as its edge."""
    centre = WHEEL_SIDE / 2
    valence, arousal = (x - centre) / (0.86 * centre), (centre - y) / (0.86 * centre)
    far = max(1.0, float(np.hypot(valence, arousal)))
    return valence / far, arousal / far


def wheel(valence: float | None = None, arousal: float | None = None) -> NDArray[np.uint8]:
    """Picture of the wheel: unpleasant to pleasant, calm to excited, with a dot where it stands."""
    side, scale = WHEEL_SIDE, 2
    size, centre = side * scale, side * scale / 2
    y, x = np.mgrid[0:size, 0:size]
    dx, dy = (x - centre) / (0.86 * centre), (centre - y) / (0.86 * centre)
    radius = np.clip(np.hypot(dx, dy), 0, 1)[..., None]
    warm = 0.5 + 0.5 * np.clip(dx, -1, 1)[..., None]
    high = 0.5 + 0.5 * np.clip(dy, -1, 1)[..., None]
    right = high * np.array([250, 204, 110]) + (1 - high) * np.array([140, 205, 180])
    left = high * np.array([232, 130, 120]) + (1 - high) * np.array([150, 165, 205])
    colour = (1 - radius) * 246 + radius * (warm * right + (1 - warm) * left)
    disc = np.clip((0.86 * centre - np.hypot(x - centre, y - centre)) + 0.5, 0, 1)[..., None]
    out = np.ascontiguousarray((disc * colour + (1 - disc) * 250).astype(np.uint8))
    for index, name in enumerate(EMOTIONS):
        if name == "contempt":
            continue  # it has no place of its own on the circle
        v, a = affect_of(np.eye(len(EMOTIONS))[index][None])[0]
        up = _NUDGE.get(name, 0) * scale
        _write(out, name, centre + v * 0.86 * centre, centre - a * 0.86 * centre - up, scale)
    if valence is not None and arousal is not None:
        spot = round(centre + valence * 0.86 * centre), round(centre - arousal * 0.86 * centre)
        cv2.circle(out, spot, 9 * scale, (255, 255, 255), -1, cv2.LINE_AA)
        cv2.circle(out, spot, 6 * scale, (15, 118, 110), -1, cv2.LINE_AA)
    return cv2.resize(out, (side, side), interpolation=cv2.INTER_AREA)


def _write(out: NDArray[np.uint8], text: str, x: float, y: float, scale: int) -> None:
    font, height = cv2.FONT_HERSHEY_SIMPLEX, 0.42 * scale
    (width, tall), _ = cv2.getTextSize(text, font, height, scale)
    left = int(np.clip(x - width / 2, 4, out.shape[1] - width - 4))
    cv2.putText(
        out, text, (left, int(y + tall / 2)), font, height, (60, 55, 50), scale, cv2.LINE_AA
    )


def slider_names() -> list[str]:
    """All 52 actions in the order in which the page shows them."""
    return [name for group in GROUPS for name in names_of(group)]


def slider_values(curves: NDArray[np.float32]) -> list[float]:
    """Curves ``(52,)`` in the order of the page."""
    return [round(float(curves[INDEX[name]]), 2) for name in slider_names()]


def curves_from(values: Sequence[float]) -> NDArray[np.float32]:
    """The other way: the page's sliders as ``(52,)`` in the order of ``ARKIT``."""
    curves = np.zeros(len(ARKIT), np.float32)
    for name, value in zip(slider_names(), values, strict=True):
        curves[INDEX[name]] = value
    return curves
