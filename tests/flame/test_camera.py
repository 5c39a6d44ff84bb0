"""The camera's derivative, its crop, and its two array types."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.flame.camera import Camera

CAMERAS = {
    "perspective": Camera(900.0, 310.5, 250.25, 640, 480),
    "orthographic": Camera(2000.0, 310.5, 250.25, 640, 480, "orthographic"),
}
KINDS = pytest.mark.parametrize("kind", CAMERAS)


def points(n=20, seed=0):
    return np.random.default_rng(seed).uniform((-0.2, -0.2, -1.5), (0.2, 0.2, -0.4), (n, 3))


@KINDS
def test_jacobian_equals_autograd(kind):
    camera, p = CAMERAS[kind], points()
    exact = torch.stack(
        [torch.autograd.functional.jacobian(camera.project, torch.tensor(x))[:2] for x in p]
    )
    np.testing.assert_allclose(camera.jacobian(p), exact, rtol=1e-12, atol=1e-9)


@KINDS
def test_jacobian_equals_finite_differences(kind):
    camera, p, h = CAMERAS[kind], points(), 1e-6
    for axis, step in enumerate(h * np.eye(3)):
        slope = (camera.project(p + step) - camera.project(p - step)) / (2 * h)
        np.testing.assert_allclose(
            camera.jacobian(p)[..., axis], slope[:, :2], rtol=1e-6, atol=1e-3
        )


@KINDS
def test_numpy_and_torch_agree(kind):
    camera, p = CAMERAS[kind], points()
    np.testing.assert_allclose(camera.project(p), camera.project(torch.tensor(p)), rtol=1e-12)


def test_axes_follow_the_conventions():
    camera = Camera.from_fov(640, 480, 30)
    u, v, depth = camera.project(np.array([0.1, 0.1, -2.0]))
    assert u > 320 and v < 240 and depth == 2
    edge = np.array([np.tan(np.radians(15)), 0, -1])
    assert camera.project(edge)[0] == pytest.approx(640)


@KINDS
@settings(max_examples=30, deadline=None)
@given(
    x0=st.floats(-200, 400),
    y0=st.floats(-200, 400),
    scale=st.floats(0.1, 8),
    seed=st.integers(0, 99),
)
def test_a_crop_sees_what_its_pixels_show(kind, x0, y0, scale, seed):
    camera, p = CAMERAS[kind], points(seed=seed)
    crop = camera.cropped(x0, y0, scale, 256, 256)
    assert (crop.width, crop.height, crop.kind) == (256, 256, kind)
    expected = camera.project(p)
    expected[:, :2] = (expected[:, :2] - (x0, y0)) * scale
    np.testing.assert_allclose(crop.project(p), expected, rtol=1e-9, atol=1e-7)
