import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegen.data.speech.emodb import read_lablaut
from facegen.data.speech.grid import (
    PRONUNCIATIONS,
    Word,
    phones_by_rule,
    read_align,
    read_words,
)
from facegen.data.speech.phones import (
    INDEX,
    PHONES,
    Segment,
    from_arpabet,
    from_ipa,
    labels,
    spread,
    tidy,
)
from facegen.errors import UsageError

times = st.floats(0, 5, allow_nan=False)


def test_alphabets_meet_in_the_same_classes():
    assert from_ipa("b") == from_arpabet("B") == ("PP",)
    assert from_ipa("t͡ʃ") == ("DD", "CH")
    assert from_ipa("ˈ") == from_ipa("ː") == ()
    assert from_ipa("ã") == ("AA",), "marks above a letter drop out"
    assert from_arpabet("AY1") == ("AA", "IH")
    assert from_arpabet("pau") == ("sil",)
    assert all(name in INDEX for word in PRONUNCIATIONS.values() for s in word.split()
               for name in from_arpabet(s))  # fmt: skip


@given(st.lists(st.sampled_from(PHONES), min_size=1, max_size=5), times, st.floats(0.01, 3))
def test_spread_fills_its_time(names, start, length):
    out = spread(names, start, start + length)
    assert [s.phone for s in out] == names
    assert out[0].start == pytest.approx(start)
    assert out[-1].stop == pytest.approx(start + length)
    assert all(a.stop == pytest.approx(b.start) for a, b in zip(out, out[1:], strict=False))


@given(st.lists(st.tuples(st.sampled_from(PHONES), st.floats(0, 0.4)), max_size=20))
def test_labels_agree_with_the_segment_at_each_frame(parts):
    edges = np.cumsum([0.0, *(d for _, d in parts)])
    segments = tidy(
        Segment(p, float(a), float(b))
        for (p, _), a, b in zip(parts, edges, edges[1:], strict=False)
    )
    got = labels(segments, 60)
    for i, index in enumerate(got):
        middle = (i + 0.5) / 50
        here = [s.phone for s in segments if s.start <= middle < s.stop]
        assert PHONES[index] == (here[0] if here else "sil")
    silences = [a.phone == b.phone == "sil" for a, b in zip(segments, segments[1:], strict=False)
                if a.stop == b.start]  # fmt: skip
    assert not any(silences)


def test_words_share_their_time_among_their_phones(tmp_path):
    align = tmp_path / "a.align"
    align.write_text("0 14250 sil\n14250 19750 bin\n19750 24750 blue\n24750 27000 sp\n")
    words = read_align(align)
    assert words == [Word("bin", 0.57, 0.79), Word("blue", 0.79, 0.99)]
    segments = phones_by_rule(words, 3.0)
    assert [s.phone for s in segments] == ["sil", "PP", "IH", "NN", "PP", "LL", "UW", "sil"]
    assert segments[3].stop == pytest.approx(0.79)
    assert segments[-1] == Segment("sil", 0.99, 3.0)
    with pytest.raises(UsageError, match="'hello' is not a word"):
        phones_by_rule([Word("hello", 0, 1)], 1.0)
    align.write_text("not numbers here\n")
    with pytest.raises(UsageError, match="GRID alignment"):
        read_align(align)


def test_word_tables(tmp_path):
    table = tmp_path / "words.csv"
    table.write_text("clip,start_s,end_s,word\nx,0,0.5,sil\nx,0.5,0.75,bin\ny,0.1,0.2,at\n")
    assert read_words(table) == {"x": [Word("bin", 0.5, 0.75)], "y": [Word("at", 0.1, 0.2)]}
    table.write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match="columns"):
        read_words(table)


def test_hand_labels_of_emodb(tmp_path):
    path = tmp_path / "a.lablaut"
    path.write_text(
        "signal x\nnfields 1\n#\n 0.10 -1 _t\n 0.12 -1 !t\t+asp\n 0.15 -1 aI\n"
        " 0.25 -1 \t+lar\n 0.30 -1 m\n 0.40 -1 .\n"
    )
    segments = read_lablaut(path, 0.6)
    assert [s.phone for s in segments] == ["sil", "DD", "DD", "AA", "IH", "PP", "sil"]
    assert segments[4].stop == pytest.approx(0.30), "a mark of manner belongs to the phone before"
    assert segments[-1].stop == 0.6
    path.write_text("nothing\n")
    with pytest.raises(UsageError, match="no phone labels"):
        read_lablaut(path, 1.0)
