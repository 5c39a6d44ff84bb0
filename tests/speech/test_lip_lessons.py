"""Crops: targets stay in step with the sound at any tempo and at the ends."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from facegen.data.speech.phones import PHONES
from facegen.speech.lip_lessons import cut, one_side, relative_to_rest
from facegen.speech.lip_names import GEOMETRY, SYMMETRIC, arkit_names, both_sides
from tests.speech.lessons import lesson


def loudness(sound: np.ndarray) -> np.ndarray:
    return np.abs(sound.reshape(-1, 320)).mean(1)


@given(st.integers(0, 200))
def test_sound_and_mouth_keep_step(seed: int) -> None:
    crop = cut(lesson("a"), 100, np.random.default_rng(seed))
    assert crop.sound.shape == (32000,)
    assert crop.phones.shape == crop.knows_mouth.shape == (100,)
    jaw = crop.curves[:, 0]
    inside = crop.knows_mouth > 0
    if inside.sum() > 60:
        assert np.corrcoef(loudness(crop.sound)[inside], jaw[inside])[0, 1] > 0.8


@given(st.integers(0, 200))
def test_outside_the_recording_a_real_mouth_is_unknown(seed: int) -> None:
    crop = cut(lesson("a", frames=60), 140, np.random.default_rng(seed), vary=False)
    outside = crop.knows_mouth == 0
    assert outside.sum() >= 79
    assert not crop.curves[outside].any()
    assert (crop.phones[outside] == PHONES.index("sil")).all()


def test_without_a_camera_nothing_is_known_of_the_mouth() -> None:
    crop = cut(lesson("a", real=False), 50, np.random.default_rng(0))
    assert not crop.knows_mouth.any()
    assert crop.knows_phones.all()


def test_left_and_right_become_one() -> None:
    curves = np.random.default_rng(0).random((7, len(SYMMETRIC))).astype(np.float32)
    both = both_sides(curves, SYMMETRIC)
    np.testing.assert_allclose(one_side(both, arkit_names(SYMMETRIC)), curves, atol=1e-6)


def test_distances_are_relative_to_rest_but_the_opening_is_not() -> None:
    geometry = np.full((60, len(GEOMETRY)), 0.5)
    geometry[:, GEOMETRY.index("opening")] = 0.02
    geometry[30:, GEOMETRY.index("width")] = 0.6
    phones = np.r_[np.zeros(30, np.uint8), np.ones(30, np.uint8)]
    out = relative_to_rest(geometry, phones)
    assert np.allclose(out[:30, GEOMETRY.index("width")], 0)
    assert np.allclose(out[30:, GEOMETRY.index("width")], 0.1)
    assert np.allclose(out[:, GEOMETRY.index("opening")], 0.02)
