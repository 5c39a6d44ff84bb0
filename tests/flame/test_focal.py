"""Focal length: recovered from a turning head near the camera, left alone without evidence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facegen.flame.camera import Camera
from facegen.flame.fitting import LandmarkFitter
from facegen.flame.focal import estimate_focal
from facegen.flame.landmark_model import LandmarkModel
from facegen.flame.model import HeadModel
from facegen.flame.rotations import rotation_matrix


def landmarks(model: LandmarkModel, camera: Camera, reach: float) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    state = replace(
        model.rest_state(),
        shape=rng.normal(size=model.n_shape) * 0.3,
        transl=np.array([0.0, -0.05, -camera.focal / 1500]),
    )
    turns = [np.array([0.1 * np.sin(3 * y), y, 0]) for y in np.linspace(-reach, reach, 6)]
    heads = [replace(state, rotation=rotation_matrix(turn)) for turn in turns]
    return [camera.project(model.pose(h)) + rng.normal(size=(478, 3)) * 0.3 for h in heads]


@pytest.mark.parametrize("fov", [16.0, 34.0])
def test_focal_is_recovered_from_a_turning_head(head: HeadModel, fov: float) -> None:
    model = LandmarkModel.from_head(head, n_shape=30)
    truth = Camera.from_fov(640, 480, fov)
    guess = Camera.from_fov(640, 480)
    found = estimate_focal(LandmarkFitter(model), landmarks(model, truth, 0.5), guess)
    assert abs(np.log(found.focal / truth.focal)) < 0.25
    assert (found.cx, found.cy, found.width) == (320, 240, 640)


def test_an_answer_at_the_end_of_the_range_is_none(head: HeadModel) -> None:
    model = LandmarkModel.from_head(head, n_shape=30)
    camera = Camera.from_fov(640, 480)
    far = landmarks(model, Camera.from_fov(640, 480, 2.0), 0.5)
    assert estimate_focal(LandmarkFitter(model), far, camera) is camera


def test_a_head_that_does_not_turn_tells_nothing(head: HeadModel) -> None:
    model = LandmarkModel.from_head(head, n_shape=30)
    camera = Camera.from_fov(640, 480)
    assert estimate_focal(LandmarkFitter(model), landmarks(model, camera, 0.05), camera) is camera
