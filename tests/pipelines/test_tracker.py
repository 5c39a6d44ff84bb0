"""A published regressor in place of the fitter, and another tracker's file in place of a video."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import facegen
from facegen.demo import MOTION, PHOTO
from facegen.errors import UsageError
from facegen.interchange.smplx import write_smplx
from facegen.motion import Motion
from facegen.pipelines.config import FitConfig, ReenactConfig
from facegen.pipelines.fit import FittingPipeline
from facegen.pipelines.reenact import ReenactmentPipeline, sound_of
from facegen.trackers.networks import Smirk
from facegen.tracking.head_frame import head_rotations
from tests.cli import media_zoo as zoo
from tests.interchange.heads import official
from tests.trackers.published import scrambled


@pytest.fixture
def home(head, tmp_path, monkeypatch):
    """A head of FLAME 2020's layout and random SMIRK weights, as a user would have them."""
    monkeypatch.setenv("FACEGEN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    target = tmp_path / "home" / "flame2020" / "head.npz"
    target.parent.mkdir(parents=True)
    official(head).save(target)
    with torch.device("meta"):
        network = Smirk()
    state = scrambled(network, 1)
    # A camera as a trained network would give: the face fills two thirds of the crop.
    state["pose_encoder.pose_cam_layers.0.weight"][3:] = 0
    state["pose_encoder.pose_cam_layers.0.bias"][3:] = torch.tensor([7.0, 0, 0])
    torch.save({f"smirk_encoder.{k}": v for k, v in state.items()}, tmp_path / "smirk.pt")
    return tmp_path


@pytest.mark.slow
def test_a_photo_and_a_clip_through_smirk(home, head):
    config = FitConfig(tracker="smirk", tracker_weights=str(home / "smirk.pt"), smooth=0)
    config.validate()
    own = FittingPipeline.from_pretrained("flame2020")(PHOTO, config=config)
    assert own.motion.basis == "flame2020" and own.motion.expression.shape == (1, 102)
    assert own.write_glb(home / "h.glb").read_bytes()[:4] == b"glTF"
    result = FittingPipeline.from_pretrained("open")(PHOTO, config=config)
    assert result.motion.basis == "open-1"
    np.testing.assert_allclose(head_rotations(result.motion), head_rotations(own.motion), atol=1e-5)
    fitted = facegen.fit(PHOTO).motion
    where = result.motion.camera.project(result.motion.transl)[0, :2]
    expected = fitted.camera.project(fitted.transl)[0, :2]
    assert np.abs(where - expected).max() < 60, "the head stands where the face is"
    frames = zoo.moving_face(6)
    frames[3] = np.full_like(frames[3], 90)
    clip = zoo.write_clip(home / "clip.mp4", frames)
    motion = FittingPipeline.from_pretrained("open")(clip, config=config).motion
    assert list(motion.valid) == [True] * 3 + [False] + [True] * 2
    assert len(motion.source_sha256) == 64
    with pytest.raises(UsageError, match="one photo or video"):
        FittingPipeline(head)(PHOTO, PHOTO, config=config)


def test_settings_of_trackers_are_checked():
    with pytest.raises(UsageError, match="--tracker"):
        FitConfig(tracker="flare").validate()
    with pytest.raises(UsageError, match="say whose"):
        FitConfig(tracker_weights="x.pt").validate()


def test_a_driver_of_another_program(head, tmp_path):
    """The same performance as an smplx file and as a table drives as the motion itself does."""
    from facegen.livelink import write_livelink

    motion = Motion.load(MOTION)[:12]
    pipe = ReenactmentPipeline(head)
    config = ReenactConfig()
    smplx = write_smplx(tmp_path / "drive.npz", motion)
    table = write_livelink(tmp_path / "drive.csv", motion, head)
    followed = pipe.follow(smplx, config)
    np.testing.assert_array_equal(followed.expression, motion.expression)
    spoken = pipe.follow(table, config)
    np.testing.assert_allclose(head_rotations(spoken), head_rotations(motion), atol=1e-4)
    assert sound_of(smplx) is None and sound_of(table) is None
    assert len(pipe.follow(replace(motion), config)) == 12
