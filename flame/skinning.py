"""Linear blend skinning of a ``HeadModel`` in torch: batched and differentiable.

Written from the published equations (Loper et al. 2015, SMPL, eq. 2-10; Li et al. 2017, FLAME).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from facegen.flame.model import PARENTS, HeadModel

POSE_NAMES = ("global_orient", "neck_pose", "jaw_pose", "leye_pose", "reye_pose")


def rotation_matrices(axis_angle: Tensor) -> Tensor:
    """Rodrigues' formula, smooth at zero.

    Args:
        axis_angle: ``(..., 3)`` radians.

    Returns:
        ``(..., 3, 3)`` rotation matrices.
    """
    squared = (axis_angle * axis_angle).sum(-1)
    small = squared < 1e-8
    safe = torch.where(small, torch.ones_like(squared), squared)
    angle = safe.sqrt()
    # Taylor series near zero keep values and both derivatives finite there.
    a = torch.where(small, 1 - squared / 6, angle.sin() / angle)
    b = torch.where(small, 0.5 - squared / 24, (1 - angle.cos()) / safe)
    x, y, z = axis_angle.unbind(-1)
    zero = torch.zeros_like(x)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1)
    skew = skew.reshape(*axis_angle.shape[:-1], 3, 3)
    eye = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    return eye + a[..., None, None] * skew + b[..., None, None] * (skew @ skew)


class Posed(NamedTuple):
    """``vertices (B, V, 3)`` and ``joints (B, 5, 3)`` in camera space, metres."""

    vertices: Tensor
    joints: Tensor


class HeadLayer(nn.Module):
    """Poses a head: coefficients in, vertices out.

    Args:
        model: the head.
        dtype: float32 or float64.
    """

    def __init__(self, model: HeadModel, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.n_shape, self.n_expression = model.n_shape, model.n_expression

        def constant(name: str, array: object) -> None:
            self.register_buffer(name, torch.as_tensor(array, dtype=dtype), persistent=False)

        v = model.n_vertices
        template = model.v_template.astype("float64")
        blend = model.shapedirs.astype("float64")
        regressor = model.J_regressor.astype("float64")
        constant("template", template.reshape(-1))
        # One fused product over shape, expression and pose-correctives (performance study, 2).
        constant(
            "basis",
            torch.cat(
                [
                    torch.as_tensor(blend).reshape(3 * v, -1).T,
                    torch.as_tensor(model.posedirs.astype("float64")).reshape(3 * v, 36).T,
                ]
            ),
        )
        constant("joint_template", regressor @ template)
        constant(
            "joint_basis", torch.einsum("jv,vck->kjc", torch.tensor(regressor), torch.tensor(blend))
        )
        constant("weights", model.weights)

    template: Tensor
    basis: Tensor
    joint_template: Tensor
    joint_basis: Tensor
    weights: Tensor

    def coefficients(self, batch: int, values: dict[str, Tensor | None]) -> dict[str, Tensor]:
        """Missing coefficients as zeros, short ones padded with zeros: ``(B, n)`` each."""
        sizes = dict.fromkeys((*POSE_NAMES, "transl"), 3)
        sizes |= {"betas": self.n_shape, "expression": self.n_expression}
        out = {}
        for name, size in sizes.items():
            value = values.get(name)
            if value is None:
                out[name] = self.template.new_zeros(batch, size)
                continue
            if value.ndim != 2 or value.shape[1] > size or value.shape[0] not in (1, batch):
                raise ValueError(
                    f"{name}: shape {tuple(value.shape)}, expected ({batch}, <= {size})"
                )
            padded = nn.functional.pad(value, (0, size - value.shape[1]))
            out[name] = padded.expand(batch, size)
        return out

    def forward(
        self,
        betas: Tensor | None = None,
        expression: Tensor | None = None,
        global_orient: Tensor | None = None,
        neck_pose: Tensor | None = None,
        jaw_pose: Tensor | None = None,
        leye_pose: Tensor | None = None,
        reye_pose: Tensor | None = None,
        transl: Tensor | None = None,
    ) -> Posed:
        """Pose a batch of heads.

        Args:
            betas: ``(B | 1, <= S)``. expression: ``(B | 1, <= E)``.
            global_orient, neck_pose, jaw_pose, leye_pose, reye_pose: ``(B | 1, 3)`` radians.
            transl: ``(B | 1, 3)`` metres.

        Raises:
            ValueError: a shape does not fit.
        """
        given = {
            "betas": betas,
            "expression": expression,
            "global_orient": global_orient,
            "neck_pose": neck_pose,
            "jaw_pose": jaw_pose,
            "leye_pose": leye_pose,
            "reye_pose": reye_pose,
            "transl": transl,
        }
        batch = max([1, *(t.shape[0] for t in given.values() if t is not None)])
        c = self.coefficients(batch, given)
        rotations = rotation_matrices(torch.stack([c[n] for n in POSE_NAMES], 1))
        identity = torch.eye(3, dtype=rotations.dtype, device=rotations.device)
        features = (rotations[:, 1:] - identity).reshape(batch, 36)
        shape = torch.cat([c["betas"], c["expression"]], 1)
        flat = torch.addmm(self.template, torch.cat([shape, features], 1), self.basis)
        rest = flat.reshape(batch, -1, 3)
        joints = self.joint_template + torch.einsum("bk,kjc->bjc", shape, self.joint_basis)
        linear, offset, posed_joints = _chain(rotations, joints)
        # One 3x4 matrix per vertex: cheaper than five partial blends.
        packed = torch.cat([linear.reshape(batch, 5, 9), offset], -1)
        per_vertex = torch.einsum("vj,bjk->bvk", self.weights, packed)
        matrix = per_vertex[..., :9].unflatten(-1, (3, 3))
        vertices = (matrix @ rest[..., None])[..., 0] + per_vertex[..., 9:]
        move = c["transl"][:, None]
        return Posed(vertices + move, posed_joints + move)


def _chain(rotations: Tensor, joints: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """World transforms of the joints relative to the rest pose.

    Args:
        rotations: ``(B, 5, 3, 3)`` local. joints: ``(B, 5, 3)`` rest positions.

    Returns:
        linear ``(B, 5, 3, 3)``, offset ``(B, 5, 3)`` and posed joints ``(B, 5, 3)``.
    """
    world: list[Tensor] = []
    position: list[Tensor] = []
    for j, parent in enumerate(PARENTS):
        if parent < 0:
            world.append(rotations[:, j])
            position.append(joints[:, j])
            continue
        bone = (joints[:, j] - joints[:, parent])[..., None]
        world.append(world[parent] @ rotations[:, j])
        position.append(position[parent] + (world[parent] @ bone)[..., 0])
    linear, posed = torch.stack(world, 1), torch.stack(position, 1)
    offset = posed - (linear @ joints[..., None])[..., 0]
    return linear, offset, posed
