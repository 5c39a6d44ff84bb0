"""Emotions heard in a voice: a model that learns, and a policy that keeps still when unsure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from facegen.emotion import EMOTIONS
from facegen.emotion.recognition import (
    WINDOW,
    SpeechEmotionModel,
    emotion_of_voice,
    judged_windows,
    open_model,
    shown,
)
from facegen.emotion.recognition_training import Corpus, calibrated, fit, read_corpus
from facegen.emotion.voice import RATE, functionals
from facegen.errors import MediaError, ModelFileError, UsageError


def voice(seconds: float, pitch: float, swing: float, seed: int = 0) -> np.ndarray:
    """Syllables of a buzzing tone: ``pitch`` Hz, melody of ``swing`` octaves."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    hertz = pitch * 2 ** (swing * np.sin(2 * np.pi * 0.7 * t + rng.uniform(0, 6)))
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    buzz = sum(np.sin(k * phase) / k for k in range(1, 12))
    beat = np.clip(np.sin(2 * np.pi * 4 * t), 0, 1)
    return (0.2 * buzz * beat + rng.normal(0, 1e-3, len(t))).astype(np.float32)


def made_up_corpus(speakers: int = 4, each: int = 6) -> Corpus:
    """Three emotions a few features tell apart, in 12 dimensions."""
    rng = np.random.default_rng(1)
    names = ("angry", "neutral", "sad")
    centres = rng.normal(0, 1.5, (3, 12))
    rows, emotions, voices = [], [], []
    for speaker in range(speakers):
        own = rng.normal(0, 0.3, 12)
        for c, name in enumerate(names):
            for _ in range(each):
                rows.append(centres[c] + own + rng.normal(0, 0.7, 12))
                emotions.append(name)
                voices.append(str(speaker))
    return Corpus(np.array(rows), tuple(emotions), tuple(voices))


def test_the_fit_tells_unheard_speakers_apart() -> None:
    model, told = calibrated(made_up_corpus())
    assert told.accuracy > 0.85 and told.arousal > 0.85
    assert told.confusion.sum() == 72
    chance, arousal = model(made_up_corpus().features)
    np.testing.assert_allclose(chance.sum(1), 1)
    assert ((arousal > 0) & (arousal < 1)).all()


def test_shuffled_labels_are_at_chance() -> None:
    corpus = made_up_corpus()
    order = np.random.default_rng(0).permutation(len(corpus.emotions))
    mixed = Corpus(corpus.features, tuple(corpus.emotions[i] for i in order), corpus.speakers)
    _, told = calibrated(mixed)
    assert told.accuracy < 0.55
    assert told.shown < 0.35, "who knows nothing shows nothing"


def test_save_and_load(tmp_path: Path) -> None:
    model = fit(made_up_corpus())
    model.save(tmp_path / "m.safetensors")
    again = SpeechEmotionModel.load(tmp_path / "m.safetensors")
    assert again.emotions == model.emotions
    features = made_up_corpus().features[:5]
    np.testing.assert_allclose(again(features)[0], model(features)[0], atol=1e-4)


@pytest.mark.parametrize("content", [None, b"", b"rubbish" * 50])
def test_a_bad_file_names_the_fix(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "m.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelFileError, match="facegen train speech-emotion"):
        SpeechEmotionModel.load(path)


def test_the_policy_is_neutral_unless_sure_and_arousal_agrees() -> None:
    rest = {"neutral": 0.1, "sad": 0.1}
    assert not shown({"angry": 0.5, **rest}, 0.99).any()
    assert not shown({"angry": 0.9, **rest}, 0.2).any(), "an angry voice is not calm"
    assert not shown({"neutral": 0.95, "sad": 0.05}, 0.1).any()
    weak, strong = (shown({"angry": p, **rest}, 0.95).max() for p in (0.65, 0.9))
    assert 0.3 <= weak < strong <= 0.7
    assert shown({"sad": 0.9, "neutral": 0.1}, 0.1)[EMOTIONS.index("sad")] > 0.5


def test_features_do_not_depend_on_the_microphone_level() -> None:
    sound = voice(3, 150, 0.3)
    quiet = functionals(0.05 * sound)
    np.testing.assert_allclose(functionals(sound), quiet, rtol=1e-2, atol=2e-2)


def test_features_hear_pitch_and_liveliness() -> None:
    calm, lively = functionals(voice(3, 110, 0.05)), functionals(voice(3, 220, 0.4))
    assert lively[0] - calm[0] == pytest.approx(1, abs=0.3), "an octave higher"
    assert lively[1] > 3 * calm[1], "more melody"


@pytest.mark.parametrize("seconds", [0.02, 1.0])
def test_short_sounds_have_finite_features(seconds: float) -> None:
    assert np.isfinite(functionals(voice(seconds, 150, 0.2))).all()
    assert np.isfinite(functionals(np.zeros(round(seconds * RATE), np.float32))).all()


def test_windows_do_not_depend_on_the_blocks() -> None:
    sound = voice(11.3, 150, 0.3)
    whole = [(begin, f[0]) for begin, f in judged_windows([sound])]
    cut = [(begin, f[0]) for begin, f in judged_windows(np.array_split(sound, 7))]
    assert len(whole) > 2
    np.testing.assert_allclose(cut, whole)


def test_silence_is_neutral() -> None:
    track = emotion_of_voice(np.zeros(RATE * 6, np.float32))
    assert not track.levels.any()


def test_the_embedded_model_gives_a_track_for_any_voice() -> None:
    assert open_model().weight.shape[1] == len(functionals(voice(1, 150, 0.2)))
    track = emotion_of_voice(voice(4 * WINDOW, 180, 0.3))
    assert track.times[0] == 0 and (np.diff(track.times) > 0).all()
    assert track.levels.max() <= 0.7


def test_a_corpus_with_a_listing_and_calm_voices(tmp_path: Path) -> None:
    calm = tmp_path / "calm"
    calm.mkdir()
    rows = ["file,emotion,speaker"]
    for i, (name, pitch) in enumerate([("joy", 240), ("sadness", 110)] * 2):
        soundfile.write(tmp_path / f"{i}.wav", voice(1.5, pitch, 0.2, i), RATE)
        rows.append(f"{i}.wav,{name},{i // 2}")
    soundfile.write(calm / "x.wav", voice(7, 150, 0.1), RATE)
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    corpus = read_corpus(tmp_path, [calm])
    assert corpus.emotions[:4] == ("happy", "sad", "happy", "sad")
    assert set(corpus.emotions[4:]) == {"neutral"}
    assert len(set(corpus.speakers)) == 3
    with pytest.raises(UsageError, match="two speakers"):
        calibrated(Corpus(corpus.features[:2], corpus.emotions[:2], ("a", "a")))
    with pytest.raises(MediaError, match=r"labels\.csv"):
        read_corpus(tmp_path / "calm" / "nothing")
