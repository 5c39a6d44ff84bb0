"""Which pixels belong to the person."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from facegen.faces.quiet import native_loading

_local = threading.local()


def person_matte(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Soft mask of the person, by MediaPipe's selfie segmentation (256 x 256 inside).

    Args:
        rgb: ``(H, W, 3)`` uint8.

    Returns:
        ``(H, W)`` float32 in 0..1.
    """
    picture = np.ascontiguousarray(rgb)
    if not hasattr(_local, "segmenter"):
        with native_loading():
            from mediapipe.python.solutions.selfie_segmentation import SelfieSegmentation

            _local.segmenter = SelfieSegmentation(model_selection=0)
            _local.segmenter.process(picture)
    mask = _local.segmenter.process(picture).segmentation_mask
    return np.clip(np.asarray(mask, np.float32), 0, 1)
