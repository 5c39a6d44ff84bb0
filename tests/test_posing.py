"""Posed heads: batches say the same as single frames, landmarks the same as by hand."""

from __future__ import annotations

import numpy as np

from facegen.demo import MOTION
from facegen.flame.camera import Camera
from facegen.flame.model import HeadModel
from facegen.motion import Motion
from facegen.posing import pose_batch, pose_frames, pose_vertices, resting_head


def test_a_motion_in_turn_is_its_frames_one_by_one(head: HeadModel) -> None:
    motion = Motion.load(MOTION)[:35]
    frames = list(pose_frames(head, motion))
    assert len(frames) == 35
    assert frames[0].shape == (head.n_vertices, 3)
    for index in (0, 31, 32, 34):
        np.testing.assert_array_equal(frames[index], pose_vertices(head, motion[index : index + 1]))
    assert np.ptp([frame[:, 1].min() for frame in frames]) > 0


def test_a_resting_head_is_the_mean_head_at_its_place(head: HeadModel) -> None:
    betas = np.zeros(head.n_shape, np.float32)
    motion = resting_head(head, Camera.from_fov(64, 64), (0.01, 0, -0.5), betas)
    wanted = head.v_template + np.array([0.01, 0, -0.5])
    np.testing.assert_allclose(pose_vertices(head, motion), wanted, atol=1e-6)


def test_landmarks_of_a_batch_are_weighted_corners(head: HeadModel) -> None:
    embedding = head.landmarks["mediapipe478"]
    vertices = pose_batch(head, Motion.load(MOTION)[:3])
    points = embedding.on(vertices, head.faces)
    assert points.shape == (3, len(embedding.faces), 3)
    corners = vertices[2, head.faces[embedding.faces[13]]]
    np.testing.assert_allclose(points[2, 13], embedding.bary[13] @ corners, rtol=1e-6)
