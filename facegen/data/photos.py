"""Training pairs from single photos: warped to another pose and expression and back.

What comes back lost what the way there hid or tore: teeth behind closed lips, an open eye, the far
cheek, the wall behind the head. The photo itself is the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.compose.frame import head_frame
from facegen.compose.window import FOLLOW_SIDE
from facegen.data.pairs import Origin, PairMaker, Picture, resized
from facegen.data.windows import Window
from facegen.flame.model import HeadModel
from facegen.media import read_image
from facegen.motion import Motion
from facegen.tracking import track_image

# Photos get a size at which their head window has this many pixels per pixel of the cached one:
# two interpolations at that size leave no blur at the smaller one.
SAMPLES_PER_PIXEL = 1.6
# Landmarks are found and small photos kept in this many times their size at most.
_ENLARGE = 2.5
_SMALL = 256  # pixels of the larger side

# Standard deviation of the random turn, degrees: pitch, yaw, roll; and hard limits.
_TURN = np.array([6.0, 11.0, 5.0])
_TURN_LIMIT = np.array([15.0, 28.0, 12.0])
_SHIFT_PER_IOD = 0.25
_RESTING = 0.3
_BLINK = 0.15
_LIDS = ("eyeBlinkLeft", "eyeBlinkRight")
_PARTNER = {"Left": "Right", "Right": "Left"}


def photo_windows(
    path: Path, head: HeadModel, origin: Origin, *, pairs: int, size: int, seed: int
) -> Iterator[Window]:
    """Pairs of one photo.

    Args:
        seed: of the random heads; the same seed gives the same pairs.

    Raises:
        MediaError, FaceNotFoundError: the photo cannot be used.
    """
    rgb = read_image(path).rgb
    photo = _fitted(rgb, head)
    factor = SAMPLES_PER_PIXEL * size / _window_side(photo.fit, head)
    photo = resized(photo, min(factor, _ENLARGE / photo.enlarged))
    there = PairMaker(head, photo, size)
    rng = np.random.default_rng(seed)
    for number in range(1, pairs + 1):
        fit = random_head(photo.fit, head, rng)
        moved = Picture(there.warp(fit), fit, number=number)
        yield PairMaker(head, moved, size).pair(photo, origin)


def _fitted(rgb: NDArray[np.uint8], head: HeadModel) -> Picture:
    """The photo and its head; very small photos are enlarged first, or no face would be found."""
    enlarged = 1.0
    if max(rgb.shape[:2]) < _SMALL:
        enlarged = min(_ENLARGE, 2 * _SMALL / max(rgb.shape[:2]))
        rgb = np.asarray(
            cv2.resize(rgb, None, fx=enlarged, fy=enlarged, interpolation=cv2.INTER_CUBIC)
        )
    return Picture(rgb, track_image(rgb, head), enlarged=enlarged)


def random_head(fit: Motion, head: HeadModel, rng: np.random.Generator) -> Motion:
    """Another pose and expression of the same head, as plausible as sparse actions can be.

    Args:
        fit: one frame.
    """
    turn = np.clip(rng.normal(0, _TURN), -_TURN_LIMIT, _TURN_LIMIT)
    iod = head_frame(head).iod
    own = fit.expression[0] * (rng.uniform(0, 0.3) if rng.random() < 0.6 else rng.uniform(0.5, 1))
    jaw = fit.jaw_pose[0] * rng.uniform(0, 1)
    expression = own
    if rng.random() > _RESTING:
        expression = own + random_expression(head, rng)
        jaw = jaw + np.array([np.radians(rng.choice([0, 0, 4, 9, 16])) * rng.random(), 0, 0])
    gaze = np.radians(rng.normal(0, (4, 8, 0)))
    return replace(
        fit,
        expression=_bounded(expression, head.expression_bounds)[None].astype(np.float32),
        neck_pose=(fit.neck_pose + np.radians(turn)).astype(np.float32),
        jaw_pose=_bounded(jaw, head.joint_bounds[2])[None].astype(np.float32),
        leye_pose=(fit.leye_pose + gaze).astype(np.float32),
        reye_pose=(fit.reye_pose + gaze).astype(np.float32),
        transl=(fit.transl + rng.normal(0, _SHIFT_PER_IOD * iod, 3)).astype(np.float32),
    )


def random_expression(head: HeadModel, rng: np.random.Generator) -> NDArray[np.float64]:
    """A few facial actions ``(E,)``, mostly on both sides alike; sometimes a blink."""
    names = head.expression_names
    free = [i for i, n in enumerate(names) if head.expression_free[i] and not n.startswith("mh:")]
    values = np.zeros(head.n_expression)
    for index in rng.choice(free, min(len(free), int(rng.integers(1, 6))), replace=False):
        amount = rng.beta(1.5, 2.0)
        values[index] = amount
        twin = _twin(names[index])
        if twin in names and rng.random() < 0.85:
            values[names.index(twin)] = amount * rng.uniform(0.85, 1)
    if rng.random() < _BLINK:
        closure = rng.uniform(0.5, 1)
        for name in _LIDS:
            if name in names:
                values[names.index(name)] = closure
    return values


def _twin(name: str) -> str:
    """The same action on the other side, or an empty name."""
    for side, other in _PARTNER.items():
        if name.endswith(side):
            return name.removesuffix(side) + other
    return ""


def _bounded(values: NDArray, bounds: NDArray) -> NDArray:
    return np.clip(values, bounds[:, 0], bounds[:, 1])


def _window_side(fit: Motion, head: HeadModel) -> float:
    """Side of the photo's head window in pixels, about."""
    return FOLLOW_SIDE * head_frame(head).iod * fit.camera.focal / float(-fit.transl[0, 2])
