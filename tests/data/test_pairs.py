"""Pairs: the warp's picture, the truth and what is known of both."""

import numpy as np
import pytest

from facegen.compose import Reference, Warper
from facegen.compose.conditions import WindowCutter
from facegen.compose.window import HeadWindow
from facegen.data.pairs import PairMaker, Picture, resized, turn
from tests.compose.scene import psnr, still


def test_at_rest_the_warp_is_the_truth(windows):
    rest = windows[0]
    assert psnr(rest.warped, rest.target) > 50
    assert np.array_equal(rest.reference, rest.target)
    # Of the mesh everything is seen; only the rim of the outline counts as less.
    assert (rest.visibility > 127).mean() > 0.95


def test_the_pair_says_where_it_stands(head, scene, windows, origin):
    meta = windows[1].meta
    assert meta.identity == origin.identity and meta.frame == 1
    assert meta.yaw == pytest.approx(np.degrees(0.3), abs=0.1)
    x0, y0, side = meta.window
    camera = windows[1].head.camera
    assert camera.focal == pytest.approx(scene.fit.camera.focal * 64 / side)
    assert meta.scale == pytest.approx(64 / side, abs=1e-3)


def test_training_and_use_see_the_same_window(head, scene, maker):
    """The cached pair is made by the code that a generator runs."""
    from facegen.posing import pose_vertices

    fit = still(head, scene.fit.camera, neck_pose=(0.1, -0.2, 0))
    reference = Reference.build(scene.photo, scene.fit, head, matte=scene.matte, window_size=128)
    vertices = pose_vertices(head, fit)
    result = Warper(reference).render(vertices)
    used = WindowCutter(reference, scene.fit.camera, 64)(result, vertices)
    pair = maker.pair(Picture(scene.photo, fit, scene.matte), _origin())
    assert np.array_equal(pair.warped, used.rgb)
    assert np.abs(pair.visibility / 255 - used.visibility).max() < 1 / 255
    assert pair.meta.window == (used.window.x0, used.window.y0, used.window.side)


def _origin():
    from facegen.data.pairs import Origin

    return Origin(kind="clip", split="train", source="s", licence="l", identity="i")


def test_the_window_follows_the_head(head, scene, drive_vertices):
    from facegen.compose.frame import HeadFrame

    frame, camera = HeadFrame.of(head), scene.fit.camera

    def window(**values):
        vertices = drive_vertices(**values)
        return HeadWindow.following(vertices, camera, head, frame, 64)

    rest, moved = window(), window(transl=(0.05, 0, 0))
    step = 0.05 * camera.focal / 1.0
    assert moved.x0 - rest.x0 == pytest.approx(step, rel=0.1) and moved.y0 == rest.y0
    near = window(transl=(0, 0, 0.2))
    assert near.side == pytest.approx(rest.side * 1.0 / 0.8, rel=0.05)
    # Speaking does not move it: the picture would shake.
    assert window(jaw_pose=(0.3, 0, 0), expression={"mouthSmileLeft": 1.0}) == rest


@pytest.fixture()
def drive_vertices(head, scene):
    from facegen.posing import pose_vertices

    return lambda **values: pose_vertices(head, still(head, scene.fit.camera, **values))


def test_head_and_picture_change_size_together(head, scene):
    point = np.array([0.02, -0.05, -1.0])
    place = scene.fit.camera.project(point)[:2]
    small = resized(Picture(scene.photo, scene.fit), 0.5)
    assert small.rgb.shape == (128, 128, 3) and small.enlarged == 1
    assert small.fit.camera.project(point)[:2] == pytest.approx(0.5 * place)
    large = resized(Picture(scene.photo, scene.fit), 1.5)
    assert large.rgb.shape == (384, 384, 3) and large.enlarged == 1.5
    assert large.fit.camera.project(point)[:2] == pytest.approx(1.5 * place)


def test_an_enlarged_picture_says_how_soft_it_is(head, scene, origin):
    large = resized(Picture(scene.photo, scene.fit, None), 2.0)
    pair = PairMaker(head, large, 64).pair(large, origin)
    assert pair.meta.scale == pytest.approx(2 * 64 / pair.meta.window[2], abs=1e-3)


def test_turn_is_signed(head, scene):
    camera = scene.fit.camera
    left = still(head, camera, neck_pose=(0, 0.2, 0))
    assert turn(scene.fit, left) == pytest.approx(np.degrees(0.2), abs=1e-3)
    assert turn(left, scene.fit) == pytest.approx(-np.degrees(0.2), abs=1e-3)
