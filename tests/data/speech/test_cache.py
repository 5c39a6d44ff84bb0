import json

import numpy as np
import pytest

from facegen.data.speech import sources
from facegen.data.speech.cache import SourceCard, SpeechSet, write_manifest, write_source
from facegen.data.speech.phones import INDEX, Segment
from facegen.data.speech.sentences import SENTENCES, draw, read_texts
from facegen.data.speech.utterance import Face, Utterance, split_of
from facegen.errors import ModelFileError, UsageError


def utterance(name: str, count: int, *, seen: bool = True) -> Utterance:
    rng = np.random.default_rng(len(name) + count)
    frames = -(-count // 320)
    face = Face(
        curves=rng.random((frames, 52)).astype(np.float32),
        geometry=rng.random((frames, 8)).astype(np.float32),
        rotation=rng.random((frames, 3)).astype(np.float32),
        valid=rng.random(frames) > 0.2,
    )
    return Utterance(
        name, "someone", "en", "hm", "train",
        rng.uniform(-1, 1, count).astype(np.float32),
        [Segment("sil", 0, 0.05), Segment("PP", 0.05, 0.1)],
        face if seen else None,
    )  # fmt: skip


CARD = SourceCard("made", "own", "nobody", {"seed": 1})


@pytest.fixture
def cache(tmp_path):
    said = [utterance("a", 5000), utterance("bb", 16000, seen=False), utterance("ccc", 321)]
    write_source(tmp_path, CARD, said)
    write_manifest(tmp_path, [CARD])
    return SpeechSet(tmp_path), said


def test_what_was_written_is_read(cache):
    speech, said = cache
    assert [item.name for item in speech.items] == ["a", "bb", "ccc"]
    for item, u in zip(speech.items, said, strict=True):
        window = speech.window(item)
        assert item.frames == u.frames
        np.testing.assert_allclose(window.samples[: len(u.samples)], u.samples, atol=2e-5)
        assert not window.samples[len(u.samples) :].any()
        assert window.phones[3:5].tolist() == [INDEX["PP"]] * min(2, max(0, u.frames - 3))
        assert window.inside.all()
        if u.face is None:
            assert not window.face.any()
        else:
            np.testing.assert_array_equal(window.face, u.face.valid)
            np.testing.assert_allclose(window.curves, u.face.curves, atol=1e-3)
            np.testing.assert_array_equal(window.rotation, u.face.rotation)


def test_windows_anywhere_and_beyond_the_end(cache):
    speech, said = cache
    item = speech.items[1]
    window = speech.window(item, 45, 20)
    assert window.samples.shape == (6400,)
    assert window.curves.shape == (20, 52)
    assert window.inside.tolist() == [True] * 5 + [False] * 15
    np.testing.assert_allclose(window.samples[:1600], said[1].samples[14400:], atol=2e-5)
    assert not window.samples[1600:].any()
    assert not speech.window(item, 60, 5).inside.any()


def test_a_finished_source_is_kept_and_a_changed_one_is_made_again(tmp_path):
    made = []

    def say(name):
        made.append(name)
        yield utterance(name, 3200)

    write_source(tmp_path, CARD, say("one"))
    write_source(tmp_path, CARD, say("two"))
    assert made == ["one"]
    write_source(tmp_path, SourceCard("made", "own", "nobody", {"seed": 2}), say("two"))
    assert made == ["one", "two"]
    next(tmp_path.glob("*.safetensors")).unlink()
    write_source(tmp_path, SourceCard("made", "own", "nobody", {"seed": 2}), say("three"))
    assert made[-1] == "three"


def test_what_is_no_cache_is_one_clear_line(tmp_path):
    with pytest.raises(ModelFileError, match="no speech cache"):
        SpeechSet(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ModelFileError, match="not a speech cache"):
        SpeechSet(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(ModelFileError, match="format 99"):
        SpeechSet(tmp_path)


def test_negatives_say_nothing(tmp_path):
    card, said = sources.negatives(0.5)
    write_source(tmp_path, card, said())
    write_manifest(tmp_path, [card])
    speech = SpeechSet(tmp_path)
    assert {item.speaker for item in speech.items} == {"noise", "music", "hum", "clicks", "silence"}
    assert speech.sources[0]["minutes"] == pytest.approx(0.5)
    for item in speech.items:
        assert not speech.window(item).phones.any()


def test_splits_are_the_same_everywhere():
    names = [f"espeak_{i:05d}" for i in range(2000)]
    share = np.mean([split_of(name) == "val" for name in names])
    assert 0.03 < share < 0.07
    assert split_of("espeak_00002") == split_of("espeak_00002")


def test_texts(tmp_path):
    rng = np.random.default_rng(0)
    words = {w.strip(".,!?¿¡") for text in SENTENCES["en"] for w in text.split()}
    for _ in range(50):
        text = draw(SENTENCES["en"], rng)
        assert {w.strip(".,!?¿¡") for w in text.split()} <= words
    path = tmp_path / "texts.txt"
    path.write_text("Hello there.\nde\tGuten Tag.\n\n", encoding="utf-8")
    assert read_texts(path) == {"en": ("Hello there.",), "de": ("Guten Tag.",)}
    path.write_text("\n")
    with pytest.raises(UsageError, match="no texts"):
        read_texts(path)
