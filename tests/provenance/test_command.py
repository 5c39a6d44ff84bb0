"""``facegen verify``: what it prints and how it ends."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from facegen.demo import PHOTO
from facegen.media import read_image, write_image
from facegen.provenance import Marker, Payload, Statement
from facegen.provenance.statement import to_xmp


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "facegen", "verify", *map(str, arguments)],
        capture_output=True,
        text=True,
    )


def test_marked_picture_is_known_by_its_pixels_alone(tmp_path: Path) -> None:
    photo = read_image(PHOTO).rgb
    marked = Marker(photo.shape[1], photo.shape[0], Payload("talk", 0xBEEF))(photo)
    write_image(tmp_path / "a.jpg", marked)
    done = command(tmp_path / "a.jpg", "--json")
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert (told["watermark"]["task"], told["watermark"]["tag"]) == ("talk", "beef")
    assert told["tags"] is None


def test_exit_codes(tmp_path: Path) -> None:
    grey = np.full((96, 96, 3), 128, np.uint8)
    write_image(tmp_path / "plain.png", grey)
    write_image(tmp_path / "told.png", grey, xmp=to_xmp(Statement("talk", "warp").tags()))
    assert command(tmp_path / "plain.png").returncode == 1
    assert command(tmp_path / "told.png").returncode == 0
    missing = command(tmp_path / "missing.png")
    assert missing.returncode == 2
    assert missing.stderr.startswith("facegen: ")
