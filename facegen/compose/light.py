"""The photo's light, judged by the skin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facegen.flame.lighting import SH_FACTORS, default_light

# Weight of the default light, in shares of the pixels: what the skin does not show stays usual.
_PRIOR = 0.02
# Pixels this many times worse than the median are not skin.
_OUTLIER = 2.5


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
    usual = default_light().double().numpy()
    if not seen.any():
        return usual.astype(np.float32)
    x, y, z = normal[seen].astype(np.float64).T
    terms = [np.ones_like(x), x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1]
    basis = np.stack(terms, -1) * np.array(SH_FACTORS)
    rows = basis[:, None] * albedo[seen][..., None]
    colour = image[seen] / 255.0
    light = _fit(rows, colour, usual)
    # A hat, a fringe or a beard is not skin: what fits worst is left out of a second round.
    error = np.abs(np.einsum("nck,kc->nc", rows, light) - colour).max(1)
    likely = error <= _OUTLIER * np.median(error)
    return _fit(rows[likely], colour[likely], usual).astype(np.float32)


def _fit(
    rows: NDArray[np.float64], colour: NDArray[np.float64], usual: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Ridge regression ``(9, 3)`` of ``rows (N, 3, 9)`` on ``colour (N, 3)``."""
    light = np.empty((9, 3))
    for channel in range(3):
        system = rows[:, channel].T @ rows[:, channel]
        target = rows[:, channel].T @ colour[:, channel]
        prior = usual[:, channel]
        # How bright it is the picture says alone; directions are drawn to the usual ones.
        prior = prior * (prior @ target) / (prior @ system @ prior)
        ridge = _PRIOR * np.trace(system) / 9 * np.eye(9)
        light[:, channel] = np.linalg.solve(system + ridge, target + ridge @ prior)
    return light
