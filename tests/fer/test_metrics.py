"""Measures against hand-made numbers and second implementations."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.fer import metrics
from facegen.fer.number_metrics import (
    affect_scores,
    correlation,
    curve_scores,
    icc31,
    presence_scores,
    unit_scores,
)
from facegen.fer.statistics import mcnemar, subject_bootstrap


def one_hot(told: list[int], classes: int = 4) -> np.ndarray:
    return np.eye(classes)[told]


def test_scores_by_hand() -> None:
    """Truth 0 0 0 1 1 3: recall 2/3, 1/2, -, 1; class 2 is told once and never true."""
    truth, told = np.array([0, 0, 0, 1, 1, 3]), [0, 0, 1, 1, 2, 3]
    scores = metrics.score(truth, one_hot(told))
    assert scores.accuracy == pytest.approx(4 / 6)
    assert scores.uar == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    f1 = [2 * 2 / (3 + 2), 2 * 1 / (2 + 2), 0, 1]
    assert scores.macro_f1 == pytest.approx(np.mean(f1))
    assert scores.weighted_f1 == pytest.approx((3 * f1[0] + 2 * f1[1] + f1[3]) / 6)
    assert math.isnan(scores.recall[2])
    assert scores.confusion[1].tolist() == [0, 1, 1, 0]


def test_present_only_chooses_among_classes_that_occur() -> None:
    truth = np.array([0, 1])
    probs = np.array([[0.3, 0.1, 0.6], [0.1, 0.4, 0.5]])
    assert metrics.score(truth, probs).accuracy == 0
    assert metrics.score(truth, probs, present_only=True).accuracy == 1
    np.testing.assert_allclose(metrics.present_probs(truth, probs).sum(1), 1)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_scores_agree_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    from sklearn.metrics import f1_score, recall_score

    truth, told = (np.array(side) for side in zip(*pairs, strict=True))
    scores = metrics.score(truth, one_hot(told.tolist()))
    present = sorted(set(truth))
    recall = recall_score(truth, told, labels=present, average="macro", zero_division=0)
    assert scores.uar == pytest.approx(recall)
    assert scores.macro_f1 == pytest.approx(f1_score(truth, told, average="macro", zero_division=0))


def test_calibration_error() -> None:
    """Ten answers at 0.8, six of them right: the gap is 0.2."""
    probs = np.tile([0.8, 0.2], (10, 1))
    truth = np.array([0] * 6 + [1] * 4)
    assert metrics.calibration_error(truth, probs) == pytest.approx(0.2)


def test_temperature_finds_the_scale_of_overconfident_logits() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 5))
    truth = np.array([rng.choice(5, p=p) for p in metrics.softmax(logits)])
    assert metrics.fit_temperature(truth, 3 * logits) == pytest.approx(3, rel=0.1)


def test_soft_labels() -> None:
    shares = np.array([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]])
    assert metrics.divergence(shares, np.maximum(shares, 1e-9)) == pytest.approx(0, abs=1e-6)
    told = np.array([[0.25, 0.5, 0.25], [0.0, 1.0, 0.0]])
    assert metrics.divergence(shares, told) == pytest.approx(0.5 * math.log(2) / 2)
    assert metrics.top_k(np.array([[0.6, 0.3, 0.1]]), np.array([[0.2, 0.3, 0.5]]), 2) == 0


def test_unknown_faces() -> None:
    area, false_alarms = metrics.unknown_scores(np.array([0.1, 0.2, 0.3]), np.array([0.7, 0.8]))
    assert (area, false_alarms) == (1, 0)


def test_affect() -> None:
    truth = np.array([0.5, -0.5, math.nan, 0.2])
    same = affect_scores(np.array([0.5, -0.5, 9.0, 0.2]), truth)
    assert same == pytest.approx({"ccc": 1, "pcc": 1, "rmse": 0, "sagr": 1})
    flipped = affect_scores(np.array([-0.5, 0.5, 0.0, 0.2]), truth)
    assert flipped["sagr"] == pytest.approx(1 / 3)
    assert flipped["rmse"] == pytest.approx(math.sqrt(2 / 3))


def test_icc_of_the_paper() -> None:
    """Shrout and Fleiss 1979, table 2, judges 1 and 4 would need all four; two judges by ANOVA."""
    a, b = np.array([9.0, 6, 8, 7, 10, 6]), np.array([8.0, 2, 5, 6, 9, 7])
    both = np.stack([a, b], 1)
    rows = 2 * ((both.mean(1) - both.mean()) ** 2).sum() / 5
    columns = 6 * ((both.mean(0) - both.mean()) ** 2).sum()
    rest = (((both - both.mean()) ** 2).sum() - 5 * rows - columns) / 5
    assert icc31(a, b) == pytest.approx((rows - rest) / (rows + rest))
    assert icc31(a, a + 3) == pytest.approx(1)


def test_presence_agrees_with_scikit_learn() -> None:
    from sklearn.metrics import f1_score, roc_auc_score

    rng = np.random.default_rng(1)
    shown, told = rng.random(60) < 0.3, rng.random(60).round(1)
    found = presence_scores(told, shown)
    assert found["f1"] == pytest.approx(f1_score(shown, told >= 0.5))
    assert found["auc"] == pytest.approx(roc_auc_score(shown, told))


def test_units_without_codes_do_not_count() -> None:
    strength = np.array([[3.0, math.nan], [0.0, math.nan], [1.0, 5.0]])
    told = np.array([[0.9, 0.9], [0.1, 0.9], [0.2, 0.9]])
    first, second = unit_scores(told, 5 * told, strength, present=2)
    assert first["f1"] == 1
    assert first["base_rate"] == pytest.approx(1 / 3)
    assert second["mae"] == pytest.approx(0.5)


def test_curves_that_stand_still_have_no_correlation() -> None:
    truth = np.zeros((5, 3))
    truth[:, 1] = [0, 0.2, 0.4, 0.6, 0.8]
    found = curve_scores(truth * 0.5, truth)
    assert found["curves"] == 1
    assert found["pcc"] == pytest.approx(1)
    assert math.isnan(correlation(truth[:, 0], truth[:, 1]))


def test_people_are_resampled_not_pictures() -> None:
    """One person with many pictures widens the interval as one person, however many they are."""
    right = np.array([1.0] * 50 + [0.0] * 50)
    few = np.repeat(["a", "b"], 50)
    many = np.arange(100).astype(str)

    def share(places: np.ndarray) -> float:
        return float(right[places].mean())

    wide = subject_bootstrap(share, few, resamples=300)
    narrow = subject_bootstrap(share, many, resamples=300)
    assert (wide.low, wide.high) == (0, 1)
    assert narrow.high - narrow.low < 0.25
    assert wide.clips == 2


def test_mcnemar() -> None:
    a = np.array([True] * 12 + [False] * 3 + [True] * 5)
    b = np.array([False] * 12 + [True] * 3 + [True] * 5)
    only_a, only_b, p = mcnemar(a, b)
    assert (only_a, only_b) == (12, 3)
    # Twice the tail of a fair coin: 15 throws, 12 or more heads.
    assert p == pytest.approx(2 * sum(math.comb(15, k) for k in range(12, 16)) / 2**15)
    assert mcnemar(a, a)[2] == 1
