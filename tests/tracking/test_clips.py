"""Tracking: photos and videos of the made-up kind (posed landmarks) and of the real kind."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facegen.errors import FaceNotFoundError, UsageError
from facegen.flame.camera import Camera
from facegen.flame.landmark_model import HeadState, LandmarkModel
from facegen.flame.model import HeadModel
from facegen.flame.rotations import rotation_matrix
from facegen.motion import Motion
from facegen.tracking import clips as tracking
from facegen.tracking import track_image, track_images, track_video
from facegen.tracking.gaps import gap_text, resolve_gaps

SIZE = (360, 640)


class PosedFaces:
    """Stands in for the landmark network: each "picture" carries its frame number."""

    frames: list[np.ndarray | None] = []

    def __init__(self, choice: object = "largest") -> None:
        self.restarted = True

    def __enter__(self) -> PosedFaces:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, rgb: np.ndarray) -> np.ndarray | None:
        points = self.frames[int(rgb[0, 0, 0])]
        before = self.frames[int(rgb[0, 0, 0]) - 1] if rgb[0, 0, 0] else None
        self.restarted = points is not None and before is None
        return points


def pictures(count: int) -> Iterator[np.ndarray]:
    for i in range(count):
        yield np.full((*SIZE, 3), i, np.uint8)


@pytest.fixture
def nodding(head: HeadModel, monkeypatch: pytest.MonkeyPatch) -> list[HeadState]:
    """Forty frames of a nodding, talking head; frames 10-13 without a face."""
    model = LandmarkModel.from_head(head)
    rng = np.random.default_rng(0)
    shape = rng.normal(size=model.n_shape) * 0.4
    camera = Camera.from_fov(SIZE[1], SIZE[0])
    states, frames = [], []
    for i in range(40):
        phase = 2 * np.pi * i / 20
        turn = rotation_matrix(np.array([0.15 * np.sin(phase), 0.2 * np.cos(phase), 0.0]))
        jaw = np.array([0.06 - 0.06 * np.cos(2 * phase), 0.0])
        transl = np.array([0.02 * np.sin(phase), 0.0, -1.3])
        rest = model.rest_state()
        state = HeadState(shape, rest.expression, turn, jaw, rest.eyes, transl)
        points = camera.project(model.pose(state)) + rng.normal(size=(478, 3)) * 0.1
        states.append(state)
        frames.append(None if 10 <= i < 14 else points.astype(np.float32))
    monkeypatch.setattr(PosedFaces, "frames", frames)
    monkeypatch.setattr(tracking, "LandmarkTracker", PosedFaces)
    monkeypatch.setattr(tracking, "_KEY_FRAMES", 4)
    return states


def test_video_is_followed(head: HeadModel, nodding: list[HeadState]) -> None:
    motion = track_video(pictures(40), head, fps=Fraction(30000, 1001), no_face="interpolate")
    assert len(motion) == 40 and motion.fps == Fraction(30000, 1001)
    assert motion.valid.sum() == 36 and not motion.valid[10:14].any()
    assert motion.confidence[10] == 0 and motion.confidence[20] > 0.8
    for i in (5, 25, 35):
        turn = rotation_matrix(motion.neck_pose[i])
        assert np.degrees(np.arccos((np.trace(turn.T @ nodding[i].rotation) - 1) / 2)) < 4
    jaw = np.array([s.jaw[0] for s in nodding])[motion.valid]
    assert np.corrcoef(motion.jaw_pose[motion.valid, 0], jaw)[0, 1] > 0.97


def test_identity_settles_on_the_first_frames_of_a_long_video(
    head: HeadModel, nodding: list[HeadState], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "_IDENTITY_FRAMES", 8)
    motion = track_video(pictures(40), head, no_face="drop")
    assert len(motion) == 36 and motion.valid.all()
    assert (np.diff(motion.timestamps) > 0).all() and motion.timestamps[10] == pytest.approx(
        14 / 25
    )


def test_policies_for_frames_without_a_face(head: HeadModel, nodding: list[HeadState]) -> None:
    raw = track_video(pictures(40), head, no_face="hold", smoothed=0)
    assert (raw.transl[10:14] == raw.transl[9]).all()
    assert not raw.valid[10:14].any()
    between = track_video(pictures(40), head, no_face="interpolate", smoothed=0)
    low, high = sorted((between.transl[9, 0], between.transl[14, 0]))
    assert ((between.transl[10:14, 0] > low) & (between.transl[10:14, 0] < high)).all()
    with pytest.raises(FaceNotFoundError, match="frames 10-13 of 40"):
        track_video(pictures(40), head, no_face="error")
    with pytest.raises(UsageError, match="no_face"):
        track_video(pictures(40), head, no_face="ignore")  # type: ignore[arg-type]


def test_video_errors(
    head: HeadModel, nodding: list[HeadState], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="no frames"):
        track_video([], head)
    with pytest.raises(UsageError, match="one size"):
        track_video([next(pictures(1)), np.zeros((100, 100, 3), np.uint8)], head)
    with pytest.raises(UsageError, match="time stamps"):
        track_video(pictures(9), head, timestamps=[0.0, 1.0])
    monkeypatch.setattr(PosedFaces, "frames", [None] * 5)
    with pytest.raises(FaceNotFoundError, match="any of the 5 frames"):
        track_video(pictures(5), head)


def test_gaps_are_named_briefly() -> None:
    valid = np.ones(60, bool)
    valid[[0, 12, 13, 14, 20, 30, 40, 59]] = False
    assert gap_text(valid) == "0, 12-14, 20, 30 and 2 more"


def test_gap_at_the_ends_holds(head: HeadModel, nodding: list[HeadState]) -> None:
    motion = track_video(pictures(40), head, no_face="hold", smoothed=0)
    ends = motion[8:16]
    ends.valid[:] = [False, True, False, False, False, False, True, False]
    filled: Motion = resolve_gaps(ends, "interpolate")
    np.testing.assert_array_equal(filled.transl[0], ends.transl[1])
    np.testing.assert_array_equal(filled.transl[7], ends.transl[6])


def test_real_photos_share_an_identity(head: HeadModel, dev_data: Path) -> None:
    photo = np.asarray(Image.open(dev_data / "portraits/cc0_074.jpg").convert("RGB"))
    single = track_image(photo, head)
    assert len(single) == 1 and single.confidence[0] > 0.8
    assert single.camera.width == photo.shape[1]
    both = track_images([photo, np.ascontiguousarray(photo[100:, 50:950])], head)
    np.testing.assert_array_equal(both[0].betas, both[1].betas)
    assert both[1].camera.width == 900


def test_a_profile_is_refused_as_reference(
    head: HeadModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = LandmarkModel.from_head(head)
    rest = model.rest_state()
    side = HeadState(
        rest.shape, rest.expression, rotation_matrix(np.array([0, 1.35, 0])), rest.jaw, rest.eyes,
        np.array([0, 0, -1.3]),
    )  # fmt: skip
    points = Camera.from_fov(SIZE[1], SIZE[0]).project(model.pose(side))
    monkeypatch.setattr(tracking, "find_landmarks", lambda *_: points)
    with pytest.raises(FaceNotFoundError, match="turned .* both eyes"):
        track_image(next(pictures(1)), head)


@pytest.mark.slow
def test_real_video_is_followed_closely(head: HeadModel, dev_data: Path) -> None:
    av = pytest.importorskip("av")
    with av.open(str(dev_data / "driving/lp_d0.mp4")) as video:
        frames = [f.to_ndarray(format="rgb24") for f in video.decode(video=0)]
    motion = track_video(frames, head, fps=Fraction(25))
    assert motion.valid.all()
    assert np.median(motion.confidence) > 0.85
    assert np.abs(np.diff(motion.transl, axis=0)).max() < 0.03
