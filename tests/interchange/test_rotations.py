"""Representations of rotations: there and back, and against SciPy."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from facegen.flame.rotations import rotation_matrix, rotation_vector
from facegen.interchange.rotations import (
    from_euler,
    from_six,
    opencv_from_opengl,
    to_euler,
    to_six,
)

angle = st.floats(-1.4, 1.4)
vectors = st.tuples(angle, angle, angle).map(np.array)


@settings(max_examples=60, deadline=None)
@given(vectors)
def test_every_representation_comes_back(vector):
    matrix = rotation_matrix(vector)
    np.testing.assert_allclose(from_six(to_six(matrix)), matrix, atol=1e-12)
    np.testing.assert_allclose(rotation_vector(from_six(to_six(matrix))), vector, atol=1e-9)
    for order in ("xyz", "YXZ", "zyx"):
        back = rotation_matrix(from_euler(to_euler(vector, order), order))
        np.testing.assert_allclose(back, matrix, atol=1e-9)


def test_six_numbers_are_the_first_two_rows():
    """PyTorch3D's order: a stretched and skewed pair gives the nearest rotation of its first."""
    matrix = Rotation.from_euler("xyz", [0.3, -0.2, 0.5]).as_matrix()
    six = np.concatenate([3 * matrix[0], matrix[1] + 0.4 * matrix[0]])
    np.testing.assert_allclose(from_six(six), matrix, atol=1e-12)
    assert from_six(np.tile(six, (4, 2, 1))).shape == (4, 2, 3, 3)
    with pytest.raises(ValueError, match="parallel"):
        from_six(np.array([1.0, 0, 0, 2, 0, 0]))


def test_euler_angles_are_scipys():
    vector = np.array([[0.1, -0.4, 0.2], [0.0, 0.0, 0.0]])
    expected = Rotation.from_rotvec(vector).as_euler("xyz")
    np.testing.assert_allclose(to_euler(vector), expected, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(vectors, vectors)
def test_the_flip_of_axes_is_its_own_inverse(vector, shift):
    rotation = rotation_matrix(vector)
    once = opencv_from_opengl(rotation, shift)
    twice = opencv_from_opengl(*once)
    np.testing.assert_allclose(twice[0], rotation, atol=1e-12)
    np.testing.assert_allclose(twice[1], shift, atol=1e-12)
    assert np.linalg.det(once[0]) == pytest.approx(1)


def test_cv2_sees_the_same_pixels():
    from facegen.flame.camera import Camera
    from facegen.interchange.camera_file import opencv_matrix, opengl_matrix

    camera = Camera(900, 310, 260, 640, 480)
    points = np.random.default_rng(0).uniform((-0.2, -0.2, -2), (0.2, 0.2, -0.8), (50, 3))
    rotation, shift = opencv_from_opengl(np.eye(3), np.zeros(3))
    seen, _ = cv2.projectPoints(points, rotation, shift, opencv_matrix(camera), None)
    expected = camera.project(points)
    np.testing.assert_allclose(seen[:, 0] + 0.5, expected[:, :2], atol=1e-6)
    for kind in ("perspective", "orthographic"):
        camera = Camera(900, 310, 260, 640, 480, kind)
        clip = np.pad(points, ((0, 0), (0, 1)), constant_values=1) @ opengl_matrix(camera).T
        ndc = clip[:, :2] / clip[:, 3:]
        pixels = np.stack([(ndc[:, 0] + 1) * 320, (1 - ndc[:, 1]) * 240], 1)
        np.testing.assert_allclose(pixels, camera.project(points)[:, :2], atol=1e-6)
