"""Whatever is written comes back: any rate, size, pixel format, range, length and place."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from av.video.reformatter import ColorRange
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.audio.speech import RATE, SpeechReader, load_speech
from facegen.errors import MediaError
from facegen.media import VideoWriter, probe, read_video

from .media_factory import make_sound, make_video, picture

SEVERAL = settings(max_examples=12, deadline=None)
rates = st.fractions(1, 240, max_denominator=1001)
sides = st.integers(2, 70)


@SEVERAL
@given(fps=rates, width=sides, height=sides, suffix=st.sampled_from([".mp4", ".mkv", ".webm"]))
def test_any_size_at_any_rate(
    fps: Fraction, width: int, height: int, suffix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("any") / f"x{suffix}"
    with VideoWriter(path, width, height, fps) as writer:
        for index in range(3):
            writer.write(picture(index, width, height))
    right, bottom = writer.padding
    frames = list(read_video(path))
    assert [f.rgb.shape for f in frames] == [(height + bottom, width + right, 3)] * 3
    tolerance = 0 if suffix == ".mp4" else 1e-3
    for index, frame in enumerate(frames):
        assert abs(frame.exact_time - index / fps) <= Fraction(1, 90_000) + Fraction(tolerance)


@SEVERAL
@given(
    grey=st.integers(0, 255),
    form=st.sampled_from(["yuv420p", "yuv422p", "yuv444p", "yuvj420p"]),
    full=st.booleans(),
)
def test_any_format_and_range(
    grey: int, form: str, full: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A grey level survives every chroma layout and both ranges within two codes."""
    path = tmp_path_factory.mktemp("range") / "x.mp4"
    whole = full or form == "yuvj420p"
    make_video(
        path, 2, (32, 32), pix_fmt=form, options={"qp": "1"},
        draw=lambda i, w, h: np.full((h, w, 3), grey, np.uint8),
        color={"color_range": int(ColorRange.JPEG if whole else ColorRange.MPEG)},
    )  # fmt: skip
    for frame in read_video(path):
        assert np.abs(frame.rgb.astype(int) - grey).max() <= 2


@settings(max_examples=25, deadline=None)
@given(start=st.integers(0, 11), length=st.integers(1, 12), skip=st.integers(0, 12))
def test_a_part_is_the_same_part_of_the_whole(
    start: int, length: int, skip: int, clip: tuple[Path, list[tuple[int, bytes]]]
) -> None:
    path, whole = clip
    begin, end = Fraction(start, 25), Fraction(start + length, 25)
    reader = read_video(path, start=begin, stop=end, skip=skip)
    found = [(f.index, f.rgb.tobytes()) for f in reader]
    assert found == whole[start : start + length][skip:]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[int, bytes]]]:
    path = make_video(tmp_path_factory.mktemp("clip") / "x.mp4", 12)
    return path, [(f.index, f.rgb.tobytes()) for f in read_video(path)]


@settings(max_examples=25, deadline=None)
@given(
    samples=st.integers(200, 60_000),
    rate=st.sampled_from([8_000, 16_000, 22_050, 44_100, 48_000]),
    block=st.integers(1, 20_000),
)
def test_sound_keeps_its_length(
    samples: int, rate: int, block: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In blocks or whole, to a sample of the target rate; what is too short is refused."""
    path = tmp_path_factory.mktemp("sound") / "x.wav"
    make_sound(path, np.sin(np.arange(samples) * 0.1) * 0.5, rate=rate)
    if samples / rate < 0.02:
        with pytest.raises(MediaError, match="no sound"):
            load_speech(path)
        return
    whole = load_speech(path).samples
    assert abs(len(whole) - samples * RATE / rate) <= 2
    np.testing.assert_array_equal(np.concatenate(list(SpeechReader(path, block=block))), whole)


@SEVERAL
@given(seconds=st.floats(0.03, 3), block=st.integers(100, 20_000))
def test_sound_ends_where_it_is_told(
    seconds: float, block: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("stop") / "x.wav"
    make_sound(path, np.sin(np.arange(2 * RATE) * 0.1) * 0.5, rate=RATE)
    whole = load_speech(path).samples
    part = np.concatenate(list(SpeechReader(path, block=block, stop=seconds)))
    assert len(part) == min(len(whole), int(np.ceil(seconds * RATE)))
    np.testing.assert_array_equal(part, whole[: len(part)])


@SEVERAL
@given(frames=st.integers(1, 30), fps=rates)
def test_counts_and_lengths_agree(
    frames: int, fps: Fraction, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("count") / "x.mp4"
    with VideoWriter(path, 16, 16, fps) as writer:
        for index in range(frames):
            writer.write(picture(index, 16, 16))
    info = probe(path)
    assert info.frame_count == frames
    assert info.duration == pytest.approx(float(frames / fps), abs=2 / 90_000 + 1e-3)
