"""How made people look close up: brows, lips, stubble and pores, and skin that creases.

The open head's colours are one per vertex, too coarse for a brow's edge. What is fine is therefore
drawn per pixel, in coordinates of the resting head, so that it moves with the skin.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.compose.frame import head_frame
from facegen.flame.model import HeadModel

Float = NDArray[np.float32]

_GRAIN = 256  # pixels of the noise that gives skin its pores
_PER_IOD = 70.0  # of these pixels to one inter-ocular distance
# Squeezed to this share of its resting area skin is at its darkest, and how dark that is.
_CREASED, _CREASE_DEPTH = 0.5, 0.32
# Where beards grow, in ``HeadFrame.local`` (inter-ocular distances about the eyes' middle).
_BEARD_TOP, _BEARD_SOFT = -0.95, 0.25
# Green of skin by its red, and blue by its green.
_GREEN, _BLUE = (0.6, 0.86), (0.62, 0.94)
_BRIGHT = (0.2, 0.5)  # mean of a well exposed person
_STUBBLE = 2.5  # its hairs are so much finer than a brow's


@dataclass(frozen=True, eq=False)
class Look:
    """What is fine about one person.

    Attributes:
        brow, lips: colours ``(3,)`` 0..1 and how strong they are, 0..1.
        beard: strength of stubble 0..1, in the brow's colour.
        grain: ``(256, 256, 3)`` factors about 1, pores and blotches. strands: ``(256, 256)`` 0..1.
        crease: how deep skin folds when it is squeezed, 0..1.
    """

    brow: tuple[Float, float]
    lips: tuple[Float, float]
    beard: float
    grain: Float
    strands: Float
    crease: float

    @classmethod
    def random(cls, skin: NDArray[np.floating], rng: np.random.Generator) -> Look:
        """A look that suits a skin colour ``(3,)`` 0..1."""
        tone = np.asarray(skin, np.float32)
        hair = tone * rng.uniform(0.08, 0.5) * np.array([1, rng.uniform(0.75, 1), 0.8])
        red = tone * np.array([1.0, rng.uniform(0.6, 0.9), rng.uniform(0.65, 0.95)])
        beard = float(rng.uniform(0.1, 0.75)) if rng.random() < 0.3 else 0.0
        return cls(
            brow=(hair.astype(np.float32), float(rng.uniform(0.45, 1))),
            lips=(red.astype(np.float32), float(rng.uniform(0.1, 0.8))),
            beard=beard,
            grain=_grain(rng),
            strands=_strands(rng),
            crease=float(rng.uniform(0.3, 1)),
        )


def living(albedo: Float, skin: NDArray[np.floating]) -> Float:
    """Albedo ``(V, 3)`` whose skin colour ``(3,)`` blood and melanin could give: red leads."""
    red, green, blue = (float(c) for c in skin)
    wanted = np.clip(green, _GREEN[0] * red, _GREEN[1] * red)
    blue_wanted = np.clip(blue, _BLUE[0] * wanted, _BLUE[1] * wanted)
    gain = np.array([1, wanted / max(green, 1e-3), blue_wanted / max(blue, 1e-3)], np.float32)
    return np.clip(albedo * gain, 0.01, 1)


def _grain(rng: np.random.Generator) -> Float:
    """Pores, freckles and blotches that tile without a seam."""
    total = np.zeros((_GRAIN, _GRAIN, 3))
    for cells, spread in ((8, 0.05), (32, 0.035), (128, 0.03)):
        field = rng.normal(0, spread * rng.uniform(0.3, 1), (cells, cells, 1))
        field = field + rng.normal(0, 0.3 * spread, (cells, cells, 3))
        wide = np.tile(field, (3, 3, 1))
        wide = cv2.resize(wide, (3 * _GRAIN,) * 2, interpolation=cv2.INTER_CUBIC)
        total += wide[_GRAIN : 2 * _GRAIN, _GRAIN : 2 * _GRAIN]
    return np.exp(total).astype(np.float32)


def _strands(rng: np.random.Generator) -> Float:
    """Short hairs, 0 between them and 1 on them."""
    noise = rng.random((_GRAIN, _GRAIN)).astype(np.float32)
    drawn = cv2.GaussianBlur(noise, (0, 0), sigmaX=2.2, sigmaY=0.6)
    low, high = np.percentile(drawn, [20, 80])
    return np.clip((drawn - low) / (high - low), 0, 1).astype(np.float32)


@lru_cache(maxsize=2)
def surface(head: HeadModel) -> Float:
    """Per vertex ``(V, 5)``: place on the resting face in noise pixels (2), brow, lips, beard."""
    frame = head_frame(head)
    local = frame.local
    zero = np.zeros(head.n_vertices, np.float32)
    brow, lips = (np.asarray(head.masks.get(name, zero)) for name in ("brow", "lips"))
    face = np.asarray(head.masks.get("face", zero))
    low = np.clip((_BEARD_TOP - local[:, 1]) / _BEARD_SOFT, 0, 1)
    beard = low * face * (1 - lips)
    place = local[:, :2] * _PER_IOD
    return np.column_stack([place, brow, lips, beard]).astype(np.float32)


def squeezed(head: HeadModel, rest: NDArray[np.floating], now: NDArray[np.floating]) -> Float:
    """How much the skin is squeezed at each vertex, ``(V,)``: 0 at rest or stretched, 1 creased."""

    def areas(points: NDArray[np.floating]) -> NDArray[np.float64]:
        a, b, c = (points[head.faces[:, k]] for k in range(3))
        return np.linalg.norm(np.cross(b - a, c - a), axis=1)

    ratio = areas(now) / np.maximum(areas(rest), 1e-12)
    total, count = np.zeros(head.n_vertices), np.zeros(head.n_vertices)
    for k in range(3):
        np.add.at(total, head.faces[:, k], ratio)
        np.add.at(count, head.faces[:, k], 1)
    share = total / np.maximum(count, 1)
    return np.clip((1 - share) / (1 - _CREASED), 0, 1).astype(np.float32)


def exposed(colour: Float, seen: NDArray[np.bool_]) -> Float:
    """The picture as a camera would expose it: a face neither black nor burnt out.

    Args:
        colour: ``(H, W, 3)``. seen: ``(H, W)``, where the person is.
    """
    bright = float(colour[seen].mean()) if seen.any() else 0.5
    return colour * np.float32(np.clip(bright, *_BRIGHT) / max(bright, 1e-3))


def detailed(albedo: Float, fine: Float, crease: Float, look: Look) -> Float:
    """Albedo ``(H, W, 3)`` with what is fine about a person.

    Args:
        fine: ``(H, W, 5)`` of :func:`surface`, drawn. crease: ``(H, W)`` of :func:`squeezed`.
    """
    place = np.ascontiguousarray(fine[..., 0] % _GRAIN), np.ascontiguousarray(fine[..., 1] % _GRAIN)
    how = {"interpolation": cv2.INTER_LINEAR, "borderMode": cv2.BORDER_WRAP}
    grain = cv2.remap(look.grain, *place, **how)
    strands = cv2.remap(look.strands, *place, **how)
    out = albedo * grain
    # A brow ends where its hairs end: the soft mask decides how many there are.
    hairs = np.clip(2.2 * fine[..., 2] - 0.5 + 0.7 * (strands - 0.5), 0, 1)
    for share, (colour, strength) in ((hairs, look.brow), (fine[..., 3], look.lips)):
        opacity = (strength * share)[..., None]
        out = out * (1 - opacity) + colour * opacity
    along, across = (_STUBBLE * fine[..., axis] % _GRAIN for axis in (1, 0))
    short = cv2.remap(
        look.strands, np.ascontiguousarray(along), np.ascontiguousarray(across), **how
    )
    stubble = (look.beard * fine[..., 4] * (0.5 + 0.5 * short))[..., None]
    out = out * (1 - stubble) + look.brow[0] * stubble
    folds = look.crease * _CREASE_DEPTH * crease * (1 - hairs)
    return np.asarray(out * (1 - folds[..., None]), np.float32)
