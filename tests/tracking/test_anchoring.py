import cv2
import numpy as np

from facegen.demo import PHOTO
from facegen.faces import find_landmarks
from facegen.flame.landmark_sets import OVAL
from facegen.flame.model import HeadModel
from facegen.media import read_image
from facegen.tracking import track_video
from facegen.tracking.anchoring import SkullAnchors
from facegen.tracking.clips import sights
from facegen.tracking.features import FeatureFollower, Features

RGB = read_image(PHOTO).rgb
POINTS = find_landmarks(RGB)


def test_features_lie_on_hair_not_on_the_face_or_the_wall() -> None:
    pixels = FeatureFollower()(RGB, POINTS).pixels
    assert len(pixels) >= 20
    oval = POINTS[list(OVAL), :2]
    inner = oval.mean(0) + 0.8 * (oval - oval.mean(0))
    outline = inner.astype(np.float32)
    assert all(cv2.pointPolygonTest(outline, tuple(map(float, p)), False) < 0 for p in pixels)
    assert (np.abs(pixels - oval.mean(0)) < 3 * np.ptp(oval, axis=0)).all()


def test_features_follow_a_shift_and_keep_their_names() -> None:
    follower = FeatureFollower()
    first = follower(RGB, POINTS)
    shifted = np.roll(RGB, (2, 3), (0, 1))
    second = follower(shifted, POINTS + [3, 2, 0])
    same, a, b = np.intersect1d(first.ids, second.ids, return_indices=True)
    assert len(same) > 0.8 * len(first.ids)
    move = second.pixels[b] - first.pixels[a]
    np.testing.assert_allclose(np.median(move, axis=0), [3, 2], atol=0.1)
    assert (np.abs(move - [3, 2]).max(1) < 0.5).mean() > 0.9


def test_reset_gives_new_names() -> None:
    follower = FeatureFollower()
    first = follower(RGB, POINTS)
    follower.reset()
    assert not set(first.ids) & set(follower(RGB, POINTS).ids)


def test_strays_are_given_up_for_good(head: HeadModel) -> None:
    from facegen.flame.camera import Camera
    from facegen.flame.fitting import LandmarkFitter
    from facegen.flame.landmark_model import LandmarkModel

    fit = LandmarkFitter(LandmarkModel.from_head(head)).fit(POINTS, Camera.from_fov(512, 512))
    seen = FeatureFollower()(RGB, POINTS)
    anchors = SkullAnchors(head, fit.betas)
    assert anchors.match(seen) is None
    anchors.learn(seen, fit)
    matched = anchors.match(seen)
    assert matched is not None
    assert len(matched.points) == len(seen.ids)
    pixels = seen.pixels.copy()
    pixels[0] += 40
    anchors.learn(Features(seen.ids, pixels), fit)
    for again in (seen, Features(seen.ids, pixels)):
        anchors.learn(again, fit)
        left = anchors.match(again)
        assert left is not None
        assert len(left.points) == len(seen.ids) - 1


def test_a_head_that_does_not_move_is_tracked_still_while_the_face_is_distorted(
    head: HeadModel,
) -> None:
    """The lower face slides down by pixels, as when a mouth opens; hair and ears stay."""
    oval = POINTS[list(OVAL), :2]
    top, bottom = POINTS[1, 1], oval[:, 1].max() + 6
    left, right = oval[:, 0].min() + 4, oval[:, 0].max() - 4
    frames = []
    for i in range(16):
        drop = 3.0 * np.sin(i / 15 * np.pi)
        frame = RGB.copy()
        rows = np.arange(int(top), int(bottom))
        share = np.sin((rows - top) / (bottom - top) * np.pi)
        frame[rows, int(left) : int(right)] = RGB[
            np.rint(rows - drop * share).astype(int), int(left) : int(right)
        ]
        frames.append(frame)
    motion = track_video(frames, head, smoothed=0)
    turn = np.degrees(np.linalg.norm(motion.neck_pose - motion.neck_pose[0], axis=1))
    assert turn.max() < 0.6
    assert sum(s.features is not None for s in sights(frames[:3], "largest")) == 3
