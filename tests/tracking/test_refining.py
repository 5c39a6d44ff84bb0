"""The picture corrects what landmarks left open; where it tells nothing, nothing changes."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import facegen
from facegen.errors import UsageError
from facegen.motion import Motion
from facegen.pipelines.config import FitConfig
from facegen.posing import pose_vertices
from facegen.tracking.refining import Refiner, refine, skin_points
from tests.cli import media_zoo as zoo
from tests.compose.scene import make_scene, still

SMILE = {"expression": {"mouthSmileLeft": 0.2, "mouthSmileRight": 0.2, "browInnerUp": 0.2}}
TURNED = {"neck_pose": (0.008, 0.012, 0.0)}


@pytest.fixture(scope="module")
def scene(head):
    return make_scene(head)


@pytest.fixture(scope="module")
def refiner(head, scene):
    return Refiner(head, scene.photo, scene.fit)


def off(head, one: Motion, truth: Motion) -> float:
    """Mean distance of the skin points from where they are, pixels."""
    points = skin_points(head)
    places = [
        m.camera.project(points.on(pose_vertices(head, m), head.faces))[:, :2] for m in (one, truth)
    ]
    return float(np.linalg.norm(places[0] - places[1], axis=1).mean())


@pytest.mark.parametrize(
    ("real", "left"),
    # Part of a smile is the opening of the lips, which is not the refiner's.
    [(SMILE, 0.7), (TURNED, 0.2), (SMILE | TURNED, 0.3)],
    ids=["smile", "turn", "both"],
)
def test_a_head_that_was_missed_is_found(head, scene, refiner, real, left):
    """The frame is rendered, not warped: the pattern knows nothing of the refiner."""
    frame = make_scene(head, **real)
    tracked = still(head, scene.fit.camera)
    got = refiner(frame.photo, tracked)
    before, after = off(head, tracked, frame.fit), off(head, got, frame.fit)
    assert before > 0.4, "pixels to be found"
    assert after < left * before


def test_a_head_that_was_right_stays(head, scene, refiner):
    frame = make_scene(head, **SMILE)
    assert off(head, refiner(frame.photo, frame.fit), frame.fit) < 0.15
    assert off(head, refiner(scene.photo, scene.fit), scene.fit) < 0.02


def test_lids_keep_their_own_measure(head, scene, refiner):
    closed = still(head, scene.fit.camera, expression={"eyeBlinkLeft": 0.7, "eyeBlinkRight": 0.7})
    got = refiner(scene.photo, closed)
    lids = [head.expression_index(f"eyeBlink{side}") for side in ("Left", "Right")]
    np.testing.assert_allclose(got.expression[0, lids], 0.7, atol=0.01)
    np.testing.assert_array_equal(got.leye_pose, closed.leye_pose)


@pytest.mark.parametrize("frame", ["grey", "noise", "elsewhere"])
def test_a_picture_that_tells_nothing_changes_nothing(head, scene, refiner, frame):
    pictures = {
        "grey": np.full_like(scene.photo, 128),
        "noise": np.random.default_rng(0).integers(0, 256, scene.photo.shape, np.uint8),
        "elsewhere": scene.photo[::-1].copy(),
    }
    tracked = still(head, scene.fit.camera, **SMILE)
    got = refiner(pictures[frame], tracked)
    assert off(head, got, tracked) < 0.3


def test_a_clip_is_matched_by_time_and_frames_without_a_face_stay(head, scene, refiner):
    rest = still(head, scene.fit.camera)
    rows = {n: np.repeat(getattr(rest, n), 3, 0) for n in ("expression", "neck_pose", "jaw_pose")}
    poses = ("global_orient", "leye_pose", "reye_pose", "transl", "confidence")
    rows |= {n: np.repeat(getattr(rest, n), 3, 0) for n in poses}
    motion = replace(
        rest,
        **rows,
        fps=Fraction(25),
        timestamps=np.array([0.04, 0.08, 0.12]),
        valid=np.array([True, False, True]),
    )
    smile = make_scene(head, **SMILE)
    shown = [(0.0, smile.photo), (0.04, smile.photo), (0.08, smile.photo), (0.16, smile.photo)]
    got = refine(shown, motion, refiner)
    assert np.abs(got.expression[0]).max() > 0.1
    np.testing.assert_array_equal(got.expression[1:], motion.expression[1:])


def test_only_the_own_tracking_is_refined():
    with pytest.raises(UsageError, match="--refine"):
        FitConfig(refine=True, tracker="smirk").validate()


@pytest.mark.slow
def test_a_video_is_refined_in_its_own_time(tmp_path: Path) -> None:
    clip = zoo.write_clip(tmp_path / "c.mp4", zoo.moving_face(10))
    part = {"start": 0.08, "stop": 0.32}
    plain = facegen.fit(clip, config=FitConfig(**part)).motion
    close = facegen.fit(clip, config=FitConfig(**part, refine=True)).motion
    np.testing.assert_array_equal(close.timestamps, plain.timestamps)
    moved = np.abs(close.expression - plain.expression).max(1)
    assert (moved > 0).sum() >= len(plain) - 1
    assert moved.max() < 0.5
