"""Tags: what is written is read again, from every container."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegen.media import VideoWriter, open_writer, write_image
from facegen.provenance.payload import Payload
from facegen.provenance.statement import Statement, from_xmp, to_xmp
from facegen.provenance.verification import verify

STATEMENT = Statement("talk", "warp", ("head open-1: CC0-1.0", "generator open: CC0-1.0")).marked(
    Payload("talk", 0xBEEF)
)
GREY = np.full((96, 96, 3), 128, np.uint8)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.webm"])
def test_video_tags(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with VideoWriter(path, 96, 96, Fraction(25), metadata=STATEMENT.tags()) as writer:
        writer.write(GREY)
    report = verify(path)
    assert report.statement == STATEMENT
    assert report.synthetic
    assert not report.mark.found


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif"])
def test_picture_tags(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_image(path, GREY, xmp=to_xmp(STATEMENT.tags()))
    assert verify(path).statement == STATEMENT


def test_folder_of_pictures(tmp_path: Path) -> None:
    xmp = to_xmp(STATEMENT.tags())
    with open_writer(tmp_path / "frames", 96, 96, 25, xmp=xmp) as writer:
        writer.write(GREY)
    assert verify(tmp_path / "frames").statement == STATEMENT


def test_file_of_somebody_else(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", GREY)
    report = verify(tmp_path / "a.png")
    assert (report.statement, report.synthetic) == (None, False)
    assert "no trace" in report.lines()[0]
    assert Statement.from_tags({"tool": "other", "synthetic": "true"}) is None


@given(st.dictionaries(st.sampled_from(["task", "generator", "licences"]), st.text(
    st.characters(exclude_categories=("Cs", "Cc")))))  # fmt: skip
def test_xmp_round_trip(tags: dict[str, str]) -> None:
    assert from_xmp(to_xmp(tags)) == tags


def test_xmp_is_well_formed() -> None:
    from xml.etree import ElementTree

    root = ElementTree.fromstring(to_xmp(STATEMENT.tags()).decode().replace("\ufeff", ""))
    text = ElementTree.tostring(root, encoding="unicode")
    assert "digitalsourcetype/compositeWithTrainedAlgorithmicMedia" in text
