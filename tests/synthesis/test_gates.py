"""Gates close for a reason that is written down."""

import numpy as np
import pytest

from facegen.synthesis.gates import decide, quality, upright_square
from facegen.synthesis.judging import unit_agreement, vote_table
from facegen.synthesis.plan import Gates

FINE = {"landmark_error": 0.05, "id_cosine": 0.8, "iqa": 0.9, "unit_agreement": 0.7}


@pytest.mark.parametrize(
    ("change", "closed"),
    [
        ({"landmark_error": None}, "face within"),
        ({"landmark_error": 0.5}, "face within"),
        ({"id_cosine": 0.1}, "identity >= 0.3"),
        ({"iqa": 0.0}, "quality >= 0.02"),
        ({"unit_agreement": 0.2}, "units >= 0.5"),
    ],
)
def test_a_closed_gate_is_named(change: dict, closed: str) -> None:
    gates = Gates(units=0.5)
    assert decide(gates, FINE)["decision"] == "keep"
    verdict = decide(gates, FINE | change)
    assert verdict["decision"] == "reject"
    assert f"closed: {closed}" in verdict["decision_rule"]


def test_gates_without_a_measurement_stay_open() -> None:
    unknown = {"landmark_error": 0.05, "id_cosine": None, "iqa": 0.9}
    assert decide(Gates(units=0.5), unknown)["decision"] == "keep"
    assert decide(Gates(face=False, identity=0, quality=0), unknown)["decision_rule"] == "none"


def test_quality_tells_a_flat_from_a_detailed_face() -> None:
    rng = np.random.default_rng(0)
    flat = np.full((64, 64, 3), 120, np.uint8)
    rich = rng.integers(0, 255, (64, 64, 3)).astype(np.uint8)
    box = [8.0, 8.0, 48.0, 48.0]
    assert quality(flat, box) == 0
    assert quality(rich, box) == 1
    assert quality(rich, [200.0, 200.0, 5.0, 5.0]) == 0


def test_the_square_turns_with_the_eyes() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(20, 80, (468, 2))
    points[[33, 133]], points[[362, 263]] = (30, 40), (70, 40)
    turn = np.radians(20)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    _, _, side, angle = upright_square(points)
    _, _, side_turned, angle_turned = upright_square(points @ rotation.T)
    assert angle_turned - angle == pytest.approx(20)
    assert side_turned == pytest.approx(side)


def test_agreement_of_units() -> None:
    asked = {"AU12": 4.0, "AU06": 3.0}
    assert unit_agreement(asked, {"AU12": 4.0, "AU06": 3.0}) == 1
    assert unit_agreement(asked, {"AU12": 0.0, "AU06": 0.0}) == 0
    assert unit_agreement(asked, {"AU04": 1.0}) is None
    assert unit_agreement({"AU12": 0.1}, {"AU12": 0.4}) == 1


def test_votes_of_judges_who_cannot_tell_are_missing() -> None:
    rows = [{"judge_a_probs": [1.0, *[0.0] * 6, None]}, {}]
    table = vote_table(rows, ["a"])
    assert table.shape == (1, 2, 8)
    assert np.isnan(table[0, 0, 7])
    assert np.isnan(table[0, 1]).all()
