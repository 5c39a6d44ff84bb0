"""``facegen talk`` killed midway: ``--resume`` gives the frames of a run that nobody stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from facegen.demo import PHOTO
from facegen.media import probe, read_video
from tests.emotion.test_recognition import voice

_SECONDS = 6.0


def start(sound: Path, out: Path, *extra: str) -> subprocess.Popen[str]:
    settings = ["--emotion", "neutral@0s,happy:0.8@1.5s", "--gaze", "natural", "--size", "192"]
    command = [sys.executable, "-m", "facegen", "talk", "--ref", str(PHOTO), "--audio", str(sound)]
    return subprocess.Popen(
        [*command, *settings, "-o", str(out), *extra], stderr=subprocess.PIPE, text=True
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_a_killed_run_resumes_to_the_same_frames(tmp_path: Path) -> None:
    sound, out, whole = (tmp_path / name for name in ("v.wav", "o.mp4", "whole.mp4"))
    soundfile.write(sound, voice(_SECONDS, 150, 0.2), 16_000)
    side = tmp_path / ".o.mp4.facegen"
    run = start(sound, out)
    deadline = time.monotonic() + 120
    while not list(side.glob("00000.*")) and time.monotonic() < deadline and run.poll() is None:
        time.sleep(0.02)
    run.send_signal(signal.SIGKILL)
    run.communicate(timeout=60)
    assert run.returncode == -signal.SIGKILL, "it was to be killed before its end"
    assert not out.exists()
    assert list(side.glob("00000.*"))
    for target, extra in ((out, ["--resume"]), (whole, [])):
        run = start(sound, target, *extra)
        _, error = run.communicate(timeout=300)
        assert run.returncode == 0, error
    frames = [[f.rgb for f in read_video(path)] for path in (out, whole)]
    assert len(frames[0]) == round(25 * _SECONDS)
    for a, b in zip(*frames, strict=True):
        np.testing.assert_array_equal(a, b)
    assert probe(out).has_audio
    assert {p.name for p in tmp_path.iterdir()} == {"v.wav", "o.mp4", "whole.mp4"}
