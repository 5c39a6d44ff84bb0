"""Action units of ARKit curves, for recognizers that tell curves."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from facegen.recognizer.au_sets import INTENSITY_MAX, units_of_curves
from facegen.recognizer.output import RecognizerOutput


def curve_output(
    curves: NDArray[np.floating], pose: NDArray[np.floating] | None = None
) -> RecognizerOutput:
    """Output with curves ``(B, 52)``, the units ``arkit23`` they make, and pose ``(B, 3)``.

    A unit's intensity is five times its strength (FACS counts A to E). A curve that is not told
    counts as still; a face that is not told at all stays NaN.
    """
    units = INTENSITY_MAX * units_of_curves(np.nan_to_num(curves))
    units[np.isnan(curves).all(1)] = np.nan
    return RecognizerOutput(
        blendshapes=torch.from_numpy(np.asarray(curves, np.float32)),
        au_intensity=torch.from_numpy(units.astype(np.float32)),
        pose=None if pose is None else torch.from_numpy(np.asarray(pose, np.float32)),
    )
