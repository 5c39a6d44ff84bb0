"""Content Credentials: signed by a test authority, read back, and broken by one changed byte."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("c2pa", reason="c2pa-python is not installed")

from facegen.errors import UsageError
from facegen.media import VideoWriter, write_image
from facegen.provenance.credentials import Credentials, read_credentials, sign
from facegen.provenance.statement import Statement
from tests.provenance.certificates import make_credentials

STATEMENT = Statement("reenact", "warp", ("head open-1: CC0-1.0",))


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return make_credentials(tmp_path_factory.mktemp("authority"))


def picture(path: Path) -> Path:
    write_image(path, np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    return path


def clip(path: Path) -> Path:
    with VideoWriter(path, 64, 64, Fraction(25)) as writer:
        for level in range(3):
            writer.write(np.full((64, 64, 3), 80 * level, np.uint8))
    return path


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.mp4"])
def test_signed_file_tells_who_made_it(tmp_path: Path, signer: Credentials, name: str) -> None:
    path = (clip if name.endswith("mp4") else picture)(tmp_path / name)
    assert read_credentials(path) is None
    sign(path, STATEMENT, signer)
    found = read_credentials(path)
    assert found is not None
    assert (found.state, found.tool, found.statement) == ("Valid", "facegen", STATEMENT)
    assert found.issuer == "facegen tests"


def test_a_changed_file_is_no_longer_valid(tmp_path: Path, signer: Credentials) -> None:
    path = clip(tmp_path / "a.mp4")
    sign(path, STATEMENT, signer)
    data = bytearray(path.read_bytes())
    place = data.rindex(b"mdat") + 20
    data[place] ^= 1
    path.write_bytes(data)
    found = read_credentials(path)
    assert found is not None
    assert found.state == "Invalid"


def test_a_wrong_key_is_told_and_the_file_kept(tmp_path: Path, signer: Credentials) -> None:
    path = picture(tmp_path / "a.png")
    before = path.read_bytes()
    (tmp_path / "key.pem").write_text("no key")
    with pytest.raises(UsageError, match="FACEGEN_C2PA_KEY"):
        sign(path, STATEMENT, Credentials(signer.certificate, tmp_path / "key.pem"))
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "key.pem"]


def test_environment(monkeypatch: pytest.MonkeyPatch, signer: Credentials) -> None:
    assert Credentials.from_environment() is None
    monkeypatch.setenv("FACEGEN_C2PA_CERTIFICATE", str(signer.certificate))
    with pytest.raises(UsageError, match="both"):
        Credentials.from_environment()
    monkeypatch.setenv("FACEGEN_C2PA_KEY", str(signer.key))
    assert Credentials.from_environment() == signer
    monkeypatch.setenv("FACEGEN_C2PA_KEY", "nowhere.pem")
    with pytest.raises(UsageError, match="no file nowhere.pem"):
        Credentials.from_environment()
