"""The dense backward field: where each driven pixel's colour stands in the reference."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.compose.frame import SKIN, HeadFrame
from facegen.compose.reference import Geometry
from facegen.flame.raster._jit import F32, I32, U8, jit

# Work outside the mesh happens at this fraction of the window's resolution.
COARSE = 4
# Surface seen at less than this cosine in the reference is too foreshortened to reuse.
GRAZING, SAFE = 0.12, 0.37
# Driven surface that faces the camera by less than this is the rim of the outline.
RIM = 0.25
# Reference depth may disagree with the z-buffer by this much, in inter-ocular distances.
DEPTH_TOLERANCE = 0.06
# Sideways motion of the neck below this (inter-ocular distances) is fitting noise to the body.
BODY_NOISE = 0.10
# The same for the skull, to hair.
HAIR_NOISE = 0.08

# Displacements that differ this much (window pixels) from their surroundings tear the picture.
TEAR = 0.6

# Pixel states of the driven window.
EMPTY, SEEN, HOLE, HIDDEN = 0, 1, 2, 3


class Similarity(NamedTuple):
    """A 2-D similarity ``x -> matrix @ x + offset`` in window pixels."""

    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]


class Known(NamedTuple):
    """What the reference knows of the driven window; see :func:`classify`."""

    state: NDArray[np.uint8]
    trust: NDArray[np.float32]
    total: NDArray[np.float32]
    weight: NDArray[np.float32]


def plane_motion(driven: NDArray, reference: NDArray, perspective: bool) -> Similarity:
    """The head's motion as a picture in its own plane, from driven to reference pixels.

    In-plane rotation and shift by least squares (Umeyama 1991, eq. 38-43); the scale is the ratio
    of depths, which points that turn out of the plane cannot spoil.

    Args:
        driven, reference: ``(N, 3)`` u, v and depth of the same points.
    """
    source, target = driven[:, :2].astype(np.float64), reference[:, :2].astype(np.float64)
    a, b = source.mean(0), target.mean(0)
    p, q = source - a, target - b
    angle = np.arctan2((p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum(), (p * q).sum())
    scale = float(driven[:, 2].mean() / reference[:, 2].mean()) if perspective else 1.0
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    matrix = np.array([[c, -s], [s, c]])
    return Similarity(matrix, b - matrix @ a)


def shrunk(move: NDArray[np.floating], noise: float) -> float:
    """Wiener gain 0..1 of a displacement ``(..., 2)`` in pixels: small ones are mostly noise."""
    power = float((move * move).sum(-1).mean())
    return power / (power + noise * noise)


def calm_hair(geometry: Geometry, driven: NDArray, frame: HeadFrame) -> float:
    """Let hair rest where the head hardly moves; ``driven (V, 3)`` pixels change in place.

    Expressions leak into the fitted pose. On skin the landmarks pay for that; hair would swim.

    Returns:
        gain 0..1 of the head's motion that hair keeps.
    """
    move = driven[:, :2] - geometry.pixels[:, :2]
    gain = shrunk(move[frame.skull], HAIR_NOISE * geometry.iod)
    driven[:, :2] -= (1 - gain) * geometry.hair[:, None] * move
    return gain


def body_shift(geometry: Geometry, driven: NDArray, frame: HeadFrame) -> NDArray[np.float64]:
    """How far the torso moved with the head, ``(2,)`` window pixels, reference to driven.

    Small motion of the neck's foot is mostly the fit's; large motion is the person's, so it is
    shrunk like a Wiener filter would.
    """
    move = (driven[frame.neck_base, :2] - geometry.pixels[frame.neck_base, :2]).mean(0)
    return move * shrunk(move, BODY_NOISE * geometry.iod)


def prior_displacement(
    size: int,
    similarity: Similarity,
    shift: NDArray,
    gain: float,
    rows: tuple[float, float],
    iod: float,
) -> NDArray[np.float32]:
    """Displacement outside the mesh before anything is known there, at coarse resolution.

    Hair beside the head moves with the head; below the chin this fades into the body's shift.

    Args:
        size: window pixels. similarity: driven head to reference head.
        shift: of the body, reference to driven. gain: share of the head's motion that hair keeps.
        rows: of the driven chin and neck foot. iod: window pixels.

    Returns:
        ``(size / COARSE, size / COARSE, 2)`` reference minus driven, window pixels.
    """
    axis = (np.arange(size // COARSE, dtype=np.float32) + 0.5) * COARSE
    x, y = np.meshgrid(axis, axis)
    matrix, offset = similarity.matrix.astype(np.float32), similarity.offset.astype(np.float32)
    head_x = (matrix[0, 0] - 1) * x + matrix[0, 1] * y + offset[0]
    head_y = matrix[1, 0] * x + (matrix[1, 1] - 1) * y + offset[1]
    chin, foot = rows
    start = chin - 0.3 * iod
    fade = np.clip(1 - (axis - start) / max(foot - start + 0.5 * iod, 0.6 * iod), 0, 1)
    fade = (fade * fade * (3 - 2 * fade))[:, None]
    head = gain * fade
    return np.dstack(
        [head * head_x - (1 - fade) * shift[0], head * head_y - (1 - fade) * shift[1]]
    ).astype(np.float32)


@jit
def _seen(known: F32, kind: int, ref_depth: F32, ref_kind: U8, tolerance: float) -> bool:
    """Does the reference show the surface point with attributes ``known``?"""
    u, v = known[0], known[1]
    height, width = ref_depth.shape
    if not (0 <= u < width and 0 <= v < height) or known[3] <= GRAZING:
        return False
    row, column = int(v), int(u)
    return ref_kind[row, column] == kind and known[2] < ref_depth[row, column] + tolerance


@jit
def classify(
    face_id: I32,
    attributes: F32,
    face_class: U8,
    ref_depth: F32,
    ref_kind: U8,
    tolerance: float,
    reuse: NDArray[np.bool_],
) -> tuple[U8, F32, F32, F32]:
    """Which driven pixels show surface that the reference shows too.

    Args:
        face_id: ``(S, S)`` int32, -1 where empty.
        attributes: ``(S, S, 7)`` reference u, v, depth, facing, hold and solidity of the driven
            surface (columns of ``Geometry``), and how far it faces the camera now.
        face_class: ``(F,)``. ref_depth, ref_kind: ``(S, S)``.
        tolerance: metres. reuse: ``(6,)`` bool, classes whose pixels may be reused.

    Returns:
        state ``(S, S)`` uint8, trust ``(S, S)`` float32 and, at coarse resolution, the summed
        displacement ``(s, s, 2)`` of trusted skin and its weight ``(s, s)``.
    """
    size = face_id.shape[0]
    coarse = size // COARSE
    state = np.zeros((size, size), np.uint8)
    trust = np.zeros((size, size), np.float32)
    total = np.zeros((coarse, coarse, 2), np.float32)
    weight = np.zeros((coarse, coarse), np.float32)
    for y in range(size):
        for x in range(size):
            face = face_id[y, x]
            if face < 0:
                continue
            kind = face_class[face]
            if not (reuse[kind] and _seen(attributes[y, x], kind, ref_depth, ref_kind, tolerance)):
                if kind != SKIN:
                    state[y, x] = HOLE
                elif attributes[y, x, 5] > 0.5:
                    state[y, x] = HIDDEN
                continue
            state[y, x] = SEEN
            if kind != SKIN:
                trust[y, x] = 1
                continue
            u, v, facing = attributes[y, x, 0], attributes[y, x, 1], attributes[y, x, 3]
            t = min((facing - GRAZING) / (SAFE - GRAZING), 1)
            t *= (1 - attributes[y, x, 4]) * min(max(2 * attributes[y, x, 5] - 0.5, 0), 1)
            # At the driven outline the field passes smoothly into what stands behind.
            trust[y, x] = t * min(max(attributes[y, x, 6] / RIM, 0), 1)
            cy, cx = y // COARSE, x // COARSE
            weight[cy, cx] += t
            total[cy, cx, 0] += t * (u - x - 0.5)
            total[cy, cx, 1] += t * (v - y - 0.5)
    return state, trust, total, weight


def extend(
    prior: NDArray[np.float32],
    total: NDArray[np.float32],
    weight: NDArray[np.float32],
    iod: float,
) -> NDArray[np.float32]:
    """Carry the known displacement smoothly past the mesh, decaying to the prior.

    Args:
        prior: ``(s, s, 2)``. total, weight: of :func:`classify`. iod: window pixels.

    Returns:
        ``(s, s, 2)`` displacement everywhere, window pixels.
    """
    reach = iod / COARSE
    residual = total - weight[..., None] * prior
    sigma = 0.25 * reach
    mass = cv2.GaussianBlur(np.dstack([residual, weight]), (0, 0), sigma)
    smooth = mass[..., :2] / (mass[..., 2:] + 1e-2)
    known = weight > 0.25 * COARSE * COARSE
    distance = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 3)
    smooth *= np.exp(-((distance / (0.35 * reach)) ** 2))[..., None]
    return prior + smooth


@jit
def assemble(attributes: F32, state: U8, trust: F32, outside: F32, border: F32) -> F32:
    """Mix the mesh's field with the one around it.

    Args:
        attributes, state, trust: of :func:`classify`. outside: ``(s, s, 2)`` coarse displacement.
        border: ``(S,)`` x ``(S,)`` fade towards the window's inner edges, as a ``(2, S)`` array.

    Returns:
        ``(S, S, 2)`` float32 displacement, reference minus driven, window pixels.
    """
    size = state.shape[0]
    coarse = outside.shape[0]
    field = np.empty((size, size, 2), np.float32)
    for y in range(size):
        gy = min(max((y + 0.5) / COARSE - 0.5, 0.0), coarse - 1.001)
        y0 = int(gy)
        fy = gy - y0
        for x in range(size):
            fade = border[0, y] * border[1, x]
            t = trust[y, x] if state[y, x] == SEEN else np.float32(0)
            gx = min(max((x + 0.5) / COARSE - 0.5, 0.0), coarse - 1.001)
            x0 = int(gx)
            fx = gx - x0
            for c in range(2):
                value = np.float32(0)
                if t < 1:
                    top = outside[y0, x0, c] * (1 - fx) + outside[y0, x0 + 1, c] * fx
                    low = outside[y0 + 1, x0, c] * (1 - fx) + outside[y0 + 1, x0 + 1, c] * fx
                    value = top * (1 - fy) + low * fy
                if t > 0:
                    own = attributes[y, x, c] - (x if c == 0 else y) - 0.5
                    value += t * (own - value)
                field[y, x, c] = fade * value
    return field


def soften_tears(shift: NDArray[np.float32]) -> NDArray[np.float32]:
    """Round off the steps that a displacement makes where one surface hides another.

    Enlarged to the photo, a bare step would show as a staircase. Smooth parts stay untouched.
    """
    return _join(shift, np.asarray(cv2.GaussianBlur(shift, (5, 5), 0), np.float32))


@jit
def _join(shift: F32, smooth: F32) -> F32:
    """``shift`` where it is close to ``smooth``, else ``smooth``; both ``(S, S, 2)``."""
    height, width = shift.shape[:2]
    out = np.empty_like(shift)
    for y in range(height):
        for x in range(width):
            dx, dy = shift[y, x, 0] - smooth[y, x, 0], shift[y, x, 1] - smooth[y, x, 1]
            torn = max(abs(dx), abs(dy)) > TEAR
            for c in range(2):
                out[y, x, c] = smooth[y, x, c] if torn else shift[y, x, c]
    return out
