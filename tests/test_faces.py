"""Faces: boxes and choice, detection at any size, landmarks, errors that name the fix, silence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from facegen.errors import FaceNotFoundError, UsageError
from facegen.faces import (
    FaceBox,
    LandmarkTracker,
    choose_face,
    find_landmarks,
    parse_face_choice,
    person_matte,
)
from facegen.faces.boxes import distinct
from facegen.faces.landmarks import bounding_box

BOXES = [FaceBox(50, 50, 40, 0.9), FaceBox(200, 60, 80, 0.7), FaceBox(400, 50, 30, 0.8)]


def test_choice_by_size_position_and_pixel() -> None:
    assert choose_face(BOXES) is BOXES[1]
    assert choose_face(BOXES, 2) is BOXES[2]
    assert choose_face(BOXES, (60.0, 40.0)) is BOXES[0]


def test_choice_errors_say_what_there_is() -> None:
    with pytest.raises(FaceNotFoundError, match="3 found"):
        choose_face(BOXES, 3)
    with pytest.raises(FaceNotFoundError, match="nearest is at"):
        choose_face(BOXES, (600.0, 300.0))
    with pytest.raises(FaceNotFoundError, match="no face"):
        choose_face([])


@pytest.mark.parametrize(
    ("text", "choice"), [("largest", "largest"), ("2", 2), ("12,40.5", (12.0, 40.5))]
)
def test_choices_are_read(text: str, choice: object) -> None:
    assert parse_face_choice(text) == choice


@pytest.mark.parametrize("text", ["biggest", "1.5", "1,2,3", ""])
def test_other_choices_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="largest"):
        parse_face_choice(text)


def test_overlapping_boxes_become_one_from_left_to_right() -> None:
    twice = [BOXES[1], FaceBox(204, 62, 76, 0.4), BOXES[0]]
    assert distinct(twice) == [BOXES[0], BOXES[1]]


@pytest.fixture(scope="module")
def portrait(dev_data: Path) -> np.ndarray:
    return np.asarray(Image.open(dev_data / "portraits/cc0_074.jpg").convert("RGB"))


@pytest.fixture(scope="module")
def points(portrait: np.ndarray) -> np.ndarray:
    return find_landmarks(portrait)


def placed(portrait: np.ndarray, size: int, x: int, y: int, shape: tuple[int, int]) -> np.ndarray:
    canvas = np.full((*shape, 3), 90, np.uint8)
    canvas[y : y + size, x : x + size] = np.asarray(Image.fromarray(portrait).resize((size, size)))
    return canvas


def test_landmarks_scale_and_move_with_the_picture(
    portrait: np.ndarray, points: np.ndarray
) -> None:
    found = find_landmarks(placed(portrait, 500, 700, 60, (720, 1280)))
    expected = points[:, :2] * 500 / len(portrait) + [700, 60]
    iod = np.linalg.norm(expected[468] - expected[473])
    assert np.linalg.norm(found[:, :2] - expected, axis=1).mean() < 0.03 * iod


def test_small_faces_are_found_in_tiles(portrait: np.ndarray, points: np.ndarray) -> None:
    found = find_landmarks(placed(portrait, 130, 1500, 700, (1080, 1920)))
    expected = points[:, :2] * 130 / len(portrait) + [1500, 700]
    iod = np.linalg.norm(expected[468] - expected[473])
    assert np.linalg.norm(found[:, :2] - expected, axis=1).mean() < 0.12 * iod


def test_one_of_two_faces(portrait: np.ndarray) -> None:
    both = placed(portrait, 400, 20, 40, (480, 1000))
    both[100:420, 640:960] = placed(portrait, 320, 0, 0, (320, 320))
    assert find_landmarks(both)[:, 0].mean() < 450
    assert find_landmarks(both, 1)[:, 0].mean() > 600
    assert find_landmarks(both, (800.0, 250.0))[:, 0].mean() > 600


def test_tracker_follows_loses_and_finds_again(portrait: np.ndarray) -> None:
    empty = np.full((480, 640, 3), 90, np.uint8)
    with LandmarkTracker() as tracker:
        first = tracker(placed(portrait, 300, 20, 60, (480, 640)))
        assert first is not None and tracker.restarted
        moved = tracker(placed(portrait, 300, 30, 60, (480, 640)))
        assert moved is not None and not tracker.restarted
        assert moved[:, 0].mean() - first[:, 0].mean() == pytest.approx(10, abs=1.5)
        assert tracker(empty) is None
        jumped = tracker(placed(portrait, 300, 320, 100, (480, 640)))
        assert jumped is not None and tracker.restarted
        assert jumped[:, 0].mean() - first[:, 0].mean() == pytest.approx(300, abs=4)
        cut = tracker(placed(portrait, 200, 20, 60, (480, 640)))
        assert cut is not None and tracker.restarted


def test_a_jump_is_no_motion() -> None:
    points = np.random.default_rng(0).random((478, 3)).astype(np.float32) * 100
    with LandmarkTracker() as tracker:
        tracker._last = bounding_box(points)
        assert not tracker._jumped(points + np.float32(10))
        assert tracker._jumped(points + np.float32(60))
        assert tracker._jumped(points * np.float32(1.8))


def test_a_long_gap_does_not_search_every_picture_thoroughly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    thorough: list[bool] = []
    monkeypatch.setattr(
        LandmarkTracker, "detect", lambda self, rgb, *, tiles: thorough.append(tiles) or []
    )
    with LandmarkTracker() as tracker:
        for _ in range(25):
            assert tracker(np.zeros((64, 64, 3), np.uint8)) is None
    assert sum(thorough) == 3


def test_no_face_names_the_fix() -> None:
    with pytest.raises(FaceNotFoundError, match="use one with a face"):
        find_landmarks(np.zeros((200, 300, 3), np.uint8))


def test_matte_covers_the_person(portrait: np.ndarray, points: np.ndarray) -> None:
    matte = person_matte(portrait)
    x, y = points[:, :2].mean(0).astype(int)
    assert matte.shape == portrait.shape[:2] and matte.dtype == np.float32
    assert matte[y, x] > 0.9
    assert matte[:40, :40].mean() < 0.3


def test_nothing_is_written_to_standard_error(dev_data: Path) -> None:
    code = (
        "import sys, numpy as np; from PIL import Image\n"
        "from facegen.faces import find_landmarks, person_matte\n"
        "assert 'mediapipe' not in sys.modules\n"
        "rgb = np.asarray(Image.open(sys.argv[1]).convert('RGB'))\n"
        "find_landmarks(rgb); person_matte(rgb)\n"
    )
    picture = dev_data / "portraits/cc0_074.jpg"
    done = subprocess.run(
        [sys.executable, "-c", code, str(picture)],
        capture_output=True,
        text=True,
        env=dict(os.environ),
        cwd=Path(__file__).parents[1],
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_closed_trackers_leave_no_threads_behind() -> None:
    picture = np.zeros((128, 128, 3), np.uint8)

    def threads_after_one() -> int:
        with LandmarkTracker() as tracker:
            tracker(picture)
        return psutil.Process().num_threads()

    first = threads_after_one()
    assert threads_after_one() <= first
