"""The photo's light, judged by the skin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facegen.flame.lighting import SH_FACTORS, default_light

# Weight of the default light, in shares of the pixels: what the skin does not show stays usual.
_PRIOR = 0.02


def white_under(skin: NDArray[np.float32]) -> NDArray[np.float32]:
    """How a white surface would look where the skin looks like this, ``(3,)`` 0..255.

    Teeth are about as bright as the skin's red in light skin, and brighter than dark skin.
    """
    level = float(skin.max())
    white = 0.35 * level + 0.65 * 190 * (level / 190) ** 0.35
    tint = (skin / max(level, 1)) ** 0.25
    return np.minimum(1.15 * white * tint / tint.mean(), 245).astype(np.float32)


def estimate_light(
    image: NDArray[np.uint8],
    normal: NDArray[np.float32],
    albedo: NDArray[np.float32],
    seen: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """Spherical-harmonic light under which the head looks most like the picture.

    Least squares per colour (Ramamoorthi & Hanrahan 2001), drawn to the default light.

    Args:
        image: ``(H, W, 3)``. normal, albedo: ``(H, W, 3)`` unit vectors and colours 0..1.
        seen: ``(H, W)``, skin pixels to judge by.

    Returns:
        ``(9, 3)`` coefficients (see ``facegen.flame.lighting``).
    """
    usual = default_light().numpy().astype(np.float64)
    if not seen.any():
        return usual.astype(np.float32)
    x, y, z = normal[seen].astype(np.float64).T
    terms = [np.ones_like(x), x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1]
    basis = np.stack(terms, -1) * np.array(SH_FACTORS)
    colour = image[seen] / 255.0
    light = np.empty((9, 3))
    for channel in range(3):
        rows = basis * albedo[seen][:, channel : channel + 1]
        # The whole picture's brightness is data, its directions are drawn to the usual ones.
        level = (
            (rows @ usual[:, channel])
            @ colour[:, channel]
            / ((rows @ usual[:, channel]) ** 2).sum()
        )
        ridge = _PRIOR * np.trace(rows.T @ rows) / 9 * np.eye(9)
        prior = level * usual[:, channel]
        light[:, channel] = np.linalg.solve(
            rows.T @ rows + ridge, rows.T @ colour[:, channel] + ridge @ prior
        )
    return light.astype(np.float32)
