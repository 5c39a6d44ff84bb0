"""An interrupted run goes on where it stopped and gives the very same file."""

import errno
import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.errors import MediaError
from facegen.media import (
    ImageSequenceWriter,
    SegmentedWriter,
    VideoWriter,
    check_output,
    fingerprint,
    open_writer,
    probe,
    read_video,
    side_folder,
)
from facegen.media.mux import Muxer

from .media_factory import click, click_time, make_sound, packets, picture

COUNT, SEGMENT = 14, 4
FPS = Fraction(30000, 1001)
TIMES = [Fraction(i * i + 7, 90) for i in range(COUNT)]


class Stop(BaseException):
    """Like Ctrl-C, but only ours."""


def run(
    path: Path, until: int = COUNT, *, resume: bool = False, job: str = "job", **options
) -> int:
    """Write pictures up to number ``until``, then break off if some are missing.

    Returns:
        The number of the first picture written.
    """
    options.setdefault("segment_frames", SEGMENT)
    with SegmentedWriter(path, 32, 24, FPS, job=job, resume=resume, **options) as writer:
        first = writer.frames_done
        for index in range(first, until):
            writer.write(picture(index, 32, 24), TIMES[index])
        if until < COUNT:
            raise Stop
    return first


def interrupt(path: Path, until: int, **options) -> None:
    with pytest.raises(Stop):
        run(path, until, **options)
    assert not path.exists()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What uninterrupted runs give."""
    folder, found = tmp_path_factory.mktemp("whole"), {}
    for suffix in (".mp4", ".webm"):
        run(folder / f"x{suffix}")
        found[suffix] = (folder / f"x{suffix}").read_bytes()
    return found


@settings(max_examples=8, deadline=None)
@given(stops=st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=2))
@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_same_bytes_wherever_it_stopped(
    suffix: str,
    stops: list[int],
    whole: dict[str, bytes],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("stop") / f"x{suffix}"
    for stop in sorted(stops):
        interrupt(path, stop, resume=True)
    assert run(path, resume=True) == max(stops) // SEGMENT * SEGMENT
    assert path.read_bytes() == whole[suffix]
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_times_through_segments(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{suffix}"
    interrupt(path, 9)
    run(path, resume=True)
    finest = Fraction(1, 90_000) if suffix in (".mp4", ".mov") else Fraction(1, 1000)
    assert probe(path).start_time == 0
    got = [frame.exact_time for frame in read_video(path)]
    assert len(got) == COUNT
    assert all(abs(g - (t - TIMES[0])) <= finest for g, t in zip(got, TIMES, strict=True))


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_constant_rate_through_segments(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{suffix}"
    with SegmentedWriter(path, 32, 24, FPS, job="j", segment_frames=5) as writer:
        for index in range(12):
            writer.write(picture(index, 32, 24))
    assert (probe(path).fps, len(packets(path))) == (FPS, 12)


def test_sound_after_an_interruption(tmp_path: Path) -> None:
    sound = make_sound(tmp_path / "x.wav", click(3.0, 1.0))
    path = tmp_path / "x.mp4"
    interrupt(path, 9, audio_from=sound)
    run(path, resume=True, audio_from=sound)
    assert click_time(path) == pytest.approx(1.0 - float(TIMES[0]), abs=0.005)


def test_odd_size_and_tags(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    with SegmentedWriter(path, 33, 25, FPS, job="j", metadata={"comment": "made up"}) as writer:
        writer.write(picture(0, 33, 25))
    assert writer.padding == (1, 1)
    with av.open(str(path)) as container:
        tags = container.metadata
    assert (tags["comment"], tags["facegen_padding"]) == ("made up", "right 1, bottom 1")
    assert (probe(path).width, probe(path).height) == (34, 26)


def test_alpha_through_segments(tmp_path: Path) -> None:
    path, alpha = tmp_path / "x.webm", np.full((24, 32), 128, np.uint8)
    with SegmentedWriter(path, 32, 24, FPS, job="j", alpha=True, segment_frames=2) as writer:
        for index in range(5):
            writer.write(picture(index, 32, 24), alpha=alpha)
    decoder = av.CodecContext.create("libvpx-vp9", "r")
    with av.open(str(path)) as container:
        frames = [f for p in container.demux(video=0) if p.size for f in decoder.decode(p)]
    assert len(frames) == 5
    for frame in frames:
        assert frame.format.name == "yuva420p"
        assert (
            np.abs(np.frombuffer(bytes(frame.planes[3]), np.uint8)[:32].astype(int) - 128).max() < 6
        )


def test_other_jobs_work_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    interrupt(path, 9)
    before = {p.name: p.read_bytes() for p in side_folder(path).iterdir()}
    for options in ({"job": "other"}, {"segment_frames": 5}):
        with pytest.raises(MediaError, match="other inputs or options; run without --resume"):
            run(path, resume=True, **options)
    assert {p.name: p.read_bytes() for p in side_folder(path).iterdir()} == before
    assert run(path, resume=True) == 8


def test_without_resume_it_starts_over(tmp_path: Path, whole: dict[str, bytes]) -> None:
    path = tmp_path / "x.mp4"
    interrupt(path, 9)
    assert run(path) == 0
    assert path.read_bytes() == whole[".mp4"]


def _edit(path: Path, **changes) -> None:
    manifest = side_folder(path) / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | changes))


DAMAGE = {
    "no manifest": (lambda p: (side_folder(p) / "manifest.json").unlink(), 0),
    "empty manifest": (lambda p: (side_folder(p) / "manifest.json").write_text(""), 0),
    "cut manifest": (lambda p: (side_folder(p) / "manifest.json").write_text('{"format": 1, '), 0),
    "binary manifest": (lambda p: (side_folder(p) / "manifest.json").write_bytes(b"\xff\0\xfe"), 0),
    "a list": (lambda p: (side_folder(p) / "manifest.json").write_text("[1]"), 0),
    "other format": (lambda p: _edit(p, format=99), 0),
    "origin 1/0": (lambda p: _edit(p, origin=[1, 0]), 0),
    "no times": (lambda p: _edit(p, segments=[[], [], []]), 0),
    "fewer sizes": (lambda p: _edit(p, sizes=[1]), 0),
    "text for times": (lambda p: _edit(p, segments="abc"), 0),
    "first segment gone": (lambda p: (side_folder(p) / "00000.mkv").unlink(), 0),
    "second segment gone": (lambda p: (side_folder(p) / "00001.mkv").unlink(), 4),
    "last segment gone": (lambda p: (side_folder(p) / "00002.mkv").unlink(), 8),
    "second segment empty": (lambda p: (side_folder(p) / "00001.mkv").write_bytes(b""), 4),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_costs_no_more_than_it_hit(
    name: str, whole: dict[str, bytes], tmp_path: Path
) -> None:
    act, kept = DAMAGE[name]
    path = tmp_path / "x.mp4"
    interrupt(path, 13)
    act(path)
    assert run(path, resume=True) == kept
    assert path.read_bytes() == whole[".mp4"]


def test_full_disk_at_the_end_keeps_the_work(
    whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(b"an older file")

    def no_space(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(SegmentedWriter, "_join", no_space)
        with pytest.raises(MediaError, match="no space left on the disk"):
            run(path)
    assert path.read_bytes() == b"an older file"
    assert not list(tmp_path.glob(".*.part"))
    assert run(path, resume=True) == COUNT
    assert path.read_bytes() == whole[".mp4"]


@pytest.mark.parametrize("method", ["mux", "close"])
def test_full_disk_on_the_way(
    method: str, whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.mp4"
    interrupt(path, 9)

    def no_space(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Muxer, method, no_space)
        with pytest.raises(MediaError, match="no space left on the disk"):
            run(path, resume=True)
    assert not path.exists()
    assert not list(tmp_path.rglob("*.part"))
    assert run(path, resume=True) == 8
    assert path.read_bytes() == whole[".mp4"]


def test_interrupted_before_the_first_segment_leaves_nothing(tmp_path: Path) -> None:
    interrupt(tmp_path / "x.mp4", SEGMENT - 1)
    assert not list(tmp_path.iterdir())


def test_no_pictures(tmp_path: Path) -> None:
    with (
        pytest.raises(MediaError, match="no pictures"),
        SegmentedWriter(tmp_path / "x.mp4", 32, 24, FPS, job="j"),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_frames_done_counts_what_is_kept(tmp_path: Path) -> None:
    with (
        pytest.raises(Stop),
        SegmentedWriter(tmp_path / "x.mp4", 32, 24, FPS, job="j", segment_frames=4) as writer,
    ):
        for index in range(6):
            writer.write(picture(index, 32, 24))
        assert writer.frames_done == 6
        raise Stop
    assert writer.frames_done == 4
    assert writer.resume_hint.startswith("4 frames are kept in")


def test_a_refused_picture_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    with SegmentedWriter(path, 32, 24, FPS, job="j", segment_frames=2) as writer:
        writer.write(picture(0, 32, 24), 1)
        writer.write(picture(1, 32, 24), 2)
        with pytest.raises(MediaError, match="must increase"):
            writer.write(picture(2, 32, 24), 2)
    assert len(packets(path)) == 2


BAD = {
    "alpha": ("x.mp4", {"alpha": True}, "only .webm"),
    "suffix": ("x.avi", {}, "use .mp4"),
    "sound": ("x.mp4", {"audio_from": Path("nothing.wav")}, "no such file"),
    "parent": ("no/x.mp4", {}, "there is no folder"),
}


@pytest.mark.parametrize("name", BAD)
def test_refused_before_anything_is_made(name: str, tmp_path: Path) -> None:
    target, options, words = BAD[name]
    with pytest.raises(MediaError, match=words) as caught:
        SegmentedWriter(tmp_path / target, 32, 24, FPS, job="j", **options)
    assert ".facegen" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_open_writer_picks_by_target(tmp_path: Path) -> None:
    for name, job, kind in (
        ("x.mp4", None, VideoWriter),
        ("y.mp4", "j", SegmentedWriter),
        ("folder", None, ImageSequenceWriter),
        ("p_%03d.png", "j", ImageSequenceWriter),
    ):
        with open_writer(tmp_path / name, 32, 24, FPS, job=job) as writer:
            assert type(writer) is kind
            assert writer.frames_done == 0
            writer.write(picture(0, 32, 24))
    names = {p.name for p in tmp_path.iterdir()}
    assert names == {"x.mp4", "y.mp4", "folder", "p_000.png"}


def test_check_output_refuses_early(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    (tmp_path / "file").touch()
    for name, words in {
        "x.avi": "use .mp4",
        "no/x.mp4": "there is no folder",
        "no/folder": "there is no folder",
        "full": "not empty",
        "file": "is a file, not a folder",
        "%05d.mp4": "use one of",
    }.items():
        with pytest.raises(MediaError, match=words):
            check_output(tmp_path / name)
    for name in ("x.mp4", "folder", "%05d.png", "full/%05d.png"):
        check_output(tmp_path / name)


def test_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"2")
    a, b = tmp_path / "a", tmp_path / "b"
    first = fingerprint([a], {"crf": 16, "x": 1})
    assert first == fingerprint([a], {"x": 1, "crf": 16})
    others = {fingerprint([b], {"crf": 16, "x": 1}), fingerprint([a], {"crf": 17, "x": 1})}
    assert len(others | {first, fingerprint([a, b], {"crf": 16, "x": 1})}) == 4
    with pytest.raises(MediaError, match="no such file"):
        fingerprint([tmp_path / "c"], {})
