"""Blinks, gaze and head: published statistics, smooth paths, and the same values for any part."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegen.speech.blinks import blink_events, lid_closure
from facegen.speech.gaze import (
    DIRECTIONS,
    EYES_ALONE,
    LARGEST,
    blinks_with_shifts,
    eye_share,
    gaze_path,
    gaze_targets,
    saccade_seconds,
)
from facegen.speech.noise import wander, white
from facegen.speech.prosody import RATE, prosody
from facegen.speech.sway import head_turns

HOUR = 3600.0


def tone(seconds: float, hertz: float, beat: float = 2.0) -> np.ndarray:
    """A buzz that swells ``beat`` times a second, 16 kHz."""
    t = np.arange(round(seconds * 16_000)) / 16_000
    swell = np.clip(np.sin(2 * np.pi * beat * t), 0, 1)
    buzz = sum(np.sin(2 * np.pi * k * hertz * t) / k for k in range(1, 8))
    return (0.2 * buzz * swell).astype(np.float32)


# --- noise ------------------------------------------------------------------------------------


@given(st.integers(0, 5000), st.integers(1, 200))
def test_white_noise_is_one_endless_sequence(start: int, count: int) -> None:
    whole = white(7, "x", 0, 5200)
    np.testing.assert_array_equal(white(7, "x", start, count), whole[start : start + count])


def test_white_noise_is_normal_and_streams_are_independent() -> None:
    one, other = white(1, "a", 0, 50_000), white(1, "b", 0, 50_000)
    assert abs(one.mean()) < 0.02 and one.std() == pytest.approx(1, abs=0.02)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.02
    assert abs(np.corrcoef(one, white(2, "a", 0, 50_000))[0, 1]) < 0.02


@pytest.mark.parametrize("seconds", [0.5, 2.0])
def test_wandering_has_unit_variance_and_a_finite_speed(seconds: float) -> None:
    times = np.arange(0, HOUR, 0.04)
    path = wander(times, 3, "w", seconds)
    assert path.std() == pytest.approx(1, abs=0.08)
    speed = np.diff(path) / 0.04
    assert speed.std() == pytest.approx(1 / seconds, rel=0.1)


def test_wandering_of_a_part() -> None:
    times = np.arange(0, 60, 0.04)
    whole = wander(times, 3, "w", 1.0)
    np.testing.assert_allclose(wander(times[700:800], 3, "w", 1.0), whole[700:800], atol=1e-9)
    assert len(wander(times[:0], 3, "w", 1.0)) == 0


# --- blinks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [4.5, 17.0, 26.0])
def test_blink_rate_and_log_normal_intervals(rate: float) -> None:
    onsets = blink_events(HOUR, rate, seed=1)[:, 0]
    assert len(onsets) == pytest.approx(60 * rate, rel=0.2)
    logs = np.log(np.diff(onsets) - 0.349)
    assert logs.std() == pytest.approx(0.8, abs=0.1)
    skew = ((logs - logs.mean()) ** 3).mean() / logs.std() ** 3
    assert abs(skew) < 0.6


def test_time_course_of_a_blink() -> None:
    events = blink_events(HOUR, 17, seed=2)
    fine = np.arange(0, 600, 0.001)
    shut = lid_closure(fine, events)
    assert shut.max() == pytest.approx(1)
    assert ((events[:, 1] >= 0.075) & (events[:, 1] <= 0.1)).all()
    assert ((events[:, 3] >= 0.15) & (events[:, 3] <= 0.25)).all()
    below = (shut > 0.35).sum() / (events[:, 0] < 600).sum()
    assert 110 < below < 220, "milliseconds with lids mostly shut"
    assert np.abs(np.diff(shut)).max() < 0.03, "smooth"


def test_every_blink_is_seen_at_25_frames() -> None:
    events = blink_events(600, 17, seed=3)
    frames = lid_closure(np.arange(0, 600, 0.04), events)
    peaks = [frames[int(e[0] * 25) : int((e[0] + 0.3) * 25) + 2].max() for e in events[:-1]]
    assert min(peaks) > 0.75


def test_a_longer_recording_begins_with_the_same_blinks() -> None:
    short, long = blink_events(60, 17, seed=4), blink_events(600, 17, seed=4)
    np.testing.assert_array_equal(long[: len(short)], short)
    assert len(blink_events(60, 17, seed=5)) and not len(blink_events(60, 0, seed=4))


def test_tempo_speeds_blinks_up() -> None:
    fast = blink_events(HOUR, 17, 1, tempo=np.full(int(HOUR * 25), 1.5), tempo_rate=25)
    assert len(fast) == pytest.approx(1.5 * len(blink_events(HOUR, 17, 1)), rel=0.1)
    assert fast[-1, 0] <= HOUR


# --- gaze -------------------------------------------------------------------------------------


def test_dwell_times_and_directions_while_talking() -> None:
    targets = gaze_targets(20 * HOUR, "natural", seed=1)
    away = np.linalg.norm(targets[:, 1:], axis=1) > 2
    dwell = np.diff(targets[:, 0])[away[:-1]]
    assert dwell.mean() == pytest.approx(0.93, rel=0.1)
    assert dwell.std() == pytest.approx(0.8, rel=0.15)
    angles = np.degrees(np.arctan2(targets[away, 2], -targets[away, 1]))
    octants = np.bincount(np.round(angles / 45).astype(int) % 8, minlength=8) / away.sum()
    np.testing.assert_allclose(octants, np.array(DIRECTIONS) / sum(DIRECTIONS), atol=0.03)
    # Looks of less than 2 degrees count as looking at somebody here.
    seen = 15.7 * np.exp(-2 / 6.9) / 15
    assert dwell.sum() / targets[-1, 0] == pytest.approx(seen * 0.93 / (3.1 + 0.93), abs=0.02)


def test_camera_gaze_stays_on_the_camera() -> None:
    targets = gaze_targets(600, "camera", seed=1)
    assert np.abs(targets[:, 1:]).max() < 2
    assert len(targets) > 300, "but fixating eyes are not frozen"


def test_saccades_follow_the_main_sequence() -> None:
    targets = np.array([[0.0, 0, 0], [1.0, 10, 0], [2.0, 10, 20]])
    fine = np.arange(0, 3, 0.001)
    path = gaze_path(fine, targets)
    for onset, size in ((1.0, 10.0), (2.0, 20.0)):
        moving = np.abs(np.diff(path, axis=0)).max(1)[
            (fine[:-1] >= onset) & (fine[:-1] < onset + 0.5)
        ]
        assert (moving > 1e-9).sum() == pytest.approx(1000 * saccade_seconds(size), abs=3)
    assert saccade_seconds(10.0) == pytest.approx(0.043)
    np.testing.assert_allclose(path[-1], [10, 20])


def test_large_shifts_leave_the_rest_to_the_head() -> None:
    degrees = np.array([[5.0, 0], [0, LARGEST]])
    np.testing.assert_allclose(np.linalg.norm(eye_share(degrees), axis=1), [5, EYES_ALONE])


def test_a_third_of_large_shifts_come_with_a_blink() -> None:
    targets = gaze_targets(5 * HOUR, "natural", seed=2)
    large = (np.linalg.norm(np.diff(targets[:, 1:], axis=0), axis=1) > 10).sum()
    assert len(blinks_with_shifts(targets, 2)) == pytest.approx(large / 3, rel=0.15)


def test_gaze_of_a_part() -> None:
    short, long = (gaze_targets(s, "natural", seed=3) for s in (30, 300))
    np.testing.assert_array_equal(long[: len(short)], short)


# --- prosody and head -------------------------------------------------------------------------


def test_prosody_hears_beats_and_melody() -> None:
    low, high = tone(4, 120), tone(4, 180)
    found = prosody(np.concatenate([low, high]))
    assert len(found.loudness) == 8 * RATE
    assert len(found.accents) == pytest.approx(16, abs=3)
    first, second = found.semitones[:200], found.semitones[200:]
    gap = second[np.abs(second) > 0.3].mean() - first[np.abs(first) > 0.3].mean()
    assert gap == pytest.approx(12 * np.log2(1.5), abs=2.5)


def test_prosody_in_blocks_is_that_of_the_whole() -> None:
    sound = tone(3, 150)
    blocks = [sound[i : i + 16_000] for i in range(0, len(sound), 16_000)]
    whole, cut = prosody(sound), prosody(blocks)
    assert cut.samples == len(sound)
    np.testing.assert_allclose(cut.loudness, whole.loudness, atol=1e-9)
    np.testing.assert_allclose(cut.accents, whole.accents, atol=0.05)


@pytest.mark.parametrize("count", [0, 100, 16_000])
def test_prosody_of_silence(count: int) -> None:
    found = prosody(np.zeros(count, np.float32))
    assert len(found.loudness) == -(-count // 320) and not len(found.accents)


def test_head_motion_lies_between_read_and_free_speech() -> None:
    """Degrees and degrees per second of pitch, yaw and roll."""
    sound = prosody(tone(300, 140))
    times = np.arange(0, 300, 0.04)
    turns = np.degrees(head_turns(times, sound, seed=1))
    spread, speed = turns.std(0), np.abs(np.diff(turns, axis=0)).mean(0) / 0.04
    assert (spread > (0.8, 0.4, 0.3)).all() and (spread < (3.6, 6.7, 3.2)).all()
    assert (speed > (2.0, 1.5, 1.0)).all() and (speed < (11, 17, 10)).all()
    assert np.abs(turns).max() < 12


def test_heads_nod_with_accents_and_rest_in_silence() -> None:
    times = np.arange(0, 120, 0.04)
    talking = np.degrees(head_turns(times, prosody(tone(120, 140)), seed=2))
    silent = np.degrees(head_turns(times, prosody(np.zeros(120 * 16_000, np.float32)), seed=2))
    speed = [np.abs(np.diff(t[:, 0])).mean() for t in (talking, silent)]
    assert speed[0] > 1.5 * speed[1]
    accents = prosody(tone(120, 140)).accents[:, 0]
    after = talking[np.round((accents + 0.06) * 25).astype(int).clip(0, len(times) - 1), 0]
    between = talking[np.round((accents + 0.31) * 25).astype(int).clip(0, len(times) - 1), 0]
    assert after.mean() - between.mean() > 0.4, "down on the accent"


def test_head_motion_of_a_part_and_of_another_seed() -> None:
    sound = prosody(tone(60, 140))
    times = np.arange(0, 60, 0.04)
    whole = head_turns(times, sound, seed=1)
    np.testing.assert_allclose(head_turns(times[300:700], sound, seed=1), whole[300:700], atol=1e-9)
    assert np.abs(head_turns(times, sound, seed=9) - whole).max() > 0.01
    assert not head_turns(times, sound, seed=1, strength=0.0).any()
