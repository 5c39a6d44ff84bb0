"""Crops and cameras: where a regressor looks, and where its head ends up."""

import cv2
import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.flame.camera import Camera
from facegen.flame.rotations import rotation_matrix
from facegen.trackers.crops import FAN_BOX, MEDIAPIPE_BOX, Crop, Window
from facegen.trackers.place import place, view_rotation

JOINTS = np.array(
    [[0, -0.1, 0], [0, -0.05, 0], [0, -0.01, 0.02], [0.03, 0.03, 0.06], [-0.03, 0.03, 0.06]]
)
number = st.floats(-1, 1)


def test_the_box_is_the_mean_side_enlarged():
    points = np.zeros((478, 3))
    points[:, 0], points[:, 1] = np.linspace(10, 110, 478), np.linspace(50, 110, 478)
    window = MEDIAPIPE_BOX.window(points)
    assert window == Window(60 - 56, 80 - 56, 112)
    assert FAN_BOX.scale == 1.375 and len(FAN_BOX.points) == 68
    assert Crop(1.0, (0, 477)).window(points).side == 80


def test_pixels_stand_where_the_published_warp_puts_them():
    rng = np.random.default_rng(0)
    rgb = cv2.GaussianBlur(rng.integers(0, 255, (300, 400, 3)).astype(np.uint8), (9, 9), 3)
    window = Window(-20.5, 30.25, 260)
    cut = FAN_BOX.cut(rgb, window)
    step = window.side / 223
    matrix = np.array([[step, 0, window.x], [0, step, window.y]])
    expected = cv2.warpAffine(
        rgb, matrix, (224, 224), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    difference = cut.permute(1, 2, 0).numpy() * 255 - expected
    assert np.abs(difference[:, 25:]).max() < 3 and np.abs(difference[:, 25:]).mean() < 0.4
    assert (cut[:, :, :15] == 0).all()
    assert torch.equal(FAN_BOX.cut(rgb, Window(900, 900, 50)), torch.zeros(3, 224, 224))


@settings(max_examples=40, deadline=None)
@given(st.tuples(number, number, number), st.floats(-0.8, 0.8), st.floats(-0.8, 0.8))
def test_the_eyes_keep_their_place_and_size(turn, x, y):
    """The point between the eyes lands where the crop saw it, and a metre there is as long."""
    camera = Camera.from_fov(640, 480)
    code = np.array([7.0, 0.01, -0.02])
    window = Window(320 + 300 * x - 90, 240 + 220 * y - 90, 180)
    orient, transl = place(code, np.array(turn), JOINTS, window, camera)
    arm = JOINTS[3:5].mean(0) - JOINTS[0]
    seen = (rotation_matrix(np.array(turn)) @ arm + JOINTS[0])[:2] + code[1:]
    centre = rotation_matrix(orient) @ arm + JOINTS[0] + transl
    u, v, depth = camera.project(centre)
    np.testing.assert_allclose(
        [u, v],
        [window.x + 90 * (1 + 7 * seen[0]), window.y + 90 * (1 - 7 * seen[1])],
        atol=1e-6,
    )
    assert abs(camera.focal / depth - 90 * 7) < 1e-6


def test_a_frontal_face_beside_the_middle_still_looks_at_the_camera():
    camera = Camera.from_fov(640, 480, 60)
    window = Window(500, 150, 120)
    orient, transl = place(np.array([7.0, 0, 0]), np.zeros(3), JOINTS, window, camera)
    forward = rotation_matrix(orient)[:, 2]
    centre = rotation_matrix(orient) @ (JOINTS[3:5].mean(0) - JOINTS[0]) + JOINTS[0] + transl
    np.testing.assert_allclose(forward, -centre / np.linalg.norm(centre), atol=1e-9)
    np.testing.assert_allclose(view_rotation(np.array([0, 0, -1.0])), np.eye(3))
