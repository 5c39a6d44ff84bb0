"""Curves of a face: by hand on made-up faces, video and head parameters against each other."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegen.demo import MOTION
from facegen.errors import FaceNotFoundError, MediaError, UsageError
from facegen.evaluation import Face
from facegen.evaluation.performance import (
    from_faces,
    opening_from_video,
    performance_from_motion,
    resample,
    rigid_rotation,
)
from facegen.flame.rotations import rotation_matrix
from facegen.motion import Motion
from tests.evaluation.faces import make_face


def solid_face(opening=0.0):
    """A made-up face with depth, so that its turning can be seen."""
    points = make_face(opening=opening).points.copy()
    rows = np.arange(468)
    points[:468] += np.stack([np.sin(rows), np.cos(rows), 9 * np.sin(1 + 7 * rows)], 1)
    points[[13, 14, 61, 291]] = make_face(opening=opening).points[[13, 14, 61, 291]]
    return points


def test_curves_by_hand():
    faces = [make_face(opening=0.1, lids=0.3), None, make_face(opening=0.25, lids=0.1)]
    found = from_faces([0, 0.04, 0.08], faces)
    np.testing.assert_allclose(found.opening, [0.1, np.nan, 0.25])
    # Lip points stand on an ellipse 28 px wide, the eyes 40 px apart; two of them are the corners.
    corners = make_face().points[[61, 291]]
    np.testing.assert_allclose(found.width[0], np.linalg.norm(corners[0] - corners[1]) / 40)
    np.testing.assert_allclose(found.lids, [0.3, np.nan, 0.1])
    assert (found.faceless, len(found)) == (1, 3)
    assert found.fps == pytest.approx(25)


@given(st.lists(st.floats(-0.6, 0.6), min_size=3, max_size=3), st.floats(0.5, 3))
def test_head_motion_is_taken_out(axis_angle, scale):
    """Turning, moving and scaling a face changes its rotation and nothing else."""
    turn = rotation_matrix(np.array(axis_angle))
    points = solid_face(0.2)
    moved = scale * (points @ turn.T) + (30, -20, 5)
    found = from_faces([0, 1], [Face(points), Face(moved)])
    np.testing.assert_allclose(found.rotation[1], turn, atol=1e-9)
    np.testing.assert_allclose(found.points[1], found.points[0], atol=1e-9)
    for curve in (found.opening, found.width, found.lids):
        np.testing.assert_allclose(curve[1], curve[0], atol=1e-9)


def test_rigid_rotation_never_mirrors():
    points = solid_face()[:20]
    mirrored = rigid_rotation(points, points * (-1, 1, 1))
    assert np.linalg.det(mirrored) == pytest.approx(1)


def test_resample():
    times, values = np.array([0.0, 1, 2, 3]), np.array([0.0, 10, np.nan, 30])
    at = np.array([-0.6, -0.4, 0.25, 1.0, 1.5, 3.0, 3.4, 3.6])
    want = [np.nan, 0, 2.5, 10, np.nan, 30, 30, np.nan]
    np.testing.assert_allclose(resample(times, values, at), want)
    np.testing.assert_allclose(resample(times[:1], values[:1], at[:4]), [np.nan] * 4)


def test_motion_gives_the_same_kind_of_curves(head):
    motion = Motion.load(MOTION)
    found = performance_from_motion(motion, head)
    jaw = motion.jaw_pose[:, 0]
    assert len(found) == len(motion)
    assert 0 <= np.nanmin(found.opening) < 0.1 < np.nanmax(found.opening) < 1
    assert np.corrcoef(jaw, found.opening)[0, 1] > 0.6
    # The head's turn in image axes: camera x right, y up, z to the viewer -> right, down, away.
    flip = np.diag([1.0, -1, -1])
    neck = rotation_matrix(motion.global_orient) @ rotation_matrix(motion.neck_pose)
    far = int(np.linalg.norm(neck - neck[0], axis=(1, 2)).argmax())
    relative = flip @ (neck[far] @ neck[0].T) @ flip
    assert np.linalg.norm(relative - np.eye(3)) > 0.05
    assert np.linalg.norm(found.rotation[far] - relative) < 0.03
    with pytest.raises(UsageError, match="fit it anew"):
        performance_from_motion(replace(motion, basis="other"), head)
    with pytest.raises(UsageError, match="no frames"):
        performance_from_motion(motion[:0], head)


def test_bad_videos(tmp_path):
    import cv2

    (tmp_path / "broken.mp4").write_bytes(b"no video")
    with pytest.raises(MediaError):
        opening_from_video(tmp_path / "broken.mp4")
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((64, 64, 3), 128, np.uint8))
    with pytest.raises(FaceNotFoundError, match="no face"):
        opening_from_video(tmp_path / "grey.png")


def test_real_speech(dev_data):
    times, opening, width = opening_from_video(dev_data / "talking_grid_s1" / "bbaszn.mpg")
    assert times.shape == opening.shape == width.shape == (75,)
    # "bin blue at s zero now": the /b/ of bin is shut, "zero" and "now" are wide open.
    assert opening[5:9].max() < 0.02
    assert opening[27:36].mean() > 0.12
    assert not np.isnan(opening).any()
