"""Lips that meet, checked on the mesh of the shipped head."""

from dataclasses import replace

import numpy as np
import pytest

from facegen.flame.landmark_model import LandmarkModel
from facegen.flame.landmark_sets import LIP_PAIRS
from facegen.flame.model import HeadModel
from facegen.speech.closure import close_lips
from facegen.speech.mouth import MouthShape, jaw_open_radians

NAMES = (
    "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthRollLower", "mouthShrugUpper",
    "mouthStretchLeft", "mouthStretchRight", "mouthSmileLeft", "mouthUpperUpLeft",
    "mouthUpperUpRight", "mouthLowerDownLeft", "mouthLowerDownRight",
)  # fmt: skip


@pytest.fixture(scope="module")
def mouth(head: HeadModel) -> MouthShape:
    return MouthShape.of(head, NAMES)


def curves(frames: int = 300) -> np.ndarray:
    rng = np.random.default_rng(1)
    # A closed-mouth action on shut lips is not what styling makes.
    made = rng.random((frames, len(NAMES))) * (rng.random((frames, len(NAMES))) < 0.4)
    made[:, NAMES.index("mouthClose")] = 0
    return made


def posed_gaps(head: HeadModel, row: np.ndarray) -> np.ndarray:
    """Gaps by posing the mesh's landmarks in full, in outer eye distances."""
    model = LandmarkModel.from_head(head)
    rest = model.rest_state()
    expression = rest.expression.copy()
    names = [head.expression_names[i] for i in model.free]
    for name, value in zip(NAMES, row, strict=True):
        if name in names:
            expression[names.index(name)] = value
    jaw = np.array([row[0] * jaw_open_radians(head), 0.0])
    points = model.pose(replace(rest, expression=expression, jaw=jaw))
    unit = np.linalg.norm(model.points[33] - model.points[263])
    upper, lower = zip(*LIP_PAIRS, strict=True)
    return (points[list(upper), 1] - points[list(lower), 1]) / unit


def test_jaw_open_is_the_sculpted_shape(head: HeadModel) -> None:
    assert jaw_open_radians(head) == pytest.approx(0.43, abs=0.01)


def test_the_table_is_the_mesh(head: HeadModel, mouth: MouthShape) -> None:
    some = curves(20)
    expected = [posed_gaps(head, row) for row in some]
    np.testing.assert_allclose(mouth.gap(some), expected, atol=5e-4)


def test_gaps_of_long_speech_are_those_of_its_parts(
    mouth: MouthShape, monkeypatch: pytest.MonkeyPatch
) -> None:
    curves = np.random.default_rng(3).random((10, len(NAMES)))
    whole, slope = mouth.gap(curves), mouth.slope(curves, "mouthClose")
    monkeypatch.setattr("facegen.speech.mouth._PIECE", 4)
    np.testing.assert_array_equal(mouth.gap(curves), whole)
    one = [mouth.slope(curves[i : i + 1], "mouthClose") for i in range(10)]
    np.testing.assert_array_equal(np.concatenate(one), slope)
    more = curves.copy()
    more[:, NAMES.index("mouthClose")] += 0.5
    np.testing.assert_allclose(mouth.gap(more), whole + 0.5 * slope, atol=1e-12)
    assert mouth.gap(curves[:0]).shape == (0, whole.shape[1])


def test_lips_meet_on_the_mesh_whatever_the_styling(head: HeadModel, mouth: MouthShape) -> None:
    wild = curves()
    assert (mouth.gap(wild).max(1) > 0.05).mean() > 0.5
    shut = close_lips(wild, NAMES, np.full(len(wild), 0.5), mouth=mouth)
    assert mouth.gap(shut).max() < 1e-3
    assert max(posed_gaps(head, row).max() for row in shut[:10]) < 1e-3
    assert shut.min() >= 0
    assert shut.max() <= 1


def test_without_a_bilabial_nothing_changes(mouth: MouthShape) -> None:
    wild = curves()
    same = close_lips(wild, NAMES, np.full(len(wild), 0.1), mouth=mouth)
    np.testing.assert_array_equal(same, wild.astype(np.float32))


def test_surer_is_tighter(mouth: MouthShape) -> None:
    wild = np.repeat(curves(20), 30, 0)
    sure = np.repeat(np.linspace(0, 0.6, 30)[None], 20, 0)
    gaps = np.array(
        [
            mouth.gap(close_lips(row, NAMES, one, mouth=mouth)).max(1)
            for row, one in zip(wild.reshape(20, 30, -1), sure, strict=True)
        ]
    )
    assert (np.diff(np.maximum(gaps, 0), axis=1) < 1e-3).all()


def test_closing_leaves_width_alone(mouth: MouthShape) -> None:
    smile = np.zeros((1, len(NAMES)))
    smile[0, NAMES.index("mouthSmileLeft")] = 0.7
    smile[0, 0] = 0.3
    shut = close_lips(smile, NAMES, np.ones(1), mouth=mouth)
    assert shut[0, NAMES.index("mouthSmileLeft")] == pytest.approx(0.7)


def test_lips_are_on_their_way_one_frame_earlier_and_later(mouth: MouthShape) -> None:
    still = np.repeat(curves(1) + 0.1, 9, 0)
    sure = np.zeros(9)
    sure[4] = 0.9
    gaps = mouth.gap(close_lips(still, NAMES, sure, mouth=mouth)).max(1)
    assert gaps[4] < 1e-3
    assert gaps[4] < gaps[3] < gaps[2]
    assert gaps[3] == pytest.approx(gaps[5])
    assert gaps[2] == pytest.approx(mouth.gap(still).max(), rel=1e-3)
