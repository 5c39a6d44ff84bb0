"""The linear system of one Gauss-Newton step and how a step changes a head."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from facegen.flame.landmark_model import Array, HeadState, PointJacobian
from facegen.flame.rotations import rotation_matrix

# Rows and columns per product: 32 * 90 * 90 stays below the size at which OpenBLAS wakes threads,
# whose start costs many times what they save.
_ROWS, _COLUMNS = 32, 90


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


def assemble(jacobian: PointJacobian, residual: Array, *, rigid: bool = False) -> System:
    """Normal equations of landmark residuals, both already whitened and weighted.

    Args:
        jacobian: ``(L, 2, n)``. residual: ``(L, 2)``, measured minus predicted.
        rigid: only rotation and translation.
    """
    j = jacobian
    groups = [j.rotation, j.transl]
    if not rigid:
        groups += [j.jaw, j.eyes, j.expression, j.shape]
    # The residual as a last column brings the gradient with the same product. Single precision is
    # twice as fast, and the fixed point of the iteration stays where it is.
    rows = np.concatenate([*groups, residual[..., None]], -1, dtype=np.float32, casting="same_kind")
    gram = _gram(rows.reshape(-1, rows.shape[-1]))
    hessian, gradient = gram[:-1, :-1].copy(), gram[:-1, -1].copy()
    hessian[np.diag_indices(len(hessian))] += 1e-6
    return System(hessian, gradient)


def _gram(rows: NDArray[np.float32]) -> Array:
    """``rows.T @ rows`` in blocks that each stay on one thread."""
    count, size = rows.shape
    padded = -(-count // _ROWS) * _ROWS
    slices = np.zeros((padded, size), np.float32)
    slices[:count] = rows
    slices = slices.reshape(-1, _ROWS, size)
    # A copy of the transpose: on a view numpy would call the symmetric product, threads and all.
    turned = slices.transpose(0, 2, 1).copy()
    blocks = -(-size // _COLUMNS)
    edges = [size * i // blocks for i in range(blocks + 1)]
    parts = [slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    out = np.empty((size, size))
    for i, left in enumerate(parts):
        for right in parts[i:]:
            block = (turned[:, left] @ slices[:, :, right]).sum(0)
            out[left, right], out[right, left] = block, block.T
    return out
