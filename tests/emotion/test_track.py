"""What a user writes about feelings, and how it changes over time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegen.emotion import EMOTIONS, EmotionTrack
from facegen.emotion.affect import affect_of, emotion_of
from facegen.emotion.track import DECAY, RISE
from facegen.errors import UsageError


def level(track: EmotionTrack, name: str, time: float) -> float:
    return float(track.at(np.array([time]))[0, EMOTIONS.index(name)])


def test_one_emotion_holds_from_the_first_frame_on() -> None:
    track = EmotionTrack.parse("happy:0.7")
    assert level(track, "happy", 0) == level(track, "happy", 100) == pytest.approx(0.7)
    assert track.at(np.zeros(1)).sum() == pytest.approx(0.7)


def test_blend_and_synonyms() -> None:
    track = EmotionTrack.parse(" Joy:0.5 + surprise:.3 ")
    assert level(track, "happy", 1) == pytest.approx(0.5)
    assert level(track, "surprised", 1) == pytest.approx(0.3)


def test_a_name_alone_means_full_intensity() -> None:
    assert level(EmotionTrack.parse("anger"), "angry", 0) == 1


def test_steps_rise_and_fall_smoothly() -> None:
    track = EmotionTrack.parse("neutral@0s,angry:0.9@2.5s,neutral@5s")
    assert level(track, "angry", 2.5) == 0
    assert 0.3 < level(track, "angry", 2.5 + RISE / 2) < 0.6
    assert level(track, "angry", 2.5 + RISE) == pytest.approx(0.9)
    assert level(track, "angry", 5 + RISE) > 0.2, "a feeling goes more slowly than it came"
    assert level(track, "angry", 5 + DECAY) == pytest.approx(0)


def test_a_first_step_later_than_zero_starts_neutral() -> None:
    track = EmotionTrack.parse("sad@1")
    assert level(track, "sad", 0.9) == 0
    assert level(track, "sad", 1 + RISE) == 1


@given(st.floats(0.05, 1), st.lists(st.floats(0.05, 3), min_size=1, max_size=4))
def test_intensity_never_jumps(start: float, gaps: list[float]) -> None:
    """However close the steps follow one another."""
    names = ["happy", "neutral", "sad", "fear", "neutral"]
    times = np.cumsum(gaps)
    steps = [f"{n}:{start:.3f}@{t:.4f}" for n, t in zip(names, times, strict=False)]
    track = EmotionTrack.parse(",".join(steps))
    levels = track.at(np.arange(0, times[-1] + 2, 0.005))
    assert levels.min() >= 0 and levels.max() <= 1
    assert np.abs(np.diff(levels, axis=0)).max() <= 1.6 * 0.005 / RISE


def test_a_part_of_the_time_gets_the_same_values() -> None:
    track = EmotionTrack.parse("happy:0.4,sad@1.3,anger:.5@1.5")
    times = np.arange(0, 4, 0.04)
    np.testing.assert_array_equal(track.at(times[30:60]), track.at(times)[30:60])


def test_auto_is_neutral_until_the_voice_is_heard() -> None:
    track = EmotionTrack.parse("AUTO")
    assert track.auto
    assert not track.at(np.arange(3.0)).any()


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("hapy:0.7", "did you mean happy"),
        ("xyzzy", "choose from neutral, happy"),
        ("happy:1.7", "between 0 and 1"),
        ("happy:", "between 0 and 1"),
        ("happy:nan", "between 0 and 1"),
        ("", "for example"),
        ("happy,,sad@2", "for example"),
        ("happy@1,sad", "needs its time"),
        ("happy@2,sad@1", "must increase"),
        ("happy@soon", "is no time"),
        ("va:3,1", "between -1 and 1"),
        ("va:0.3", "va:0.4,-0.2"),
    ],
)
def test_errors_name_the_fix(text: str, hint: str) -> None:
    with pytest.raises(UsageError, match=hint):
        EmotionTrack.parse(text)


def test_valence_and_arousal_in_a_track() -> None:
    track = EmotionTrack.parse("va:0.76,0.48,va:-0.63,-0.27@2")
    assert level(track, "happy", 0) == pytest.approx(1)
    assert level(track, "sad", 4) == pytest.approx(1)


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_every_point_of_the_circumplex_means_something(valence: float, arousal: float) -> None:
    emotion = emotion_of(valence, arousal)
    assert emotion.min() >= 0 and emotion.sum() <= 1 + 1e-9
    if np.hypot(valence, arousal) > 0.2:
        assert emotion.sum() > 0.05
    grown = emotion_of(valence / 2, arousal / 2)
    assert grown.sum() <= emotion.sum() + 1e-9


@pytest.mark.parametrize("name", ["happy", "surprised", "angry", "disgusted", "sad"])
def test_known_feelings_come_back_from_their_places(name: str) -> None:
    emotion = np.zeros(8)
    emotion[EMOTIONS.index(name)] = 0.6
    np.testing.assert_allclose(emotion_of(*affect_of(emotion[None])[0]), emotion, atol=1e-9)
