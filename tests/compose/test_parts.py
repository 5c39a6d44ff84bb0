"""Window, matte, background, field arithmetic."""

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from facegen.compose.background import background_layer, push_pull
from facegen.compose.field import plane_motion, shrunk
from facegen.compose.frame import HeadFrame, rigid_rotation
from facegen.compose.matte import as_unit, refine_matte
from facegen.compose.mouth import UPPER_WIDTHS, _teeth
from facegen.compose.window import HeadWindow
from facegen.flame.camera import Camera


@settings(max_examples=60, deadline=None)
@given(
    st.integers(40, 900),
    st.integers(40, 900),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0.05, 0.9),
)
def test_window_is_a_square_that_stays_inside_where_it_can(height, width, x, y, face):
    extent = face * min(height, width)
    corner = np.array([x * (width - extent), y * (height - extent)])
    points = corner + extent * np.array([[0, 0], [1, 0.5], [0.5, 1]])
    window = HeadWindow.around(points, (height, width), 128)
    rows, cols = window.patch((height, width))
    assert rows.stop - rows.start == min(window.side, height)
    assert cols.stop - cols.start == min(window.side, width)
    image = np.zeros((height, width, 3), np.uint8)
    assert window.crop(image).shape == (128, 128, 3)


def test_window_camera_sees_what_the_crop_shows():
    photo = np.zeros((300, 500, 3), np.uint8)
    camera = Camera.from_fov(500, 300)
    point = np.array([[0.02, 0.03, -0.8]])
    u, v, _ = camera.project(point)[0]
    cv2.circle(photo, (int(u), int(v)), 6, (255, 255, 255), -1)
    window = HeadWindow(150, 20, 200, 400)
    crop = window.crop(photo)[..., 0]
    rows, cols = np.nonzero(crop > 128)
    projected = window.camera(camera).project(point)[0]
    assert abs(cols.mean() + 0.5 - projected[0]) < 2
    assert abs(rows.mean() + 0.5 - projected[1]) < 2


def test_matte_snaps_to_the_edge_of_the_picture():
    image = np.full((200, 200, 3), 40, np.uint8)
    image[:, 100:] = 210
    blurred = cv2.GaussianBlur((image[..., 0] > 100).astype(np.float32), (0, 0), 8)
    sharp = refine_matte(blurred, image, iod=80)
    assert sharp[:, :90].max() == 0 and sharp[:, 110:].min() == 1
    assert sharp[:, 98].max() < 0.15 and sharp[:, 101].min() > 0.85
    assert as_unit(np.array([[0, 255]], np.uint8)).tolist() == [[0, 1]]


@settings(max_examples=30, deadline=None)
@given(st.integers(3, 40), st.integers(3, 40), st.integers(0, 10**6))
def test_push_pull_keeps_what_is_known_and_invents_no_new_extremes(height, width, seed):
    rng = np.random.default_rng(seed)
    image = rng.random((height, width, 3)).astype(np.float32)
    weight = (rng.random((height, width)) > 0.6).astype(np.float32)
    weight[0, 0] = 1
    filled = push_pull(image, weight)
    known = weight > 0
    np.testing.assert_allclose(filled[known], image[known], atol=1e-5)
    assert filled.min() >= image[known].min() - 1e-4
    assert filled.max() <= image[known].max() + 1e-4


def test_background_forgets_the_person_and_keeps_the_rest():
    rng = np.random.default_rng(0)
    patch = rng.integers(100, 120, (150, 150, 3)).astype(np.uint8)
    person = np.zeros((150, 150), np.float32)
    cv2.circle(person, (75, 75), 40, 1, -1)
    patch[person > 0] = 255
    layer = background_layer(patch, person, 6)
    assert layer[person > 0].max() < 125
    far = cv2.dilate(person, np.ones((41, 41))) == 0
    assert np.array_equal(layer[far], patch[far])


@given(st.floats(-2, 2), st.floats(-50, 50), st.floats(-50, 50), st.floats(0.8, 1.25))
def test_plane_motion_is_recovered(angle, x, y, scale):
    rng = np.random.default_rng(1)
    driven = np.column_stack([rng.normal(200, 60, (40, 2)), np.full(40, 0.9 * scale)])
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    target = driven[:, :2] @ np.array([[c, -s], [s, c]]).T + (x, y)
    reference = np.column_stack([target, np.full(40, 0.9)])
    found = plane_motion(driven, reference, perspective=True)
    np.testing.assert_allclose(driven[:, :2] @ found.matrix.T + found.offset, target, atol=1e-6)


@given(st.tuples(*[st.floats(-1.5, 1.5)] * 3))
def test_rigid_rotation_is_recovered(vector):
    points = np.random.default_rng(2).normal(size=(30, 3))
    turn = Rotation.from_rotvec(vector).as_matrix()
    np.testing.assert_allclose(rigid_rotation(points, points @ turn.T + 3), turn, atol=1e-9)


def test_small_motion_is_damped_and_large_motion_kept():
    assert shrunk(np.array([0.5, 0.0]), 5) < 0.02
    assert shrunk(np.array([50.0, 0.0]), 5) > 0.98
    assert shrunk(np.zeros(2), 5) == 0


def test_head_frame_finds_its_parts(head):
    frame = HeadFrame.of(head)
    assert len(frame.skull) > 100 and len(frame.neck_base) > 10
    assert head.v_template[frame.skull, 1].min() > head.v_template[frame.neck_base, 1].max()
    assert set(np.unique(frame.face_class)) == {1, 2, 3, 4, 5}
    assert 0.05 < frame.iod < 0.07


def test_teeth_part_where_anatomy_says():
    along = np.linspace(0.01, 20, 400)
    arch = np.column_stack([along, np.full(400, 2.0)]).astype(np.float32)
    _, glow = _teeth(arch, UPPER_WIDTHS, 0.1)
    dips = along[1:-1][(glow[1:-1] < glow[:-2]) & (glow[1:-1] < glow[2:])]
    np.testing.assert_allclose(dips[:2], np.cumsum(UPPER_WIDTHS)[:2], atol=0.2)
