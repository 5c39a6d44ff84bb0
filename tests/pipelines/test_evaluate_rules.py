"""Rules as rows of the talk evaluation: what is said when, and lips that do it."""

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from facegen.arkit import ARKIT, INDEX
from facegen.data.speech.grid import Symbol
from facegen.errors import UsageError
from facegen.evaluation.marks import Marks
from facegen.evaluation.performance import Performance
from facegen.evaluation.talk_clip import TalkClip
from facegen.pipelines.evaluate_rules import (
    AlignedRules,
    dominance,
    openfacefx,
    rule_methods,
    symbols_beside,
)

SAID = [Symbol("M", 0.2, 0.4), Symbol("AA", 0.4, 0.8), Symbol("B", 0.8, 0.96)]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    lines = ["start_s,end_s,phone", *(f"{s.start},{s.stop},{s.name}" for s in SAID)]
    (tmp_path / "a.phones.csv").write_text("\n".join(lines))
    return tmp_path / "a.mp4"


def test_words_and_phones_are_found_beside_a_clip(clip: Path) -> None:
    assert symbols_beside(clip) == SAID
    align = clip.with_name("b.align")
    align.write_text("0 25000 sil\n25000 37500 bin\n37500 50000 at\n")
    assert [s.name for s in symbols_beside(align.with_suffix(".mpg"))] == [
        "B",
        "IH",
        "N",
        "AE",
        "T",
    ]
    clip.with_name("words.csv").write_text("clip,start_s,end_s,word\nc,0.5,0.75,blue\n")
    assert symbols_beside(clip.with_name("c.mp4"))[-1] == pytest.approx(("UW", 0.6, 0.75), abs=0.06)
    assert symbols_beside(clip.with_name("d.mp4")) == []
    clip.with_name("e.phones.csv").write_text("start,end\n1,2\n")
    with pytest.raises(UsageError, match="start_s"):
        symbols_beside(clip.with_name("e.mp4"))


def test_rules_open_on_vowels_and_close_on_bilabials(clip: Path, head) -> None:
    times = np.arange(25) / 25
    truth = Performance(times, np.zeros(25))
    known = TalkClip("a", clip, truth, None, Marks())
    done = AlignedRules("rules", dominance, head).perform(known, known)
    assert done.times[0] == pytest.approx(0.01) and done.times[-1] == pytest.approx(0.99)
    opening = np.interp([0.05, 0.32, 0.6, 0.9], done.times, done.opening)
    assert opening[2] > 0.08
    assert max(opening[0], opening[1], opening[3]) < 0.35 * opening[2]
    assert rule_methods([clip.with_name("d.mp4")], head) == []
    assert "rules" in [m.origin.name for m in rule_methods([clip], head)]
    lost = TalkClip("d", clip.with_name("d.mp4"), truth, None, Marks())
    with pytest.raises(UsageError, match="words or phones"):
        AlignedRules("rules", dominance, head).perform(lost, lost)


def test_openfacefx_is_given_pauses_and_its_curves_are_read(monkeypatch) -> None:
    heard = []

    def generate(segments, fps):
        heard.extend(segments)
        return fps

    jaw = SimpleNamespace(
        name="jawOpen", keys=[SimpleNamespace(time=t, value=v) for t, v in ((0, 0), (1, 1))]
    )
    stand_in = SimpleNamespace(
        PhonemeSegment=lambda *a: a, generate_from_alignment=generate, PRESETS={"arkit": {}},
        retarget=lambda track, mapping: SimpleNamespace(channels=[jaw]),
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "openfacefx", stand_in)
    curves = openfacefx([*SAID, Symbol("AX", 1.0, 1.1)], 60)
    assert curves.shape == (60, len(ARKIT))
    np.testing.assert_allclose(curves[:50, INDEX["jawOpen"]], (np.arange(50) + 0.5) / 50, atol=1e-6)
    names = [name for name, _, _ in heard]
    assert names == ["sil", "M", "AA", "B", "sil", "AH", "sil"]


@pytest.mark.skipif(importlib.util.find_spec("openfacefx") is None, reason="no openfacefx")
def test_openfacefx_itself_opens_on_vowels() -> None:
    jaw = openfacefx(SAID, 60)[:, INDEX["jawOpen"]]
    assert jaw[30] > jaw[15] + 0.05 and jaw[30] > jaw[44] + 0.05
