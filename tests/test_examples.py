"""The numbered examples run, offline, as a reader would run them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SUFFIX = {
    "00": "mp4",
    "01": "png",
    "02": "png",
    "03": "mp4",
    "04": "mp4",
    "05": "png",
    "06": "mp4",
    "10": "md",
}


@pytest.mark.slow
@pytest.mark.parametrize("script", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.name)
def test_example_runs(script: Path, tmp_path: Path) -> None:
    out = tmp_path / f"out.{SUFFIX[script.name[:2]]}"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(script), str(out)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert out.stat().st_size > (500 if out.suffix == ".md" else 5000)
