"""What the regressors answer, in smplx names."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class FaceCodes:
    """FLAME 2020 parameters of B crops.

    Attributes:
        betas: ``(B, S)`` identity. expression: ``(B, E)``.
        global_orient, jaw_pose: ``(B, 3)`` radians, axis-angle; the root turns head and shoulders.
        camera: ``(B, 3)`` weak perspective ``s, tx, ty``: a model point lands at
            ``s * (x + tx), s * (y + ty)``, 1 being half the crop, y up.
        eyelids: ``(B, 2)`` left and right lid blendshapes 0..1, or None.
    """

    betas: Tensor
    expression: Tensor
    global_orient: Tensor
    jaw_pose: Tensor
    camera: Tensor
    eyelids: Tensor | None = None
