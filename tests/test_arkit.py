"""ARKit's actions to a head's coefficients and back; the Live Link table."""

from __future__ import annotations

import csv
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.arkit import ARKIT, INDEX, columns, from_motion, to_head
from facegen.demo import MOTION
from facegen.errors import MediaError, ModelFileError
from facegen.flame.model import HeadModel
from facegen.livelink import ANGLES, CURVES, timecode, write_livelink
from facegen.motion import Motion
from facegen.speech.assemble import add_blinks, speaker_motion
from tests.tiny import make_tiny_head


def spoken(head: HeadModel, curves: np.ndarray, **kwargs: np.ndarray) -> Motion:
    still = {"turns": np.zeros((len(curves), 3)), "gaze": np.zeros((len(curves), 2))} | kwargs
    return speaker_motion(curves, still["turns"], still["gaze"], head, fps=Fraction(25))


def test_names_are_the_open_heads_own(head: HeadModel) -> None:
    assert head.expression_names[: len(ARKIT)] == ARKIT
    assert columns("mouthSmile") == [INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"]]
    with pytest.raises(KeyError):
        columns("mouthSmirk")


@settings(deadline=None)  # the first call loads the head
@given(seed=st.integers(0, 1000))
def test_there_and_back(seed: int) -> None:
    from facegen.assets import load_head

    head = load_head("open")
    curves = np.random.default_rng(seed).uniform(0, 1, (3, len(ARKIT))).astype(np.float32)
    # One eye cannot look up and down, nor a jaw go both ways.
    for one, other in (("jawLeft", "jawRight"), ("eyeLookUp", "eyeLookDown")):
        curves[:, columns(one)] = 0
        assert columns(other)
    curves[:, columns("eyeLookIn")] = 0
    motion = spoken(head, curves)
    assert motion.jaw_pose[:, 0].max() > 0
    np.testing.assert_allclose(from_motion(motion, head), curves, atol=1e-5)


def test_the_jaw_is_a_joint_and_its_column_stays_empty(head: HeadModel) -> None:
    curves = np.zeros((1, len(ARKIT)))
    curves[0, INDEX["jawOpen"]] = 1
    face = to_head(curves, head)
    assert not face.expression.any()
    assert np.degrees(face.jaw_pose[0, 0]) == pytest.approx(24.5, abs=0.5)


def test_eyes_turn_against_the_head(head: HeadModel) -> None:
    """Looking at the camera while the head turns."""
    turns = np.array([[0.1, -0.2, 0.0]])
    motion = spoken(head, np.zeros((1, len(ARKIT))), turns=turns)
    np.testing.assert_allclose(motion.leye_pose[0, :2], -turns[0, :2], atol=1e-6)
    aside = spoken(head, np.zeros((1, len(ARKIT))), gaze=np.array([[0.2, 0.1]]))
    np.testing.assert_allclose(aside.reye_pose[0, :2], [-0.1, 0.2], atol=1e-6)


def test_blinks_close_any_eye() -> None:
    curves = np.zeros((3, len(ARKIT)), np.float32)
    curves[:, columns("eyeWide")] = 0.8
    curves[:, columns("eyeBlink")] = 0.2
    out = add_blinks(curves, np.array([0, 0.5, 1.0]))
    np.testing.assert_allclose(out[:, columns("eyeBlink")[0]], [0.2, 0.6, 1.0])
    np.testing.assert_allclose(out[:, columns("eyeWide")[0]], [0.8, 0.4, 0.0], atol=1e-6)


def test_a_head_without_actions_is_refused() -> None:
    bare = replace(
        make_tiny_head(), expression_names=tuple("abcdefg"), expression_free=np.ones(7, bool)
    )
    with pytest.raises(ModelFileError, match="open head"):
        to_head(np.zeros((1, len(ARKIT))), bare)


def test_livelink_table(head: HeadModel, tmp_path: Path) -> None:
    motion = Motion.load(MOTION)
    write_livelink(tmp_path / "m.csv", motion, head)
    with (tmp_path / "m.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(motion)
    assert sorted(CURVES) == sorted(ARKIT) and len(rows[0]) == 2 + 52 + len(ANGLES)
    assert rows[26]["Timecode"] == "00:00:01:01.000" and rows[0]["BlendShapeCount"] == "61"
    smile = motion.expression[:, motion.expression_names.index("mouthSmileLeft")]
    np.testing.assert_allclose([float(r["MouthSmileLeft"]) for r in rows], smile, atol=1e-5)
    np.testing.assert_allclose(
        [float(r["HeadYaw"]) for r in rows], motion.neck_pose[:, 1], atol=0.01
    )
    with pytest.raises(MediaError):
        write_livelink(tmp_path / "no" / "m.csv", motion, head)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_livelink_angles_of_pure_turns(head: HeadModel, tmp_path: Path, axis: int) -> None:
    turns = np.zeros((1, 3))
    turns[0, axis] = 0.3
    write_livelink(tmp_path / "m.csv", spoken(head, np.zeros((1, 52)), turns=turns), head)
    with (tmp_path / "m.csv").open() as stream:
        row = next(csv.DictReader(stream))
    found = [float(row[f"Head{name}"]) for name in ("Pitch", "Yaw", "Roll")]
    wanted = np.zeros(3)
    wanted[axis] = -0.3 if axis == 0 else 0.3
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_timecodes() -> None:
    assert timecode(3725.5, Fraction(24)) == "01:02:05:12.000"
    assert timecode(float(29 / Fraction(30000, 1001)), Fraction(30000, 1001)) == "00:00:00:29.000"
    assert timecode(2.0 - 1e-9, Fraction(25)) == "00:00:02:00.000"
