"""Small convex quadratic programs with box constraints."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facegen.flame.jit import jit

Array = NDArray[np.float64]


@jit
def solve_cholesky(matrix: Array, right: Array) -> Array:
    """Solve ``matrix @ x = right`` for a symmetric positive definite matrix ``(n, n)``.

    LAPACK's solver wakes threads at a hundred unknowns and then takes ten times as long.
    """
    n = len(right)
    upper = matrix.copy()
    x = right.copy()
    for j in range(n):
        pivot = 1 / np.sqrt(upper[j, j])
        for k in range(j, n):
            upper[j, k] *= pivot
        x[j] *= pivot
        for i in range(j + 1, n):
            factor = upper[j, i]
            for k in range(i, n):
                upper[i, k] -= factor * upper[j, k]
            x[i] -= factor * x[j]
    for j in range(n - 1, -1, -1):
        for k in range(j + 1, n):
            x[j] -= upper[j, k] * x[k]
        x[j] /= upper[j, j]
    return x


def solve_box(
    hessian: Array, gradient: Array, lower: Array, upper: Array, passes: int = 8
) -> Array:
    """Minimise ``d.H.d / 2 - g.d`` subject to ``lower <= d <= upper`` with an active set.

    Bounds whose multiplier has the wrong sign are released, unknowns that leave the box are fixed
    at its wall, all at once per pass (block principal pivoting, Portugal et al. 1994). A program
    that has not settled after ``passes`` is clipped into the box.

    Args:
        hessian: ``(n, n)`` symmetric positive definite. gradient, lower, upper: ``(n,)``,
            ``lower <= 0 <= upper`` where the present point is feasible.

    Returns:
        ``(n,)`` inside the box.
    """
    at_lower = (lower >= 0) & (gradient < 0)
    at_upper = (upper <= 0) & (gradient > 0)
    step = np.zeros_like(gradient)
    for _ in range(passes):
        free = ~(at_lower | at_upper)
        step = np.where(at_lower, lower, np.where(at_upper, upper, 0.0))
        right = gradient - np.einsum("ij,j->i", hessian, step)
        index = np.flatnonzero(free)
        step[index] = solve_cholesky(hessian[np.ix_(index, index)], right[index])
        slope = gradient - np.einsum("ij,j->i", hessian, step)
        wrong = (at_lower & (slope > 1e-9)) | (at_upper & (slope < -1e-9))
        below, above = free & (step < lower - 1e-12), free & (step > upper + 1e-12)
        if not (wrong.any() or below.any() or above.any()):
            return step
        at_lower = (at_lower & ~wrong) | below
        at_upper = (at_upper & ~wrong) | above
    return np.clip(step, lower, upper)
