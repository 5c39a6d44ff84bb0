"""Mouths and eyes that close: gaps between lips and between lids carried from face to face.

Coefficients close one person's mouth and leave another's open, so the gap itself is matched: a
damped least-squares step in the coefficients that move the lips (or lids) least from what the
transfer asked for (the dual form needs one small solve per frame).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from facegen.flame.landmark_model import HeadState, LandmarkModel, PosedLandmarks
from facegen.flame.model import HeadModel
from facegen.motion import Motion

Array = NDArray[np.float64]
Pairs = tuple[tuple[int, int], ...]

_ITERATIONS = 3


@dataclass(frozen=True, eq=False)
class GapModel:
    """Vertical gaps between landmark pairs of one identity.

    Attributes:
        model: the paired landmarks, uppers first, of the identity.
        freedom: ``(E,)`` variance of each free expression column, 0 where it must not move.
        jaw_freedom: variance of the jaw's opening.
        unit: distance between the eyes, metres.
    """

    model: LandmarkModel
    freedom: Array
    jaw_freedom: float
    unit: float

    @classmethod
    def of(
        cls,
        full: LandmarkModel,
        pairs: Pairs,
        columns: NDArray[np.bool_],
        *,
        jaw: bool,
    ) -> GapModel:
        """Gaps of an identity (``full`` has it fixed).

        Args:
            columns: ``(E,)`` of the model's whole basis, those that may move.
            jaw: whether the jaw may turn.
        """
        rows = np.array([u for u, _ in pairs] + [v for _, v in pairs])
        model = full.subset(rows)
        # A column counts by its share of motion here: the rest of the face should stay.
        here = (model.expression_basis**2).sum((0, 1))
        share = here / np.maximum((full.expression_basis**2).sum((0, 1)), 1e-12)
        sigma = full.head.expression_sigma[full.free].astype(np.float64)
        freedom = sigma**2 * share * columns[full.free]
        unit = float(np.linalg.norm(full.joints[3] - full.joints[4]))
        return cls(model, freedom, 0.04**2 if jaw else 0.0, unit)

    def gaps(self, state: HeadState) -> Array:
        """``(P,)`` in eye distances; negative where upper and lower overlap."""
        height = self.model.pose(state)[:, 1]
        half = len(height) // 2
        return (height[:half] - height[half:]) / self.unit

    def matched(
        self, state: HeadState, target: Array, slack: float, touch: float, overlap: float = np.inf
    ) -> HeadState:
        """The state moved until its gaps are within ``slack`` of ``target (P,)``.

        Where the target is closed (at most ``touch``) a gap may be smaller by ``overlap``: pressed
        lips overlap.
        """
        head = self.model.head
        bounds = head.expression_bounds[self.model.free].astype(np.float64)
        jaw_low, jaw_high = head.joint_bounds[2, 0]
        half = len(target)
        for _ in range(_ITERATIONS):
            posed = PosedLandmarks(self.model, state)
            points, jacobian = posed.points, posed.jacobian()
            now = (points[:half, 1] - points[half:, 1]) / self.unit
            miss = target - now
            miss = np.sign(miss) * np.maximum(np.abs(miss) - slack, 0)
            closed = (target <= touch) & (miss > 0)
            miss = np.where(closed, np.maximum(miss - overlap, 0), miss)
            if np.abs(miss).max() < 1e-3:
                break
            rows = np.concatenate([jacobian.jaw[:, 1, :1], jacobian.expression[:, 1]], 1)
            slope = (rows[:half] - rows[half:]) / self.unit
            wanted = miss.sum()
            values = np.concatenate([state.jaw[:1], state.expression])
            low = np.concatenate([[jaw_low], bounds[:, 0]])
            high = np.concatenate([[jaw_high], bounds[:, 1]])
            freedom = np.concatenate([[self.jaw_freedom], self.freedom])
            # What already stands at a wall and would be pushed into it cannot help.
            push = slope.sum(0) * wanted
            stuck = ((values <= low) & (push < 0)) | ((values >= high) & (push > 0))
            freedom = np.where(stuck, 0, freedom)
            gram = (slope * freedom) @ slope.T
            # Pairs that ask for opposite things are averaged rather than torn apart.
            gram += (1e-6 + 0.03 * np.trace(gram) / half) * np.eye(half)
            step = freedom * (slope.T @ np.linalg.solve(gram, miss))
            values = np.clip(values + np.clip(step, -0.5, 0.5), low, high)
            jaw = np.array([values[0], state.jaw[1]])
            state = replace(state, jaw=jaw, expression=values[1:])
        return state


def states_of(motion: Motion, model: LandmarkModel) -> Iterator[HeadState]:
    """Faces of a motion apart from head pose, for a model with the identity fixed.

    One after the other: hours of them at once would take gigabytes.
    """
    rest = model.rest_state()
    for i in range(len(motion)):
        eyes = np.concatenate([motion.leye_pose[i, :2], motion.reye_pose[i, :2]])
        yield replace(
            rest,
            expression=motion.expression[i][model.free].astype(np.float64),
            jaw=motion.jaw_pose[i, :2].astype(np.float64),
            eyes=eyes.astype(np.float64),
        )


def gaps_of(motion: Motion, head: HeadModel, pairs: Pairs) -> Array:
    """Gaps ``(T, P)`` of a motion's own face, in eye distances."""
    full = LandmarkModel.from_head(head, n_shape=head.n_shape).with_identity(motion.betas)
    none = np.zeros(head.n_expression, bool)
    gap = GapModel.of(full, pairs, none, jaw=False)
    return np.array([gap.gaps(state) for state in states_of(motion, full)])
