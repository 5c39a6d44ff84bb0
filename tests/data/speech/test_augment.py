import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.data.speech import augment


def voice(seconds: float = 1.0) -> np.ndarray:
    t = np.arange(round(seconds * 16000)) / 16000
    return (0.3 * np.sin(2 * np.pi * 200 * t) * (np.sin(2 * np.pi * 3 * t) > 0)).astype(np.float32)


@given(st.integers(0, 2**31))
@settings(max_examples=25, deadline=None)
def test_augmentation_keeps_length_range_and_place(seed):
    wave = voice()
    got = augment.augmented(wave, np.random.default_rng(seed), [wave[::-1].copy()])
    again = augment.augmented(wave, np.random.default_rng(seed), [wave[::-1].copy()])
    np.testing.assert_array_equal(got, again)
    assert got.shape == wave.shape
    assert got.dtype == np.float32
    assert np.abs(got).max() <= 1
    # Lip sync lives from it: loud stays where loud was.
    assert np.corrcoef(np.abs(got).reshape(50, -1).mean(1), np.abs(wave).reshape(50, -1).mean(1))[
        0, 1
    ] > 0.1  # fmt: skip


@pytest.mark.parametrize("background", augment.BACKGROUNDS, ids=lambda b: b.__name__)
def test_backgrounds_have_unit_variance(background):
    for count in (100, 16000):
        wave = background(count, np.random.default_rng(0))
        assert wave.shape == (count,)
        assert wave.std() == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize("snr", [0, 10, 30])
def test_mixing_keeps_the_ratio_asked_for(snr):
    clean, noise = voice(), augment.noise(16000, np.random.default_rng(0))
    added = augment.mixed(clean, noise, snr) - clean
    assert 10 * np.log10((clean**2).mean() / (added**2).mean()) == pytest.approx(snr, abs=0.1)


@given(st.floats(0.8, 1.25))
@settings(max_examples=20, deadline=None)
def test_speed_moves_pitch_and_length(factor):
    t = np.arange(16000) / 16000
    got = augment.speed(np.sin(2 * np.pi * 500 * t).astype(np.float32), factor)
    assert len(got) == round(16000 / factor)
    peak = np.abs(np.fft.rfft(got * np.hanning(len(got)))).argmax() * 16000 / len(got)
    assert peak == pytest.approx(500 * factor, abs=3)


def test_telephone_passes_only_its_band():
    t = np.arange(16000) / 16000
    for pitch, kept in ((100, False), (1000, True), (5000, False)):
        wave = np.sin(2 * np.pi * pitch * t).astype(np.float32)
        assert (augment.telephone(wave).std() > 0.5) == kept


def test_kept_backgrounds_are_cut_from_what_was_made_once():
    kept = augment.kept_backgrounds(0.5, 2, seed=1)
    assert len(kept) == len(augment.BACKGROUNDS)
    for cut in kept:
        wave = cut(4000, np.random.default_rng(0))
        assert wave.shape == (4000,)
        assert 0.2 < wave.std() < 3 or np.abs(wave).max() > 1
        np.testing.assert_array_equal(wave, cut(4000, np.random.default_rng(0)))
        assert len(cut(20000, np.random.default_rng(0))) == 20000
