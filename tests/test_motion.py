from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from facegen.errors import ModelFileError
from facegen.flame.camera import Camera
from facegen.motion import POSES, Motion


@pytest.fixture
def motion() -> Motion:
    rng = np.random.default_rng(0)
    t = 5
    poses = {name: rng.normal(size=(t, 3)).astype(np.float32) for name in (*POSES, "transl")}
    return Motion(
        expression=rng.random((t, 2)).astype(np.float32),
        betas=rng.normal(size=3).astype(np.float32),
        camera=Camera.from_fov(640, 480),
        fps=Fraction(30000, 1001),
        timestamps=np.arange(t) * 1001 / 30000,
        valid=np.ones(t, bool),
        confidence=np.ones(t, np.float32),
        basis="open-1",
        expression_names=("jawOpen", "mouthSmileLeft"),
        source_sha256="ab",
        **poses,
    )


def test_round_trip_keeps_everything(motion: Motion, tmp_path: Path) -> None:
    path = tmp_path / "m.motion.npz"
    motion.save(path)
    again = Motion.load(path)
    for name, value in vars(motion).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(getattr(again, name), value)
        else:
            assert getattr(again, name) == value
    assert [p.name for p in tmp_path.iterdir()] == ["m.motion.npz"]


def test_slices_and_frames_agree(motion: Motion) -> None:
    frames = list(motion.frames())
    assert len(frames) == 5
    np.testing.assert_array_equal(frames[3].neck_pose, motion.neck_pose[3:4])
    np.testing.assert_array_equal(motion[1:3].timestamps, motion.timestamps[1:3])


def test_tensors_fit_the_head_layer(motion: Motion) -> None:
    tensors = motion.tensors()
    assert tensors["betas"].shape == (1, 3)
    assert tensors["expression"].shape == (5, 2)


def test_wrong_shapes_are_named(motion: Motion) -> None:
    with pytest.raises(ModelFileError, match="jaw_pose"):
        replace(motion, jaw_pose=motion.jaw_pose[:2])
    with pytest.raises(ModelFileError, match="expression"):
        replace(motion, expression_names=("jawOpen",))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04junk", b"hello"])
def test_broken_files_are_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.motion.npz"
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match=r"x\.motion\.npz"):
        Motion.load(path)


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "x.motion.npz"
    with path.open("wb") as stream:
        np.savez(stream, header=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ModelFileError):
        Motion.load(path)


def test_newer_format_is_refused(motion: Motion, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("facegen.motion.FORMAT", 99)
    motion.save(tmp_path / "m.motion.npz")
    monkeypatch.undo()
    with pytest.raises(ModelFileError, match="99"):
        Motion.load(tmp_path / "m.motion.npz")
