"""What the shipped head network does."""

import numpy as np
import pytest

from facegen.emotion.labels import EMOTIONS
from facegen.speech.head_sample import sample_head
from tests.speech.test_head import sound

pytestmark = pytest.mark.slow


def degrees_per_second(rotation: np.ndarray) -> np.ndarray:
    return np.degrees(np.abs(np.diff(rotation, axis=0)).mean(0)) * 25


def test_it_moves_like_somebody_speaking_to_a_camera():
    """Between read speech (.8, .4, .3 degrees at 3, 2, 1.2 per second) and free talk (3.6, 6.7,
    3.2 at 11, 17, 10)."""
    track = sample_head(sound(60.0), seed=1)
    spread = np.degrees(track.rotation.std(0))
    speed = degrees_per_second(track.rotation)
    assert ((spread > [0.8, 0.6, 0.4]) & (spread < [3.6, 6.7, 3.2])).all()
    assert ((speed > [1.5, 1.2, 0.8]) & (speed < [8, 10, 6])).all()
    assert 0.005 < track.curves.mean() < 0.1
    assert track.curves.max() < 0.6


def test_it_neither_drifts_nor_jumps():
    rotation = np.degrees(sample_head(sound(90.0), seed=3).rotation)
    thirds = rotation.reshape(3, -1, 3).mean(1)
    assert np.abs(thirds).max() < 1.5
    acceleration = np.abs(np.diff(rotation, 2, axis=0)) * 25**2
    assert acceleration.max() < 12 * acceleration.mean()


def test_feelings_change_how_lively_it_is():
    wave = sound(30.0)

    def spread(name: str, amount: float) -> float:
        emotion = np.zeros((750, len(EMOTIONS)))
        emotion[:, EMOTIONS.index(name)] = amount
        return float(sample_head(wave, emotion, seed=1).rotation.std(0).mean())

    calm = spread("neutral", 0.0)
    assert spread("sad", 1.0) < 0.85 * calm
    assert spread("happy", 1.0) > 1.1 * calm
