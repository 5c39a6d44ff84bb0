"""Bilabial moments from the files beside a clip."""

import pytest

from facegen.errors import UsageError
from facegen.evaluation.marks import Marks, read_marks


@pytest.fixture
def clip(tmp_path):
    return tmp_path / "bbaszn.mpg"


def test_nothing_is_known(clip):
    assert read_marks(clip) == Marks()


def test_grid(clip):
    lines = "0 14250 sil\n14250 19750 bin\n19750 24750 blue\n24750 27000 at\n48000 74500 sil\n"
    clip.with_suffix(".align").write_text(lines)
    assert read_marks(clip) == Marks((0.57, 0.79), (0.57, 1.08), "bbaszn.align")


def test_phones_come_before_words(clip):
    rows = "start_s,end_s,phone\n0,0.2,sil\n0.2,0.3,AH0\n0.3,0.4,M\n0.4,0.5,p\n0.5,0.6,f\n"
    clip.with_suffix(".phones.csv").write_text(rows)
    clip.with_suffix(".words.csv").write_text("start_s,end_s,word\n0,1,bin\n")
    found = read_marks(clip)
    assert found.bilabials == pytest.approx((0.35, 0.45))
    assert found.speech == (0.2, 0.6)


def test_words(clip):
    words = ("photo", "psalm", "pin", "Map", "amp", "blue")
    rows = "".join(f"{k},{k + 1},{word}\n" for k, word in enumerate(words))
    clip.with_suffix(".words.csv").write_text("start_s,end_s,word\n" + rows)
    assert read_marks(clip).bilabials == (2, 3, 5)


def test_one_table_for_a_folder(clip):
    table = clip.with_name("words.csv")
    table.write_text("clip,start_s,end_s,word\nother,0,1,bin\nbbaszn,0.5,1,place\n")
    assert read_marks(clip).bilabials == (0.5,)
    assert read_marks(clip.with_name("third.mpg")) == Marks()


@pytest.mark.parametrize("suffix", [".align", ".phones.csv"])
@pytest.mark.parametrize("content", [b"a b\n", b"\xff\xfe\x00", b"start_s,end_s,phone\nx,1,p\n"])
def test_rubbish_is_named(clip, suffix, content):
    clip.with_suffix(suffix).write_bytes(content)
    with pytest.raises(UsageError, match=f"bbaszn{suffix}"):
        read_marks(clip)
