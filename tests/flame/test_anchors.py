import numpy as np
import pytest

from facegen.flame.anchors import Anchors, Skull
from facegen.flame.camera import Camera
from facegen.flame.fitting import LandmarkFitter
from facegen.flame.landmark_model import LandmarkModel, rest_joints
from facegen.flame.model import HeadModel
from facegen.flame.rotations import rotation_matrix

CAMERA = Camera.from_fov(512, 512)
NECK = np.array([0.02, -0.05, -1.3])


@pytest.fixture(scope="module")
def skull(head: HeadModel) -> Skull:
    return Skull.of(head, np.zeros(head.n_shape))


def test_points_under_pixels_project_back_and_lie_on_the_skull(skull: Skull) -> None:
    rotation = rotation_matrix(np.array([0.1, -0.3, 0.05]))
    centre = CAMERA.project(rotation @ skull.centre + NECK)[:2]
    pixels = centre + np.random.default_rng(0).uniform(-40, 40, (30, 2))
    points = skull.under(pixels, rotation, NECK, CAMERA)
    np.testing.assert_allclose(CAMERA.project(points @ rotation.T + NECK)[:, :2], pixels, atol=1e-8)
    np.testing.assert_allclose((((points - skull.centre) / skull.radii) ** 2).sum(1), 1, atol=1e-8)
    assert ((points @ rotation.T)[:, 2] > (rotation @ skull.centre)[2]).all(), "the near side"


def test_pixels_beside_the_skull_get_a_depth_too(skull: Skull) -> None:
    far = CAMERA.project(skull.centre + NECK)[:2] + [200, -150]
    points = skull.under(far[None], np.eye(3), NECK, CAMERA)
    np.testing.assert_allclose(CAMERA.project(points + NECK)[0, :2], far, atol=1e-8)
    assert abs(points[0, 2] - skull.centre[2]) < 0.12


def test_anchors_keep_the_head_still_while_the_face_pretends_to_nod(
    head: HeadModel, skull: Skull
) -> None:
    fitter = LandmarkFitter(LandmarkModel.from_head(head)).for_identity(np.zeros(head.n_shape))
    rest = fitter.model.rest_state()
    neck = rest_joints(head, np.zeros(1))[1] + [0, 0, -1.5]
    points = CAMERA.project(fitter.model.pose(rest) + [0, 0, -1.5])[:, :2]
    start = fitter.fit(points, CAMERA)
    # The face alone nods about its centre by four degrees, hair and ears do not.
    turned = rotation_matrix(np.radians([4.0, 0, 0]))
    face = fitter.model.pose(rest)
    middle = face.mean(0)
    moved = CAMERA.project((face - middle) @ turned.T + middle + [0, 0, -1.5])[:, :2]
    grid = np.stack(np.meshgrid([-70, -40, 40, 70], [-95, -70, -50]), -1).reshape(-1, 2)
    pixels = CAMERA.project(skull.centre + neck)[:2] + grid
    anchors = Anchors(skull.under(pixels, np.eye(3), neck, CAMERA), pixels)
    free, held = start, start
    for _ in range(6):
        free, held = fitter.step(free, moved), fitter.step(held, moved, anchors=anchors)
    turn = [np.degrees(fit.neck_pose[0] - start.neck_pose[0]) for fit in (free, held)]
    assert turn[0] > 3
    assert turn[1] < 0.5 * turn[0]
