"""A ``HeadModel`` cut down to its landmarks: each one a pseudo-vertex with all bases interpolated.

Differs from landmarks taken on the posed mesh by a few hundredths of a pixel, and poses hundreds
of times faster.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from facegen.errors import ModelFileError
from facegen.flame.model import HeadModel
from facegen.flame.normals import frame_normals
from facegen.flame.rotations import left_jacobian, rotation_matrix, skew

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HeadState:
    """Unknowns of a fit: shape ``(S,)``, expression ``(E,)`` free columns only, head rotation
    ``(3, 3)``, jaw ``(2,)``, eyes ``(4,)`` (left x, y, right x, y) and transl ``(3,)``."""

    shape: Array
    expression: Array
    rotation: Array
    jaw: Array
    eyes: Array
    transl: Array


@dataclass(frozen=True, eq=False)
class PointJacobian:
    """Derivatives of landmarks: ``(L, K, n)`` per group of unknowns.

    K is 3 in camera space, 2 behind a lens. ``rotation`` is by a small turn about camera axes
    applied after the present one.
    """

    rotation: Array
    transl: Array
    jaw: Array
    eyes: Array
    expression: Array
    shape: Array


@dataclass(frozen=True, eq=False)
class LandmarkModel:
    """Landmarks as pseudo-vertices. L landmarks, S identity and E free expression columns.

    Attributes:
        points: ``(L, 3)`` metres, at rest, of the identity ``betas``.
        normals: ``(L, 3)`` unit, at rest.
        shape_basis: ``(L, 3, S)``. expression_basis: ``(L, 3, E)``. pose_basis: ``(L, 3, 36)``.
        weights: ``(L, 5)`` skinning weights.
        joints: ``(5, 3)``. joint_shape: ``(5, 3, S)``. joint_expression: ``(5, 3, E)``.
        betas: identity already inside ``points`` and ``joints``, full length of the model's.
        free: columns of the model's expression basis that are fitted.
    """

    points: Array
    normals: Array
    shape_basis: Array
    expression_basis: Array
    pose_basis: Array
    weights: Array
    joints: Array
    joint_shape: Array
    joint_expression: Array
    betas: Array
    free: NDArray[np.intp]
    head: HeadModel

    @classmethod
    def from_head(
        cls, model: HeadModel, embedding: str = "mediapipe478", n_shape: int = 100
    ) -> LandmarkModel:
        """Interpolate every basis of ``model`` at the landmarks of ``embedding``.

        Raises:
            ModelFileError: the model has no such landmarks.
        """
        if embedding not in model.landmarks:
            raise ModelFileError(
                f"{model.version} has no landmarks {embedding!r}; it has "
                f"{', '.join(model.landmarks) or 'none'}"
            )
        lmk = model.landmarks[embedding]
        corners, bary = model.faces[lmk.faces], lmk.bary

        def at_landmarks(array: NDArray[np.floating]) -> Array:
            return np.einsum("lk,lk...->l...", bary, array[corners].astype(np.float64))

        s = min(n_shape, model.n_shape)
        free = np.flatnonzero(model.expression_free)
        basis = at_landmarks(model.shapedirs)
        regressor = model.J_regressor.astype(np.float64)
        template = model.v_template.astype(np.float64)
        joint_basis = np.einsum("jv,vck->jck", regressor, model.shapedirs, optimize=True)
        normals = at_landmarks(frame_normals(template, model.faces))
        columns = model.n_shape + free
        return cls(
            points=at_landmarks(template),
            normals=normals / np.linalg.norm(normals, axis=1, keepdims=True),
            shape_basis=np.ascontiguousarray(basis[:, :, :s]),
            expression_basis=np.ascontiguousarray(basis[:, :, columns]),
            pose_basis=at_landmarks(model.posedirs),
            weights=at_landmarks(model.weights),
            joints=regressor @ template,
            joint_shape=joint_basis[:, :, :s].astype(np.float64),
            joint_expression=joint_basis[:, :, columns].astype(np.float64),
            betas=np.zeros(model.n_shape),
            free=free,
            head=model,
        )

    @property
    def n_shape(self) -> int:
        return self.shape_basis.shape[2]

    @property
    def n_expression(self) -> int:
        return self.expression_basis.shape[2]

    @property
    def eye_distance(self) -> float:
        """Between the eyeball centres, metres."""
        return float(np.linalg.norm(self.joints[3] - self.joints[4]))

    def with_identity(self, betas: NDArray[np.floating]) -> LandmarkModel:
        """The same head with its identity fixed: no shape unknowns remain."""
        given = np.zeros_like(self.betas)
        given[: len(betas)] = betas
        coefficients = (given - self.betas)[: self.n_shape]
        return replace(
            self,
            points=self.points + self.shape_basis @ coefficients,
            joints=self.joints + self.joint_shape @ coefficients,
            shape_basis=self.shape_basis[:, :, :0],
            joint_shape=self.joint_shape[:, :, :0],
            betas=given,
        )

    def subset(self, landmarks: NDArray[np.intp]) -> LandmarkModel:
        """The same head with only some of its landmarks, in the given order."""
        rows = ("points", "normals", "shape_basis", "expression_basis", "pose_basis", "weights")
        return replace(self, **{name: getattr(self, name)[landmarks] for name in rows})

    def rest_state(self) -> HeadState:
        """Neutral face, looking along +z from the origin."""
        return HeadState(
            np.zeros(self.n_shape),
            np.zeros(self.n_expression),
            np.eye(3),
            np.zeros(2),
            np.zeros(4),
            np.zeros(3),
        )

    def pose(self, state: HeadState) -> Array:
        """Camera-space landmarks ``(L, 3)``, metres."""
        return PosedLandmarks(self, state).points


class PosedLandmarks:
    """Linear blend skinning with the root at rest (SMPL eq. 2-4 with FLAME's joint tree).

    Attributes:
        points: ``(L, 3)`` camera-space landmarks, metres.
    """

    def __init__(self, model: LandmarkModel, state: HeadState) -> None:
        self.model, self.state = model, state
        self.axis_angles = np.zeros((3, 3))
        self.axis_angles[0, :2] = state.jaw
        self.axis_angles[1:, :2] = state.eyes.reshape(2, 2)
        self.local = rotation_matrix(self.axis_angles)
        features = np.concatenate([state.rotation[None], self.local]) - np.eye(3)
        self.joints = (
            model.joints
            + model.joint_shape @ state.shape
            + model.joint_expression @ state.expression
        )
        self.rest = (
            model.points
            + _combine(model.shape_basis, state.shape)
            + _combine(model.expression_basis, state.expression)
            + _combine(model.pose_basis, features.reshape(36))
        )
        # Relative to the neck joint and before the head turns: jaw and eye motion only.
        w, neck = model.weights, self.joints[1]
        own = w[:, 1, None, None] * np.eye(3)
        self.blend = (w[:, 2:] @ self.local.reshape(3, 9)).reshape(-1, 3, 3) + own
        turned = w[:, 1:2] * (self.rest - neck)
        for k in range(3):
            pivot = self.joints[k + 2]
            turned += w[:, k + 2, None] * ((self.rest - pivot) @ self.local[k].T + pivot - neck)
        self.in_head = turned @ state.rotation.T
        still = w[:, :1] * (self.rest - neck)
        self.points = self.in_head + still + neck + state.transl

    def jacobian(self, lens: Array | None = None) -> PointJacobian:
        """Analytic derivatives by every unknown.

        Args:
            lens: ``(L, K, 3)`` derivative of what is measured by the camera-space landmark, by
                default the identity.
        """
        model, turn = self.model, self.state.rotation
        if lens is None:
            lens = np.broadcast_to(np.eye(3), (len(self.points), 3, 3))
        # Derivative by a landmark's own rest position.
        by_rest = lens @ (turn @ self.blend + model.weights[:, 0, None, None] * np.eye(3))
        turns = (skew(np.eye(3)) @ turn).reshape(3, 9)
        rotation = by_rest @ (model.pose_basis[:, :, :9] @ turns.T) - lens @ skew(self.in_head)
        joints = self._joints(by_rest, lens)
        expression = by_rest @ model.expression_basis
        shape = by_rest @ model.shape_basis
        for out, basis in ((expression, model.joint_expression), (shape, model.joint_shape)):
            if basis.any():
                out += lens @ self._by_joints(basis)
        return PointJacobian(rotation, lens, joints[..., :2], joints[..., 2:], expression, shape)

    def _joints(self, by_rest: Array, lens: Array) -> Array:
        """By the x and y axis-angle components of jaw, left and right eye: ``(L, K, 6)``."""
        axes = left_jacobian(self.axis_angles)[:, :, :2].transpose(0, 2, 1)
        derivative = skew(axes) @ self.local[:, None]
        arms = (self.rest[:, None] - self.joints[2:]) * self.model.weights[:, 2:, None]
        lever = (self.state.rotation @ derivative).transpose(0, 3, 2, 1).reshape(3, 3, 6)
        swing = (arms.transpose(1, 0, 2) @ lever).reshape(3, -1, 3, 2)
        blocks = self.model.pose_basis[:, :, 9:].reshape(-1, 3, 9).transpose(1, 0, 2)
        corrective = blocks @ derivative.reshape(3, 2, 9).transpose(0, 2, 1)

        def side_by_side(moved: Array) -> Array:
            return moved.reshape(3, -1, 3, 2).transpose(1, 2, 0, 3).reshape(-1, 3, 6)

        return lens @ side_by_side(swing) + by_rest @ side_by_side(corrective)

    def _by_joints(self, joint_basis: Array) -> Array:
        """What coefficients do to landmarks through the joints they move."""
        turn = self.state.rotation
        neck = (np.eye(3) - turn) @ joint_basis[1]
        moved = [np.zeros_like(neck), neck]
        for k in range(3):
            moved.append(turn @ ((np.eye(3) - self.local[k]) @ joint_basis[k + 2]) + neck)
        flat = self.model.weights @ np.stack(moved).reshape(5, -1)
        return flat.reshape(len(self.points), 3, -1)


def _combine(basis: Array, coefficients: Array) -> Array:
    """``(L, 3)`` sum of basis vectors; einsum, for BLAS would wake its threads for this."""
    return np.einsum("lck,k->lc", basis, coefficients)


def rest_joints(model: HeadModel, betas: NDArray[np.floating]) -> Array:
    """Joints ``(5, 3)`` of an identity at rest, metres."""
    template = model.v_template.astype(np.float64)
    moved = model.shapedirs[:, :, : len(betas)] @ np.asarray(betas, np.float32)
    return model.J_regressor.astype(np.float64) @ (template + moved)
