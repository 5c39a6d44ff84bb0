"""A plain classifier that curation trains on the samples themselves, and never on those it tells.

Histograms of oriented gradients of the aligned face (N. Dalal, B. Triggs, CVPR 2005), whitened by
principal components, and multinomial logistic regression on soft labels. It has learned nothing
before, so it shares no data with any judge.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SIDE = 64
_DIMENSIONS = 96
_RIDGE = 3.0  # of the weights, relative to one sample


def describe(face: NDArray[np.uint8]) -> NDArray[np.float32]:
    """``(1764,)`` gradients of an upright face ``(64, 64)`` grey."""
    descriptor = cv2.HOGDescriptor((SIDE, SIDE), (16, 16), (8, 8), (8, 8), 9)
    return np.asarray(descriptor.compute(face), np.float32).ravel()


def whitened(features: NDArray[np.floating]) -> Array:
    """Features ``(N, F)`` as at most 96 principal components of unit spread."""
    centred = features - features.mean(0)
    kept = min(_DIMENSIONS, *centred.shape)
    # Of the covariance: features are fewer than samples, and single precision is enough for both.
    variances, axes = np.linalg.eigh(centred.T @ centred / len(features))
    variances, axes = variances[::-1][:kept], axes[:, ::-1][:, :kept]
    strong = variances > 1e-6 * max(float(variances[0]), 1e-12)
    return np.asarray(centred @ axes[:, strong] / np.sqrt(variances[strong]), np.float64)


class Probe:
    """Multinomial logistic regression: ``fit`` on soft labels, ``__call__`` for probabilities."""

    def __init__(self, features: Array, soft: Array, weight: Array) -> None:
        from scipy.optimize import minimize

        inputs = np.column_stack([features, np.ones(len(features))])
        share = weight / max(float(weight.sum()), 1e-9)
        shape = (inputs.shape[1], soft.shape[1])
        ridge = _RIDGE / max(float((weight > 0).sum()), 1.0)

        def loss(flat: Array) -> tuple[float, Array]:
            table = flat.reshape(shape)
            probs = _softmax(inputs @ table)
            cross = -(share[:, None] * soft * np.log(probs + 1e-12)).sum()
            slope = inputs.T @ (share[:, None] * (probs - soft)) + ridge * table
            return float(cross + ridge / 2 * (table**2).sum()), slope.ravel()

        start = np.zeros(shape).ravel()
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 60})
        self._table = found.x.reshape(shape)

    def __call__(self, features: Array) -> Array:
        """Probabilities ``(N, C)``."""
        return _softmax(np.column_stack([features, np.ones(len(features))]) @ self._table)


def out_of_fold(
    features: Array,
    soft: Array,
    weight: Array,
    groups: NDArray[np.int64],
    views: tuple[Array, ...] = (),
) -> list[Array]:
    """Probabilities ``(N, C)`` from probes that saw neither the sample nor its group.

    Args:
        groups: fold ``(N,)`` of each sample. views: other features of the same samples to tell.

    Returns:
        one table for ``features`` and one for each of ``views``.
    """
    out = [np.zeros(soft.shape) for _ in range(1 + len(views))]
    for fold in np.unique(groups):
        inside = groups == fold
        probe = Probe(features[~inside], soft[~inside], weight[~inside])
        for table, values in zip(out, (features, *views), strict=True):
            table[inside] = probe(values[inside])
    return out


def folds(people: list[str], count: int, seed: int) -> NDArray[np.int64]:
    """A fold for every sample; one person's samples share theirs."""
    names = sorted(set(people))
    rng = np.random.default_rng(seed)
    number = dict(zip(names, rng.permutation(len(names)) % count, strict=True))
    return np.array([number[name] for name in people], np.int64)


def _softmax(logits: Array) -> Array:
    raised = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(raised / raised.sum(1, keepdims=True))
