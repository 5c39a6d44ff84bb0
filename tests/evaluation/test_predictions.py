"""Other tools' videos: matched by name and time, every mismatch counted."""

from fractions import Fraction
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from facegen.errors import UsageError
from facegen.evaluation.baselines import Copy, Driving, GroundTruth
from facegen.evaluation.catalogue import embedded_metrics
from facegen.evaluation.engine import evaluate
from facegen.evaluation.footage import Shot
from facegen.evaluation.photo_footage import open_footage
from facegen.evaluation.predictions import Predictions, parse_predictions, same_rate, unmatched
from facegen.evaluation.protocol import folder_tasks
from facegen.evaluation.results import merge
from facegen.media import write_image
from tests.evaluation.clips import face_picture, sway, write_frames, write_greys


def levels(folder, clip, indices, fps=25):
    """Grey level of the prediction shown for each frame of the clip, in frames; and problems."""
    picture = np.zeros((64, 64, 3), np.uint8)
    footage = SimpleNamespace(
        name="a", drive=clip, fps=Fraction(fps), reference=SimpleNamespace(image=picture)
    )
    play, problems = Predictions("tool", folder).open(footage)
    shown = [play(Driving(Shot(i, i / fps, 0, picture, picture), None)) for i in indices]
    return [None if s is None else round(s.mean() / 4) for s in shown], problems


@pytest.fixture(scope="module")
def greys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("greys")
    write_greys(folder / "a.mp4", 20)
    return folder


def test_frames_by_number_at_one_rate(greys, tmp_path):
    assert levels(greys, greys / "a.mp4", [0, 3, 4, 19]) == ([0, 3, 4, 19], [])
    write_greys(tmp_path / "a.mp4", 12, 24.98)
    shown, problems = levels(tmp_path, greys / "a.mp4", [2, 11, 12, 19])
    assert shown == [2, 11, None, None]
    assert problems == ["8 frames shorter than the clip: the common part counts"]
    write_greys(tmp_path / "a.mp4", 25)
    assert levels(tmp_path, greys / "a.mp4", [19]) == (
        [19], ["5 frames longer than the clip: the common part counts"],
    )  # fmt: skip


def test_frames_by_time_at_another_rate(greys, tmp_path):
    write_greys(tmp_path / "a.mp4", 40, 50)
    shown, problems = levels(tmp_path, greys / "a.mp4", [0, 1, 10, 19])
    assert shown == [0, 2, 20, 38]
    assert problems == ["50 fps instead of 25: compared by time stamp"]
    write_greys(tmp_path / "a.mp4", 6, 12.5)
    # Frame 19 of the clip, at 0.76 s, is far from the last one, at 0.4 s.
    shown, problems = levels(tmp_path, greys / "a.mp4", [0, 2, 10, 19])
    assert shown == [0, 1, 5, None]
    assert problems[1] == "8 frames shorter than the clip: the common part counts"


def test_shape_and_picture_folders(greys, tmp_path):
    write_greys(tmp_path / "a.mp4", 20, size=(96, 64))
    _, problems = levels(tmp_path, greys / "a.mp4", [0])
    assert problems == ["shape 96x64 instead of 64x64: stretched to it"]
    pictures = tmp_path / "pictures" / "a"
    pictures.mkdir(parents=True)
    for k in range(20):
        write_image(pictures / f"{k:03}.png", np.full((64, 64, 3), 4 * k, np.uint8))
    assert levels(tmp_path / "pictures", greys / "a.mp4", [7, 19]) == ([7, 19], [])


def test_rates():
    assert same_rate(Fraction(30000, 1001), Fraction(30))
    assert not same_rate(Fraction(24), Fraction(25))


def test_names(greys, tmp_path):
    with pytest.raises(UsageError, match="holds no video"):
        parse_predictions([str(tmp_path)])
    with pytest.raises(UsageError, match="not a folder"):
        parse_predictions([f"x={tmp_path / 'none'}"])
    with pytest.raises(UsageError, match="is taken"):
        parse_predictions([f"copy={greys}"])
    with pytest.raises(UsageError, match="is taken"):
        parse_predictions([f"x={greys}", f"x={greys}"])
    [method] = parse_predictions([str(greys)])
    assert method.origin.name == greys.name
    write_greys(tmp_path / "b.mp4", 2)
    with pytest.raises(UsageError, match="matched by name"):
        unmatched([method], folder_tasks(tmp_path))


def test_every_mismatch_is_in_the_report(tmp_path):
    picture = face_picture()
    truth, tool = tmp_path / "truth", tmp_path / "tool"
    truth.mkdir()
    tool.mkdir()
    for name in ("good", "rough", "gone", "torn"):
        write_frames(truth / f"{name}.mp4", sway(picture, 12))
    write_frames(tool / "good.mp4", sway(picture, 12))
    half = cv2.resize(picture, (128, 128), interpolation=cv2.INTER_AREA)
    rough = sway(half, 10, 30.0)
    rough[8] = np.zeros_like(half)
    write_frames(tool / "rough.mp4", rough, 30)
    (tool / "torn.mp4").write_bytes(b"no video")
    write_frames(tool / "stray.mp4", sway(picture, 2))
    tasks = folder_tasks(truth, 2)
    methods = [GroundTruth(), Copy(), Predictions("tool", tool)]
    parts = [r for _, r in evaluate(tasks, methods, embedded_metrics(), film=open_footage)]
    results = merge(parts)
    results.issues += unmatched(methods[2:], tasks)
    problems = {(c, p.split(":")[0]): n for (c, m, p), n in results.issues.items() if m == "tool"}
    assert problems == {
        ("rough", "30 fps instead of 25"): 1,
        ("rough", "4 frames shorter than the clip"): 1,
        ("rough", "frames of another size"): 6,
        ("rough", "no face in the method's frame"): 1,
        ("rough", "frames not delivered"): 3,
        ("gone", "method failed"): 1,
        ("torn", "method failed"): 1,
        ("stray", "a prediction without a clip of its name"): 1,
        ("all", "unknown origin"): 1,
    }
    value = {(r.clip, r.method, r.metric, r.part): r for r in results.rows}
    assert value["good", "tool", "psnr", "face"].value > 30
    assert value["good", "tool", "psnr", "face"].frames == 9
    assert value["rough", "tool", "akd", "all"].missing == 4
    assert ("gone", "tool", "psnr", "face") not in value
    assert results.crops.keys() == {"good", "rough", "gone", "torn"}
