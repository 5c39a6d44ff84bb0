"""Sound goes along in step with the pictures: copied where it can be, else re-encoded."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from facegen.media import SegmentedWriter, VideoWriter, has_sound, probe, read_video
from facegen.media.audio import can_copy

from .media_factory import click, click_time, hear, make_sound, make_video, picture

FPS = Fraction(25)
SUFFIXES = [".mp4", ".mov", ".mkv", ".webm"]
# A file type and codec each that drivers come with, and the rate it is made at.
SOUNDS = {
    "aac": (".mp4", 44100),
    "libmp3lame": (".mp4", 44100),
    "pcm_s16le": (".mov", 44100),
    "libopus": (".webm", 48000),
    "flac": (".mkv", 44100),
}


@pytest.fixture(scope="module")
def drivers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where :func:`driver` keeps its clips: one is used by many tests."""
    return tmp_path_factory.mktemp("drivers")


def driver(folder: Path, sound: str = "aac", *, seconds: float = 1.2, at: float = 0.8) -> Path:
    """30 black pictures with one white picture, and a click at the same moment."""
    suffix, rate = SOUNDS[sound]
    path = folder / f"{sound}-{seconds}-{at}{suffix}"
    if path.exists():
        return path
    return make_video(
        path,
        30,
        codec="libvpx-vp9" if suffix == ".webm" else "libx264",
        sound=click(seconds, at, rate),
        sound_codec=sound,
        rate=rate,
        flash=round(at * 25),
    )


def carry(
    source: Path, target: Path, start: float = 0, *, resumable: bool = False
) -> VideoWriter | SegmentedWriter:
    """Pictures and sound of ``source`` from ``start`` seconds on, with the reader's own times."""
    sides = (64, 48)
    with (
        SegmentedWriter(target, *sides, FPS, audio_from=source, job="j", segment_frames=7)
        if resumable
        else VideoWriter(target, *sides, FPS, audio_from=source)
    ) as writer:
        for frame in read_video(source, start=start):
            writer.write(frame.rgb, frame.time)
    return writer


def flash_time(path: Path) -> float:
    """Seconds on the file's own clock: what a player shows."""
    with av.open(str(path)) as container:
        bright = [(f.to_ndarray(format="gray").mean(), f.time) for f in container.decode(video=0)]
    level, time = max(bright)
    assert level > 200
    return float(time)


@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("start", [0, 0.52])
def test_click_and_flash_stay_together(
    suffix: str, sound: str, start: float, tmp_path: Path, drivers: Path
) -> None:
    source, target = driver(drivers, sound), tmp_path / f"out{suffix}"
    assert abs(click_time(source) - flash_time(source)) < 0.005
    carry(source, target, start)
    assert abs(click_time(target) - flash_time(target)) < 0.5 / FPS
    first = next(iter(av.open(str(target)).decode(video=0))).time
    assert flash_time(target) - float(first) == pytest.approx(0.8 - start, abs=0.0011)


@pytest.mark.parametrize("start", [0, 0.52])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_resumable_writer_keeps_sound_in_step(
    suffix: str, start: float, tmp_path: Path, drivers: Path
) -> None:
    source = driver(drivers)
    plain, joined = tmp_path / f"plain{suffix}", tmp_path / f"joined{suffix}"
    carry(source, plain, start)
    carry(source, joined, start, resumable=True)
    assert abs(click_time(joined) - flash_time(joined)) < 0.5 / FPS
    assert click_time(joined) == pytest.approx(click_time(plain), abs=1e-9)


def sound_packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(p) for p in container.demux(audio=0) if p.size]


@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_copied_where_the_container_allows(
    suffix: str, sound: str, tmp_path: Path, drivers: Path
) -> None:
    source, target = driver(drivers, sound), tmp_path / f"out{suffix}"
    writer = carry(source, target)
    kind = {".mkv": "matroska"}.get(suffix, suffix[1:])
    codec = probe(source).audio_codec
    assert codec is not None
    assert writer.audio_copied is can_copy(codec, kind)
    if writer.audio_copied:
        assert probe(target).audio_codec == codec
        before, after = sound_packets(source), sound_packets(target)
        # Matroska cannot hide AAC's first packet, which is silence from before time 0.
        before = before[1:] if (sound, suffix) == ("aac", ".mkv") else before
        assert len(before) - len(after) <= 1, "only what lies behind the last picture may go"
        assert after == before[: len(after)]
    else:
        assert probe(target).audio_codec == ("opus" if suffix == ".webm" else "aac")


def test_what_players_cannot_open_is_not_copied() -> None:
    assert can_copy("aac", "mp4")
    assert can_copy("opus", "webm")
    assert can_copy("anything", "matroska")
    assert not can_copy("aac", "webm")
    assert not can_copy("pcm_s16le", "mp4")
    assert not can_copy("vorbis", "mov")


@pytest.mark.parametrize("sound", ["aac", "pcm_s16le"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_longer_sound_ends_with_the_pictures(
    suffix: str, sound: str, tmp_path: Path, drivers: Path
) -> None:
    source, target = driver(drivers, sound, seconds=3.0), tmp_path / f"out{suffix}"
    carry(source, target)
    wave, rate, first = hear(target)
    assert first + len(wave) / rate == pytest.approx(1.2, abs=0.06)
    assert len(list(read_video(target))) == 30


@pytest.mark.parametrize("sound", ["aac", "pcm_s16le"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_shorter_sound_does_not_shorten_the_pictures(
    suffix: str, sound: str, tmp_path: Path, drivers: Path
) -> None:
    source, target = driver(drivers, sound, seconds=0.7, at=0.4), tmp_path / f"out{suffix}"
    carry(source, target)
    wave, rate, first = hear(target)
    assert first + len(wave) / rate == pytest.approx(0.7, abs=0.06)
    assert len(list(read_video(target))) == 30


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pictures_beyond_the_sound(suffix: str, tmp_path: Path, drivers: Path) -> None:
    """A start behind the end of the sound leaves nothing to hear and nothing to fail."""
    source, target = driver(drivers, seconds=0.7, at=0.4), tmp_path / f"out{suffix}"
    carry(source, target, 1.0)
    assert len(list(read_video(target))) == 5


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_sound_file_begins_with_the_first_picture(suffix: str, rate: int, tmp_path: Path) -> None:
    source = make_sound(tmp_path / "x.wav", click(1.0, 0.4, rate), rate=rate)
    target = tmp_path / f"out{suffix}"
    with VideoWriter(target, 64, 48, FPS, audio_from=source) as writer:
        for index in range(25):
            writer.write(picture(index))
    assert click_time(target) == pytest.approx(0.4, abs=0.005)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_surround_and_stereo(suffix: str, tmp_path: Path) -> None:
    """Channels stay apart; six become two where the sound must be encoded anew."""
    source, wave = tmp_path / "x.wav", click(1.0, 0.4, 48000)
    with av.open(str(source), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=48000, layout="5.1")
        planes = np.zeros((6, len(wave)), np.float32)
        planes[0] = wave  # front left
        block = av.AudioFrame.from_ndarray(planes, format="fltp", layout="5.1")
        block.sample_rate, block.pts, block.time_base = 48000, 0, Fraction(1, 48000)
        out.mux(stream.encode(block))
        out.mux(stream.encode(None))
    target = tmp_path / f"out{suffix}"
    with VideoWriter(target, 64, 48, FPS, audio_from=source) as writer:
        for index in range(25):
            writer.write(picture(index))
    with av.open(str(target)) as container:
        channels = container.streams.audio[0].channels
        frames = [f.to_ndarray() for f in container.decode(audio=0)]
    assert channels == (6 if writer.audio_copied else 2)
    if not writer.audio_copied:
        planar = [f if len(f) == 2 else f.reshape(-1, 2).T for f in frames]
        left, right = np.abs(np.concatenate(planar, 1)).max(1)
        assert left > 10 * right


def test_no_sound_no_stream(tmp_path: Path) -> None:
    source, target = make_video(tmp_path / "x.mp4", 5), tmp_path / "out.mp4"
    assert carry(source, target).audio_copied is None
    assert not has_sound(target)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_damaged_sound_does_not_cost_the_pictures(suffix: str, tmp_path: Path) -> None:
    source = make_sound(tmp_path / "x.mp3", click(1.0, 0.4), "libmp3lame")
    data = bytearray(source.read_bytes())
    data[len(data) // 2 :] = np.random.default_rng(0).bytes(len(data) - len(data) // 2)
    source.write_bytes(data)
    target = tmp_path / f"out{suffix}"
    with VideoWriter(target, 64, 48, FPS, audio_from=source) as writer:
        for index in range(25):
            writer.write(picture(index))
    assert len(list(read_video(target))) == 25
