"""The page as a client sees it: its forms, its limits, and nothing outside its folder."""

import json
import urllib.error
import urllib.parse
import urllib.request
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("gradio", reason="gradio is not installed")

from facegen.app.page import Served, launch
from facegen.demo import PHOTO
from facegen.errors import UsageError
from facegen.provenance import verify
from tests.cli import media_zoo as zoo

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    served = launch()
    yield served
    served.close()
    assert not served.jobs.root.exists(), "nothing is left behind"


@pytest.fixture(scope="module")
def address(served: Served) -> str:
    return served.address


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
    options = ["auto", 1.0, "as it is", 0.7, False, 256]
    news, video, _ = client.predict(*fields, *options, False, api_name="/reenact")
    assert "owners agree" in news
    assert video is None
    news, video, files = client.predict(*fields, *options, True, api_name="/reenact")
    assert "Done" in news
    report = verify(video)
    assert report.mark.found
    assert report.statement is not None
    assert report.statement.consent == "declared"
    assert sorted(Path(f).suffix for f in files) == [".glb", ".mp4", ".npz"]


def test_rubbish_is_told_in_one_line(client, tmp_path: Path) -> None:
    from gradio_client import handle_file

    (tmp_path / "a.png").write_text("no picture")
    news, *_ = client.predict(handle_file(tmp_path / "a.png"), api_name="/studio_open")
    assert "error" in news
    assert "a.png" in news
    assert "facegen-app" not in news, "folders of the server mean nothing to the reader"
    news, *_ = client.predict(handle_file(tmp_path / "a.png"), None, api_name="/recognize")
    assert "error" in news
    news, *_ = client.predict(None, None, api_name="/recognize")
    assert "Please give a photo" in news


def test_silence_is_told(client, tmp_path: Path) -> None:
    from gradio_client import handle_file

    path = tmp_path / "nothing.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 16000, 0, "NONE", ""))
    fields = [handle_file(PHOTO), handle_file(path), "as it is", 0.7, "camera", 1.0, 0, True]
    news, video, _ = client.predict(*fields, api_name="/talk")
    assert "error" in news
    assert video is None


OUTSIDE = (
    "/etc/passwd",
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "..%252f..%252fetc%252fpasswd",
    "....//....//etc/passwd",
    "file:///etc/passwd",
    "/proc/self/environ",
    "pyproject.toml",
)


@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize("route", ["gradio_api/file=", "file=", "static/", "assets/"])
def test_no_file_outside_is_served(served: Served, route: str, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{served.address}{route}{path}")
    assert refused.value.code in (400, 403, 404)


def test_folders_of_jobs_and_links_are_not_served(served: Served, tmp_path: Path) -> None:
    """What was made is served from the copies whose names nobody can guess, nothing else."""
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    folder = served.jobs.folder()
    (folder / "mine.txt").write_text("somebody else's")
    (served.jobs.root / "uploads").mkdir(exist_ok=True)
    link = served.jobs.root / "uploads" / "link.txt"
    link.symlink_to(secret)
    for path in (folder / "mine.txt", link, folder, served.jobs.root / "uploads"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{served.address}gradio_api/file={path}")
        assert refused.value.code in (403, 404), path


@pytest.mark.parametrize("path", ["/etc/passwd", str(PHOTO)])
@pytest.mark.parametrize("field", ["recognize", "studio_open"])
def test_a_form_reads_no_file_that_was_not_uploaded(served: Served, field: str, path: str) -> None:
    """Asked without a browser, which would upload the file first."""
    photo = {"path": path, "meta": {"_type": "gradio.FileData"}}
    data = {"data": [photo] if field == "studio_open" else [photo, None]}
    call = f"{served.address}gradio_api/call/{field}"
    asked = urllib.request.Request(call, json.dumps(data).encode())
    asked.add_header("Content-Type", "application/json")
    number = json.load(urllib.request.urlopen(asked))["event_id"]
    answer = urllib.request.urlopen(f"{call}/{number}").read().decode()
    assert "event: error" in answer
    assert "event: complete" not in answer


def test_a_taken_port_is_told(served: Served) -> None:
    port = urllib.parse.urlsplit(served.address).port
    with pytest.raises(UsageError, match="--port"):
        launch(port)


def test_only_this_machine_is_served(address: str) -> None:
    assert address.startswith("http://127.0.0.1:")


def test_page_fetches_nothing_from_elsewhere_for_its_looks(address: str) -> None:
    text = urllib.request.urlopen(address).read().decode()
    assert "fonts.googleapis.com/css" not in text
    assert "Everything stays on this machine" in text
