"""The documents as a site: whole, and read without a network."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from facegen.cli import app
from tests.docs.pages import ROOT

PICTURES = ROOT / "docs" / "pictures"
_BUDGET = 1.5e6  # bytes of all pictures together
# What a browser fetches by itself; links are followed by people.
_FETCHED = re.compile(r"<(?:script|img|iframe|source)[^>]+src=\"?([^\" >]+)|<link[^>]+>")
_OUTSIDE = re.compile(r"(?:src|href)=\"?(?:https?:)?//")
_STYLE = re.compile(r"url\(\"?(?:https?:)?//|@import")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built strictly: a warning (dead link, page outside the navigation) is an error."""
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings")
    out = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(out)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.slow
def test_every_command_and_package_has_a_page(site: Path) -> None:
    named = [c.name for c in app.registered_commands] + [g.name for g in app.registered_groups]
    assert {f"{n}.html" for n in named} < {p.name for p in (site / "cli").iterdir()}
    assert "--expression-gain" in (site / "cli" / "reenact.html").read_text(encoding="utf-8")
    assert "ReenactmentPipeline" in (site / "api" / "pipelines.html").read_text(encoding="utf-8")
    cards = {p.parent.name for p in (ROOT / "checkpoints").glob("*/README.md")}
    licences = (site / "licences.html").read_text(encoding="utf-8")
    assert all(f"cards/{card}.html" in licences for card in cards)


@pytest.mark.slow
def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        fetched = [m[0] for m in _FETCHED.finditer(text) if 'rel="canonical"' not in m[0]]
        assert fetched, page
        assert not [tag for tag in fetched if _OUTSIDE.search(tag)], page
    for sheet in site.rglob("*.css"):
        assert not _STYLE.search(sheet.read_text(encoding="utf-8")), sheet


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pictures", ROOT / "docs" / "pictures.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_picture_is_small_made_here_and_shown(script: ModuleType) -> None:
    files = {path.stem: path for path in PICTURES.iterdir()}
    assert files.keys() == script.PICTURES.keys()
    assert sum(path.stat().st_size for path in files.values()) < _BUDGET
    shown = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md"))
    assert all(f"pictures/{name}.jpg" in shown for name in files)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fit", "maps", "warp"])
def test_pictures_show_what_the_code_does(name: str, script: ModuleType) -> None:
    kept = np.asarray(Image.open(PICTURES / f"{name}.jpg").convert("RGB"), float)
    made = script.PICTURES[name]().astype(float)
    assert made.shape == kept.shape
    assert np.abs(made - kept).mean() < 4  # JPEG; of 255
