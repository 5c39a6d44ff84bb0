import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.audio import LogMel, frame_count
from facegen.audio.logmel import log_mel


def voice(seconds: float, seed: int = 0) -> np.ndarray:
    """A buzz with moving formants and pauses."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * 16000)) / 16000
    buzz = np.sign(np.sin(2 * np.pi * 120 * t)) + 0.2 * rng.standard_normal(len(t))
    gate = np.sin(2 * np.pi * 3 * t) > -0.3
    return (0.1 * buzz * gate * (1 + 0.5 * np.sin(2 * np.pi * 1.3 * t))).astype(np.float32)


@given(st.integers(0, 4000))
@settings(max_examples=40, deadline=None)
def test_one_frame_per_20_ms_begun(count):
    features = LogMel().encode(voice(0.25)[:count])
    assert features.shape == (frame_count(count), LogMel.dim)
    assert np.isfinite(features).all()


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=12), st.integers(0, 3))
@settings(max_examples=25, deadline=None)
def test_streaming_equals_the_whole_file(sizes, seed):
    sound = voice(sum(sizes) / 16000, seed)
    stream, at, parts = LogMel().stream(), 0, []
    for size in sizes:
        parts.append(stream.push(sound[at : at + size]))
        at += size
    parts.append(stream.finish())
    np.testing.assert_allclose(np.concatenate(parts), LogMel().encode(sound[:at]), atol=1e-5)


def test_the_future_beyond_7_5_ms_is_not_heard():
    one, other = voice(2.0), voice(2.0)
    other[16000:] = 0.3
    seen = (16000 - 120) // 320
    a, b = LogMel().encode(one), LogMel().encode(other)
    np.testing.assert_array_equal(a[:seen], b[:seen])
    assert np.abs(a[seen + 1 :] - b[seen + 1 :]).max() > 0.5


def test_long_sound_is_cut_into_chunks_without_a_seam():
    sound = voice(65.0)
    whole = LogMel().encode(sound)
    stream = LogMel().stream()
    parts = [stream.push(sound[at : at + 1600]) for at in range(0, len(sound), 1600)]
    np.testing.assert_allclose(np.concatenate([*parts, stream.finish()]), whole, atol=1e-5)


def test_loudness_drops_out_once_the_voice_is_known():
    sound = voice(8.0)
    loud, soft = LogMel().encode(sound), LogMel().encode(0.2 * sound)
    assert np.abs(loud[200:] - soft[200:]).mean() < 0.15
    plain = np.abs(log_mel(sound) - log_mel(0.2 * sound)).mean() / 3
    assert np.abs(loud[200:] - soft[200:]).mean() < plain / 4


def test_pauses_stay_low_however_long():
    features = LogMel().encode(np.concatenate([voice(5.0), np.zeros(16000 * 30, np.float32)]))
    relative = features[:, :80]
    assert relative[-50:].max() < -1
    assert relative[100:240].max() > 0


def test_a_tone_lights_its_band():
    t = np.arange(1600) / 16000
    mel = log_mel(np.sin(2 * np.pi * 1000 * t).astype(np.float32))
    import librosa

    centres = librosa.mel_frequencies(82, fmin=20, fmax=7600)[1:-1]
    assert centres[mel.mean(0).argmax()] == pytest.approx(1000, rel=0.05)


def test_golden_values():
    """Trained networks depend on these numbers."""
    features = LogMel().encode(voice(3.0))
    got = [features[100, 20], features[100, 100], features[104, 170], float(features.mean())]
    np.testing.assert_allclose(got, GOLDEN, atol=2e-3)


GOLDEN = [-0.60538, -0.14508, -0.41582, -0.69281]
