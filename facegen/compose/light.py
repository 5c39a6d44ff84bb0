"""The photo's light, judged by the skin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def white_under(skin: NDArray[np.float32]) -> NDArray[np.float32]:
    """How a white surface would look where the skin looks like this, ``(3,)`` 0..255.

    Teeth are about as bright as the skin's red in light skin, and brighter than dark skin.
    """
    level = float(skin.max())
    white = 0.35 * level + 0.65 * 190 * (level / 190) ** 0.35
    tint = (skin / max(level, 1)) ** 0.25
    return np.minimum(1.15 * white * tint / tint.mean(), 245).astype(np.float32)
