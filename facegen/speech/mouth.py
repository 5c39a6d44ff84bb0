"""The mouth of a head model as numbers: how far curves open, widen and drop it.

At a fixed jaw angle a head in FLAME's layout is linear in its expression coefficients, so a table
over jaw angles gives the gap between the lips exactly and for thousands of frames at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from facegen.flame.landmark_model import LandmarkModel
from facegen.flame.landmark_sets import LIP_PAIRS
from facegen.flame.model import HeadModel

Array = NDArray[np.float64]
OUTER_EYE_CORNERS = (33, 263)
MOUTH_CORNERS = (61, 291)
CHIN = 152
_PIECE = 2048  # frames
_ANGLES = 12


def jaw_open_radians(head: HeadModel) -> float:
    """Jaw angle that makes ``jawOpen`` = 1: where the chin goes as far as the sculpted shape.

    Raises:
        ModelFileError: the model has no ``jawOpen`` or no MediaPipe landmarks.
    """
    column = head.n_shape + head.expression_index("jawOpen")
    model = LandmarkModel.from_head(head, n_shape=0).subset(np.array([CHIN]))
    lmk = head.landmarks["mediapipe478"]
    corners = head.faces[lmk.faces[CHIN]]
    wanted = float(lmk.bary[CHIN] @ head.shapedirs[corners, 1, column])
    angles = np.linspace(0, 0.6, 61)
    rest = model.rest_state()
    heights = np.array([model.pose(replace(rest, jaw=np.array([a, 0.0])))[0, 1] for a in angles])
    return float(np.interp(-wanted, heights[0] - heights, angles))


@dataclass(frozen=True, eq=False)
class MouthShape:
    """Distances of the mouth as functions of curves, in outer eye distances of the same head.

    A angles of the jaw, P lip pairs, K curves.

    Attributes:
        names: K curve names.
        jaw_radians: jaw angle of ``jawOpen`` = 1.
        angles: ``(A,)`` radians.
        gaps: ``(A, P)`` between upper and lower inner lip with all other curves at 0.
        gap_slopes: ``(A, P, K)`` by each curve. widths: ``(A,)``; width_slopes: ``(A, K)``.
    """

    names: tuple[str, ...]
    jaw_radians: float
    angles: Array
    gaps: Array
    gap_slopes: Array
    widths: Array
    width_slopes: Array

    @classmethod
    def of(
        cls, head: HeadModel, names: Sequence[str], betas: NDArray[np.floating] | None = None
    ) -> MouthShape:
        """Tables of one identity.

        Raises:
            ModelFileError: the model lacks MediaPipe landmarks or ``jawOpen``.
        """
        full = LandmarkModel.from_head(head, n_shape=head.n_shape)
        full = full.with_identity(np.zeros(0) if betas is None else betas)
        model = full.subset(_rows())
        eyes = full.points[list(OUTER_EYE_CORNERS)]
        unit = float(np.linalg.norm(eyes[0] - eyes[1]))
        angles = np.linspace(0.0, float(head.joint_bounds[2, 0, 1]), _ANGLES)
        columns = [_column(head, model, name) for name in names]
        tables = [_measure(model, angle, columns) for angle in angles]
        gaps, gap_slopes, widths, width_slopes = (
            np.stack(parts) / unit for parts in zip(*tables, strict=True)
        )
        return cls(
            tuple(names), jaw_open_radians(head), angles, gaps, gap_slopes, widths, width_slopes
        )

    def gap(self, curves: NDArray[np.floating]) -> Array:
        """Signed gaps ``(T, P)`` of curves ``(T, K)``; negative where the lips overlap."""
        # The slopes of one frame are many numbers: hours of speech are looked at piece by piece.
        pieces = [curves[i : i + _PIECE] for i in range(0, max(len(curves), 1), _PIECE)]
        return np.concatenate([self._gap(piece) for piece in pieces])

    def _gap(self, curves: NDArray[np.floating]) -> Array:
        at, slopes = self._at_jaw(curves, self.gaps, self.gap_slopes)
        return at + np.einsum("tpk,tk->tp", slopes, curves)

    def opening(self, curves: NDArray[np.floating]) -> Array:
        """How far curves part the lips, ``(T,)``: mean over the pairs of what the gap has grown
        beyond that of the head at rest (sculpted lips hardly ever touch), not below 0 anywhere."""
        return np.maximum(self.gap(curves) - self.gaps[0], 0).mean(1)

    def width(self, curves: NDArray[np.floating]) -> Array:
        """Distance ``(T,)`` between the corners of the mouth."""
        at, slopes = self._at_jaw(curves, self.widths, self.width_slopes)
        return at + np.einsum("tk,tk->t", slopes, curves)

    def slope(self, curves: NDArray[np.floating], name: str) -> Array:
        """``(T, P)``: what one unit of curve ``name`` adds to the gaps."""
        _, slopes = self._at_jaw(curves, self.gaps, self.gap_slopes[..., self.names.index(name)])
        return slopes

    def _at_jaw(
        self, curves: NDArray[np.floating], values: Array, slopes: Array
    ) -> tuple[Array, Array]:
        jaw = np.zeros(len(curves))
        if "jawOpen" in self.names:
            jaw = np.asarray(curves[:, self.names.index("jawOpen")], float) * self.jaw_radians
        step = self.angles[1] - self.angles[0]
        place = np.clip(jaw / step, 0, len(self.angles) - 1.000001)
        low = place.astype(int)
        share = place - low

        def mixed(table: Array) -> Array:
            w = share.reshape(-1, *[1] * (table.ndim - 1))
            return (1 - w) * table[low] + w * table[low + 1]

        return mixed(values), mixed(slopes)


@cache
def open_mouth(names: tuple[str, ...]) -> MouthShape:
    """The embedded open head's mouth."""
    from facegen.checkpoints import OPEN_HEAD

    return MouthShape.of(HeadModel.load(OPEN_HEAD), names)


def _rows() -> NDArray[np.intp]:
    uppers, lowers = zip(*LIP_PAIRS, strict=True)
    return np.array([*uppers, *lowers, *MOUTH_CORNERS])


def _column(head: HeadModel, model: LandmarkModel, name: str) -> int:
    """Place among the model's free columns, or -1: the joint makes the motion, or nothing."""
    if name not in head.expression_names:
        return -1
    found = np.flatnonzero(model.free == head.expression_index(name))
    return int(found[0]) if len(found) else -1


def _measure(
    model: LandmarkModel, angle: float, columns: list[int]
) -> tuple[Array, Array, Array, Array]:
    """Gaps ``(P,)``, their slopes ``(P, K)``, width ``()`` and its slopes ``(K,)``, metres."""
    rest = replace(model.rest_state(), jaw=np.array([angle, 0.0]))

    def at(column: int) -> tuple[Array, float]:
        expression = rest.expression.copy()
        if column >= 0:
            expression[column] = 1
        points = model.pose(replace(rest, expression=expression))
        half = len(LIP_PAIRS)
        gap = points[:half, 1] - points[half : 2 * half, 1]
        return gap, float(np.linalg.norm(points[-2] - points[-1]))

    gap, width = at(-1)
    moved = [at(column) for column in columns]
    gap_slopes = np.stack([g - gap for g, _ in moved], -1)
    return gap, gap_slopes, np.asarray(width), np.array([w - width for _, w in moved])
