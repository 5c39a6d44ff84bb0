"""Where a made face acts: exact masks from the head it was made with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facegen.flame.camera import Camera
from facegen.flame.model import HeadModel
from facegen.flame.raster import rasterize_attributes
from facegen.motion import POSES
from facegen.posing import head_layer

Array = NDArray[np.float64]
# Metres that count as fully moved: a smile's corner moves about a centimetre.
_FULL = 0.006


def action_mask(
    params: Mapping[str, NDArray], head: HeadModel, matrix: Array, side: int
) -> NDArray[np.float32]:
    """How far the visible skin was moved by expression and jaw: ``(side, side)``, 0..1.

    Pose moves nothing here: both heads stand alike.

    Args:
        params: a sample's ``params/ID.npz`` of ``facegen synth``: expression, poses, betas,
            transl, camera ``[focal, cx, cy, width, height]``.
        matrix: ``(2, 3)`` from the picture to a crop of ``side`` pixels.
    """
    values = {
        name: torch.from_numpy(np.asarray(params[name], np.float32))[None]
        for name in ("betas", "expression", *POSES, "transl")
    }
    still = values | {name: torch.zeros_like(values[name]) for name in ("expression", "jaw_pose")}
    layer = head_layer(head)
    with torch.no_grad():
        shown, calm = (layer(**v).vertices[0].numpy() for v in (values, still))
    focal, cx, cy, width, height = map(float, params["camera"])
    lens = Camera(focal, cx, cy, round(width), round(height))
    moved = np.clip(np.linalg.norm(shown - calm, axis=1, keepdims=True) / _FULL, 0, 1)
    drawn, _, _ = rasterize_attributes(
        lens.project(shown), head.faces, moved.astype(np.float32), lens.height, lens.width
    )
    fine = matrix.astype(np.float64).copy()
    # OpenCV puts pixel centres at integers.
    fine[:, 2] += fine[:, :2].sum(1) / 2 - 0.5
    return np.asarray(cv2.warpAffine(drawn[..., 0], fine, (side, side)), np.float32)


def small_masks(
    samples: Sequence[Mapping[str, NDArray]],
    head: HeadModel,
    matrices: Array,
    side: int,
    cells: int,
) -> Tensor:
    """Masks of samples on a coarse grid: ``(N, cells, cells)`` 0..1."""
    out = [
        cv2.resize(action_mask(p, head, m, side), (cells, cells), interpolation=cv2.INTER_AREA)
        for p, m in zip(samples, matrices, strict=True)
    ]
    return torch.from_numpy(np.array(out, np.float32).reshape(-1, cells, cells))
