"""Memory does not grow with the length of a clip: a short stand-in for one of an hour."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import soundfile

from facegen.media import probe, write_image
from facegen.motion import Motion
from facegen.recognizer.frame import FaceFrame
from tests.cli.media_zoo import moving_face, write_clip
from tests.command import run
from tests.emotion.test_recognition import voice

psutil = pytest.importorskip("psutil")


@contextmanager
def watched(peaks: list[float]) -> Iterator[None]:
    """Adds the largest resident memory of this process, MB, during the block."""
    done, process = threading.Event(), psutil.Process(os.getpid())
    peak = 0.0

    def look() -> None:
        nonlocal peak
        while not done.wait(0.02):
            peak = max(peak, process.memory_info().rss / 1e6)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        peaks.append(peak)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["fit", "recognize", "reenact"])
def test_flat_memory(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifteen times the frames, a picture of 0.2 MB each: kept, they would be 110 MB and more."""
    faces = moving_face(8)
    target = {"fit": "o.npz", "recognize": "o.csv", "reenact": "o.mp4"}[command]
    peaks: list[float] = []
    for frames in (40, 40, 600):  # the first run warms up
        clip = write_clip(tmp_path / f"{frames}.mp4", [faces[i % 8] for i in range(frames)])
        words = [str(clip)]
        if command == "reenact":
            words = [f"--ref={tmp_path / 'p.png'}", f"--drive={clip}", "--generator=warp"]
            write_image(tmp_path / "p.png", faces[0])
        with watched(peaks):
            outcome = run(
                monkeypatch, command, *words, f"--out={tmp_path / f'{len(peaks)}{target}'}"
            )
        assert outcome.code == 0, outcome.error
    assert peaks[2] - peaks[1] < 80, peaks


@pytest.mark.parametrize("frames", [1, 7, 10_000])
def test_talk_ends_early(frames: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more frames than asked for; the sound that is left out is not even heard."""
    soundfile.write(tmp_path / "v.wav", voice(0.6, 150, 0.2), 16_000)
    target = tmp_path / "m.motion.npz"
    outcome = run(
        monkeypatch, "talk", f"--audio={tmp_path / 'v.wav'}", f"--motion-only={target}",
        f"--max-frames={frames}",
    )  # fmt: skip
    assert outcome.code == 0, outcome.error
    assert len(Motion.load(target)) == min(frames, 15)


def test_recognize_ends_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = write_clip(tmp_path / "c.mp4", moving_face(4, 128, 128))
    words = ["recognize", clip, "--recognizer=fit", f"--out={tmp_path / 'o.csv'}"]
    outcome = run(monkeypatch, *words, f"--overlay={tmp_path / 'o.mp4'}", "--max-frames=2")
    assert outcome.code == 0, outcome.error
    assert FaceFrame.load(tmp_path / "o.csv")["frame"].nunique() == 2
    assert probe(tmp_path / "o.mp4").frame_count == 2


@pytest.mark.slow
def test_talk_shrinks_a_large_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "o.mp4"
    words = ["--demo", "--generator=warp", "--max-frames=2", "--max-size=192", f"--out={target}"]
    outcome = run(monkeypatch, "talk", *words)
    assert outcome.code == 0, outcome.error
    info = probe(target)
    assert max(info.width, info.height) == 192 and info.frame_count == 2
