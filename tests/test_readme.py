"""The Python on the first screen runs as it stands."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from scipy.io import wavfile

from facegen.audio import load_speech
from facegen.demo import PHOTO, VOICE
from facegen.media import probe
from tests.cli import media_zoo as zoo

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_readme_code_runs(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, re.S))
    shutil.copy(PHOTO, tmp_path / "me.jpg")
    wavfile.write(tmp_path / "hello.wav", 16_000, load_speech(VOICE).samples[:8_000])
    zoo.write_clip(tmp_path / "clip.mp4", zoo.moving_face(4), sound=True)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    info = probe(tmp_path / "out.mp4")
    assert (info.frame_count, info.has_audio) == (4, True)
    info = probe(tmp_path / "hello.mp4")
    assert (info.frame_count, info.has_audio) == (13, True)


def test_every_file_the_readme_links_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in link:
            assert (ROOT / link).exists(), link
