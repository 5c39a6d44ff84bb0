"""Downloads from a local server: resumed, checked, whole or not there."""

import hashlib

import numpy as np
import pytest

from facegen.errors import ModelFileError, UsageError
from facegen.weights import install
from facegen.weights.fetch import fetch
from facegen.weights.table import File, table, weights
from tests.weights.server import served


def digest(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def remote(tmp_path):
    folder = tmp_path / "remote"
    folder.mkdir()
    data = np.random.default_rng(0).bytes(3_000_000)
    (folder / "w.bin").write_bytes(data)
    with served(folder) as (url, log):
        yield folder, url, log, data


def test_a_broken_download_goes_on_where_it_stopped(remote, tmp_path):
    _, url, log, data = remote
    target = tmp_path / "assets" / "w.bin"
    log["break"] = 1_200_000
    with pytest.raises(ModelFileError, match="goes on where it stopped"):
        fetch(f"{url}/w.bin", target, sha256=digest(data))
    assert not target.exists()
    log["break"] = None
    assert fetch(f"{url}/w.bin", target, sha256=digest(data), size=len(data)) == digest(data)
    assert target.read_bytes() == data
    assert log["asked"] == [("w.bin", None), ("w.bin", "bytes=1200000-")]
    assert [p.name for p in target.parent.iterdir()] == ["w.bin"]


def test_all_was_there_already(remote, tmp_path):
    """Interrupted between the last byte and the name."""
    _, url, _, data = remote
    (tmp_path / ".w.bin.download").write_bytes(data)
    fetch(f"{url}/w.bin", tmp_path / "w.bin", sha256=digest(data))
    assert (tmp_path / "w.bin").read_bytes() == data


def test_another_file_is_refused_and_deleted(remote, tmp_path):
    _, url, _, data = remote
    for pins in ({"sha256": digest(b"other")}, {"size": len(data) + 1}):
        with pytest.raises(ModelFileError, match="another file than the pinned"):
            fetch(f"{url}/w.bin", tmp_path / "w.bin", **pins)
        assert not list(tmp_path.glob("*w.bin*"))


def test_servers_that_refuse_or_are_not_there(remote, tmp_path):
    _, url, _, _ = remote
    with pytest.raises(ModelFileError, match="answers 404"):
        fetch(f"{url}/absent.bin", tmp_path / "x")
    with pytest.raises(ModelFileError, match="cannot be reached"):
        fetch("http://127.0.0.1:9/x", tmp_path / "x")


@pytest.fixture
def row(monkeypatch):
    """A made-up asset of two files, one of them pinned."""
    original = weights("sd-vae-ft-mse")
    files = (File("config.json"), File("net/w.bin", digest(b"weights"), 7))
    fields = {f: getattr(original, f) for f in original.__dataclass_fields__} | {"files": files}
    made = type(original)(**fields)
    monkeypatch.setattr(install, "weights", lambda name: made)
    return made


def test_an_asset_is_fetched_once_and_its_hashes_kept(row, tmp_path):
    remote = tmp_path / "remote"
    (remote / "net").mkdir(parents=True)
    (remote / "config.json").write_bytes(b"{}")
    (remote / "net" / "w.bin").write_bytes(b"weights")
    home = tmp_path / "home"
    with served(remote) as (url, log):
        first = install.download(row.name, host=url, folder=home)
        assert [(a.path.name, a.pinned) for a in first] == [("config.json", False), ("w.bin", True)]
        assert len(log["asked"]) == 2
        install.download(row.name, host=url, folder=home)
        assert len(log["asked"]) == 2, "what is here and unchanged is not asked for again"
        folder = home / row.name
        assert install.recorded(folder)["config.json"] == digest(b"{}")
        assert list(install.changed(folder, row)) == []
        (folder / "config.json").write_bytes(b"changed")
        assert list(install.changed(folder, row)) == ["config.json"]
        install.download(row.name, host=url, folder=home)
        assert (folder / "config.json").read_bytes() == b"{}"
        (remote / "config.json").write_bytes(b"{ }")
        (folder / "config.json").unlink()
        with pytest.raises(ModelFileError, match="another file"):
            install.download(row.name, host=url, folder=home)


def test_what_cannot_be_downloaded_says_how_to_get_it():
    with pytest.raises(ModelFileError, match=r"deca.is.tue.mpg.de.*import FILE --as"):
        install.download("deca")
    with pytest.raises(UsageError, match="no asset 'x'; choose from sd15"):
        install.download("x")


def test_the_table_is_whole():
    for row in table().values():
        assert row.hub or row.page
        assert row.commercial in ("yes", "no", "unclear")
        assert row.licence and row.paper.startswith("https://") and row.files
        assert set(row.needs) <= set(table())
        for file in row.files:
            assert file.sha256 is None or len(file.sha256) == 64
            assert ".." not in file.path and not file.path.startswith("/")
    assert {"sd15", "sd-vae-ft-mse", "magicportrait", "champ", "clip", "deca", "smirk", "emoca",
            "flame2020", "flame2023", "flame2023-open", "wav2vec2"} <= set(table())  # fmt: skip
    assert weights("deca").size is None and weights("deca").source == "https://deca.is.tue.mpg.de"
