"""Videos that promise too much, hold too little, or hold several of everything."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from facegen.demo import PHOTO
from facegen.media import probe, read_video
from tests.cli.media_zoo import moving_face, write_clip, write_tone
from tests.command import run, snapshot
from tests.hostile.files import Maker, holding


def _huge_gif(folder: Path) -> Path:
    """35 bytes that would unpack to 576 MB."""
    picture = b"\x2c" + struct.pack("<HHHH", 0, 0, 1, 1) + b"\x00\x02\x02\x44\x01\x00\x3b"
    head = b"GIF89a" + struct.pack("<HH", 12_000, 12_000) + b"\x80\x00\x00" + bytes(6)
    return holding("x.gif", head + picture)(folder)


def _huge_avi(folder: Path) -> Path:
    path = folder / "x.avi"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("rawvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "bgr24"
        frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="bgr24")
        out.mux(stream.encode(frame))
    data = bytearray(path.read_bytes())
    at = data.index(b"strf") + 12
    data[at : at + 8] = struct.pack("<ii", 20_000, 20_000)
    path.write_bytes(bytes(data))
    return path


def _no_frames(folder: Path) -> Path:
    """A header, an index, and nothing between."""
    path = folder / "x.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        out.start_encoding()
    return path


def _swapped(folder: Path) -> Path:
    """The packets of a whole clip overwritten with noise."""
    path = write_clip(folder / "x.mp4", moving_face(4, 64, 64))
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    data[start:end] = np.random.default_rng(0).bytes(end - start)
    path.write_bytes(bytes(data))
    return path


def _playlist(name: str, text: str) -> Maker:
    return holding(name, text.encode())


BAD: dict[str, Maker] = {
    "gif of 576 MB": _huge_gif,
    "avi of a gigabyte": _huge_avi,
    "no frames": _no_frames,
    "noise for packets": _swapped,
    "playlist of the network": _playlist(
        "x.m3u8", "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n"
    ),
    "playlist of a local file": _playlist(
        "x.m3u8", "#EXTM3U\n#EXTINF:1,\n/etc/hostname\n#EXT-X-ENDLIST\n"
    ),
    "concat script": _playlist("x.ffconcat", "ffconcat version 1.0\nfile /etc/hostname\n"),
    "picture list": _playlist("x.txt", "file '/etc/hostname'\n"),
    "subtitles": _playlist("x.srt", "1\n00:00:00,000 --> 00:00:01,000\nhello\n"),
    "svg": _playlist("x.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>"),
}
READERS = {
    "fit": ["fit", "{bad}", "--out={out}/o.npz"],
    "recognize": ["recognize", "{bad}", "--recognizer=fit", "--out={out}/o.csv"],
    "verify": ["verify", "{bad}"],
    "reenact": ["reenact", f"--ref={PHOTO}", "--drive={bad}", "--out={out}/o.mp4"],
    "talk": ["talk", "--demo", "--head-motion=from={bad}", "--out={out}/o.mp4"],
    "talk sound": ["talk", "--audio={bad}", "--motion-only={out}/o.glb"],
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("reader", READERS)
def test_refused(reader: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    places = {"bad": BAD[name](tmp_path), "out": tmp_path / "out"}
    before = snapshot(tmp_path)
    outcome = run(monkeypatch, *(word.format(**places) for word in READERS[reader]))
    assert outcome.code == 2, outcome.error
    assert len(outcome.complaints) == 1 and "Traceback" not in outcome.error, outcome.error
    assert snapshot(tmp_path) == before


def _two_streams(path: Path) -> list[np.ndarray]:
    """Two pictures, two sounds; the frames of the first picture."""
    faces = moving_face(3, 64, 64)
    with av.open(str(path), "w") as out:
        videos = [out.add_stream("libx264", rate=25) for _ in range(2)]
        for stream in videos:
            stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        sounds = [out.add_stream("aac", rate=16_000) for _ in range(2)]
        for rgb in faces:
            for stream, picture in zip(videos, (rgb, 255 - rgb), strict=True):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
                out.mux(stream.encode(frame))
        for stream in videos:
            out.mux(stream.encode())
        for stream in sounds:
            write_tone(out, stream, 0.12)
    return faces


def test_the_first_of_two_streams_counts(tmp_path: Path) -> None:
    faces = _two_streams(tmp_path / "x.mp4")
    info, frames = probe(tmp_path / "x.mp4"), list(read_video(tmp_path / "x.mp4"))
    assert info.has_audio and info.fps == Fraction(25) and len(frames) == 3
    for frame, face in zip(frames, faces, strict=True):
        assert np.abs(frame.rgb.astype(int) - face).mean() < 20


@pytest.mark.parametrize("size", [(2, 2), (16, 1024), (1024, 16)], ids=str)
def test_odd_shapes_are_read_as_they_are(size: tuple[int, int], tmp_path: Path) -> None:
    path = write_clip(tmp_path / "x.mkv", moving_face(2, *size))
    assert [f.rgb.shape[1::-1] for f in read_video(path)] == [size] * 2
