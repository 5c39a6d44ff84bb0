"""The hair shell: the scalp, inflated until its outline meets the person's matte."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facegen.compose.frame import HeadFrame
from facegen.flame.camera import Camera
from facegen.flame.model import HeadModel
from facegen.flame.normals import frame_normals

# Hair is looked for this far from the scalp, in inter-ocular distances.
REACH = 1.8
# A shell thicker than this is hair that hangs or stands away; it should not turn as a ball.
THICKEST = 1.1
_BINS = 36
# Rounds in which a shell that left the matte is drawn in and smoothed again.
_TRIMS = 8


def shell_weight(model: HeadModel, frame: HeadFrame) -> NDArray[np.float32]:
    """Where hair may grow, ``(V,)`` in 0..1: scalp, sides and back, not face, jaw or neck."""
    x = frame.local
    above_jaw = np.clip((x[:, 1] + 1.1) / 0.87, 0, 1)
    forehead = np.clip((x[:, 2] + 0.48) / 0.52, 0, 1) * np.clip((1.0 - x[:, 1]) / 0.35, 0, 1)
    face = np.clip(1.3 * model.masks.get("face", forehead), 0, 1)
    weight = (1 - face) * above_jaw * (1 - forehead) * frame.skin
    for _ in range(6):
        weight = np.where(frame.skin, 0.5 * weight + 0.5 * (frame.smooth @ weight), 0)
    return weight.astype(np.float32)


def hair_shell(
    vertices: NDArray[np.floating],
    camera: Camera,
    matte: NDArray[np.float32],
    frame: HeadFrame,
    weight: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Displacement of every vertex that lifts the scalp to the hair's surface.

    Outline vertices march outwards along their normal until they leave the matte; the thickness
    found is spread over the scalp by direction from the head's middle.

    Args:
        vertices: ``(V, 3)`` reference head, camera space. camera: of ``matte``.
        matte: ``(h, w)`` in 0..1. weight: of :func:`shell_weight`.

    Returns:
        ``(V, 3)`` metres, camera space.
    """
    normals = frame_normals(vertices, frame.faces)
    outline = np.flatnonzero((np.abs(normals[:, 2]) < 0.35) & (weight > 0.4))
    angle = np.arctan2(normals[:, 1], normals[:, 0])
    found = _march(vertices[outline], normals[outline], camera, matte, frame.iod)
    bins = ((angle[outline] + np.pi) / (2 * np.pi) * _BINS).astype(int) % _BINS
    thickness = np.full(_BINS, np.nan)
    for b in range(_BINS):
        here = found[bins == b]
        if len(here) > 1:
            thickness[b] = np.median(here)
    known = ~np.isnan(thickness)
    if known.sum() < 3:
        return np.zeros_like(vertices, np.float32)
    middle = (np.arange(_BINS) + 0.5) / _BINS * 2 * np.pi - np.pi
    profile = np.interp(middle, middle[known], thickness[known], period=2 * np.pi)
    profile = np.minimum(profile, THICKEST * frame.iod)
    profile = (np.roll(profile, 1) + 2 * profile + np.roll(profile, -1)) / 4
    sideways = np.hypot(normals[:, 0], normals[:, 1])
    towards_viewer = min(float(profile.mean()), 0.5 * frame.iod)
    thick = np.interp(angle, middle, profile, period=2 * np.pi)
    offset = weight * (sideways * thick + (1 - sideways) * towards_viewer)
    for _ in range(_TRIMS):
        lifted = camera.project(vertices + normals * offset[:, None])
        offset = np.where(matte_at(lifted, matte) < 0.5, 0.8 * offset, offset)
        offset = np.where(frame.skin, 0.5 * offset + 0.5 * (frame.smooth @ offset), 0)
    return (normals * offset[:, None]).astype(np.float32)


def matte_at(pixels: NDArray[np.floating], matte: NDArray[np.float32]) -> NDArray[np.float32]:
    """The matte at projected points ``(N, >= 2)``: ``(N,)``; the edge repeats outside."""
    height, width = matte.shape
    x = np.clip(pixels[:, 0].astype(int), 0, width - 1)
    y = np.clip(pixels[:, 1].astype(int), 0, height - 1)
    return matte[y, x]


def _march(
    points: NDArray, normals: NDArray, camera: Camera, matte: NDArray[np.float32], iod: float
) -> NDArray[np.float64]:
    best = np.zeros(len(points))
    alive = np.ones(len(points), bool)
    for step in np.linspace(0, REACH * iod, 40):
        alive &= matte_at(camera.project(points + normals * step), matte) > 0.5
        best[alive] = step
    return best
