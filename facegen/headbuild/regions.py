"""Soft vertex masks and hard triangle labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegen.headbuild.mesh import (
    EYE_LEFT,
    EYE_RIGHT,
    SKIN,
    TEETH_LOWER,
    TEETH_UPPER,
    TONGUE,
    HeadMesh,
)
from facegen.headbuild.texture import read_picture, sample_at_vertices

Array = NDArray[np.float64]
REGION_NAMES = (
    "none", "skin", "lips", "ears", "scalp", "neck", "mouth",
    "teeth_upper", "teeth_lower", "tongue", "eye_left", "eye_right",
)  # fmt: skip
PART_REGION = {
    TEETH_UPPER: "teeth_upper",
    TEETH_LOWER: "teeth_lower",
    TONGUE: "tongue",
    EYE_LEFT: "eye_left",
    EYE_RIGHT: "eye_right",
}
PAINTED = {"lips": "lips", "inside": "inside-mouth", "ears": "ears", "face": "face",
           "eyelids": "eyelids"}  # fmt: skip


def vertex_masks(mesh: HeadMesh, root: Path, v: Array, neck: Array) -> dict[str, Array]:
    """Masks ``(N,)`` in 0..1 by name.

    Args:
        root: the wheel's data folder (its uv masks are CC0).
        v: ``(N, 3)`` template, metres, neck joint 3 cm under the origin.
        neck: ``(N,)`` part of each vertex that turns with the head.
    """
    skin = mesh.part == SKIN
    masks = {
        name: skin * sample_at_vertices(mesh, read_picture(_painting(root, file), 1.5))[:, 0]
        for name, file in PAINTED.items()
    }
    lower = np.clip((0.035 - v[:, 1] - 0.25 * v[:, 2]) / 0.02, 0, 1)
    masks["neck"] = skin * np.maximum(1 - neck, lower) * (1 - masks["face"]) * (1 - masks["inside"])
    eye = v[mesh.part == EYE_LEFT].mean(0)
    masks["brow"] = skin * _brow(v, eye[1]) * (1 - masks["inside"])
    masks["scalp"] = skin * _above_hairline(v) * (1 - masks["ears"])
    masks["hair_shell"] = _hair_shell(mesh, v, masks)
    return {name: np.clip((m + m[mesh.mirror]) / 2, 0, 1) for name, m in masks.items()}


def _painting(root: Path, name: str) -> Path:
    return root / "mpfb2" / "textures" / f"mpfb_{name}.jpg"


def _brow(v: Array, eye_height: float) -> Array:
    """A brow-shaped band over the eyes."""
    side = np.abs(v[:, 0])
    arch = 0.004 * np.clip((side - 0.012) / 0.02, 0, 1)
    drop = 0.006 * np.clip((side - 0.034) / 0.014, 0, 1) ** 2
    width = 0.0042 - 0.0025 * np.clip((side - 0.03) / 0.02, 0, 1)
    band = np.exp(-(((v[:, 1] - eye_height - 0.0185 - arch + drop) / width) ** 2))
    return band * (side > 0.010) * (side < 0.050) * (v[:, 2] > 0.09)


def _above_hairline(v: Array) -> Array:
    """Where hair grows: behind a line that falls from the forehead to the nape."""
    line = 0.150 - np.clip(0.075 - v[:, 2], 0, 0.13)
    return np.clip((v[:, 1] - line) / 0.01 + 0.5, 0, 1)


def _hair_shell(mesh: HeadMesh, v: Array, masks: dict[str, Array]) -> Array:
    """Where a volume of hair may stand off the skin: crown, sides and back."""
    skin = mesh.part == SKIN
    above_jaw = np.clip((v[:, 1] - 0.015) / 0.05, 0, 1)
    front = np.clip((v[:, 2] - 0.075) / 0.03, 0, 1) * np.clip((0.135 - v[:, 1]) / 0.02, 0, 1)
    bare = np.clip(1.3 * masks["face"] + 2 * masks["ears"] + masks["inside"], 0, 1)
    shell = skin * (1 - bare) * above_jaw * (1 - front)
    averaging = mesh.averaging()
    for _ in range(6):
        shell = skin * (shell + averaging @ shell) / 2
    return shell * (1 - bare)


def label_faces(mesh: HeadMesh, masks: dict[str, Array]) -> NDArray[np.uint8]:
    """``(F,)`` index into ``REGION_NAMES``; later rules win."""
    corners = mesh.faces
    out = np.full(len(corners), REGION_NAMES.index("skin"), np.uint8)
    rules = (("scalp", "scalp"), ("neck", "neck"), ("lips", "lips"), ("ears", "ears"),
             ("inside", "mouth"))  # fmt: skip
    for mask, region in rules:
        out[masks[mask][corners].mean(1) > 0.5] = REGION_NAMES.index(region)
    part = mesh.part[corners].max(1)
    for label, region in PART_REGION.items():
        out[part == label] = REGION_NAMES.index(region)
    return out
