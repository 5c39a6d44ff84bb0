"""Retargeting: composition, framing, boxes, closure, regions, limits, choice of mode and frame."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.checkpoints import OPEN_HEAD
from facegen.errors import FaceNotFoundError, UsageError
from facegen.flame.camera import Camera
from facegen.flame.landmark_model import rest_joints
from facegen.flame.landmark_sets import LEFT_LID_PAIRS, LIP_PAIRS
from facegen.flame.model import HeadModel
from facegen.flame.rotations import rotation_vector
from facegen.motion import Motion
from facegen.tracking.head_frame import head_rotations, neck_positions
from facegen.transfer.closure import gaps_of
from facegen.transfer.neutral import neutral_frame, soft_limit_turns, view_rotations
from facegen.transfer.regions import expression_regions
from facegen.transfer.retarget import retarget


def resting(head: HeadModel, count: int, width: int = 640, height: int = 360) -> Motion:
    zero = np.zeros((count, 3), np.float32)
    return Motion(
        expression=np.zeros((count, head.n_expression), np.float32),
        global_orient=zero,
        neck_pose=zero.copy(),
        jaw_pose=zero.copy(),
        leye_pose=zero.copy(),
        reye_pose=zero.copy(),
        transl=zero + np.float32([0.02, -0.05, -1.4]),
        betas=np.zeros(head.n_shape, np.float32),
        camera=Camera.from_fov(width, height),
        fps=Fraction(25),
        timestamps=np.arange(count) / 25,
        valid=np.ones(count, bool),
        confidence=np.ones(count, np.float32),
        basis=head.version,
        expression_names=head.expression_names,
    )


@pytest.fixture(scope="module")
def driver(head: HeadModel) -> Motion:
    """Frame 0 rests; then a turn, an open mouth, a smile, a blink, and a move aside and near."""
    rng = np.random.default_rng(0)
    motion = replace(resting(head, 6), betas=rng.normal(size=head.n_shape).astype(np.float32) * 0.4)
    motion.neck_pose[:] = [0.05, -0.1, 0.02]
    motion.neck_pose[1] = [0.0, 0.25, 0.0]
    motion.jaw_pose[2, 0] = 0.3
    motion.expression[3, head.expression_index("mouthSmileLeft")] = 0.8
    motion.expression[4, head.expression_index("eyeBlinkLeft")] = 0.7
    motion.transl[5] = [0.08, -0.03, -1.2]
    return motion


@pytest.fixture(scope="module")
def reference(head: HeadModel) -> Motion:
    rng = np.random.default_rng(1)
    motion = resting(head, 1, 1000, 1400)
    motion.neck_pose[0] = [0.1, 0.2, -0.5]
    motion.transl[0] = [-0.06, 0.02, -1.0]
    motion.expression[0, head.expression_index("mouthSmileLeft")] = 0.4
    return replace(motion, betas=rng.normal(size=head.n_shape).astype(np.float32) * 0.4)


def test_the_neutral_frame_gives_the_reference_back(
    head: HeadModel, driver: Motion, reference: Motion
) -> None:
    out = retarget(driver, reference, head, mode="relative", reference_frame=0)
    np.testing.assert_allclose(out.neck_pose[0], reference.neck_pose[0], atol=1e-4)
    np.testing.assert_allclose(out.transl[0], reference.transl[0], atol=1e-4)
    np.testing.assert_allclose(out.expression[0], reference.expression[0], atol=0.05)
    assert out.camera == reference.camera and out.fps == driver.fps
    np.testing.assert_array_equal(out.betas, reference.betas)


@pytest.mark.parametrize("mode", ["relative", "absolute"])
def test_a_face_driven_by_itself_stays_itself(head: HeadModel, driver: Motion, mode: str) -> None:
    out = retarget(driver, driver[:1], head, mode=mode, reference_frame=0)  # type: ignore[arg-type]
    np.testing.assert_allclose(out.neck_pose[:5], driver.neck_pose[:5], atol=1e-3)
    np.testing.assert_allclose(out.jaw_pose, driver.jaw_pose, atol=0.02)
    np.testing.assert_allclose(out.expression, driver.expression, atol=0.1)
    np.testing.assert_allclose(out.transl[:5], driver.transl[:5], atol=1e-3)
    # A large move is followed, a little less.
    assert np.linalg.norm(out.transl[5] - driver.transl[5]) < 0.06


def test_turns_compose_in_the_heads_own_axes(
    head: HeadModel, driver: Motion, reference: Motion
) -> None:
    out = retarget(driver, reference, head, mode="relative", reference_frame=0)
    theirs = head_rotations(driver)
    mine = head_rotations(out)
    wanted = rotation_vector(theirs[0].T @ theirs[1])
    done = rotation_vector(head_rotations(reference)[0].T @ mine[1])
    assert np.degrees(np.linalg.norm(wanted - done)) < 1.5


def test_framing_follows_at_the_references_scale(
    head: HeadModel, driver: Motion, reference: Motion
) -> None:
    small = replace(driver, transl=driver.transl[0] + 0.2 * (driver.transl - driver.transl[0]))
    out = retarget(small, reference, head, mode="relative", reference_frame=0)

    def in_faces(motion: Motion) -> tuple[np.ndarray, float]:
        joints = rest_joints(head, motion.betas)
        necks = neck_positions(motion, joints)
        tangent = necks[:, :2] / -necks[:, 2:]
        size = np.linalg.norm(joints[3] - joints[4]) / -necks[0, 2]
        return (tangent[5] - tangent[0]) / size, float(necks[5, 2] / necks[0, 2])

    (shift, zoom), (wanted, wanted_zoom) = in_faces(out), in_faces(small)
    np.testing.assert_allclose(shift, wanted, rtol=0.05)
    assert zoom == pytest.approx(wanted_zoom, rel=0.01)


@pytest.mark.parametrize("mode", ["relative", "absolute"])
def test_a_closed_mouth_closes_an_open_one(head: HeadModel, driver: Motion, mode: str) -> None:
    open_mouth = resting(head, 1)
    open_mouth.jaw_pose[0, 0] = 0.18
    open_mouth.expression[0, head.expression_index("mouthLowerDownLeft")] = 0.5
    open_mouth.expression[0, head.expression_index("mouthLowerDownRight")] = 0.5
    assert gaps_of(open_mouth, head, LIP_PAIRS)[0, 2] > 0.1
    out = retarget(driver, open_mouth, head, mode=mode, reference_frame=0)  # type: ignore[arg-type]
    theirs, mine = gaps_of(driver, head, LIP_PAIRS), gaps_of(out, head, LIP_PAIRS)
    assert np.abs(mine[0]).max() < 0.045
    assert mine[2, 2] == pytest.approx(theirs[2, 2], abs=0.05)


def test_a_blink_closes_the_references_eye(
    head: HeadModel, driver: Motion, reference: Motion
) -> None:
    # The driver's lids hang at rest; they close with less than a whole blink from there.
    column = head.expression_index("eyeBlinkLeft")
    sleepy = replace(driver, expression=driver.expression.copy())
    sleepy.expression[:, column] = 0.3
    sleepy.expression[4, column] = 0.75
    for mode in ("relative", "absolute"):
        out = retarget(sleepy, reference, head, mode=mode, reference_frame=0)  # type: ignore[arg-type]
        gaps = gaps_of(out, head, LEFT_LID_PAIRS)[:, 1]
        assert gaps[4] < 0.04 < 0.08 < gaps[0]


def test_a_whole_blink_does_not_push_narrow_lids_past_each_other(
    head: HeadModel, driver: Motion, reference: Motion
) -> None:
    narrow = replace(reference, expression=reference.expression.copy())
    narrow.expression[0, head.expression_index("eyeBlinkLeft")] = 0.4
    blink = replace(driver, expression=driver.expression.copy())
    blink.expression[4, head.expression_index("eyeBlinkLeft")] = 1.0
    out = retarget(blink, narrow, head, mode="relative", reference_frame=0)
    middle = gaps_of(out, head, LEFT_LID_PAIRS)[4, 1]
    assert -0.03 < middle < 0.02


def test_only_chosen_regions_move(head: HeadModel, driver: Motion, reference: Motion) -> None:
    out = retarget(driver, reference, head, reference_frame=0, only=("lips", "jaw"))
    regions = np.array(expression_regions(head))
    assert (out.transl == reference.transl[0]).all()
    assert (out.neck_pose == reference.neck_pose[0]).all()
    still = ~np.isin(regions, ["lips", "jaw"])
    np.testing.assert_array_equal(out.expression[:, still], reference.expression[[0] * 6][:, still])
    assert np.ptp(out.jaw_pose[:, 0]) > 0.1
    kept = retarget(driver, reference, head, reference_frame=0, keep_head=True)
    assert (kept.neck_pose == reference.neck_pose[0]).all()
    assert np.ptp(kept.expression) > 0.5


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 100), gain=st.floats(0, 3))
def test_boxes_hold_whatever_comes(seed: int, gain: float) -> None:
    head = HeadModel.load(OPEN_HEAD)
    rng = np.random.default_rng(seed)
    wild = resting(head, 3)
    wild.expression[:] = rng.normal(size=wild.expression.shape)
    wild.jaw_pose[:] = rng.normal(size=(3, 3))
    wild.leye_pose[:] = rng.normal(size=(3, 3))
    calm = replace(
        resting(head, 1), expression=rng.random((1, head.n_expression)).astype(np.float32)
    )
    for mode in ("relative", "absolute"):
        out = retarget(wild, calm, head, mode=mode, expression_gain=gain)  # type: ignore[arg-type]
        low, high = head.expression_bounds.T
        assert (out.expression >= low - 1e-5).all() and (out.expression <= high + 1e-5).all()
        for name, joint in (("jaw_pose", 2), ("leye_pose", 3)):
            low, high = head.joint_bounds[joint].T
            pose = getattr(out, name)
            assert (pose >= low - 1e-5).all() and (pose <= high + 1e-5).all()


def test_extreme_turns_stop_softly(head: HeadModel, driver: Motion) -> None:
    far = replace(driver, neck_pose=driver.neck_pose.copy())
    far.neck_pose[1] = [0, 1.3, 0]
    still = resting(head, 1)
    out = retarget(far, still, head, mode="relative", reference_frame=0, max_yaw_deg=35)
    turn = rotation_vector(head_rotations(still)[0].T @ head_rotations(out)[1])
    assert np.radians(30) < np.linalg.norm(turn) < np.radians(36)


@settings(max_examples=50, deadline=None)
@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(0.2, 1.5))
def test_soft_limit_is_a_limit_and_leaves_small_turns(x: float, y: float, limit: float) -> None:
    turn = np.array([[x, y, 0.3]])
    out = soft_limit_turns(turn, limit)
    assert np.linalg.norm(out[:, :2]) <= limit + 1e-9
    assert out[0, 2] == 0.3
    if np.hypot(x, y) < 0.7 * limit:
        np.testing.assert_allclose(out, turn)


def test_view_rotation_turns_the_face_to_the_camera() -> None:
    points = np.array([[0.3, 0.1, -1.2], [0.0, 0.0, -2.0]])
    nose = view_rotations(points)[:, :, 2]
    np.testing.assert_allclose(nose, -points / np.linalg.norm(points, axis=1)[:, None], atol=1e-9)


def test_the_calmest_frame_is_the_neutral_one(head: HeadModel) -> None:
    motion = resting(head, 5)
    motion.neck_pose[0, 1] = 0.7
    motion.jaw_pose[1, 0] = 0.2
    motion.expression[2, head.expression_index("eyeBlinkLeft")] = 0.8
    motion.confidence[3] = 0.3
    assert neutral_frame(motion).index == 4
    motion.valid[:] = [True, True, True, True, False]
    assert neutral_frame(motion).index == 3
    assert neutral_frame(motion, "2").index == 2
    with pytest.raises(FaceNotFoundError, match="frame 4"):
        neutral_frame(motion, 4)
    with pytest.raises(UsageError, match="has 5"):
        neutral_frame(motion, 9)


def test_auto_is_relative_only_with_a_calm_frame(
    head: HeadModel, driver: Motion, reference: Motion
) -> None:
    args = (reference, head)
    auto, relative = retarget(driver, *args), retarget(driver, *args, mode="relative")
    np.testing.assert_array_equal(auto.expression, relative.expression)
    wild = replace(driver, expression=driver.expression + np.float32(0.4))
    auto, absolute = retarget(wild, *args), retarget(wild, *args, mode="absolute")
    np.testing.assert_array_equal(auto.expression, absolute.expression)


def test_a_basis_without_names_moves_too(head: HeadModel) -> None:
    count = head.n_expression
    names = tuple(f"expression_{i}" for i in range(count))
    plain = replace(
        head,
        version="flame2020",
        expression_names=names,
        expression_bounds=np.tile(np.float32([-4, 4]), (count, 1)),
    )
    regions = expression_regions(plain)
    assert regions[head.expression_index("mouthSmileLeft")] == "lips"
    assert regions[head.expression_index("browInnerUp")] == "brows"
    motion = replace(resting(head, 3), basis="flame2020", expression_names=names)
    motion.jaw_pose[1, 0] = 0.3
    out = retarget(motion, motion[:1], plain, reference_frame=0)
    assert gaps_of(out, plain, LIP_PAIRS)[1, 2] > 0.2


def test_arguments_that_do_not_fit(head: HeadModel, driver: Motion, reference: Motion) -> None:
    with pytest.raises(UsageError, match="exactly one"):
        retarget(driver, driver, head)
    with pytest.raises(UsageError, match="fit it again"):
        retarget(replace(driver, basis="flame2020"), reference, head)
    with pytest.raises(UsageError, match="auto, absolute"):
        retarget(driver, reference, head, mode="copy")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no region"):
        retarget(driver, reference, head, only=("nose",))


def test_release_lets_the_references_smile_go(head: HeadModel) -> None:
    driver = resting(head, 3)
    smile = head.expression_index("mouthSmileLeft")
    lid = head.expression_index("eyeSquintLeft")
    own = np.zeros((1, head.n_expression), np.float32)
    own[0, [smile, lid]] = 0.8, 0.3
    reference = replace(driver[:1], expression=own)
    release = np.array([0.0, 0.5, 1.0])
    out = retarget(driver, reference, head, mode="relative", reference_frame=0, release=release)
    np.testing.assert_allclose(out.expression[:, smile], [0.8, 0.4, 0.0], atol=0.08)
    assert (out.expression[:, lid] > 0.2).all(), "the eyes stay the photo's"
