"""Every expression of a fitted motion, the open head's own units too, in ARKit curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegen.arkit import ARKIT, from_motion
from facegen.errors import ModelFileError
from facegen.flame.model import HeadModel
from facegen.motion import Motion

Array = NDArray[np.float64]

# What joints do has no part in the blend.
_JOINTS = ("eyeLook", "jawOpen", "jawLeft", "jawRight", "tongueOut")
_SWEEPS = 40
# Stiffness towards the fit's own ARKit columns, relative to the mean column.
_STAY = 0.02


@dataclass(frozen=True, eq=False)
class ArkitSolver:
    """Least squares of a model's expression space in ARKit columns, each within 0..1.

    Attributes:
        columns: positions of the blended curves in the model's expression. targets: in ``ARKit``.
        gram: ``(K, K)``. cross: ``(K, E)``: gram of the columns, and their products with all
            expression directions, over the vertices.
    """

    head: HeadModel
    columns: NDArray[np.intp]
    targets: NDArray[np.intp]
    gram: Array
    cross: Array

    @classmethod
    def of(cls, head: HeadModel) -> ArkitSolver:
        """Prepare for a head model.

        Raises:
            ModelFileError: the model's expressions have no ARKit names.
        """
        names = head.expression_names
        missing = [n for n in ARKIT if n not in names]
        if missing:
            raise ModelFileError(
                f"{head.version} has no ARKit expressions ({missing[0]} is missing); use open-1"
            )
        blended = [n for n in ARKIT if not n.startswith(_JOINTS)]
        columns = np.array([names.index(n) for n in blended])
        basis = head.shapedirs[:, :, head.n_shape :].astype(np.float64)
        flat = basis.reshape(-1, basis.shape[2])
        cross = flat[:, columns].T @ flat
        return cls(
            head, columns, np.array([ARKIT.index(n) for n in blended]), cross[:, columns], cross
        )

    def __call__(self, motion: Motion) -> NDArray[np.float32]:
        """Curves ``(T, 52)`` in 0..1 in the order of ``ARKIT``.

        Raises:
            ModelFileError: the motion belongs to another model.
        """
        if motion.expression_names != self.head.expression_names:
            raise ModelFileError(
                f"the motion is of {motion.basis}, not of {self.head.version}; fit the clip again"
            )
        out = from_motion(motion, self.head)
        out[:, self.targets] = self._blend(motion.expression.astype(np.float64))
        return out

    def _blend(self, expression: Array) -> Array:
        """Box-bounded ridge regression of every frame by coordinate descent."""
        own = expression[:, self.columns]
        stay = _STAY * np.trace(self.gram) / len(self.gram)
        system = self.gram + stay * np.eye(len(self.gram))
        goal = expression @ self.cross.T + stay * own
        x = np.clip(own, 0, 1)
        for _ in range(_SWEEPS):
            for k in range(x.shape[1]):
                rest = goal[:, k] - x @ system[:, k] + x[:, k] * system[k, k]
                x[:, k] = np.clip(rest / system[k, k], 0, 1)
        return x


def arkit_curves(motion: Motion, head: HeadModel) -> NDArray[np.float32]:
    """Curves ``(T, 52)`` of a motion (see :class:`ArkitSolver`, which is kept for many motions)."""
    return ArkitSolver.of(head)(motion)
