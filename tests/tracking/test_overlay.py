"""Overlays: dots where the points are, nothing elsewhere, only what faces the camera."""

from __future__ import annotations

import numpy as np

from facegen.flame.camera import Camera
from facegen.flame.model import HeadModel
from facegen.tracking.overlay import overlay, visible_vertices


def test_dots_stand_on_their_points() -> None:
    rgb = np.zeros((40, 60, 3), np.uint8)
    out = overlay(rgb, np.array([[20.5, 10.5], [-50, 5], [np.nan, 3]]), radius=1.5, opacity=1)
    assert tuple(out[10, 20]) == (235, 64, 52)
    ys, xs = np.nonzero(out.any(2))
    assert xs.mean() == 20 and ys.mean() == 10 and np.ptp(xs) <= 4
    assert not rgb.any()


def test_half_a_pixel_moves_the_dot() -> None:
    out = overlay(np.zeros((20, 20, 3), np.uint8), np.array([[11.0, 10.5]]), radius=1)
    assert (out[10, 10] == out[10, 11]).all()


def test_the_back_of_the_head_is_hidden(head: HeadModel) -> None:
    vertices = head.v_template + np.float32([0, 0, -1.2])
    points = visible_vertices(vertices, head.faces, Camera.from_fov(512, 512))
    assert 0.2 * len(vertices) < len(points) < 0.8 * len(vertices)
