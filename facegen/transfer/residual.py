"""How far a converted motion is from the original, on the skin and in the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facegen.flame.landmark_model import rest_joints
from facegen.motion import Motion
from facegen.transfer.basis import BasisConversion, for_head, skin_moves

# Pixels between the eyes in which landmark residuals are given.
EYE_PIXELS = 100.0


@dataclass(frozen=True)
class Residual:
    """Over all frames; millimetres on the target's face, pixels at 100 px between the eyes.

    Attributes:
        moved_mm: root mean square of the movement itself, to compare with.
        rms_mm, p95_mm, max_mm: of what is missing. landmark_px, landmark_p95_px: of the 478
            landmarks, mean and 95th percentile, nan where the target has none.
        surface_mm: distance of the two surfaces where they were laid onto each other.
    """

    moved_mm: float
    rms_mm: float
    p95_mm: float
    max_mm: float
    landmark_px: float
    landmark_p95_px: float
    surface_mm: float

    def __str__(self) -> str:
        return (
            f"rms {self.rms_mm:.3f} mm of {self.moved_mm:.2f} moved, p95 {self.p95_mm:.3f}, max "
            f"{self.max_mm:.2f}; landmarks {self.landmark_px:.3f} px, p95 "
            f"{self.landmark_p95_px:.3f}; surfaces {self.surface_mm:.2f} mm apart"
        )


def residual(conversion: BasisConversion, original: Motion, converted: Motion) -> Residual:
    """Compare a motion and its conversion by expression and jaw alone (pose and gaze are exact).

    Args:
        original: of ``conversion.source``. converted: of ``conversion.target``.
    """
    target, points = conversion.target, conversion.points
    _, scale = conversion.identity(original.betas)
    weight = conversion.trust / conversion.trust.sum()
    eyes = rest_joints(target, converted.betas)[3:5]
    pixels = EYE_PIXELS / float(np.linalg.norm(eyes[0] - eyes[1]))
    landmarks = target.landmarks.get("mediapipe478")
    inside = np.full(target.n_vertices, -1)
    inside[points.vertices] = np.arange(len(points.vertices))
    corners, bary = np.zeros((0, 3), int), np.zeros((0, 3))
    if landmarks is not None:
        corners = inside[target.faces[landmarks.faces]]
        known = (corners >= 0).all(1)
        corners, bary = corners[known], landmarks.bary[known]
    moved, missing, marks = [], [], []
    frames = zip(
        conversion.displacements(for_head(original, conversion.source)),
        skin_moves(target, converted),
        strict=True,
    )
    for wanted, got in frames:
        error = scale * wanted - got[points.vertices]
        moved.append(weight @ ((scale * wanted) ** 2).sum(1))
        missing.append(np.linalg.norm(error, axis=1))
        # Depth is not seen in a picture.
        marks.append(np.linalg.norm(np.einsum("lk,lkn->ln", bary, error[corners])[:, :2], axis=1))
    lengths, drawn = 1000 * np.array(missing), pixels * np.array(marks)
    counted = lengths[:, conversion.trust > 0.5]
    return Residual(
        moved_mm=1000 * float(np.sqrt(np.mean(moved))),
        rms_mm=float(np.sqrt((lengths**2 @ weight).mean())),
        p95_mm=float(np.percentile(counted, 95)),
        max_mm=float(counted.max()),
        landmark_px=float(drawn.mean()) if drawn.size else float("nan"),
        landmark_p95_px=float(np.percentile(drawn, 95)) if drawn.size else float("nan"),
        surface_mm=points.misfit_mm,
    )
