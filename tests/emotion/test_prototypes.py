"""Emotion tables: complete, ordered by intensity, and told apart."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from facegen.arkit import ARKIT, columns
from facegen.emotion import EMOTIONS
from facegen.emotion.dynamics import alive
from facegen.emotion.prototypes import (
    action_strengths,
    action_table,
    expression_of,
    factor,
    prototype_table,
    read_table,
)


def pure(name: str, level: float) -> np.ndarray:
    out = np.zeros((1, len(EMOTIONS)))
    out[0, EMOTIONS.index(name)] = level
    return out


def test_tables_name_their_sources() -> None:
    for table in ("actions.yaml", "prototypes.yaml"):
        assert read_table(table)
    actions = action_table()
    assert (actions.curves.max(1) > 0).all(), "a unit without a curve"


def test_neutral_moves_nothing() -> None:
    assert not expression_of(pure("neutral", 1)).any()
    assert factor("articulation", pure("neutral", 1))[0] == 1


@pytest.mark.parametrize("name", EMOTIONS[1:])
def test_its_own_actions_rank_every_emotion_by_intensity(name: str) -> None:
    row = EMOTIONS.index(name)
    wanted = prototype_table().actions[row]
    levels = np.linspace(0, 1, 11)
    found = [float(action_strengths(pure(name, level))[0] @ wanted) for level in levels]
    assert spearmanr(levels, found).statistic == pytest.approx(1)


def test_emotions_differ_from_one_another() -> None:
    faces = np.concatenate([expression_of(pure(name, 0.9)) for name in EMOTIONS[1:]])
    unit = faces / np.linalg.norm(faces, axis=1, keepdims=True)
    alike = unit @ unit.T - np.eye(len(unit))
    assert alike.max() < 0.9


def test_a_weak_smile_keeps_the_lips_together_and_a_strong_one_parts_them() -> None:
    low = columns("mouthLowerDown")
    assert not expression_of(pure("happy", 0.3))[0, low].any()
    assert (expression_of(pure("happy", 0.9))[0, low] > 0.2).all()


def test_contempt_is_one_sided() -> None:
    face = expression_of(pure("contempt", 1))[0]
    assert face[ARKIT.index("mouthDimpleRight")] > 0.5
    assert face[ARKIT.index("mouthDimpleLeft")] == 0


def test_a_blend_shows_both_and_stays_in_bounds() -> None:
    both = np.clip(pure("happy", 1) + pure("surprised", 1), 0, 1)
    face = expression_of(both)[0]
    for name in ("mouthSmileLeft", "browOuterUpLeft"):
        assert face[ARKIT.index(name)] > 0.5
    assert face.max() <= 1


def test_life_keeps_the_mean_and_belongs_to_the_moment() -> None:
    times = np.arange(0, 120, 0.04)
    steady = np.repeat(pure("sad", 0.6), len(times), 0)
    moved = alive(steady, times, None, seed=3)[:, EMOTIONS.index("sad")]
    assert moved.mean() == pytest.approx(0.6, abs=0.02)
    assert 0.02 < moved.std() < 0.08
    part = alive(steady[500:600], times[500:600], None, seed=3)
    np.testing.assert_allclose(part[:, EMOTIONS.index("sad")], moved[500:600], atol=1e-9)
    assert not alive(np.zeros_like(steady), times, None, seed=3).any()
