"""Carries a motion to another face: the driver's motion, the reference's identity and camera.

**Relative** motion starts from the reference as it is and adds what the driver does since its
neutral frame ``n``; **absolute** motion takes the driver's expression, gaze and head turn as they
are. In both

- turns are composed in the head's own axes, ``R_out = R_ref (R_n^-1 R_t)``: a nod stays a nod
  for a head that is tilted or turned already (the other order, ``R_t R_n^-1 R_ref``, would nod
  about the camera's axis). They are compared after the turn by the place in the picture is out;
- the neck moves by the driver's shift in units of the face's size in the picture, and nears by the
  same factor, so that framing follows; absolute motion too starts at the reference's place;
- mouth and eyes close when the driver's do, whatever the coefficients say (:mod:`.closure`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from facegen.errors import UsageError
from facegen.flame.landmark_model import LandmarkModel, rest_joints
from facegen.flame.landmark_sets import LEFT_LID_PAIRS, LIP_PAIRS, RIGHT_LID_PAIRS
from facegen.flame.model import HeadModel
from facegen.flame.rotations import rotation_matrix, rotation_vector
from facegen.motion import Motion
from facegen.tracking.head_frame import (
    head_centres,
    head_rotations,
    neck_positions,
    transl_for_necks,
)
from facegen.transfer.closure import GapModel, Pairs, gaps_of, states_of
from facegen.transfer.neutral import (
    GOOD_UNREST,
    NeutralFrame,
    neutral_frame,
    soft_limit_turns,
    view_rotations,
)
from facegen.transfer.regions import expression_regions, selected_regions

Array = NDArray[np.float64]
Mode = Literal["auto", "absolute", "relative"]

# Lips and lids closer than this, in eye distances, touch. Fits of closed ones differ from person
# to person: a driver's smallest gaps count as touch up to the larger number.
_TOUCH, _LOOSEST_LIPS, _LOOSEST_LIDS = 0.02, 0.035, 0.05
_LIP_SLACK, _LID_SLACK = 0.008, 0.012
# Full coefficients drive narrow lids far beyond each other: the skin would bulge over the cheek.
_LIP_OVERLAP, _LID_OVERLAP = np.inf, 0.01
# Share of what relative motion adds beyond both faces that is taken back.
_EXCESS = 0.7
# Shift of the neck in eye distances and change of log depth at which the transfer levels off.
_MAX_SHIFT, _MAX_ZOOM = 2.0, 0.35


@dataclass(frozen=True, eq=False)
class _Transfer:
    """What every step of the transfer needs."""

    driver: Motion
    reference: Motion
    head: HeadModel
    neutral: NeutralFrame
    relative: bool
    moving: frozenset[str]
    gain: float
    max_turn: float
    release: Array


def retarget(
    driver: Motion,
    reference: Motion,
    head: HeadModel,
    *,
    mode: Mode = "auto",
    reference_frame: str | int = "auto",
    expression_gain: float = 1.0,
    only: tuple[str, ...] | None = None,
    keep_head: bool = False,
    max_yaw_deg: float = 35.0,
    release: Array | None = None,
) -> Motion:
    """The driver's motion on the reference's face, in the reference's camera.

    Args:
        driver: ``(T)`` frames. reference: one frame.
        head: the model both are fitted with.
        mode: ``relative`` suits a driver that shows a calm face at least once, ``absolute`` one
            that never does; ``auto`` looks which it is.
        reference_frame: the driver's neutral frame, ``auto`` or an index.
        expression_gain: factor on the expression (0 stills the face, 1 copies it).
        only: regions that move (:data:`facegen.transfer.regions.REGIONS`); others stay as in
            the reference. All where None or empty.
        keep_head: the head stays as in the reference.
        max_yaw_deg: turn from the reference at which the head stops, softly.
        release: ``(T,)`` share, 0..1, of the reference's own mouth and brow expression that is
            let go: a smile in the photo would stay under a frown.

    Raises:
        UsageError: bases differ, the reference has not one frame, or an argument is no choice.
        FaceNotFoundError: no face in the driver.
    """
    _check(driver, reference, head, mode)
    neutral = neutral_frame(driver, reference_frame)
    chosen_by_hand = reference_frame != "auto"
    relative = mode == "relative" or (
        mode == "auto" and (chosen_by_hand or neutral.unrest < GOOD_UNREST)
    )
    transfer = _Transfer(
        driver,
        reference,
        head,
        neutral,
        relative,
        selected_regions(only, keep_head=keep_head),
        expression_gain,
        float(np.radians(max_yaw_deg)),
        np.zeros(len(driver)) if release is None else np.asarray(release, np.float64),
    )
    out = _close(transfer, _face(transfer))
    return _head(transfer, out)


def _check(driver: Motion, reference: Motion, head: HeadModel, mode: str) -> None:
    if mode not in ("auto", "absolute", "relative"):
        raise UsageError(f"motion {mode!r}: choose auto, absolute or relative")
    if len(reference) != 1:
        raise UsageError(f"the reference has {len(reference)} frames; it needs exactly one")
    for name, motion in (("driver", driver), ("reference", reference)):
        if motion.basis != head.version or len(motion.expression_names) != head.n_expression:
            raise UsageError(
                f"the {name} was fitted with {motion.basis}, the head is {head.version}; "
                "fit it again with this head"
            )


def _face(t: _Transfer) -> Motion:
    """Expression, jaw and gaze, in the reference's identity and camera, head pose still its own."""
    driver, reference, n = t.driver, t.reference, t.neutral.index
    bounds = t.head.expression_bounds.astype(np.float64)
    regions = np.array(expression_regions(t.head))
    felt = np.isin(regions, ("lips", "brows")).astype(np.float64)
    felt += np.char.startswith(t.head.expression_names, "cheekSquint")
    own = reference.expression[0] * (1 - t.release[:, None] * felt)
    raw = driver.expression.astype(np.float64)
    change = t.gain * (raw - raw[n])
    expression = t.gain * raw
    if t.relative:
        # A smile on a smile passes the larger of the two by a little, not by the other.
        larger = np.maximum(own, t.gain * raw)
        expression = own + change
        expression -= _EXCESS * np.maximum(expression - larger, 0)
    expression = np.clip(expression, bounds[:, 0], bounds[:, 1])
    still = ~np.isin(regions, list(t.moving))
    expression[:, still] = own[:, still]
    names = {"jaw_pose": ("jaw", 2), "leye_pose": ("gaze", 3), "reye_pose": ("gaze", 4)}
    poses = {}
    for name, (region, joint) in names.items():
        now, rest = getattr(driver, name), getattr(reference, name)
        gain = t.gain if region == "jaw" else 1.0
        moved = rest + gain * (now - now[n]) if t.relative else gain * now
        if region not in t.moving:
            moved = np.repeat(rest, len(driver), 0)
        low, high = t.head.joint_bounds[joint].T
        poses[name] = np.clip(moved, low, high).astype(np.float32)
    return replace(
        driver,
        expression=expression.astype(np.float32),
        betas=reference.betas,
        camera=reference.camera,
        **poses,
    )


def _close(t: _Transfer, out: Motion) -> Motion:
    """Carry over the gaps between lips and lids."""
    full = LandmarkModel.from_head(t.head, n_shape=t.head.n_shape).with_identity(t.reference.betas)
    regions = np.array(expression_regions(t.head))
    lips = np.isin(regions, [r for r in ("lips", "jaw") if r in t.moving])
    jobs: list[tuple[Pairs, NDArray[np.bool_], bool, Array, tuple[float, float, float]]] = []
    if "lips" in t.moving or "jaw" in t.moving:
        gaps = gaps_of(t.driver, t.head, LIP_PAIRS)
        limits = _LIP_SLACK, _TOUCH, _LIP_OVERLAP
        jobs.append((LIP_PAIRS, lips, "jaw" in t.moving, _lip_targets(gaps, t.gain), limits))
    if "eyes" in t.moving:
        for lids in (LEFT_LID_PAIRS, RIGHT_LID_PAIRS):
            limits = _LID_SLACK, _TOUCH, _LID_OVERLAP
            jobs.append((lids, regions == "eyes", False, _lid_targets(t, lids), limits))
    models = [GapModel.of(full, pairs, columns, jaw=jaw) for pairs, columns, jaw, _, _ in jobs]
    expression, jaw_pose = out.expression.copy(), out.jaw_pose.copy()
    for index, state in enumerate(states_of(out, full)):
        for gap, (*_, target, limits) in zip(models, jobs, strict=True):
            state = gap.matched(state, target[index], *limits)
        expression[index, full.free], jaw_pose[index, :2] = state.expression, state.jaw
    return replace(out, expression=expression, jaw_pose=jaw_pose)


def _lip_targets(gaps: Array, gain: float) -> Array:
    """The driver's gaps above touch; below it the reference's lips touch as well."""
    touch = np.clip(np.percentile(gaps, 3, axis=0), _TOUCH, _LOOSEST_LIPS)
    return np.maximum(gain * (gaps - touch), 0.0) + np.clip(gaps, 0, touch) * _TOUCH / touch


def _lid_targets(t: _Transfer, pairs: Pairs) -> Array:
    """The driver's lid opening as a share of its open eye, times the reference's open eye."""
    own = gaps_of(t.reference, t.head, pairs)[0]
    gaps = gaps_of(t.driver, t.head, pairs)
    rest = gaps[t.neutral.index] if t.relative else np.percentile(gaps[t.driver.valid], 75, axis=0)
    touch = np.clip(np.percentile(gaps[t.driver.valid], 1, axis=0), _TOUCH, _LOOSEST_LIDS)
    share = (gaps - touch) / np.maximum(rest - touch, 0.03)
    share = 1 + t.gain * (share - 1) if t.gain < 1 else share
    return _TOUCH / 2 + np.clip(share, 0, 1.4) * np.maximum(own - _TOUCH / 2, 0.0)


def _head(t: _Transfer, out: Motion) -> Motion:
    """Head turn and place."""
    count, n = len(t.driver), t.neutral.index
    body = np.repeat(t.reference.global_orient, count, 0)
    if "head" not in t.moving:
        still = np.zeros(count, np.intp)
        neck_pose, transl = t.reference.neck_pose[still], t.reference.transl[still]
        return replace(out, global_orient=body, neck_pose=neck_pose, transl=transl)
    mine = rest_joints(t.head, t.reference.betas)
    theirs = rest_joints(t.head, t.driver.betas)
    necks = _necks(t, theirs, mine)
    # Rotations as the camera sees them, the place in the picture taken out.
    seen = np.swapaxes(view_rotations(head_centres(t.driver, theirs)), 1, 2) @ head_rotations(
        t.driver
    )
    place = head_centres(t.reference, mine)
    own = np.swapaxes(view_rotations(place), 1, 2) @ head_rotations(t.reference)
    start = seen[n] if t.relative else own[0]
    turn = soft_limit_turns(rotation_vector(start.T @ seen), t.max_turn)
    apparent = own @ rotation_matrix(turn)
    centre = mine[3:5].mean(0) - mine[1]
    turned = np.repeat(head_rotations(t.reference), count, 0)
    for _ in range(3):  # the head's place depends on its turn, and the other way round
        turned = view_rotations(necks + turned @ centre) @ apparent
    on_body = rotation_vector(np.swapaxes(rotation_matrix(body), 1, 2) @ turned)
    out = replace(out, global_orient=body, neck_pose=on_body.astype(np.float32))
    return replace(out, transl=transl_for_necks(out, mine, necks))


def _necks(t: _Transfer, theirs: Array, mine: Array) -> Array:
    """Neck joints ``(T, 3)``: the driver's shift and zoom at the scale of the reference."""
    driver = neck_positions(t.driver, theirs)
    x, y, z = neck_positions(t.reference, mine)[0]
    n = t.neutral.index
    tangent, depth = driver[:, :2] / -driver[:, 2:], -driver[:, 2]
    size = np.linalg.norm(theirs[3] - theirs[4]) / depth[n]
    shift = (tangent - tangent[n]) / size
    length = np.linalg.norm(shift, axis=1, keepdims=True)
    shift *= _MAX_SHIFT * np.tanh(length / _MAX_SHIFT) / np.maximum(length, 1e-9)
    zoom = np.exp(_MAX_ZOOM * np.tanh(np.log(depth / depth[n]) / _MAX_ZOOM))
    own = np.linalg.norm(mine[3] - mine[4]) / -z
    out_depth = -z * zoom
    place = np.array([x, y]) / -z + shift * own
    return np.column_stack([place * out_depth[:, None], -out_depth])
