"""Identity basis: symmetric and antisymmetric principal components of random people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegen.headbuild.mesh import SKIN, TEETH_UPPER, TONGUE, HeadMesh

Array = NDArray[np.float64]


@dataclass(frozen=True)
class IdentitySpace:
    """A mean head and directions of unit spread around it.

    Attributes:
        mean: ``(N, 3)``. basis: ``(N, 3, K)`` per standard deviation, strongest first.
        spread: ``(K,)`` weighted energy of each direction.
    """

    mean: Array
    basis: Array
    spread: Array


def align(v: Array, target: Array, points: NDArray[np.bool_]) -> Array:
    """Similarity-align a head to another: size cannot be seen in a single view.

    Args:
        v, target: ``(N, 3)``. points: ``(N,)`` vertices that count.
    """
    a, b = v[points], target[points]
    ca, cb = a.mean(0), b.mean(0)
    u, s, vt = np.linalg.svd((a - ca).T @ (b - cb))
    sign = np.array([1, 1, np.sign(np.linalg.det(vt.T @ u.T))])
    r = vt.T @ np.diag(sign) @ u.T
    scale = (s * sign).sum() / ((a - ca) ** 2).sum()
    return scale * (v - ca) @ r.T + cb


def vertex_importance(mesh: HeadMesh, neck: Array) -> Array:
    """``(N,)`` weights of vertices in the components: shoulders and mouth interior count little."""
    inner = (mesh.part >= TEETH_UPPER) & (mesh.part <= TONGUE)
    return np.where((neck < 0.5) | inner, 0.3, 1.0)


def face_points(mesh: HeadMesh, template: Array, neck: Array) -> NDArray[np.bool_]:
    """``(N,)``: the front of the head, by which heads are aligned."""
    front = (template[:, 2] > 0.55) & (template[:, 1] > 6.35)
    return (mesh.part == SKIN) & front & (neck > 0.99)


def learn_identity(mesh: HeadMesh, heads: NDArray[np.float32], importance: Array,
                   count: int) -> IdentitySpace:  # fmt: skip
    """Principal components of heads and their mirror images.

    The covariance of a mirrored population splits into a symmetric and an antisymmetric block, so
    every component is exactly one or the other, and the mean is exactly symmetric.

    Args:
        heads: ``(n, N, 3)`` aligned. importance: ``(N,)``. count: components to keep.
    """
    mirrored = mesh.reflect(heads).astype(np.float32)
    even, odd = (heads + mirrored) / 2, (heads - mirrored) / 2
    mean = even.mean(0, dtype=np.float64)
    even -= mean.astype(np.float32)
    root = np.repeat(np.sqrt(importance), 3).astype(np.float32)
    parts = [_components(block.reshape(len(heads), -1), root) for block in (even, odd)]
    spread = np.concatenate([p[1] for p in parts])
    basis = np.concatenate([p[0] for p in parts], 1)
    order = np.argsort(-spread)[:count]
    return IdentitySpace(mean, basis[:, order].reshape(-1, 3, len(order)), spread[order])


def _components(x: NDArray[np.float32], root: NDArray[np.float32]) -> tuple[Array, Array]:
    """Directions ``(3N, k)`` per unit spread and their energies ``(k,)`` (Gram trick)."""
    n = len(x)
    weighted = x * root
    value, vector = np.linalg.eigh((weighted @ weighted.T).astype(np.float64))
    keep = value > value[-1] * 1e-6
    value, vector = value[keep], vector[:, keep]
    basis = x.T @ (vector / np.sqrt(value)).astype(np.float32)
    # Fixed signs: the largest entry of each direction is positive.
    peak = np.abs(basis).argmax(0)
    basis *= np.sign(basis[peak, np.arange(basis.shape[1])])
    return basis.astype(np.float64) * np.sqrt(value / n), value / n


def reweight(space: IdentitySpace, mean: Array, covariance: Array, importance: Array,
             count: int) -> IdentitySpace:  # fmt: skip
    """The same span under other statistics.

    Args:
        mean: ``(K,)`` shift of the mean head in coefficients of ``space``.
        covariance: ``(K, K)`` of the coefficients.
        count: components to keep, each again of unit spread.
    """
    n = len(space.mean)
    root = np.repeat(np.sqrt(importance), 3)
    factor = np.linalg.cholesky(covariance + 1e-9 * np.eye(len(covariance)))
    flat = space.basis.reshape(3 * n, -1)
    value, vector = np.linalg.eigh(factor.T @ (flat.T * root**2 @ flat) @ factor)
    order = np.argsort(-value)[:count]
    basis = (flat @ factor @ vector[:, order]).reshape(n, 3, -1)
    return IdentitySpace(space.mean + space.basis @ mean, basis, value[order])
