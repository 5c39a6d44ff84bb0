"""The page as a client sees it: its forms, its limits, and nothing outside its folder."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("gradio", reason="gradio is not installed")

from facegen.demo import PHOTO
from facegen.provenance import verify
from tests.cli import media_zoo as zoo

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    from facegen.app.page import launch

    page, address = launch()
    yield address
    page.close()


@pytest.fixture(scope="module")
def client(address: str):
    from gradio_client import Client

    return Client(address, verbose=False)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return zoo.write_clip(tmp_path_factory.mktemp("c") / "c.mp4", zoo.moving_face(4), sound=True)


def test_reenact_form(client, clip: Path) -> None:
    from gradio_client import handle_file

    fields = [handle_file(PHOTO), handle_file(clip)]
    options = ["auto", 1.0, "as it is", 0.7, False]
    news, video, _ = client.predict(*fields, False, *options, api_name="/reenact")
    assert "owners agree" in news
    assert video is None
    news, video, files = client.predict(*fields, True, *options, api_name="/reenact")
    assert "Done" in news
    report = verify(video)
    assert report.mark.found
    assert report.statement is not None
    assert report.statement.consent == "declared"
    assert sorted(Path(f).suffix for f in files) == [".glb", ".mp4", ".npz"]


def test_rubbish_is_told_in_one_line(client, tmp_path: Path) -> None:
    from gradio_client import handle_file

    (tmp_path / "a.csv").write_text("no picture")
    with pytest.raises(Exception, match="(?i)image|identify|cannot|error"):
        client.predict(handle_file(tmp_path / "a.csv"), api_name="/studio_open")
    news, *_ = client.predict(None, None, api_name="/recognize")
    assert "Please give a photo" in news


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", "pyproject.toml"])
def test_no_file_outside_is_served(address: str, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{address}gradio_api/file={path}")
    assert refused.value.code in (403, 404)


def test_only_this_machine_is_served(address: str) -> None:
    assert address.startswith("http://127.0.0.1:")


def test_page_fetches_nothing_from_elsewhere_for_its_looks(address: str) -> None:
    text = urllib.request.urlopen(address).read().decode()
    assert "fonts.googleapis.com/css" not in text
    assert "Everything stays on this machine" in text
