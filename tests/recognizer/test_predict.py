"""Faces found, followed and told: from pictures and videos to rows."""

from pathlib import Path

import numpy as np
import pytest
import torch

from facegen.errors import MediaError, UsageError
from facegen.faces.crowd import CrowdTracker
from facegen.media import write_image
from facegen.recognizer import open_recognizer
from facegen.recognizer.clip import ClipRecognizer
from facegen.recognizer.predict import columns_of, recognize
from facegen.recognizer.sights import look, pictures_of
from tests.cli.media_zoo import moving_face, portrait, write_clip
from tests.recognizer.nets import TinyNet


@pytest.fixture(scope="module")
def crowd() -> CrowdTracker:
    return CrowdTracker(most=3)


def two_people(shift: int = 0) -> np.ndarray:
    """The packaged photo twice side by side, the left one smaller."""
    canvas = np.full((256, 512, 3), 200, np.uint8)
    canvas[60:220, 20 + shift : 180 + shift] = np.asarray(portrait(160, 160))
    canvas[:, 256:] = np.asarray(portrait(256, 256))
    return canvas


def test_everyone_keeps_their_number_through_a_gap(crowd: CrowdTracker) -> None:
    crowd.forget()
    frames = [two_people(2 * k) for k in range(6)]
    hidden = two_people(12)
    hidden[:, :250] = 200
    frames += [hidden] * 3 + [two_people(12 + 2 * k) for k in range(8)]
    seen = [crowd(frame) for frame in frames]
    assert [f.face_id for f in seen[0]] == [0, 1]
    right = {f.face_id for found in seen for f in found if f.points[0, 0] > 256}
    left = {f.face_id for found in seen for f in found if f.points[0, 0] < 256}
    assert len(right) == len(left) == 1
    assert left != right
    assert [len(found) for found in seen[6:9]] == [1, 1, 1]
    assert len(seen[-1]) == 2


def test_known_faces_take_up_their_numbers_again(crowd: CrowdTracker) -> None:
    crowd.forget()
    first = crowd(two_people())
    places = []
    for face in first:
        low, high = face.points[:468, :2].min(0), face.points[:468, :2].max(0)
        x, y = (low + high) / 2
        places.append((face.face_id + 5, float(x), float(y), float((high - low).max())))
    crowd.forget(places)
    assert [f.face_id for f in crowd(two_people())] == [5, 6]


def test_a_tight_crop_is_found_too_and_in_its_own_pixels(crowd: CrowdTracker) -> None:
    face = crowd.photo(np.asarray(portrait(512, 512)))[0]
    low, high = face.points[:468, :2].min(0).astype(int), face.points[:468, :2].max(0).astype(int)
    tight = np.asarray(portrait(512, 512))[low[1] : high[1], low[0] : high[0]]
    small = np.asarray(portrait(512, 512).crop((*low, *high)).resize((96, 96)))
    for picture in (np.ascontiguousarray(tight), small):
        found = crowd.photo(picture)
        assert len(found) == 1
        eyes = found[0].points[[33, 263], :2] / picture.shape[1::-1]
        expected = (face.points[[33, 263], :2] - low) / (high - low)
        assert np.abs(eyes - expected).max() < 0.06


def test_rows_of_a_video(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", moving_face(5))
    net = TinyNet().train(False)
    table = net.predict(clip, batch_size=2)
    assert table.frame.tolist() == list(range(5))
    assert table.face_id.tolist() == [0] * 5
    assert np.allclose(table.timestamp, np.arange(5) / 25)
    assert np.allclose(table.emotions.sum(axis=1), 1)
    assert set(table.columns) <= set(columns_of([net.spec]))
    once = net.predict(clip, batch_size=64)
    assert np.allclose(once.emotions, table.emotions, atol=1e-6)


def test_a_picture_without_a_face_has_a_row_that_says_so(tmp_path: Path) -> None:
    write_image(tmp_path / "b.png", np.zeros((64, 64, 3), np.uint8))
    write_image(tmp_path / "c.png", np.asarray(portrait(256, 256)))
    table = TinyNet().predict(tmp_path)
    assert table.face_id.tolist() == [-1, 0]
    assert table.emotions.iloc[0].isna().all()
    assert table.input.str.endswith(("b.png", "c.png")).all()


def test_cropped_pictures_need_no_face() -> None:
    faces = np.random.default_rng(0).integers(0, 256, (4, 20, 30, 3), np.uint8)
    net = TinyNet(1, "rafdb7")
    names, probabilities = net.predict_emotions(faces)
    assert probabilities.shape == (4, 7)
    assert names == [net.spec.label_space.classes[k] for k in probabilities.argmax(1)]
    assert net.extract_features(faces).shape == (4, 12)
    assert net.predict(faces[0], cropped=True).shape[0] == 1


def test_a_clip_recognizer_looks_back(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", moving_face(4))
    net = ClipRecognizer(TinyNet(), 12, length=3, temporal="mean").train(False)
    frames = [net.observe(s.picture, s.faces[0]) for s in look(pictures_of(clip))]
    with torch.no_grad():
        expected = net(torch.stack(frames[1:4])[None]).probs[0]
    assert np.allclose(net.predict(clip).emotions.iloc[3], expected, atol=1e-6)


def test_the_first_recognizer_that_tells_decides(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", moving_face(2))
    one, two = TinyNet(0, "fer2013_7"), TinyNet(1)
    rows = list(recognize([one, two], look(pictures_of(clip))))
    alone = one.predict(clip)
    assert rows[0]["happy"] == pytest.approx(alone.happy[0])
    assert rows[0]["contempt"] == pytest.approx(two.predict(clip).contempt[0])


def test_the_fit_reads_the_open_heads_own_curves() -> None:
    table = open_recognizer("fit").predict(np.asarray(portrait(400, 400)))
    # The packaged photo smiles with her mouth open.
    assert table.AU12[0] > 0.25
    assert table["AU12_r"][0] == pytest.approx(5 * table.AU12[0])
    assert table.AU15[0] < table.AU12[0]
    assert table.poses.abs().max(axis=None) < 30


def test_mediapipe_agrees_on_the_smile(dev_data: Path) -> None:
    net = open_recognizer(dev_data / "judges" / "face_landmarker_v2_with_blendshapes.task")
    table = net.predict(np.asarray(portrait(400, 400)))
    assert table.mouthSmileLeft[0] > 0.4
    assert np.isnan(table.tongueOut[0])
    fit = open_recognizer("fit").predict(np.asarray(portrait(400, 400)))
    assert np.abs(table.poses.to_numpy() - fit.poses.to_numpy()).max() < 12


def test_wrong_sources_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(MediaError):
        TinyNet().predict(tmp_path / "none.mp4")
    with pytest.raises(UsageError, match="no pictures"):
        TinyNet().predict(3)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="array"):
        TinyNet().predict([np.zeros((4, 4))])  # type: ignore[arg-type]
