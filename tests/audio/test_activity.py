import numpy as np
import pytest

from facegen.audio import FRAME, activity, frame_count, load_speech, voice_activity
from facegen.data.speech.augment import BACKGROUNDS, music


@pytest.mark.parametrize("count", [0, 1, 319, 320, 321, 5000, 48000])
def test_one_number_per_frame(count):
    wave = np.random.default_rng(0).standard_normal(count).astype(np.float32) * 0.1
    speech = voice_activity(wave)
    assert speech.shape == (frame_count(count),)
    assert np.isfinite(speech).all()
    assert ((speech >= 0) & (speech <= 1)).all()


def test_silence_is_no_speech():
    assert voice_activity(np.zeros(32000, np.float32)).max() == 0
    hiss = 1e-4 * np.random.default_rng(0).standard_normal(32000).astype(np.float32)
    assert voice_activity(hiss).max() < 0.1


@pytest.mark.parametrize("background", BACKGROUNDS, ids=lambda b: b.__name__)
def test_noise_and_music_are_no_speech(background):
    rng = np.random.default_rng(5)
    loud = [0.1 * background(4 * 16000, rng) for _ in range(4)]
    false = np.mean([(voice_activity(wave) > 0.5).mean() for wave in loud])
    assert false < (0.2 if background is music else 0.02)


def test_minutes_join_without_a_seam(monkeypatch):
    rng = np.random.default_rng(1)
    gate = np.repeat(rng.random(80) > 0.5, 1600)
    wave = (0.1 * rng.standard_normal(len(gate)) * gate).astype(np.float32)
    whole = voice_activity(wave)
    monkeypatch.setattr(activity, "_CHUNK", 70)
    np.testing.assert_allclose(voice_activity(wave), whole, atol=1e-6)


def test_a_real_voice_is_found_between_silences(dev_data):
    voice = load_speech(dev_data / "audio_emotion" / "emodb" / "03a01Fa.flac").samples
    pause = np.zeros(2 * 16000, np.float32)
    speech = voice_activity(np.concatenate([pause, voice, pause])) > 0.5
    n = len(pause) // FRAME
    assert speech[n + 5 : n + len(voice) // FRAME - 5].mean() > 0.9
    assert speech[: n - 5].mean() < 0.05
    assert speech[n + len(voice) // FRAME + 20 :].mean() < 0.05


def test_real_music_is_mostly_no_speech(dev_data):
    music = load_speech(dev_data / "driving" / "lp_s18.mp4").samples
    assert (voice_activity(music) > 0.5).mean() < 0.15
