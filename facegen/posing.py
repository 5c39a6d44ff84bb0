"""Posed heads: at rest before a camera; vertices of one frame, of a few, of a whole motion."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from facegen.flame.camera import Camera
from facegen.flame.model import HeadModel
from facegen.flame.skinning import HeadLayer
from facegen.motion import POSES, Motion

# Below this the fused product is bound by memory (0.3 ms a frame).
_BATCH = 32
# Matrix products of few rows take other paths on some processors and differ in their last bits.
# Filled up to whole groups, a frame comes out the same whatever is posed beside it.
_ROWS = 8


@lru_cache(maxsize=2)
def head_layer(model: HeadModel) -> HeadLayer:
    """The model's layer; its set-up costs as much as a frame, so it is kept."""
    return HeadLayer(model)


def pose_batch(model: HeadModel, motion: Motion) -> NDArray[np.float32]:
    """Vertices ``(T, V, 3)`` of all frames at once, camera space, metres; give short parts."""
    values = motion.tensors()
    rows = torch.arange(len(motion) + -len(motion) % _ROWS).clamp(max=len(motion) - 1)
    filled = {name: v if name == "betas" else v[rows] for name, v in values.items()}
    with torch.no_grad():
        vertices: NDArray[np.float32] = head_layer(model)(**filled).vertices.numpy()
    return vertices[: len(motion)]


def pose_vertices(model: HeadModel, motion: Motion) -> NDArray[np.float32]:
    """Camera-space vertices ``(V, 3)`` of a one-frame motion, metres."""
    vertices: NDArray[np.float32] = pose_batch(model, motion)[0]
    return vertices


def pose_frames(model: HeadModel, motion: Motion) -> Iterator[NDArray[np.float32]]:
    """Vertices ``(V, 3)`` of every frame in turn, camera space, metres."""
    for start in range(0, len(motion), _BATCH):
        yield from pose_batch(model, motion[start : start + _BATCH])


def resting_head(
    model: HeadModel, camera: Camera, place: ArrayLike, betas: NDArray[np.float32]
) -> Motion:
    """One frame of a calm head that faces the camera.

    Args:
        place: ``(3,)`` its ``transl``, metres. betas: ``(S,)``.
    """
    poses: dict[str, Any] = {name: np.zeros((1, 3), np.float32) for name in POSES}
    return Motion(
        expression=np.zeros((1, model.n_expression), np.float32),
        **poses,
        transl=np.asarray(place, np.float32)[None],
        betas=betas,
        camera=camera,
        fps=Fraction(25),
        timestamps=np.zeros(1),
        valid=np.ones(1, bool),
        confidence=np.ones(1, np.float32),
        basis=model.version,
        expression_names=model.expression_names,
    )
