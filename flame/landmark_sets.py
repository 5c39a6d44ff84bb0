"""Which MediaPipe landmarks belong to which part of the face (indices into the 478)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
LIPS = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409,
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415,
)  # fmt: skip
EYES = (
    33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246,
    362, 382, 381, 380, 374, 373, 390, 249, 263, 466, 388, 387, 386, 385, 384, 398,
)  # fmt: skip
BROWS = (
    70, 63, 105, 66, 107, 55, 65, 52, 53, 46, 336, 296, 334, 293, 300, 285, 295, 282, 283, 276,
)  # fmt: skip
# The subject's right iris, then the left one; the first of each five is the centre.
IRISES = tuple(range(468, 478))
RIGHT_IRIS_CENTRE, LEFT_IRIS_CENTRE = 468, 473
# Pairs (upper, lower) that touch when the mouth or an eye closes.
LIP_PAIRS = ((81, 178), (82, 87), (13, 14), (312, 317), (311, 402))
RIGHT_LID_PAIRS = ((160, 144), (159, 145), (158, 153))
LEFT_LID_PAIRS = ((385, 380), (386, 374), (387, 373))


def mediapipe_weights() -> NDArray[np.float64]:
    """Trust in each of the 478 landmarks: lids and lips carry expression and are well localised."""
    weights = np.full(478, 0.5)
    weights[list(LIPS)] = 1.2
    weights[list(EYES)] = 1.5
    weights[list(BROWS)] = 0.8
    weights[list(IRISES)] = 1.0
    return weights
