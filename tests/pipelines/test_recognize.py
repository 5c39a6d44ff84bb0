"""``facegen recognize``: whole tables, pictures of them, and going on after a kill."""

from pathlib import Path

import numpy as np
import pytest

from facegen.errors import FacegenError, MediaError, UsageError
from facegen.media import has_sound, probe, read_image, side_folder, write_image
from facegen.pipelines import recognize as task
from facegen.pipelines.recognize import RecognitionPipeline, RecognizeOptions
from facegen.recognizer.frame import FaceFrame
from facegen.recognizer.sights import Picture, SeenFace
from tests.cli.media_zoo import moving_face, portrait, write_clip
from tests.recognizer.nets import TinyNet


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    return write_clip(path, moving_face(9), sound=True)


class Stopping(TinyNet):
    """Dies at a frame, as a killed process does."""

    def observe(self, picture: Picture, face: SeenFace) -> object:  # type: ignore[override]
        if picture.index == 6:
            raise KeyboardInterrupt
        return super().observe(picture, face)


def test_everything_at_once(clip: Path, tmp_path: Path) -> None:
    options = RecognizeOptions(plot=tmp_path / "p.png", overlay=tmp_path / "o.mp4")
    counts = RecognitionPipeline(TinyNet()).write(tmp_path / "t.csv", clip, options)
    assert counts == (9, 9)
    table = FaceFrame.load(tmp_path / "t.csv")
    assert len(table) == 9
    assert read_image(tmp_path / "p.png").width > 400
    assert has_sound(tmp_path / "o.mp4")
    assert probe(tmp_path / "o.mp4").frame_count == 9
    assert sorted(p.name for p in tmp_path.iterdir()) == ["o.mp4", "p.png", "t.csv"]


def test_the_table_is_what_a_call_returns(clip: Path, tmp_path: Path) -> None:
    pipeline = RecognitionPipeline(TinyNet())
    pipeline.write(tmp_path / "t.csv", clip)
    table = pipeline(clip)
    again = FaceFrame.load(tmp_path / "t.csv")
    assert np.allclose(again.emotions, table.emotions, rtol=1e-4, atol=1e-6)
    assert np.allclose(again.aus, table.aus, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("style", ["pyfeat", "openface2"])
def test_other_programs_columns(clip: Path, tmp_path: Path, style: str) -> None:
    RecognitionPipeline(TinyNet()).write(tmp_path / "t.csv", clip, RecognizeOptions(style=style))
    table = FaceFrame.load(tmp_path / "t.csv")
    assert table.landmarks.shape == (9, 136)
    assert table.landmarks.notna().all(axis=None)


def test_only_the_chosen_heads(clip: Path, tmp_path: Path) -> None:
    options = RecognizeOptions(heads=("va",))
    RecognitionPipeline(TinyNet()).write(tmp_path / "t.csv", clip, options)
    table = FaceFrame.load(tmp_path / "t.csv")
    assert table.emotions.empty
    assert table.aus.empty
    assert table.valence_arousal.notna().all(axis=None)


def test_an_interrupted_job_goes_on_where_it_stood(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "t.csv"
    small = RecognizeOptions(batch_size=2)
    with pytest.raises(KeyboardInterrupt):
        RecognitionPipeline(Stopping()).write(target, clip, small)
    assert not target.exists()
    rows = side_folder(target) / "rows.csv"
    assert rows.read_text().count("\n") == 7
    with rows.open("a") as stream:  # the kill cut a line
        stream.write(f"{clip},6,0.2")
    looked = []
    real = task.pictures_of
    monkeypatch.setattr(
        task, "pictures_of", lambda s, skip=0: looked.append(skip) or real(s, skip=skip)
    )
    again = RecognizeOptions(batch_size=2, resume=True)
    assert RecognitionPipeline(TinyNet()).write(target, clip, again) == (9, 9)
    assert looked == [6]
    table = FaceFrame.load(target)
    assert table.frame.tolist() == list(range(9))
    assert table.face_id.tolist() == [0] * 9
    whole = RecognitionPipeline(TinyNet())(clip)
    assert np.allclose(table.emotions, whole.emotions, atol=0.02)


def test_another_job_starts_over(clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "t.csv"
    with pytest.raises(KeyboardInterrupt):
        RecognitionPipeline(Stopping()).write(target, clip, RecognizeOptions(batch_size=2))
    options = RecognizeOptions(resume=True)
    RecognitionPipeline(TinyNet(3)).write(target, clip, options)
    expected = RecognitionPipeline(TinyNet(3))(clip)
    assert np.allclose(FaceFrame.load(target).emotions, expected.emotions, rtol=1e-4, atol=1e-6)


def test_a_picture_gets_a_picture(tmp_path: Path) -> None:
    write_image(tmp_path / "in.png", np.asarray(portrait(256, 256)))
    options = RecognizeOptions(overlay=tmp_path / "o.png")
    pipeline = RecognitionPipeline(TinyNet())
    assert pipeline.write(tmp_path / "t.csv", tmp_path / "in.png", options) == (1, 1)
    drawn = read_image(tmp_path / "o.png").rgb
    assert drawn.shape == (256, 256, 3)
    assert (drawn != np.asarray(portrait(256, 256))).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (RecognizeOptions(style="excel"), "--style excel"),
        (RecognizeOptions(heads=("mood",)), "--heads mood"),
        (RecognizeOptions(plot=Path("x.txt")), "--plot"),
        (RecognizeOptions(overlay=Path("nowhere/o.mp4")), "no folder"),
    ],
)
def test_bad_options_are_refused_before_the_work(
    clip: Path, tmp_path: Path, options: RecognizeOptions, message: str
) -> None:
    with pytest.raises(FacegenError, match=message):
        RecognitionPipeline(TinyNet()).write(tmp_path / "t.csv", clip, options)
    assert list(tmp_path.iterdir()) == []


def test_bad_inputs_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(b"no video")
    pipeline = RecognitionPipeline(TinyNet())
    for name in ("x.mp4", "missing.png"):
        with pytest.raises(MediaError):
            pipeline.write(tmp_path / "t.csv", tmp_path / name)
        assert [p.name for p in tmp_path.iterdir()] == ["x.mp4"]
    (tmp_path / "folder").mkdir()
    with pytest.raises(MediaError):
        pipeline.write(tmp_path / "t.csv", tmp_path / "folder")
    with pytest.raises(UsageError, match="at least one"):
        RecognitionPipeline()


def test_without_a_name_something_runs_that_needs_no_download() -> None:
    names = [r.spec.name for r in RecognitionPipeline.from_pretrained().recognizers]
    assert names[-1] == "fit"
    joined = RecognitionPipeline.from_pretrained("fit+fit").licences()
    assert len(joined) == 2
    assert "CC0" in joined[0]
