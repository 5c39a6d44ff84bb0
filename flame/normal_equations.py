"""The linear system of one Gauss-Newton step and how a step changes a head."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from facegen.flame.landmark_model import Array, HeadState, PointJacobian
from facegen.flame.rotations import rotation_matrix

# Rows per product: below OpenBLAS's threshold for threads, whose start costs more than they save.
_ROWS = 32


@dataclass(frozen=True, eq=False)
class Step:
    """A change of each group of unknowns; ``rotation`` is a turn about camera axes, radians."""

    rotation: Array
    transl: Array
    jaw: Array
    eyes: Array
    expression: Array
    shape: Array

    @classmethod
    def split(cls, vector: Array, state: HeadState) -> Step:
        """Read the solver's vector; one with six entries turns and moves only."""
        if len(vector) == 6:
            vector = np.concatenate(
                [vector, np.zeros(6 + len(state.expression) + len(state.shape))]
            )
        sizes = [3, 3, 2, 4, len(state.expression)]
        return cls(*np.split(vector, np.cumsum(sizes)))

    @classmethod
    def from_parts(cls, own: Array, shape: Array) -> Step:
        """A frame's own unknowns and the shared shape."""
        rotation, transl, jaw, eyes, expression = np.split(own, [3, 6, 8, 12])
        return cls(rotation, transl, jaw, eyes, expression, shape)


def apply_step(state: HeadState, step: Step) -> HeadState:
    """The head after a step."""
    return replace(
        state,
        rotation=rotation_matrix(np.clip(step.rotation, -0.5, 0.5)) @ state.rotation,
        transl=state.transl + step.transl,
        jaw=state.jaw + step.jaw,
        eyes=state.eyes + step.eyes,
        expression=state.expression + step.expression,
        shape=state.shape + step.shape,
    )


@dataclass(frozen=True, eq=False)
class System:
    """``hessian @ step = gradient``, unknowns in the order of :class:`Step`."""

    hessian: Array
    gradient: Array

    def add_prior(self, stiffness: Array, pull: Array) -> None:
        """Add a Gaussian prior on all unknowns after rotation and translation."""
        diagonal = np.einsum("ii->i", self.hessian)
        diagonal[6:] += stiffness
        self.gradient[6:] += pull


def assemble(
    jacobian: PointJacobian,
    projection: Array,
    residual: Array,
    weights: Array,
    *,
    rigid: bool = False,
) -> System:
    """Normal equations of weighted landmark residuals.

    Args:
        jacobian: of camera-space landmarks. projection: ``(L, 2, 3)`` of whitened pixels by them.
        residual: ``(L, 2)`` whitened, measured minus predicted. weights: ``(L,)``.
        rigid: only rotation and translation.
    """
    j = jacobian
    groups = [j.rotation] if rigid else [j.rotation, j.jaw, j.eyes, j.expression, j.shape]
    root = np.sqrt(weights)
    lens = projection * root[:, None, None]
    blocks = [lens @ group for group in groups]
    rows = np.concatenate([blocks[0], lens, *blocks[1:]], -1)
    rows = rows.reshape(-1, rows.shape[-1])
    hessian = _gram(rows)
    hessian[np.diag_indices(len(hessian))] += 1e-6
    return System(hessian, (residual * root[:, None]).reshape(-1) @ rows)


def _gram(rows: NDArray[np.float64]) -> Array:
    """``rows.T @ rows`` in slices that each stay on one thread."""
    count, size = rows.shape
    padded = -(-count // _ROWS) * _ROWS
    if padded != count:
        rows = np.concatenate([rows, np.zeros((padded - count, size))])
    slices = rows.reshape(-1, _ROWS, size)
    return (slices.transpose(0, 2, 1) @ slices).sum(0)
