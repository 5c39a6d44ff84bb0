"""The metrics that run everywhere: no download, no optional package."""

from __future__ import annotations

from facegen.evaluation.coherence import Seam, WarpingError
from facegen.evaluation.landmarks import Akd, EyeClosure, Gaze, MouthCorrelation, MouthOpening
from facegen.evaluation.metric import Metric
from facegen.evaluation.pixels import Psnr, Ssim
from facegen.evaluation.structure import Structure
from facegen.evaluation.temporal import Flicker, Jerk, Jitter


def embedded_metrics() -> list[Metric]:
    """In the order of the report."""
    return [
        Psnr(), Ssim(), Structure(), Akd(), MouthOpening(), MouthCorrelation(), EyeClosure(),
        Gaze(), WarpingError(), Seam(), Jerk(), Jitter(), Flicker(),
    ]  # fmt: skip
