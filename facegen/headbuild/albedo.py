"""Per-vertex colour: mean and principal directions of CC0 skins, irises, teeth and tongue."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegen.errors import UsageError
from facegen.headbuild.eyeballs import N_EYE, eye_directions
from facegen.headbuild.mesh import (
    EYE_LEFT,
    EYE_RIGHT,
    TEETH_LOWER,
    TEETH_UPPER,
    TONGUE,
    HeadMesh,
)
from facegen.headbuild.texture import read_picture, sample_at_vertices

Array = NDArray[np.float64]
N_SKIN_DIRS = 6
TEETH = (0.87, 0.83, 0.75)
TONGUE_COLOUR = (0.68, 0.36, 0.37)
MOUTH = (0.36, 0.13, 0.13)
SCLERA = (0.90, 0.87, 0.85)
PUPIL = (0.02, 0.02, 0.02)
PUPIL_DEG, LIMBUS_DEG, IRIS_DEG = 8.0, 17.0, 21.5
# Brown, hazel, green, grey, blue; brown is by far the most frequent.
IRISES = (
    (0.26, 0.15, 0.08), (0.30, 0.18, 0.10), (0.22, 0.12, 0.07), (0.36, 0.27, 0.15),
    (0.33, 0.37, 0.24), (0.42, 0.46, 0.48), (0.35, 0.46, 0.56),
)  # fmt: skip


def skin_colours(mesh: HeadMesh, skins: Path) -> Array:
    """``(n, N, 3)`` sRGB of every skin picture under a folder, made symmetric.

    Raises:
        UsageError: no picture there.
    """
    files = sorted(skins.glob("*/*.jpg"))
    if not files:
        raise UsageError(f"no CC0 skins in {skins}; give the data folder with: --data FOLDER")
    colours = np.stack([sample_at_vertices(mesh, read_picture(f, 3.0)) for f in files])
    return (colours + colours[:, mesh.mirror]) / 2


def albedo_basis(mesh: HeadMesh, skins: Path, inside: Array) -> tuple[Array, Array]:
    """Mean ``(N, 3)`` and directions ``(N, 3, 8)`` per standard deviation: 6 of skin, 2 of irises.

    Args:
        inside: ``(N,)`` mask of the mouth cavity.
    """
    colours = skin_colours(mesh, skins)
    mean = colours.mean(0)
    _, s, vt = np.linalg.svd((colours - mean).reshape(len(colours), -1), full_matrices=False)
    dirs = vt[:N_SKIN_DIRS] * s[:N_SKIN_DIRS, None] / np.sqrt(len(colours) - 1)
    peak = np.abs(dirs).argmax(1)
    dirs *= np.sign(dirs[np.arange(len(dirs)), peak])[:, None]
    dirs = dirs.T.reshape(-1, 3, N_SKIN_DIRS)
    cavity = inside[:, None]
    mean = (1 - cavity) * mean + cavity * np.array(MOUTH)
    dirs *= 1 - 0.7 * cavity[..., None]
    for parts, colour in (((TEETH_UPPER, TEETH_LOWER), TEETH), ((TONGUE,), TONGUE_COLOUR)):
        chosen = np.isin(mesh.part, parts)
        mean[chosen] = colour
        dirs[chosen] *= 0
    eye_mean, eye_dirs = _eye_colours()
    out = np.concatenate([dirs, np.zeros((len(mesh), 3, eye_dirs.shape[2]))], 2)
    for part in (EYE_LEFT, EYE_RIGHT):
        chosen = mesh.part == part
        mean[chosen] = eye_mean
        out[chosen] = np.concatenate([np.zeros((N_EYE, 3, N_SKIN_DIRS)), eye_dirs], 2)
    return mean, out


def _eye_colours() -> tuple[Array, Array]:
    """Mean ``(289, 3)`` and two iris directions ``(289, 3, 2)``."""
    polar = np.degrees(np.arccos(np.clip(eye_directions()[:, 2], -1, 1)))
    irises = np.array(IRISES)
    mean = irises.mean(0)
    _, s, vt = np.linalg.svd(irises - mean)
    spread = vt[:2] * s[:2, None] / np.sqrt(len(irises) - 1)
    colour = np.tile(np.array(SCLERA), (N_EYE, 1))
    iris = (polar >= PUPIL_DEG) & (polar < IRIS_DEG)
    colour[iris] = mean
    # The limbal ring is darker.
    limbus = iris & (polar > LIMBUS_DEG)
    colour[limbus] = 0.55 * mean
    colour[polar < PUPIL_DEG] = PUPIL
    dirs = np.where(iris, np.where(limbus, 0.55, 1.0), 0.0)[:, None, None] * spread.T
    return colour, dirs
