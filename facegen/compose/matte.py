"""The person matte: how much of each pixel belongs to the person."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

# Segmentation networks hedge: below and above these the answer is taken as certain.
SURE_OUT, SURE_IN = 0.2, 0.8
# Guided-filter window radius in units of the inter-ocular distance.
RADIUS_PER_IOD = 0.12
_MAX_SIDE = 1024
# Colour steps (of 255) from the background below which a soft edge pixel is taken as background,
# and from which it is left as it is.
_SAME, _OTHER = 6.0, 24.0


def refine_matte(
    matte: NDArray, image: NDArray[np.uint8], iod: float, sharpness: float = 1e-3
) -> NDArray[np.float32]:
    """Snap a soft segmentation to the image's own edges.

    A guided filter (He et al. 2013, "Guided image filtering", grey guide) at up to 1024 px.

    Args:
        matte: ``(h, w)`` uint8 or float 0..1, any resolution.
        image: ``(H, W, 3)`` uint8.
        iod: inter-ocular distance in pixels of ``image``.
        sharpness: regulariser on 0..1 intensities; smaller follows weaker edges.

    Returns:
        ``(H, W)`` float32 in 0..1, exactly 0 and 1 away from the edge.
    """
    height, width = image.shape[:2]
    scale = min(1.0, _MAX_SIDE / max(height, width))
    small = (max(1, round(width * scale)), max(1, round(height * scale)))
    guide = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), small, interpolation=cv2.INTER_AREA)
    guide = guide.astype(np.float32) / 255
    soft = cv2.resize(as_unit(matte), small, interpolation=cv2.INTER_LINEAR)
    radius = max(2, round(RADIUS_PER_IOD * iod * scale))
    slope, offset = _guided_coefficients(guide, soft, radius, sharpness)
    full_guide = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    full = cv2.resize(slope, (width, height)) * full_guide + cv2.resize(offset, (width, height))
    return np.clip((full - SURE_OUT) / (SURE_IN - SURE_OUT), 0, 1)


def drop_fringe(
    person: NDArray[np.float32], patch: NDArray[np.uint8], background: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Take soft edge pixels that look like the background out of the matte.

    They would travel with the head as a pale line. Where hair really has the wall's colour nothing
    is lost either: both show the same.

    Args:
        person: ``(h, w)`` matte. patch, background: ``(h, w, 3)`` with and without the person.
    """
    step = np.abs(patch.astype(np.float32) - background).max(-1)
    other = cv2.blur(np.clip((step - _SAME) / (_OTHER - _SAME), 0, 1), (3, 3))
    return np.where(person < 0.98, person * other, person).astype(np.float32)


def as_unit(matte: NDArray) -> NDArray[np.float32]:
    """A matte as float32 0..1, whatever it came as."""
    if matte.dtype == np.uint8:
        return matte.astype(np.float32) / 255
    return np.clip(matte, 0, 1).astype(np.float32)


def _guided_coefficients(
    guide: NDArray[np.float32], target: NDArray[np.float32], radius: int, sharpness: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    def mean(image: NDArray[np.float32]) -> NDArray[np.float32]:
        return cv2.blur(image, (2 * radius + 1, 2 * radius + 1))

    guide_mean, target_mean = mean(guide), mean(target)
    covariance = mean(guide * target) - guide_mean * target_mean
    slope = covariance / (mean(guide * guide) - guide_mean**2 + sharpness)
    return mean(slope), mean(target_mean - slope * guide_mean)
