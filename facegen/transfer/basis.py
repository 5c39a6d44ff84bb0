"""Motions from one head's coefficients to another's, by least squares on what the skin does.

FLAME's expression bases of 2020 and 2023 are not interchangeable, and the open head's are ARKit's
actions; what they share is the movement of the skin. Expression and jaw of the target are solved
together, frame by frame, so that its face moves as the source's does, point by point and scaled to
its size (Sumner and Popovic 2004 carry deformations in the same spirit). A source whose jaw opens
by a blendshape therefore opens a target whose jaw is a joint.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from facegen.errors import ModelFileError
from facegen.flame.box_solver import solve_box
from facegen.flame.correspondence import Correspondence, correspond
from facegen.flame.landmark_model import rest_joints
from facegen.flame.model import HeadModel
from facegen.flame.rotations import rotation_matrix
from facegen.flame.transfer import similarity
from facegen.motion import Motion
from facegen.posing import head_layer
from facegen.progress import progress
from facegen.tracking.head_frame import head_centres, transl_for_centres

Array = NDArray[np.float64]

LIDS = {"eyelid_left": "eyeBlinkLeft", "eyelid_right": "eyeBlinkRight"}
"""SMIRK's and metrical-tracker's lid columns, which no FLAME file has, and what they are here."""
_BATCH = 16
_STEPS = 3
# A sigma of coefficient weighs as much as this misfit in every vertex, metres.
_PRIOR = 1e-5
_IDENTITY_PRIOR = 2e-4
_JAW_TURN = 1e-4
# The open head's face mask leaves out scalp and neck; a head without masks counts all alike.
_MASK = "face"


@dataclass(frozen=True, eq=False)
class BasisConversion:
    """Carries expression, jaw and identity from ``source`` to ``target``.

    Attributes:
        points: the target's vertices on the source's surface. trust: ``(K,)`` of those vertices.
    """

    source: HeadModel
    target: HeadModel
    points: Correspondence
    trust: Array

    @classmethod
    def between(cls, source: HeadModel, target: HeadModel) -> BasisConversion:
        """Find which points of the two heads belong together (a second for different meshes).

        Raises:
            ModelFileError: a head has no labelled skin.
        """
        points = correspond(source, target)
        mask = target.masks.get(_MASK)
        trust = np.ones(len(points.vertices))
        if mask is not None:
            trust = mask[points.vertices].astype(float)
        keep = trust > 0.01
        chosen = replace(
            points,
            vertices=points.vertices[keep],
            points=replace(
                points.points, faces=points.points.faces[keep], bary=points.points.bary[keep]
            ),
        )
        return cls(source, target, chosen, trust[keep])

    def __call__(self, motion: Motion) -> Motion:
        """The same performance in the target's coefficients; the picture keeps place and size.

        Columns of no head (:data:`LIDS`) are added to the target's blinks where it has them.

        Raises:
            ModelFileError: the motion belongs to another head than ``source``.
        """
        check_basis(motion, self.source)
        betas, scale = self.identity(motion.betas)
        own = for_head(motion, self.source)
        expression = np.zeros((len(motion), self.target.n_expression))
        jaw = np.zeros((len(motion), 3))
        solver = _Solver(self, betas)
        moves = progress(self.displacements(own), len(motion), "converting")
        for frame, moved in enumerate(moves):
            expression[frame], jaw[frame] = solver(scale * moved, own.jaw_pose[frame])
        self._add_lids(expression, motion)
        converted = replace(
            motion,
            expression=expression.astype(np.float32),
            expression_names=self.target.expression_names,
            jaw_pose=jaw.astype(np.float32),
            betas=betas.astype(np.float32),
            basis=self.target.version,
        )
        # A larger head stands farther away in the same proportion, and looks the same.
        centres = scale * head_centres(own, rest_joints(self.source, own.betas))
        joints = rest_joints(self.target, betas)
        camera = motion.camera
        if camera.kind == "orthographic":
            camera = replace(camera, focal=camera.focal / scale)
        return replace(
            converted, transl=transl_for_centres(converted, joints, centres), camera=camera
        )

    def identity(self, betas: NDArray[np.floating]) -> tuple[Array, float]:
        """The target's identity for the source's ``(S,)``, and its size over the source's."""
        source, target = self.source, self.target
        shaped = source.v_template + source.shapedirs[:, :, : len(betas)] @ betas
        goal = self.points.sample(source.faces, shaped.astype(float))
        template = target.v_template[self.points.vertices].astype(float)
        basis = target.shapedirs[self.points.vertices, :, : target.n_shape].astype(float)
        weight = self.trust[:, None]
        flat = (basis * weight[:, :, None] ** 0.5).reshape(-1, target.n_shape)
        prior = np.diag((_IDENTITY_PRIOR / target.shape_sigma.astype(float)) ** 2)
        system = flat.T @ flat / len(template) + prior
        out = np.zeros(target.n_shape)
        for _ in range(5):
            linear, offset = similarity(goal, template + basis @ out, self.trust)
            residual = (goal @ linear.T + offset - template) * weight**0.5
            out = np.linalg.solve(system, flat.T @ residual.ravel() / len(template))
        return out, float(np.cbrt(np.linalg.det(linear)))

    def displacements(self, motion: Motion) -> Iterator[Array]:
        """What the source's skin does in every frame, at the target's vertices: ``(K, 3)`` metres.

        Head pose and gaze take no part.
        """
        for moved in skin_moves(self.source, motion):
            yield self.points.sample(self.source.faces, moved)

    def _add_lids(self, expression: Array, motion: Motion) -> None:
        for column, name in LIDS.items():
            if column in motion.expression_names and name in self.target.expression_names:
                index = self.target.expression_index(name)
                lid = motion.expression[:, motion.expression_names.index(column)]
                high = self.target.expression_bounds[index, 1]
                expression[:, index] = np.clip(expression[:, index] + lid, 0, high)


def check_basis(motion: Motion, head: HeadModel) -> None:
    """Refuse a motion of another head.

    Raises:
        ModelFileError: bases differ.
    """
    if motion.basis != head.version:
        raise ModelFileError(f"the motion belongs to {motion.basis}, not to {head.version}")


def for_head(motion: Motion, head: HeadModel) -> Motion:
    """A motion of ``head`` with exactly the head's expression columns; absent ones are zero."""
    check_basis(motion, head)
    if motion.expression_names == head.expression_names:
        return motion
    expression = np.zeros((len(motion), head.n_expression), np.float32)
    for column, name in enumerate(motion.expression_names):
        if name in head.expression_names:
            expression[:, head.expression_index(name)] = motion.expression[:, column]
    return replace(motion, expression=expression, expression_names=head.expression_names)


def skin_moves(head: HeadModel, motion: Motion) -> Iterator[Array]:
    """Displacement of all vertices by expression and jaw alone: ``(V, 3)`` per frame."""
    layer = head_layer(head)
    betas = torch.as_tensor(motion.betas, dtype=torch.float32)[None]
    with torch.inference_mode():
        rest = layer(betas=betas).vertices[0]
    for start in range(0, len(motion), _BATCH):
        part = motion[start : start + _BATCH].tensors()
        with torch.inference_mode():
            posed = layer(betas=betas, expression=part["expression"], jaw_pose=part["jaw_pose"])
            moved = (posed.vertices - rest).double()
        yield from moved.numpy()


@dataclass(frozen=True, eq=False)
class _Solver:
    """Gauss-Newton with bounds on one frame's expression and jaw."""

    conversion: BasisConversion
    betas: Array

    @cached_property
    def _basis(self) -> Array:
        """``(K, 3, E)``, zero for expressions that a joint makes."""
        target, chosen = self.conversion.target, self.conversion.points.vertices
        directions = target.shapedirs[chosen, :, target.n_shape :].astype(float)
        return np.asarray(directions * target.expression_free.astype(float))

    @cached_property
    def _gram(self) -> Array:
        flat = self._basis.reshape(-1, self._basis.shape[2])
        weight = np.repeat(self.conversion.trust, 3)
        return flat.T @ (flat * weight[:, None])

    @cached_property
    def _rest(self) -> Array:
        target, chosen = self.conversion.target, self.conversion.points.vertices
        shape = target.shapedirs[chosen][:, :, : len(self.betas)].astype(float)
        return target.v_template[chosen] + shape @ self.betas

    @cached_property
    def _jaw(self) -> tuple[Array, Array, Array]:
        """Skinning weights ``(K,)`` of the jaw, its joint ``(3,)``, correctives ``(K, 3, 9)``."""
        target, chosen = self.conversion.target, self.conversion.points.vertices
        correctives = target.posedirs[chosen][:, :, 9:18].astype(float)
        return (
            target.weights[chosen, 2].astype(float),
            rest_joints(target, self.betas)[2],
            correctives,
        )

    def _posed(self, expression: Array, jaw: Array) -> tuple[Array, Array]:
        """Displacement ``(K, 3)`` and the blended rotation ``(K, 3, 3)`` of every vertex."""
        weight, joint, correctives = self._jaw
        turn = rotation_matrix(jaw) - np.eye(3)
        blended = np.eye(3) + weight[:, None, None] * turn
        local = self._basis @ expression + correctives @ turn.reshape(9)
        at = self._rest + local
        moved = local + weight[:, None] * ((at - joint) @ turn.T)
        return moved, blended

    def __call__(self, goal: Array, jaw: NDArray[np.floating]) -> tuple[Array, Array]:
        """Expression ``(E,)`` and jaw ``(3,)`` of the target that move its skin by ``goal``."""
        target, trust = self.conversion.target, self.conversion.trust
        count = target.n_expression
        low = np.concatenate([target.expression_bounds[:, 0], target.joint_bounds[2, :, 0]])
        high = np.concatenate([target.expression_bounds[:, 1], target.joint_bounds[2, :, 1]])
        x = np.clip(np.concatenate([np.zeros(count), jaw]), low, high).astype(float)
        sigma = np.concatenate([target.expression_sigma, np.full(3, 0.3)])
        prior = trust.sum() * (_PRIOR / sigma) ** 2
        flat = self._basis.reshape(-1, count)
        for _ in range(_STEPS):
            moved, blended = self._posed(x[:count], x[count:])
            # Undo the jaw's turn: expressions then act as they stand in the basis.
            back = np.linalg.inv(blended)
            missing = (back @ (goal - moved)[..., None])[..., 0] * trust[:, None]
            turns = np.stack([self._turned(x, k, moved) for k in range(3)], -1)
            turns = back @ turns
            weighted = (turns * trust[:, None, None]).reshape(-1, 3)
            cross = flat.T @ weighted
            corner = turns.reshape(-1, 3).T @ weighted
            hessian = np.block([[self._gram, cross], [cross.T, corner]]) + np.diag(prior)
            gradient = np.concatenate(
                [flat.T @ missing.ravel(), turns.reshape(-1, 3).T @ missing.ravel()]
            )
            x = x + solve_box(hessian, gradient - prior * x, low - x, high - x)
        return x[:count], x[count:]

    def _turned(self, x: Array, axis: int, moved: Array) -> Array:
        """Derivative of the displacement by one angle of the jaw: ``(K, 3)``."""
        count = self.conversion.target.n_expression
        jaw = x[count:].copy()
        jaw[axis] += _JAW_TURN
        return (self._posed(x[:count], jaw)[0] - moved) / _JAW_TURN
