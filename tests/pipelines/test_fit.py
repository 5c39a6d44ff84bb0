"""Fitting from files: photos, several photos, video; what it writes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import facegen
from facegen.demo import PHOTO
from facegen.errors import UsageError
from facegen.media import probe, read_image
from facegen.pipelines.config import FitConfig
from facegen.pipelines.overlay import matched
from tests.cli import media_zoo as zoo


def test_photo_gives_one_frame_and_its_files(tmp_path: Path) -> None:
    result = facegen.fit(PHOTO)
    assert len(result.motion) == 1
    assert result.motion.confidence[0] > 0.7
    assert "1 frames" in result.summary()
    obj = result.write_obj(tmp_path / "h.obj").read_text()
    assert obj.count("\nv ") == result.head.n_vertices
    assert result.write_glb(tmp_path / "h.glb").read_bytes()[:4] == b"glTF"
    drawn = read_image(result.write_overlay(tmp_path / "o.png")).rgb
    changed = (drawn != read_image(PHOTO).rgb).any(-1)
    assert changed[60:200, 150:300].mean() > 0.05
    assert not changed[300:].any()


def test_photos_of_one_person_share_an_identity(tmp_path: Path) -> None:
    zoo.portrait(512, 512).save(tmp_path / "a.png")
    zoo.portrait(384, 384).save(tmp_path / "b.png")
    motion = facegen.fit(tmp_path / "a.png", tmp_path / "b.png").motion
    assert len(motion) == 2
    # The same photo at another size is the same head at the same place in metres.
    np.testing.assert_allclose(motion.neck_pose[0], motion.neck_pose[1], atol=0.03)
    np.testing.assert_allclose(motion.transl[0], motion.transl[1], rtol=0.05, atol=0.02)


def test_nothing_to_fit_is_refused() -> None:
    with pytest.raises(UsageError):
        facegen.fit()


@pytest.mark.slow
def test_part_of_a_video_with_overlay_and_sound(tmp_path: Path) -> None:
    clip = zoo.write_clip(tmp_path / "c.mp4", zoo.moving_face(10), sound=True)
    result = facegen.fit(clip, config=FitConfig(start=0.08, stop=0.32))
    np.testing.assert_allclose(result.motion.timestamps, np.arange(2, 8) / 25, atol=1e-6)
    info = probe(result.write_overlay(tmp_path / "o.mp4"))
    assert info.frame_count == 6
    assert info.has_audio
    few = facegen.fit(clip, config=FitConfig(start=0.08, max_frames=3))
    np.testing.assert_allclose(few.motion.timestamps, np.arange(2, 5) / 25, atol=1e-6)
    assert probe(few.write_overlay(tmp_path / "few.mp4")).frame_count == 3


@pytest.mark.slow
def test_gap_policies(tmp_path: Path) -> None:
    frames = zoo.moving_face(9)
    for i in (4, 5):
        frames[i] = np.asarray(Image.new("RGB", (256, 256), (90, 90, 90)))
    clip = zoo.write_clip(tmp_path / "gap.mp4", frames)
    filled = facegen.fit(clip).motion
    assert len(filled) == 9
    assert list(np.flatnonzero(~filled.valid)) == [4, 5]
    dropped = facegen.fit(clip, config=FitConfig(no_face="drop")).motion
    assert len(dropped) == 7
    assert list(np.round(dropped.timestamps * 25)) == [0, 1, 2, 3, 6, 7, 8]
    with pytest.raises(facegen.errors.FaceNotFoundError, match="4-5"):
        facegen.fit(clip, config=FitConfig(no_face="error"))
    pairs = [m is not None for _, m in matched(facegen.media.read_video(clip), dropped)]
    assert pairs == [True] * 4 + [False] * 2 + [True] * 3
