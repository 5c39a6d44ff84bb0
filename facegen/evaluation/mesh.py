"""Errors on meshes of one topology: lip vertices, all vertices, upper-face dynamics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Vertices = NDArray[np.floating]


class MeshErrors:
    """LVE, MVE and FDD of two vertex sequences, frame by frame; memory does not grow.

    Neutral shape, head pose and topology must be the same on both sides.

    Args:
        neutral: ``(V, 3)`` metres, the face at rest.
        lips, upper: vertex indices of the lips and of the upper face.
    """

    def __init__(self, neutral: Vertices, lips: Sequence[int], upper: Sequence[int]) -> None:
        self._neutral = neutral
        self._lips, self._upper = np.asarray(lips), np.asarray(upper)
        self._lve = self._mve = 0.0
        self._count = 0
        # First and second moments of the upper face's motion: method, truth.
        self._sum = np.zeros((2, 2, len(self._upper)))

    def add(self, pred: Vertices, truth: Vertices) -> None:
        """Take one frame: two ``(V, 3)`` arrays in metres."""
        error = np.linalg.norm(pred.astype(np.float64) - truth, axis=-1)
        self._lve += float(error[self._lips].max())
        self._mve += float(error.mean())
        for k, vertices in enumerate((pred, truth)):
            away = vertices[self._upper].astype(np.float64) - self._neutral[self._upper]
            motion = np.linalg.norm(away, axis=-1)
            self._sum[k] += (motion, motion * motion)
        self._count += 1

    def scores(self) -> dict[str, float]:
        """``lve`` (mean over frames of the worst lip vertex, mm), ``mve`` (mean of all, mm),
        ``fdd`` (mean over upper-face vertices of the difference of the standard deviation in
        time of the distance from neutral, method minus truth, mm).

        LVE as in FaceDiffuser; FDD as in CodeTalker (Xing et al. 2023), with L2 distances.
        Values depend on mesh and unit: never compare with other topologies.
        """
        n = max(self._count, 1)
        mean, square = self._sum[:, 0] / n, self._sum[:, 1] / n
        spread = np.sqrt(np.maximum(square - mean * mean, 0))
        fdd = float((spread[0] - spread[1]).mean()) if len(self._upper) else float("nan")
        mm = 1000.0
        return {"lve": mm * self._lve / n, "mve": mm * self._mve / n, "fdd": mm * fdd}


def mesh_errors(
    pred: Iterable[Vertices],
    truth: Iterable[Vertices],
    neutral: Vertices,
    lips: Sequence[int],
    upper: Sequence[int],
) -> dict[str, float]:
    """Scores of two sequences of the same length; see ``MeshErrors``.

    Raises:
        ValueError: the lengths differ.
    """
    errors = MeshErrors(neutral, lips, upper)
    for a, b in zip(pred, truth, strict=True):
        errors.add(a, b)
    return errors.scores()
