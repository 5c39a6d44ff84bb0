"""``facegen talk`` and ``reenact --emotion``: rubbish in, one clear line and exit code 2."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from facegen.demo import MOTION, PHOTO
from facegen.flame.model import HeadModel
from facegen.motion import Motion
from tests.command import assert_refused, run
from tests.emotion.test_recognition import voice

from . import media_zoo as zoo


def _wav(name: str, samples: np.ndarray):
    def make(folder: Path) -> Path:
        soundfile.write(folder / name, samples, 16_000)
        return folder / name

    return make


def _bytes(data: bytes):
    def make(folder: Path) -> Path:
        (folder / "b.wav").write_bytes(data)
        return folder / "b.wav"

    return make


def _mute_video(folder: Path) -> Path:
    return zoo.write_clip(folder / "mute.mp4", zoo.moving_face(3))


BAD_SOUND = {
    "missing": (lambda folder: folder / "none.wav", "none.wav"),
    "empty file": (_bytes(b""), "b.wav"),
    "no sound in it": (_wav("e.wav", np.zeros(0)), "e.wav"),
    "rubbish": (_bytes(b"not a sound" * 100), "b.wav"),
    "a video without sound": (_mute_video, "without sound"),
    "a photo": (lambda folder: PHOTO, "without sound"),
}


@pytest.mark.parametrize("case", BAD_SOUND)
@pytest.mark.parametrize("what", [("-o", "o.mp4"), ("--motion-only", "m.motion.npz")])
def test_bad_sound(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, case: str, what: tuple[str, str]
) -> None:
    make, words = BAD_SOUND[case]
    sound = make(tmp_path)
    kept = {p.name for p in tmp_path.iterdir()}
    outcome = run(
        monkeypatch, "talk", "--ref", PHOTO, "--audio", sound, what[0], tmp_path / what[1]
    )
    assert_refused(outcome, tmp_path, kept)
    assert words in outcome.error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--emotion", "hapy:0.5"], "did you mean happy"),
        (["--emotion", "happy:3"], "between 0 and 1"),
        (["--gaze", "away"], "camera, natural"),
        (["--head-motion", "wild"], "from=CLIP.mp4"),
        (["--fps", "fast"], "30000/1001"),
        (["--fps", "0"], "between 1 and 240"),
        (["--blink-rate", "-3"], "blink-rate"),
        (["--ref-face", "left"], "largest"),
        (["--motion-only", "m.txt"], ".livelink.csv"),
    ],
)
def test_bad_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], words: str
) -> None:
    sound = _wav("v.wav", voice(1, 150, 0.2))(tmp_path)
    out = [] if "--motion-only" in arguments else ["-o", tmp_path / "o.mp4"]
    monkeypatch.chdir(tmp_path)
    outcome = run(monkeypatch, "talk", "--ref", PHOTO, "--audio", sound, *out, *arguments)
    assert_refused(outcome, tmp_path, {"v.wav"})
    assert words in outcome.error


def test_a_photo_without_a_face(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sound = _wav("v.wav", voice(1, 150, 0.2))(tmp_path)
    Image.new("RGB", (300, 300), "green").save(tmp_path / "g.png")
    outcome = run(
        monkeypatch, "talk", "--ref", tmp_path / "g.png", "--audio", sound, "-o", tmp_path / "o.mp4"
    )
    assert_refused(outcome, tmp_path, {"v.wav", "g.png"})
    assert "face" in outcome.error


def test_missing_arguments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    outcome = run(monkeypatch, "talk", "--ref", PHOTO)
    assert_refused(outcome, tmp_path, set())
    assert "--audio" in outcome.error


@pytest.mark.parametrize("seconds", [0.1, 1.0])
def test_short_sound_gives_a_result(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seconds: float
) -> None:
    sound = _wav("v.wav", voice(seconds, 150, 0.2))(tmp_path)
    target = tmp_path / "m.motion.npz"
    outcome = run(monkeypatch, "talk", "--audio", sound, "--motion-only", target)
    assert outcome.code == 0, outcome.error
    assert len(Motion.load(target)) == round(25 * seconds + 0.49)


def test_clipped_sound_gives_a_result_and_a_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loud = np.clip(20 * voice(2, 150, 0.2), -1, 1)
    sound = _wav("v.wav", loud)(tmp_path)
    target = tmp_path / "m.glb"
    outcome = run(monkeypatch, "talk", "--audio", sound, "--motion-only", target)
    assert outcome.code == 0, outcome.error
    assert "clipped" in caplog.text and target.stat().st_size > 10_000


def test_silence_gives_a_shut_mouth_and_a_warning(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    head: HeadModel,
) -> None:
    sound = _wav("v.wav", np.zeros(32_000))(tmp_path)
    target = tmp_path / "m.motion.npz"
    outcome = run(monkeypatch, "talk", "--audio", sound, "--motion-only", target)
    assert outcome.code == 0, outcome.error
    assert "silent" in caplog.text
    motion = Motion.load(target)
    assert len(motion) == 50
    jaw = head.expression_index("jawOpen")
    assert motion.jaw_pose.max() < 1e-3 and motion.expression[:, jaw].max() < 1e-3


def test_a_file_damaged_midway_gives_what_can_be_heard_and_a_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sound = tmp_path / "v.flac"
    soundfile.write(sound, voice(20, 150, 0.2), 16_000)
    data = bytearray(sound.read_bytes())
    sound.write_bytes(data[: len(data) // 2])
    target = tmp_path / "m.motion.npz"
    outcome = run(monkeypatch, "talk", "--audio", sound, "--motion-only", target)
    assert outcome.code == 0, outcome.error
    assert 150 < len(Motion.load(target)) < 350


@pytest.mark.parametrize(
    ("text", "words"), [("joyy", "did you mean joy"), ("auto", "facegen talk")]
)
def test_reenact_refuses_bad_emotions(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, words: str
) -> None:
    outcome = run(
        monkeypatch, "reenact", "--ref", PHOTO, "--drive", MOTION, "--emotion", text,
        "-o", tmp_path / "o.mp4",
    )  # fmt: skip
    assert_refused(outcome, tmp_path, set())
    assert words in outcome.error
