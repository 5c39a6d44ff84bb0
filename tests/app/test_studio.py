"""The studio: untouched sliders are the photo, sliders and wheel move the face."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegen.app.jobs import Jobs
from facegen.app.studio import (
    PREVIEW_SIDE,
    WHEEL_SIDE,
    Pose,
    Studio,
    curves_from,
    felt,
    place_on_wheel,
    slider_names,
    slider_values,
    wheel,
)
from facegen.app.studio_tab import Studios, named, opened, saved
from facegen.arkit import ARKIT, INDEX
from facegen.demo import PHOTO
from facegen.emotion.affect import emotion_of
from facegen.emotion.labels import EMOTIONS
from facegen.motion import Motion
from facegen.pipelines.reenact import ReenactmentPipeline
from facegen.provenance import verify


@pytest.fixture(scope="module")
def studio() -> Studio:
    return Studio(PHOTO, ReenactmentPipeline.from_pretrained("open"))


def test_every_action_has_one_slider() -> None:
    assert sorted(slider_names()) == sorted(ARKIT)


@given(st.lists(st.integers(0, 100), min_size=52, max_size=52))
def test_sliders_and_curves_are_inverse(percent: list[int]) -> None:
    values = [p / 100 for p in percent]
    assert slider_values(curves_from(values)) == pytest.approx(values)


def test_untouched_sliders_leave_the_fit(studio: Studio) -> None:
    motion, fit = studio.motion(Pose(studio.own)), studio.portrait.fit
    np.testing.assert_allclose(motion.expression, fit.expression, atol=1e-6)
    np.testing.assert_allclose(motion.neck_pose, fit.neck_pose, atol=1e-6)


def test_slider_moves_its_own_part(studio: Studio) -> None:
    still = studio.preview(Pose(studio.own)).astype(int)
    curves = studio.own.copy()
    curves[[INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]] = 1
    moved = np.abs(studio.preview(Pose(curves)) - still).max(-1) > 24
    ys, _ = np.nonzero(moved)
    assert 20 < moved.sum() < 3000
    assert np.ptp(ys) < 60, "the eyes alone"


def test_turn_moves_the_head(studio: Studio) -> None:
    turned = studio.motion(Pose(studio.own, (10, 0, 0)))
    assert np.degrees(turned.neck_pose[0, 1] - studio.portrait.fit.neck_pose[0, 1]) == (
        pytest.approx(10, abs=1)
    )


def test_wheel_lets_the_smile_go_for_sadness_and_keeps_it_for_joy(studio: Studio) -> None:
    smile = INDEX["mouthSmileLeft"]
    assert studio.own[smile] > 0.1
    assert felt(studio.own, emotion_of(-0.8, -0.4)).curves[smile] < 0.1
    joy = felt(studio.own, emotion_of(0.9, 0.3)).curves[smile]
    assert studio.own[smile] <= joy <= 1


def test_preview_shows_the_head_large(studio: Studio) -> None:
    points = studio._fit.camera.project(next(studio.pipe.pose(studio._fit)))[:, :2]
    height, width = studio.preview(Pose(studio.own)).shape[:2]
    assert max(height, width) <= PREVIEW_SIDE
    assert np.ptp(points, 0).max() > 0.6 * max(height, width)
    assert (points.min(0) > 0).all()
    assert (points.max(0) < (width, height)).all()


@pytest.mark.parametrize("name", EMOTIONS[1:])
def test_every_named_feeling_moves_the_face_and_keeps_the_turns(
    studio: Studio, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    studios = Studios()
    monkeypatch.setattr(studios, "of", lambda photo: studio)
    still, _, *values = named(studios, str(PHOTO), name, 1.0, (0, 0, 0))
    assert np.abs(still.astype(int) - studio.preview(Pose(studio.own))).max() > 40
    assert any(a > b + 0.2 for a, b in zip(values, slider_values(studio.own), strict=True))
    turned, *_ = named(studios, str(PHOTO), name, 1.0, (10, 0, 0))
    assert (turned != still).any()


@given(st.floats(0, WHEEL_SIDE), st.floats(0, WHEEL_SIDE))
def test_place_on_wheel_is_inside(x: float, y: float) -> None:
    assert np.hypot(*place_on_wheel(x, y)) <= 1 + 1e-9


def test_wheel_shows_the_place() -> None:
    assert wheel().shape == (WHEEL_SIDE, WHEEL_SIDE, 3)
    assert (wheel(0.5, 0.5) != wheel()).any()
    assert place_on_wheel(WHEEL_SIDE / 2, WHEEL_SIDE / 2) == (0, 0)


@pytest.mark.slow
def test_saved_files_are_marked_and_whole(studio: Studio) -> None:
    jobs, studios = Jobs(), Studios()
    values = [*slider_values(felt(studio.own, emotion_of(-0.5, 0.7)).curves), 5.0, 0.0, 0.0]
    refused, files = next(saved(studios, jobs, str(PHOTO), False, values))
    assert "owners agree" in refused
    assert files == []
    rows = saved(studios, jobs, str(PHOTO), True, values)
    _, files = next(rows)
    picture, motion, head = map(Path, files)
    report = verify(picture)
    assert report.mark.found
    assert report.statement is not None
    assert (report.statement.task, report.statement.consent) == ("edit", "declared")
    assert len(Motion.load(motion)) == 1
    assert head.read_bytes()[:4] == b"glTF"
    assert list(rows) == []
    assert not list(jobs.root.iterdir()), "the page has its copies"


def test_a_photo_without_a_face_is_told(tmp_path: Path) -> None:
    from facegen.media import write_image

    write_image(tmp_path / "grey.png", np.full((200, 200, 3), 128, np.uint8))
    news, preview, *_ = opened(Studios(), Jobs(), str(tmp_path / "grey.png"))
    assert "error" in news
    assert preview is None
