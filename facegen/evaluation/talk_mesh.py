"""Lip and face errors of head parameters against a fit of the true video, on one mean head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from facegen.errors import UsageError
from facegen.evaluation.mesh import MeshErrors
from facegen.evaluation.metric import MetricSpec
from facegen.evaluation.performance import Array
from facegen.evaluation.talk_clip import Contrast
from facegen.evaluation.talk_metrics import TalkMetric, talk_spec
from facegen.flame.model import HeadModel
from facegen.motion import POSES, Motion
from facegen.posing import pose_batch, pose_vertices

_BATCH = 64
_MOVING = ("expression", "jaw_pose", "leye_pose", "reye_pose")
_PARTS = ("lve", "mve", "fdd", "mod")


class MeshLips(TalkMetric):
    """LVE, MVE, FDD and MOD where method and truth are motions of one head model.

    Identity, head pose and place are taken out, expression, jaw and eyes stay.

    Args:
        head: the model both belong to.
    """

    reads = ("motion",)

    def __init__(self, head: HeadModel) -> None:
        self._head = head
        self.spec: MetricSpec = talk_spec(
            "mesh", "mm", "lve",
            "lve: mean over frames of the worst lip vertex (as in FaceDiffuser); mve: mean of "
            "all; fdd: upper-face dynamics, CodeTalker, method minus truth; mod: mean "
            f"|difference of mouth opening|; on the mean head {head.version}, truth fitted to "
            "the video; not comparable with other topologies",
            notes=("fdd",),
        )  # fmt: skip
        vertical = head.v_template[:, 1]
        eyes = head.J_regressor[3:5] @ head.v_template
        face = head.masks["face"] > 0.5
        self._lips = np.flatnonzero(head.masks["lips"] > 0.5)
        # Above the eyes' lower rim: brows, lids and forehead.
        self._upper = np.flatnonzero(face & (vertical > eyes[:, 1].mean() - 0.012))

    def measure(self, contrast: Contrast) -> Mapping[str, float]:
        pred, truth = contrast.pred.motion, contrast.clip.truth.motion
        assert pred is not None and truth is not None
        for motion in (pred, truth):
            if motion.basis != self._head.version:
                raise UsageError(f"motion of head {motion.basis}, not {self._head.version}")
        at = contrast.times
        inside = (at + contrast.shift_s <= pred.timestamps[-1]) & (at <= truth.timestamps[-1])
        inside &= at + contrast.shift_s >= pred.timestamps[0]
        own = at_times(pred, at[inside] + contrast.shift_s)
        aim = at_times(truth, at[inside])
        if not len(own):
            return dict.fromkeys(_PARTS, float("nan"))
        rest = pose_vertices(self._head, neutral(aim[:1]))
        errors, mod = MeshErrors(rest, list(self._lips), list(self._upper)), 0.0
        for start in range(0, len(own), _BATCH):
            a, b = (pose_batch(self._head, m[start : start + _BATCH]) for m in (own, aim))
            for x, y in zip(a, b, strict=True):
                errors.add(x, y)
            mod += float(np.abs(self._opening(a) - self._opening(b)).sum())
        return errors.scores() | {"mod": 1000 * mod / len(own)}

    def _opening(self, vertices: np.ndarray) -> Array:
        """Distance of the inner lips ``(T,)`` metres."""
        marks = self._head.landmarks["mediapipe478"]
        lips = marks.on(vertices, self._head.faces)[:, [13, 14]]
        return np.asarray(np.linalg.norm(lips[:, 0] - lips[:, 1], axis=-1), np.float64)


def at_times(motion: Motion, times: Array) -> Motion:
    """Expression, jaw and eyes at other times, linear in between, of a mean head at rest."""

    def moved(values: np.ndarray) -> np.ndarray:
        columns = [np.interp(times, motion.timestamps, column) for column in values.T]
        return np.stack(columns, -1).astype(np.float32)

    count = len(times)
    fields: dict[str, Any] = dict.fromkeys(("transl", *POSES), np.zeros((count, 3), np.float32))
    fields |= {name: moved(getattr(motion, name)) for name in _MOVING}
    fields |= {"betas": np.zeros_like(motion.betas), "timestamps": times}
    fields |= {"valid": np.ones(count, bool), "confidence": np.ones(count, np.float32)}
    return replace(motion, **fields)


def neutral(motion: Motion) -> Motion:
    """The same head with a face at rest."""
    zero: dict[str, Any] = {n: np.zeros_like(getattr(motion, n)) for n in ("expression", *POSES)}
    return replace(motion, **zero)
