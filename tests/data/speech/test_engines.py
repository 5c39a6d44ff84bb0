import shutil

import numpy as np
import pytest

from facegen.data.speech import sources
from facegen.data.speech.commands import festival_voices, say_with_festival, say_with_flite
from facegen.data.speech.espeak import Espeak, Voice
from facegen.data.speech.phones import Segment
from facegen.data.speech.sentences import HELD_SENTENCES, SENTENCES
from facegen.errors import MissingExtraError, UsageError


def check(samples, segments, rate):
    """Phones cover the sound and are loud where they are not silence."""
    assert segments[-1].stop == pytest.approx(len(samples) / rate, abs=0.15)
    assert all(
        a.stop == pytest.approx(b.start) for a, b in zip(segments, segments[1:], strict=False)
    )
    power = {True: [], False: []}
    for phone, start, stop in segments:
        power[phone == "sil"].append(
            np.square(samples[int(start * rate) : int(stop * rate)]).mean()
        )
    assert np.mean(power[False]) > 30 * np.mean(power[True] or [0])


def test_espeak_gives_sound_with_phone_times():
    try:
        engine = Espeak()
    except MissingExtraError:
        pytest.skip("espeak-ng is not installed")
    samples, segments = engine("Bob may move, people.", Voice(name="en-us+f2"))
    check(samples, segments, engine.rate)
    phones = [s.phone for s in segments]
    assert phones.count("PP") >= 6
    slow, _ = engine("Bob may move, people.", Voice(name="en-us+f2", words_per_minute=100))
    assert len(slow) > 1.3 * len(samples)
    with pytest.raises(UsageError, match="no voice"):
        engine("x", Voice(name="klingon-at-home"))


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
def test_flite_gives_sound_with_phone_times():
    samples, segments = say_with_flite("Bob may move, people.", "slt", 1.0)
    check(samples, segments, 16000)
    assert [s.phone for s in segments].count("PP") >= 5


@pytest.mark.skipif(not festival_voices(), reason="festival is not installed")
def test_festival_says_several_texts_in_order():
    voice = festival_voices()[0]
    short, long = say_with_festival(["Hi.", 'A "big" boat moves far away.'], voice)
    assert len(long[0]) > 1.5 * len(short[0])
    check(*long, 16000)


def test_an_absent_command_is_named(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert festival_voices() == ()
    with pytest.raises(MissingExtraError, match="apt install flite"):
        say_with_flite("x", "slt")


def test_espeak_spells_clauses():
    try:
        engine = Espeak()
    except MissingExtraError:
        pytest.skip("espeak-ng is not installed")
    spelt = engine.spell("My mum, Bob. Open!", "en-us")
    assert spelt.count(",") == 2
    assert "mʌm" in spelt.replace("ˈ", "")
    with pytest.raises(UsageError, match="no voice"):
        engine.spell("x", "klingon-at-home")


def test_held_voices_say_what_no_other_voice_says(monkeypatch):
    silence = (np.zeros(16000, np.float32), [Segment("PP", 0.0, 1.0)])
    monkeypatch.setattr(sources, "say_with_flite", lambda *_: silence)
    _, utterances = sources.flite(SENTENCES, 1.0)
    said = {"test": set(), "train": set(), "val": set()}
    for u in utterances():
        assert (u.split == "test") == (u.speaker == "flite:awb")
        said[u.split] |= {u.text}
    held = {w.strip(".,?") for text in HELD_SENTENCES["en"] for w in text.split()}
    assert said["test"] and said["train"]
    assert not said["test"] & said["train"]
    assert {w.strip(".,?") for text in said["test"] for w in text.split()} <= held
