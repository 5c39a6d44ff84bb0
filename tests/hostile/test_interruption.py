"""Killed at random touches of the disk and run again: the result of a run that nobody stopped."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from facegen.demo import MOTION, PHOTO
from facegen.media import read_video, write_image
from facegen.motion import Motion
from tests.cli.media_zoo import moving_face, write_clip
from tests.emotion.test_recognition import voice

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="forks and sends POSIX signals"),
]
ROOT = Path(__file__).resolve().parents[2]

_PLAN = """
size: 96
format: png
shard: 2
identities: {people: [{count: 2, samples: 2}]}
gates: {face: false}
watermark: false
lens: {codec: 0}
"""
_WARP = ["--generator=warp", "--size=128", "--max-size=192", "--workers=1"]
COMMANDS: dict[str, tuple[str, list[str]]] = {
    "reenact": ("--resume", ["reenact", f"--ref={PHOTO}", "--drive={in}/m.motion.npz", *_WARP,
                             "--out={to}/o.mp4"]),
    "reenact folder": ("--resume", ["reenact", f"--ref={PHOTO}", "--drive={in}/s.motion.npz",
                                    *_WARP, "--out={to}/o"]),
    "talk": ("--resume", ["talk", f"--ref={PHOTO}", "--audio={in}/v.wav", *_WARP,
                          "--max-frames=110", "--out={to}/o.mp4"]),
    "recognize": ("--resume", ["recognize", "{in}/c.mp4", "--recognizer=open", "--out={to}/o.csv"]),
    "synth": ("-", ["synth", "--plan={in}/plan.yaml", "--out={to}/o"]),
    "train": ("-", ["train", "autoencoder", "--images={in}/pictures", "--size=16", "--steps=4",
                    "--batch-size=1", "--save-every=1", "--sample-every=0", "--workers=0",
                    "--out={to}/o"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    Motion.load(MOTION)[:110].save(folder / "m.motion.npz")
    Motion.load(MOTION)[:8].save(folder / "s.motion.npz")
    soundfile.write(folder / "v.wav", voice(6, 150, 0.2), 16_000)
    write_clip(folder / "c.mp4", moving_face(5, 128, 128))
    (folder / "plan.yaml").write_text(_PLAN)
    (folder / "pictures").mkdir()
    write_image(folder / "pictures" / "p.png", moving_face(1, 32, 32)[0])
    return folder


def content(folder: Path) -> dict[str, object]:
    """What a run leaves, by name: frames of videos, bytes of all else that tells no time."""
    found: dict[str, object] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".mp4":
            found[name] = [(f.exact_time, f.rgb.tobytes()) for f in read_video(path)]
        elif path.suffix in (".png", ".csv", ".tar", ".motion.npz") or "export" in path.parts:
            found[name] = path.read_bytes()
        else:
            found[name] = None
    return found


@pytest.mark.parametrize("blow", ["SIGKILL", "SIGINT"])
@pytest.mark.parametrize("name", COMMANDS)
def test_the_same_in_the_end(name: str, blow: str, inputs: Path, tmp_path: Path) -> None:
    resume, words = COMMANDS[name]
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    whole.mkdir(), torn.mkdir()
    told = subprocess.run(
        [sys.executable, "-m", "tests.hostile.torn", str(whole), str(torn), "7", blow, resume,
         *(word.replace("{in}", str(inputs)) for word in words)],
        cwd=ROOT, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    codes = json.loads(told.stdout.splitlines()[-1])
    assert codes[0] == 0 and codes[-1] == 0, (codes, told.stderr)
    assert all(code in (-9, 2, 0) for code in codes), codes
    assert len(codes) > 2, "nothing was interrupted"
    assert "Traceback" not in told.stderr, told.stderr
    expected, found = content(whole), content(torn)
    assert found.keys() == expected.keys()
    assert [n for n in expected if not np.array_equal(found[n], expected[n])] == []
