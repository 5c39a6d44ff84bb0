"""Puts the pieces into a ``HeadModel`` in metres, with priors and bounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegen.flame.model import HeadModel
from facegen.headbuild import expressions
from facegen.headbuild.mesh import HeadMesh
from facegen.headbuild.regions import REGION_NAMES

Array = NDArray[np.float64]
DM = 0.1
# Lowest and highest angle about x, y, z per joint: root, neck, jaw, eyes.
JOINT_BOUNDS = (
    ((-1.6, 1.6),) * 3,
    ((-1.6, 1.6),) * 3,
    ((-0.03, 0.55), (-0.15, 0.15), (-0.02, 0.02)),
    ((-0.6, 0.6), (-0.6, 0.6), (-0.02, 0.02)),
    ((-0.6, 0.6), (-0.6, 0.6), (-0.02, 0.02)),
)
SOURCE = (
    "MakeHuman/MPFB2 base mesh, targets, rig weights and skins and the Face Units pack "
    "(all CC0-1.0); identity covariance measured with ICT-FaceKit (MIT, (c) 2020 USC ICT); "
    "landmarks found with MediaPipe (Apache-2.0) and calibrated on CC0 portraits"
)


@dataclass(frozen=True)
class Geometry:
    """Everything that moves, in decimetres (regressor and weights without unit).

    Attributes:
        template: ``(N, 3)``. identity: ``(N, 3, S)``. expression: ``(N, 3, E)``.
        expression_names: E. correctives: ``(N, 3, 36)``. regressor: ``(5, N)``.
        weights: ``(N, 5)``. neck: ``(N,)`` share that turns with the head.
    """

    template: Array
    identity: Array
    expression: Array
    expression_names: tuple[str, ...]
    correctives: Array
    regressor: Array
    weights: Array
    neck: Array

    def origin(self) -> Array:
        """Model origin: 3 cm over the neck joint, near FLAME's."""
        return self.regressor[1] @ self.template + np.array([0, 0.3, 0])

    def metres(self) -> Array:
        """Template in metres around the origin."""
        return (self.template - self.origin()) * DM


def head_model(mesh: HeadMesh, geometry: Geometry, masks: dict[str, Array],
               labels: NDArray[np.uint8]) -> HeadModel:  # fmt: skip
    """The model without landmarks and albedo."""
    names = geometry.expression_names
    shapes = np.concatenate([geometry.identity, geometry.expression], 2) * DM
    return HeadModel(
        version="open-1",
        v_template=geometry.metres().astype(np.float32),
        shapedirs=shapes.astype(np.float32),
        posedirs=(geometry.correctives * DM).astype(np.float32),
        J_regressor=geometry.regressor.astype(np.float32),
        weights=geometry.weights.astype(np.float32),
        faces=mesh.faces.astype(np.int32),
        face_regions=labels,
        region_names=REGION_NAMES,
        expression_names=names,
        expression_bounds=np.array([expressions.bounds(n) for n in names], np.float32),
        expression_sigma=np.array([expressions.sigma(n) for n in names], np.float32),
        expression_free=np.array([expressions.is_free(n) for n in names]),
        shape_sigma=np.ones(geometry.identity.shape[2], np.float32),
        joint_bounds=np.array(JOINT_BOUNDS, np.float32),
        masks={name: m.astype(np.float32) for name, m in masks.items()},
        uv=mesh.uv.astype(np.float32),
        uv_faces=mesh.uv_faces.astype(np.int32),
        licence="CC0-1.0",
        source=SOURCE,
    )
