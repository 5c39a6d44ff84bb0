"""Head skinning written straight from the equations: slow, plain, float64; the tests' oracle.

Loper et al. 2015 (SMPL) eq. 2-10 in the notation of Li et al. 2017 (FLAME) eq. 1-6. Shares no
code with ``skinning.py`` on purpose: rotations come from the matrix exponential, joints are
posed by 4x4 matrices, one at a time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from facegen.flame.model import PARENTS, HeadModel

Array = NDArray[np.float64]


def rotation(axis_angle: Array) -> Array:
    """Rotation matrix ``(3, 3)`` of an axis-angle vector: the exponential of its cross product."""
    x, y, z = axis_angle
    return np.asarray(expm(np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]], float)))


def _rigid(linear: Array, offset: Array) -> Array:
    out = np.eye(4)
    out[:3, :3], out[:3, 3] = linear, offset
    return out


def pose_head(
    model: HeadModel, betas: Array, expression: Array, poses: Array, transl: Array
) -> tuple[Array, Array]:
    """Pose one head.

    Args:
        betas: ``(S,)``. expression: ``(E,)``. poses: ``(5, 3)`` radians, joints in the order of
            ``conventions.md``. transl: ``(3,)`` metres.

    Returns:
        vertices ``(V, 3)`` and joints ``(5, 3)`` in metres.
    """
    shapedirs = model.shapedirs.astype(float)
    weights = model.weights.astype(float)
    local = np.array([rotation(p) for p in poses])
    shaped = model.v_template.astype(float) + shapedirs @ np.concatenate([betas, expression])
    joints = model.J_regressor.astype(float) @ shaped
    rest = shaped + model.posedirs.astype(float) @ (local[1:] - np.eye(3)).reshape(36)

    world: list[Array] = []
    for j, parent in enumerate(PARENTS):
        bone = joints[j] - (joints[parent] if parent >= 0 else 0)
        step = _rigid(local[j], bone)
        world.append(world[parent] @ step if parent >= 0 else step)
    # G' of eq. 4: undo the rest position of the joint before its transform is applied.
    skinning = np.array([g @ _rigid(np.eye(3), -joints[j]) for j, g in enumerate(world)])
    blended = np.einsum("vj,jab->vab", weights, skinning)
    posed = np.einsum("vab,vb->va", blended, np.pad(rest, ((0, 0), (0, 1)), constant_values=1))
    return posed[:, :3] + transl, np.array([g[:3, 3] for g in world]) + transl
