"""Videos go out with exact times and true colour, and appear whole or not at all."""

import errno
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import psutil
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.errors import MediaError
from facegen.media import VideoWriter, probe, read_video
from facegen.media.mux import Muxer

from .media_factory import picture

RATES = [Fraction(12), Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(120)]
SUFFIXES = [".mp4", ".m4v", ".mov", ".mkv", ".webm"]
MILLISECOND = Fraction(1, 1000)


def write(path: Path, pictures, fps: Fraction | int = 25, times=None, **options) -> Path:
    pictures = list(pictures)
    height, width = pictures[0].shape[:2]
    with VideoWriter(path, width, height, fps, **options) as writer:
        for index, rgb in enumerate(pictures):
            writer.write(rgb, None if times is None else times[index])
    return path


def plain(count: int, width: int = 16, height: int = 16) -> list[np.ndarray]:
    return [np.full((height, width, 3), 40 + 20 * (i % 8), np.uint8) for i in range(count)]


def times_of(path: Path) -> list[Fraction]:
    return [frame.exact_time for frame in read_video(path)]


@pytest.mark.parametrize("fps", RATES, ids=str)
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_frame_rate_and_times_are_exact(suffix: str, fps: Fraction, tmp_path: Path) -> None:
    path = write(tmp_path / f"x{suffix}", plain(13), fps)
    info = probe(path)
    assert (info.fps, info.frame_count, info.is_vfr) == (fps, 13, False)
    assert times_of(path) == [i / fps for i in range(13)]
    assert info.duration == pytest.approx(float(13 / fps), abs=1e-6)


@pytest.mark.parametrize("fps", RATES, ids=str)
@pytest.mark.parametrize("suffix", [".mkv", ".webm"])
def test_frame_rate_in_millisecond_containers(suffix: str, fps: Fraction, tmp_path: Path) -> None:
    path = write(tmp_path / f"x{suffix}", plain(13), fps)
    assert probe(path).fps == fps
    for index, time in enumerate(times_of(path)):
        assert abs(time - index / fps) <= MILLISECOND / 2


@settings(max_examples=12, deadline=None)
@given(
    fps=st.one_of(
        st.integers(1, 240).map(Fraction),
        st.integers(1, 240).map(lambda n: Fraction(n * 1000, 1001)),
    )
)
def test_any_usual_rate_survives(fps: Fraction, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = write(tmp_path_factory.mktemp("rate") / "x.mp4", plain(3), fps)
    assert probe(path).fps == fps
    assert times_of(path) == [i / fps for i in range(3)]


uneven = st.lists(st.integers(2_000, 900_000), min_size=1, max_size=8)


@settings(max_examples=12, deadline=None)
@given(steps=uneven, first=st.integers(0, 10_000_000), suffix=st.sampled_from([".mp4", ".webm"]))
def test_uneven_times_are_kept(
    steps: list[int], first: int, suffix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Microseconds in, at most one tick off when read back, counted from the first picture."""
    micro = np.cumsum([0, *steps])
    times = [Fraction(int(first + m), 1_000_000) for m in micro]
    path = tmp_path_factory.mktemp("vfr") / f"x{suffix}"
    write(path, plain(len(times)), Fraction(30000, 1001), times)
    finest = Fraction(1, 90_000) if suffix == ".mp4" else MILLISECOND
    got = times_of(path)
    assert len(got) == len(times)
    assert all(abs(g - (t - times[0])) <= finest for g, t in zip(got, times, strict=True))


@pytest.mark.parametrize("time", [0.2, 0.1, float("nan"), float("inf")])
def test_times_must_increase(time: float, tmp_path: Path) -> None:
    with (
        pytest.raises(MediaError, match="time"),
        VideoWriter(tmp_path / "x.mp4", 16, 16, 25) as writer,
    ):
        writer.write(plain(1)[0], 0.2)
        writer.write(plain(1)[0], time)
    assert not list(tmp_path.iterdir())


def test_numpy_times_are_times(tmp_path: Path) -> None:
    times = np.array([0, 0.25, 0.75], np.float32)
    path = write(tmp_path / "x.mp4", plain(3), 25, list(times))
    assert times_of(path) == [0, Fraction(1, 4), Fraction(3, 4)]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("size", [(33, 17), (32, 17), (33, 16), (1, 1)], ids=str)
def test_odd_sizes(suffix: str, size: tuple[int, int], tmp_path: Path) -> None:
    width, height = size
    rgb = picture(0, *size)
    path = tmp_path / f"x{suffix}"
    with VideoWriter(path, width, height, 25, crf=4) as writer:
        writer.write(rgb)
    padding = (0, 0) if suffix == ".webm" else (width % 2, height % 2)
    assert writer.padding == padding
    assert (probe(path).width, probe(path).height) == (width + padding[0], height + padding[1])
    with av.open(str(path)) as container:
        tags = {key.lower(): value for key, value in container.metadata.items()}
    assert tags.get("facegen_padding") == (
        "right {}, bottom {}".format(*padding) if any(padding) else None
    )
    got = next(iter(read_video(path))).rgb.astype(int)
    assert np.abs(got[:height, :width] - rgb).mean() < 12


PATCHES = np.array(
    [
        [0, 0, 0], [255, 255, 255], [128, 128, 128], [255, 0, 0], [0, 255, 0], [0, 0, 255],
        [255, 255, 0], [0, 255, 255], [255, 0, 255], [224, 172, 148], [92, 57, 42], [18, 18, 20],
    ],
    np.uint8,
)  # fmt: skip


@pytest.mark.parametrize("side", [16, 400])
@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_colours_come_back(suffix: str, side: int, tmp_path: Path) -> None:
    """Small and large pictures alike: the matrix is tagged, never guessed from the size."""
    grid = PATCHES.reshape(3, 4, 3).repeat(side, 0).repeat(side, 1)
    path = write(tmp_path / f"x{suffix}", [grid] * 2)
    for frame in read_video(path):
        centres = frame.rgb[side // 2 :: side, side // 2 :: side].astype(int).reshape(-1, 3)
        assert np.abs(centres - PATCHES).max() <= 3


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_colour_tags(suffix: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"x{suffix}", plain(2))
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        next(container.decode(video=0))
        assert context.pix_fmt == "yuv420p"
        assert context.color_range == ColorRange.MPEG
        assert context.colorspace == Colorspace.ITU709
        assert context.color_primaries == ColorPrimaries.BT709
        assert context.color_trc == ColorTrc.BT709


def test_alpha(tmp_path: Path) -> None:
    """The decoder of VP9's alpha must be named: libav's own VP9 drops it."""
    path, alpha = tmp_path / "x.webm", np.zeros((48, 64), np.uint8)
    alpha[:, 32:] = 255
    with VideoWriter(path, 64, 48, 25, alpha=True) as writer:
        for index in range(3):
            writer.write(picture(index), alpha=alpha)
    decoder = av.CodecContext.create("libvpx-vp9", "r")
    with av.open(str(path)) as container:
        decoder.extradata = container.streams.video[0].codec_context.extradata
        packets = [p for p in container.demux(video=0) if p.size]
        frames = [frame for packet in packets for frame in decoder.decode(packet)]
    assert frames[0].format.name == "yuva420p"
    planes = [np.frombuffer(bytes(f.planes[3]), np.uint8).reshape(48, -1) for f in frames]
    for plane in planes:
        assert np.abs(plane[:, :64].astype(int) - alpha)[:, [*range(28), *range(36, 64)]].max() <= 8


def test_tags_are_kept(tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        path = write(tmp_path / f"x{suffix}", plain(1), metadata={"comment": "made up"})
        with av.open(str(path)) as container:
            tags = {key.lower(): value for key, value in container.metadata.items()}
        assert tags["comment"] == "made up"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_same_pictures_same_bytes(suffix: str, tmp_path: Path) -> None:
    a = write(tmp_path / f"a{suffix}", map(picture, range(8))).read_bytes()
    assert a == write(tmp_path / f"b{suffix}", map(picture, range(8))).read_bytes()


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("old", [b"an older file", None], ids=["old file", "new"])
@pytest.mark.parametrize("after", [0, 1, 30])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_exception_leaves_nothing(
    error: type[BaseException], after: int, old: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "x.mp4"
    if old is not None:
        path.write_bytes(old)
    with pytest.raises(error), VideoWriter(path, 16, 16, 25) as writer:
        for rgb in plain(after):
            writer.write(rgb)
        raise error
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([] if old is None else [old])


@pytest.mark.parametrize("method", ["mux", "close"])
@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_full_disk(
    suffix: str, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(b"an older file")
    monkeypatch.setattr(Muxer, method, no_space)
    with pytest.raises(MediaError, match="no space left on the disk") as caught:
        write(path, plain(60))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"an older file"]


def test_success_replaces_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(b"old")
    write(tmp_path / "x.mp4", plain(2))
    assert [p.name for p in tmp_path.iterdir()] == ["x.mp4"]
    assert len(times_of(tmp_path / "x.mp4")) == 2


def test_target_appears_at_the_end_only(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    with VideoWriter(path, 16, 16, 25) as writer:
        for rgb in plain(30):
            writer.write(rgb)
            assert not path.exists()
    assert path.exists()


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "folder": (lambda d: VideoWriter(_made(d / "x.mp4"), 16, 16, 25), "it is a folder"),
    "no parent": (lambda d: VideoWriter(d / "no" / "x.mp4", 16, 16, 25), "there is no folder"),
    "suffix": (lambda d: VideoWriter(d / "x.avi", 16, 16, 25), r"use \.mp4"),
    "no suffix": (lambda d: VideoWriter(d / "x", 16, 16, 25), r"use \.mp4"),
    "alpha in mp4": (lambda d: VideoWriter(d / "x.mp4", 16, 16, 25, alpha=True), "alpha"),
    "no width": (lambda d: VideoWriter(d / "x.mp4", 0, 16, 25), "no usable video size"),
    "huge": (lambda d: VideoWriter(d / "x.mp4", 20_000, 16, 25), "no usable video size"),
    "rate 0": (lambda d: VideoWriter(d / "x.mp4", 16, 16, 0), "frame rate"),
    "rate nan": (lambda d: VideoWriter(d / "x.mp4", 16, 16, float("nan")), "frame rate"),
    "nothing": (lambda d: write_nothing(d / "x.mp4"), "no pictures"),
    "other size": (lambda d: write(d / "x.mp4", [*plain(1), *plain(1, 18)]), "in a video of"),
    "float": (lambda d: write(d / "x.mp4", [np.zeros((16, 16, 3))]), "uint8"),
    "grey": (lambda d: write(d / "x.mp4", [np.zeros((16, 16), np.uint8)]), "picture|H, W, 3"),
    "no sound file": (
        lambda d: VideoWriter(d / "x.mp4", 16, 16, 25, audio_from=d / "no.wav"), "no such file",
    ),
}  # fmt: skip


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def write_nothing(path: Path) -> None:
    with VideoWriter(path, 16, 16, 25):
        pass


@pytest.mark.parametrize("name", BAD)
def test_bad_target_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    act, words = BAD[name]
    with pytest.raises(MediaError, match=words) as caught:
        act(tmp_path)
    assert "\n" not in str(caught.value)
    assert not [p for p in tmp_path.iterdir() if p.is_file()]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(MediaError, match="no permission"):
            VideoWriter(tmp_path / "x.mp4", 16, 16, 25)
    finally:
        tmp_path.chmod(0o700)


def test_memory_does_not_grow(tmp_path: Path) -> None:
    """2000 pictures of 160 x 120 are 115 MB: none may be kept, in or out."""
    process, rgb = psutil.Process(), picture(3, 160, 120)
    write(tmp_path / "warm.mp4", [rgb] * 100)
    sum(1 for _ in read_video(tmp_path / "warm.mp4"))
    before = process.memory_info().rss
    with VideoWriter(tmp_path / "x.mp4", 160, 120, 25) as writer:
        for _ in range(2000):
            writer.write(rgb)
    assert sum(1 for _ in read_video(tmp_path / "x.mp4")) == 2000
    assert process.memory_info().rss - before < 30e6
