import shutil

import pytest
from typer.testing import CliRunner

from facegen.cli.data import app
from facegen.data.speech.cache import SpeechSet


def test_the_command_makes_a_cache_and_names_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    sizes = ["--espeak", "0", "--flite", "0.1", "--festival", "0.1", "--negatives", "0.5"]
    done = CliRunner().invoke(app, ["speech", "-o", str(tmp_path), *sizes])
    assert done.exit_code == 0, done.output
    assert "flite is not installed" in done.output
    cache = SpeechSet(tmp_path)
    minutes = {source["name"]: source["minutes"] for source in cache.sources}
    assert minutes["negatives"] == pytest.approx(0.5)
    assert "flite" not in minutes
    assert len(cache.items) == 5
    again = CliRunner().invoke(app, ["speech", "-o", str(tmp_path), *sizes])
    assert again.exit_code == 0
