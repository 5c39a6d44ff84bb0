"""What each judge is fed and what it answers, with tiny networks whose answer is known."""

import math

import numpy as np
import pytest

from facegen.errors import MissingExtraError, ModelFileError, UsageError
from facegen.evaluation import Face
from facegen.evaluation.crops import crop
from facegen.evaluation.expression import euler_deg
from facegen.evaluation.identity import SIDE, TEMPLATE, align, five_points
from facegen.evaluation.judges import KNOWN, load_judges
from facegen.evaluation.judges.landmarker import Landmarker
from facegen.evaluation.judges.minixception import MiniXception
from facegen.evaluation.judges.mobileface import MobileFace
from facegen.evaluation.judges.onnx import OnnxNet
from facegen.evaluation.judges.tddfa import Tddfa, camera_rotation, landmark_square
from facegen.recognizer.crop import upright_square
from tests.evaluation.faces import make_face, make_image
from tests.evaluation.judges.onnx_files import write_net
from tests.evaluation.test_landmark_metrics import turn

pytest.importorskip("onnxruntime")


def plain(colour, side=128):
    return np.tile(np.uint8(colour), (side, side, 1))


def rolled(face, degrees):
    """The face turned in the picture around its middle."""
    points = face.points.copy()
    middle = points[:, :2].mean(0)
    points[:, :2] = (points[:, :2] - middle) @ turn(2, degrees)[:2, :2].T + middle
    return Face(points)


def test_a_net_runs_and_its_shapes_are_checked(tmp_path):
    path = write_net(tmp_path / "n.onnx", (1, 3, 4, 4), np.eye(3))
    net = OnnxNet(path, (1, 3, 4, 4), (1, 3))
    assert net(np.arange(48).reshape(3, 4, 4)).tolist() == [7.5, 23.5, 39.5]
    with pytest.raises(ModelFileError, match=r"holds \(1, 3, 4, 4\).*expected \(1, 3, 8, 8\)"):
        OnnxNet(path, (1, 3, 8, 8), (1, 3))
    path.write_bytes(b"no network")
    with pytest.raises(ModelFileError, match="is not an ONNX network"):
        OnnxNet(path, (1, 3, 4, 4), (1, 3))


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"facegen\[judges\]"):
        OnnxNet(tmp_path / "n.onnx", (1,), (1,))


def on_template(linear, shift):
    """A face whose five points are the template's under a linear map and a shift."""
    face = Face(make_face().points.copy())
    places = TEMPLATE @ linear.T + shift
    face.points[[33, 133], :2], face.points[[362, 263], :2] = places[0], places[1]
    face.points[[1, 61, 291], :2] = places[2:]
    return face


def test_alignment_puts_five_points_on_the_template():
    """A dot on each point of a turned and grown face is found at its place in the template."""
    face = on_template(1.5 * turn(2, 20)[:2, :2], (70, 20))
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for (x, y), place in zip(five_points(face), TEMPLATE, strict=True):
        image = np.zeros((256, 256, 3), np.uint8)
        image[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2] = 255
        found = align(image, face)[..., 0].astype(float)
        middle = [(a * found).sum() / found.sum() for a in (columns, rows)]
        assert middle == pytest.approx(place, abs=0.6)
    picture = make_image(side=SIDE)
    assert np.array_equal(align(picture, on_template(np.eye(2), 0)), picture)


def test_identity_sees_rgb_and_the_mirror_image(tmp_path):
    weights = np.eye(3, 256)
    path = write_net(tmp_path / "a.onnx", (1, 3, SIDE, SIDE), weights)
    found = MobileFace(path)(plain((50, 100, 100)), make_face())
    assert found.shape == (256,)
    assert found[:3] == pytest.approx([1 / 3, 2 / 3, 2 / 3], abs=1e-3)
    # Sees the left half only; the right half is red, so red enters through the mirror image.
    path = write_net(tmp_path / "b.onnx", (1, 3, SIDE, SIDE), weights, columns=SIDE // 2)
    halves = plain((0, 90, 0))
    halves[:, 64:] = (90, 0, 0)
    found = MobileFace(path)(halves, make_face())
    assert found[:2] == pytest.approx([math.sqrt(0.5)] * 2, abs=0.05)


def test_emotion_crop_follows_the_turn_of_the_head():
    face = make_face()
    for degrees in (-40, 0, 25):
        tilted = rolled(face, degrees)
        points = np.c_[tilted.points[:, :2], np.ones(478)] @ upright_square(tilted.points, 64).T
        eyes = points[[33, 133]].mean(0), points[[362, 263]].mean(0)
        assert eyes[0][1] == pytest.approx(eyes[1][1]) and eyes[0][0] < eyes[1][0]
        low, high = points[:468].min(0), points[:468].max(0)
        assert (high - low).max() == pytest.approx(64)
        assert (high + low) / 2 == pytest.approx([32, 32])


def test_emotion_sees_grey_from_minus_one_to_one(tmp_path):
    weights = [[4.0, 0, 0, 0, 0, 0, -4.0]]
    path = write_net(tmp_path / "e.onnx", (1, 1, 64, 64), weights, softmax=True)
    judge = MiniXception(path)
    grey = judge(plain((128, 128, 128)), make_face())
    assert grey == pytest.approx(np.full(7, 1 / 7), abs=0.01)
    white = judge(plain((255, 255, 255)), make_face())
    assert white == pytest.approx(
        np.exp([4, 0, 0, 0, 0, 0, -4]) / np.exp([4, 0, 0, 0, 0, 0, -4]).sum()
    )
    assert judge.labels[int(judge(plain((0, 0, 0)), make_face()).argmax())] == "neutral"


def test_pose_crop_is_the_authors():
    points = np.tile([10.0, 20.0, 0.0], (478, 1))
    points[152, :2] = (10, 80)  # chin: the box is 0 wide and 60 high
    matrix = landmark_square(Face(points), 120)
    assert matrix[0, 0] == pytest.approx(120 / (math.sqrt(2) * 60))
    assert matrix @ [10, 50, 1] == pytest.approx([60, 60])


def test_pose_net_sees_bgr_and_gives_rotation_and_expression(tmp_path):
    """Blue alone is 1 at 255.5: the camera's first row; red writes the expression."""
    weights = np.zeros((3, 62))
    weights[0, 0], weights[1, 5], weights[2, 52:] = 2.0, 3.0, np.arange(10)
    path = write_net(tmp_path / "p.onnx", (1, 3, 120, 120), weights)
    found = Tddfa(path)(plain((191, 255, 255)), make_face())
    assert found.rotation == pytest.approx(np.eye(3))
    assert found.expression == pytest.approx((191 - 127.5) / 128 * np.arange(10))


@pytest.mark.parametrize(("axis", "degrees"), [(0, 25), (1, -40), (2, 70)])
def test_camera_rotation_is_freed_of_scale(axis, degrees):
    camera = np.c_[3.7e-4 * turn(axis, degrees), [5, 6, 7]]
    assert camera_rotation(camera) == pytest.approx(turn(axis, degrees))
    camera[0, :3] += 1e-5 * camera[1, :3]  # a network's rows are never quite square
    rotation = camera_rotation(camera)
    assert rotation @ rotation.T == pytest.approx(np.eye(3))


def test_a_folder_is_read_by_names(tmp_path):
    with pytest.raises(UsageError, match="holds no judge; known files: faceid_mobileface"):
        load_judges(tmp_path)
    write_net(tmp_path / "faceid_mobileface_112.onnx", (1, 3, SIDE, SIDE), np.eye(3, 256))
    (tmp_path / "README.md").write_text("notes")
    judges = load_judges(tmp_path)
    assert judges.identity is not None and judges.identity.component.trained_on == ("unknown",)
    assert (judges.emotion, judges.estimators, judges.lpips) == (None, (), ())
    write_net(tmp_path / "fer_minixception_64.onnx", (1, 3, SIDE, SIDE), np.eye(3, 7))
    with pytest.raises(ModelFileError, match="rename or replace"):
        load_judges(tmp_path)


def test_a_broken_task_file_is_refused(tmp_path):
    path = tmp_path / "face_landmarker_v2_with_blendshapes.task"
    path.write_bytes(b"no task")
    with pytest.raises(ModelFileError, match="is not a Face Landmarker task"):
        Landmarker(path)


@pytest.fixture(scope="module")
def real(dev_data):
    return load_judges(dev_data / "judges")


def portrait(path):
    from facegen.evaluation.crops import crop_matrix
    from facegen.evaluation.footage import FaceFinder
    from facegen.faces import find_landmarks
    from facegen.media import read_image

    photo = read_image(path).rgb
    image = crop(photo, crop_matrix([find_landmarks(photo)]))
    with FaceFinder() as find:
        return image, find(image)


def test_real_judges_agree_with_each_other(real, dev_data):
    """Two estimators of one head; its mirror image turns the other way; persons differ."""
    assert set(KNOWN) >= {p.name for p in (dev_data / "judges").glob("*.onnx")}
    image, face = portrait(dev_data / "portraits" / "art_pearl.jpg")
    mirrored = np.ascontiguousarray(image[:, ::-1])
    points = face.points.copy()
    points[:, 0] = image.shape[1] - points[:, 0]
    # Landmark numbers stay with their side of the picture: only boxes are read from them here.
    angles = [euler_deg(e(image, face).rotation) for e in real.estimators]
    flipped = [euler_deg(e(mirrored, Face(points)).rotation) for e in real.estimators]
    assert np.abs(angles[0] - angles[1]).max() < 15
    assert abs(angles[0][1]) > 20
    for here, there in zip(angles, flipped, strict=True):
        assert here[1] == pytest.approx(-there[1], abs=8)
    other = portrait(dev_data / "portraits" / "art_raphael.jpg")
    same = real.identity(image, face) @ real.identity(np.roll(image, 1, 1), face)
    assert same > 0.9 > 0.5 > real.identity(image, face) @ real.identity(*other)
    assert real.emotion(image, face).sum() == pytest.approx(1, abs=1e-5)
