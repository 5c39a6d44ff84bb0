"""The Python in the documents runs as it stands, in a folder with the files that it names."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from scipy.io import wavfile

from facegen.audio import load_speech
from facegen.demo import MOTION, PHOTO, VOICE
from facegen.media import probe
from facegen.synthesis.plan import Plan
from tests.cli import media_zoo as zoo
from tests.docs.pages import PAGES, ROOT, blocks, name

NEEDS = "needs"  # begins the title of code for files that are not ours to ship
WITH_CODE = [page for page in PAGES if blocks(page, "python")]


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def furnish(folder: Path, page: Path) -> None:
    """Photo, clip, voice, motion, and the files that the page itself shows."""
    shutil.copy(PHOTO, folder / "me.jpg")
    shutil.copy(MOTION, folder / "clip.motion.npz")
    wavfile.write(folder / "hello.wav", 16_000, load_speech(VOICE).samples[:8_000])
    zoo.write_clip(folder / "clip.mp4", zoo.moving_face(4), sound=True)
    for title, text in blocks(page, "yaml"):
        (folder / (title or "untitled.yaml")).write_text(text, encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_CODE, ids=name)
def test_code_runs(page: Path, tmp_path: Path) -> None:
    code = [text for title, text in blocks(page, "python") if not title.startswith(NEEDS)]
    furnish(tmp_path, page)
    done = run("\n".join(code), tmp_path)
    assert done.returncode == 0, done.stderr
    if page.name == "README.md":
        for video, frames in (("out.mp4", 4), ("hello.mp4", 13)):
            info = probe(tmp_path / video)
            assert (info.frame_count, info.has_audio) == (frames, True)


@pytest.mark.parametrize("page", WITH_CODE, ids=name)
def test_names_exist_in_code_that_cannot_run_here(page: Path, tmp_path: Path) -> None:
    code = [text for title, text in blocks(page, "python") if title.startswith(NEEDS)]
    nodes = [node for text in code for node in ast.parse(text).body]
    imports = [n for n in nodes if isinstance(n, ast.Import | ast.ImportFrom)]
    done = run("\n".join(map(ast.unparse, imports)), tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_plans_are_plans(page: Path, tmp_path: Path) -> None:
    for title, text in blocks(page, "yaml"):
        (tmp_path / title).write_text(text, encoding="utf-8")
        Plan.read(tmp_path / title)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_a_page_links_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    made = {"conventions.md", "changelog.md", "contributing.md", "licences.md"}
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        inside = (page.parent / link).resolve()
        if "://" not in link and not _made(inside, made):
            assert inside.exists(), link


def _made(link: Path, names: set[str]) -> bool:
    """Whether a page of the site is made when it is built; the build checks those."""
    docs = ROOT / "docs"
    if not link.is_relative_to(docs):
        return False
    place = link.relative_to(docs)
    return place.parts[0] in ("api", "cards", "cli") or str(place) in names
