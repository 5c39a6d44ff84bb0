"""Light as second-order spherical harmonics (Ramamoorthi & Hanrahan 2001, "An efficient
representation for irradiance environment maps").

Nine coefficients per colour, in the order ``1, x, y, z, xy, xz, yz, x^2 - y^2, 3 z^2 - 1`` of the
camera-space normal, with the factors of DECA's renderer (Feng et al. 2021): order and scale are
those of the light codes that DECA and its relatives publish.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

GREY = 0.7
"""Albedo of a surface without colours."""

_Y0 = 0.5 / math.sqrt(math.pi)
_Y1 = math.sqrt(3 / (4 * math.pi))
_Y2 = math.sqrt(15 / (4 * math.pi))
# Harmonics times the cosine lobe's factor of their order (2 pi / 3, pi / 4); 1 for the constant.
SH_FACTORS = (
    _Y0,
    *(2 * math.pi / 3 * _Y1,) * 3,
    *(math.pi / 4 * _Y2,) * 3,
    math.pi / 4 * _Y2 / 2,
    math.pi / 4 * _Y2 / math.sqrt(12),
)


def sh_basis(normals: Tensor) -> Tensor:
    """The nine terms of every normal: ``(..., 3)`` unit vectors to ``(..., 9)``."""
    x, y, z = normals.unbind(-1)
    one = torch.ones_like(x)
    terms = [one, x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1]
    return torch.stack(terms, -1) * normals.new_tensor(SH_FACTORS)


def shade(normals: Tensor, albedo: Tensor | float, light: Tensor) -> Tensor:
    """Colour of a matte surface.

    Args:
        normals: ``(..., 3)`` unit, camera space.
        albedo: ``(..., 3)`` in 0..1, or one number.
        light: ``(9, 3)`` coefficients, or ``(B, 9, 3)`` for normals ``(B, ..., 3)``.

    Returns:
        ``(..., 3)``, 0..1 for ordinary light but not clipped.
    """
    basis = sh_basis(normals)
    if light.ndim == 3:
        basis = basis.flatten(1, -2)
    return albedo * (basis @ light.to(basis)).reshape(normals.shape)


def directional_light(
    direction: Sequence[float], *, intensity: float = 0.75, ambient: float = 0.25
) -> Tensor:
    """White light from afar plus an even share from everywhere.

    Args:
        direction: towards the light, camera space (z towards the viewer), any length.
        intensity: of a surface that faces the light. ambient: of every surface.

    Returns:
        ``(9, 3)``.
    """
    towards = torch.tensor([direction], dtype=torch.float32)
    towards = towards / towards.norm()
    cosine_lobe = torch.tensor([math.pi, *(2 * math.pi / 3,) * 3, *(math.pi / 4,) * 5])
    harmonics = sh_basis(towards)[0] / cosine_lobe
    harmonics[0] = math.pi * _Y0
    # The three orders' shares of a lobe at its peak: 1/4 + 1/2 + 5/16.
    coefficients = intensity / 1.0625 * harmonics
    coefficients[0] += ambient / _Y0
    return coefficients[:, None].repeat(1, 3)


def default_light() -> Tensor:
    """A soft light from above and the viewer's right: ``(9, 3)``."""
    return directional_light((0.3, 0.4, 0.9))
