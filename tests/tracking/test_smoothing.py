"""Smoothing: calm at rest, faithful in motion, blinks untouched, uneven time, shots kept apart."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.flame.camera import Camera
from facegen.flame.rotations import rotation_matrix, rotation_vector
from facegen.motion import Motion
from facegen.tracking.head_frame import head_centres
from facegen.tracking.local_regression import (
    Timeline,
    Window,
    _Neighbours,
    smooth_rotations,
    smooth_vectors,
)
from facegen.tracking.one_euro import StreamingSmoother
from facegen.tracking.smoothing import smooth

JOINTS = np.array([[0, -0.1, 0], [0, 0, 0], [0, 0.05, 0.02], [0.03, 0.1, 0.08], [-0.03, 0.1, 0.08]])
NAMES = ("eyeBlinkLeft", "jawOpen", "mouthSmileLeft", "browInnerUp")


def make_motion(count: int = 120, fps: int = 30) -> Motion:
    zero = np.zeros((count, 3), np.float32)
    return Motion(
        expression=np.zeros((count, 4), np.float32),
        global_orient=zero,
        neck_pose=zero.copy(),
        jaw_pose=zero.copy(),
        leye_pose=zero.copy(),
        reye_pose=zero.copy(),
        transl=zero + np.float32([0.1, 0.0, -1.2]),
        betas=np.zeros(3, np.float32),
        camera=Camera.from_fov(512, 512),
        fps=Fraction(fps),
        timestamps=np.arange(count) / fps,
        valid=np.ones(count, bool),
        confidence=np.ones(count, np.float32),
        basis="open-1",
        expression_names=NAMES,
    )


def pixels(motion: Motion) -> np.ndarray:
    return motion.camera.project(head_centres(motion, JOINTS))[:, :2]


def test_a_still_head_is_still() -> None:
    rng = np.random.default_rng(0)
    still = make_motion()
    shaky = replace(
        still,
        transl=(still.transl + rng.normal(size=(120, 3)) * [1e-4, 1e-4, 3e-3]).astype(np.float32),
        neck_pose=(rng.normal(size=(120, 3)) * 0.001).astype(np.float32),
        expression=(0.3 + rng.normal(size=(120, 4)) * 0.006).astype(np.float32),
    )
    out = smooth(shaky, JOINTS)
    after, before = (
        np.median(np.linalg.norm(np.diff(pixels(m), axis=0), axis=1)) for m in (out, shaky)
    )
    assert after < 0.15 and after < before / 2
    assert out.transl[:, 2].std() < shaky.transl[:, 2].std() / 3
    assert (out.expression[:, 1:].std(0) < shaky.expression[:, 1:].std(0) / 1.3).all()


def test_a_talking_mouth_keeps_its_amplitude() -> None:
    motion = make_motion()
    wave = 0.12 * (0.5 - 0.5 * np.cos(2 * np.pi * 4 * motion.timestamps))
    motion.jaw_pose[:, 0] = wave
    motion.expression[:, 2] = 2 * wave
    out = smooth(motion, JOINTS)
    for before, after in (
        (motion.jaw_pose[:, 0], out.jaw_pose[:, 0]),
        (motion.expression[:, 2], out.expression[:, 2]),
    ):
        assert np.ptp(after) > 0.97 * np.ptp(before)
        assert np.corrcoef(before, after)[0, 1] > 0.999


def test_a_blink_is_untouched() -> None:
    motion = make_motion()
    motion.expression[50:54, 0] = [0.6, 1.0, 0.8, 0.2]
    np.testing.assert_array_equal(smooth(motion, JOINTS).expression[:, 0], motion.expression[:, 0])


def test_a_fast_head_turn_is_neither_late_nor_low() -> None:
    motion = make_motion()
    turn = 0.4 * np.tanh((motion.timestamps - 2) / 0.15)
    motion.neck_pose[:, 1] = turn
    out = smooth(motion, JOINTS)
    assert np.abs(out.neck_pose[:, 1] - turn).max() < 0.02


def test_nothing_is_smoothed_across_a_cut_or_a_gap() -> None:
    motion = make_motion(60)
    motion.neck_pose[30:, 1] = 0.01
    motion.transl[30:, 0] += 0.001
    cut = smooth(motion, JOINTS, breaks=[30])
    np.testing.assert_allclose(cut.neck_pose, motion.neck_pose, atol=1e-6)
    assert np.abs(smooth(motion, JOINTS).neck_pose - motion.neck_pose).max() > 1e-4
    motion.valid[10] = False
    motion.transl[10] = 7.0
    out = smooth(motion, JOINTS, breaks=[30])
    assert (out.transl[10] == 7.0).all()
    np.testing.assert_allclose(
        np.delete(out.transl, 10, 0), np.delete(motion.transl, 10, 0), atol=1e-5
    )


def test_strength_zero_changes_nothing() -> None:
    motion = make_motion(10)
    assert smooth(motion, JOINTS, strength=0) is motion


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    slope=st.floats(-1, 1),
    level=st.floats(-3, 3),
)
def test_straight_lines_pass_on_uneven_time(seed: int, slope: float, level: float) -> None:
    times = np.cumsum(0.01 + 0.05 * np.random.default_rng(seed).random(40))
    line = Timeline(times, np.ones(40, bool), np.zeros(40, np.intp))
    signal = (level + slope * times)[:, None]
    for tolerance in (1e-6, 1e6):
        out = smooth_vectors(signal, line, Window(0.1, 0.03, tolerance))
        np.testing.assert_allclose(out[3:-3], signal[3:-3], atol=2e-3)


def test_a_constant_passes_exactly() -> None:
    line = Timeline(np.arange(30) / 25, np.ones(30, bool), np.zeros(30, np.intp))
    signal = np.full((30, 1), 1e4)
    for tolerance in (1e-6, 1e6):
        out = smooth_vectors(signal + 1, line, Window(0.1, 0.03, tolerance))
        np.testing.assert_allclose(out, signal + 1, rtol=1e-9)
    kernel = _Neighbours(line, 0.1).kernel(0.1, 2)
    np.testing.assert_allclose(kernel.sum(1), 1, atol=1e-9)


def test_rotations_turn_as_one_body() -> None:
    rng = np.random.default_rng(1)
    line = Timeline(np.arange(50) / 25, np.ones(50, bool), np.zeros(50, np.intp))
    signal = 0.02 * rng.normal(size=(50, 3))
    base = rotation_matrix(np.array([0.2, 2.5, -0.4]))
    moved = rotation_vector(base @ rotation_matrix(signal))
    window = Window(0.1, 0.02, 0.05)
    expected = base @ rotation_matrix(smooth_rotations(signal, line, window))
    out = rotation_matrix(smooth_rotations(moved, line, window))
    np.testing.assert_allclose(out, expected, atol=1e-9)


def test_streaming_calms_and_lets_blinks_through() -> None:
    rng = np.random.default_rng(2)
    motion = make_motion(90)
    motion.neck_pose[:] = rng.normal(size=(90, 3)) * 0.003
    motion.transl[:, 2] += (rng.normal(size=90) * 3e-3).astype(np.float32)
    motion.expression[40:43, 0] = 1
    smoother = StreamingSmoother()
    out = [smoother(frame) for frame in motion.frames()]
    neck = np.array([f.neck_pose[0] for f in out])
    assert neck[20:].std() < 0.6 * motion.neck_pose[20:].std()
    assert [f.expression[0, 0] for f in out] == pytest.approx(motion.expression[:, 0])
    depth = np.array([f.transl[0, 2] for f in out])
    assert depth[20:].std() < 0.6 * motion.transl[20:, 2].std()
