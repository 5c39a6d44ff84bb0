"""What faces show: labels, coverage, ways of showing an emotion."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from facegen.arkit import INDEX
from facegen.emotion.labels import EMOTIONS
from facegen.errors import UsageError
from facegen.synthesis.coverage import even_points, farthest_points
from facegen.synthesis.expressions import identity_faces, mirrored, speaking
from facegen.synthesis.labels import CLASSES, levels_of, soft_label
from facegen.synthesis.plan import Actions, Expressions

PLAIN = Expressions(blend=0, speech=0, stray=0, blink=0, missing=0)


def faces(plan: Expressions, count: int = 64, seed: int = 0, **suits: float) -> list:
    found = identity_faces(plan, count, np.random.default_rng(seed), suits or None)
    return [face for face in found if face is not None]


@given(arrays(np.float64, 8, elements=st.floats(0, 1)))
def test_soft_labels_are_distributions(levels: np.ndarray) -> None:
    soft = soft_label(levels)
    assert soft.min() >= 0
    assert soft.sum() == pytest.approx(1)
    order = [EMOTIONS.index(n) for n in ("happy", "sad", "surprised")]
    felt = levels[order]
    told = soft[[CLASSES.index(n) for n in ("happy", "sad", "surprise")]]
    # A larger intensity never has the smaller share.
    for i in range(3):
        for j in range(3):
            assert felt[i] <= felt[j] or told[i] >= told[j] - 1e-12


def test_weak_feelings_are_neutral_and_strong_ones_named() -> None:
    assert soft_label(levels_of({"sadness": 0.04})).argmax() == CLASSES.index("neutral")
    assert soft_label(levels_of({"sadness": 0.5}))[CLASSES.index("sad")] == pytest.approx(1)
    with pytest.raises(UsageError, match="from 0 to 1"):
        levels_of({"happy": 1.2})


@settings(max_examples=20)
@given(st.integers(16, 200), st.integers(1, 3), st.integers(0, 100))
def test_even_points_leave_smaller_gaps_than_chance(count: int, dims: int, seed: int) -> None:
    points = even_points(count, dims, np.random.default_rng(seed))
    assert points.shape == (count, dims)
    assert ((points >= 0) & (points < 1)).all()
    # In every coordinate neighbours are nowhere far apart (chance: about log(n) / n).
    gaps = np.diff(np.sort(points, 0), axis=0)
    assert gaps.max() < 8 / count


def test_farthest_points_spread_better_than_chance() -> None:
    rng = np.random.default_rng(1)
    points = rng.normal(0, 1, (400, 5))
    picked = farthest_points(points, 20)
    assert len(set(picked.tolist())) == 20

    def nearest(rows: np.ndarray) -> float:
        distance = np.linalg.norm(rows[:, None] - rows, axis=-1) + 1e9 * np.eye(len(rows))
        return float(distance.min())

    assert nearest(points[picked]) > 2 * nearest(points[:20])


def test_every_class_is_shown_as_often_as_its_share() -> None:
    counts = Counter(face.label for face in faces(PLAIN))
    assert counts == dict.fromkeys(CLASSES, 8)
    some = replace(PLAIN, classes={"joy": 3.0, "fear": 1.0})
    assert Counter(face.label for face in faces(some)) == {"happy": 48, "fear": 16}


def test_the_same_seed_gives_the_same_faces() -> None:
    first, second, other = faces(PLAIN), faces(PLAIN), faces(PLAIN, seed=1)
    assert all((a.curves == b.curves).all() for a, b in zip(first, second, strict=True))
    assert any((a.curves != b.curves).any() for a, b in zip(first, other, strict=True))


def test_a_person_who_does_not_suit_a_class_does_not_show_it() -> None:
    counts = Counter(face.label for face in faces(PLAIN, sad=0.0, fear=0.5))
    assert counts["sad"] == 0
    assert counts["fear"] == 4
    assert counts["happy"] == 8


def test_joy_lifts_the_corners_and_anger_lowers_the_brows() -> None:
    shown = faces(PLAIN)
    smile, frown = INDEX["mouthSmileLeft"], INDEX["browDownLeft"]
    for face in shown:
        if face.label == "happy":
            assert face.curves[smile] > 0.15
        if face.label == "anger":
            assert face.curves[frown] > 0.15


def test_coverage_spreads_the_faces() -> None:
    def spread(coverage: int) -> float:
        plan = replace(PLAIN, coverage=coverage, classes={"anger": 1.0})
        rows = np.stack([face.curves for face in faces(plan, 24)])
        distance = np.linalg.norm(rows[:, None] - rows, axis=-1) + 1e9 * np.eye(len(rows))
        return float(distance.min(1).mean())

    assert spread(6) > 1.1 * spread(1)


@given(arrays(np.float64, 52, elements=st.floats(0, 1)))
def test_a_mirrored_face_mirrored_is_itself(curves: np.ndarray) -> None:
    assert (mirrored(mirrored(curves)) == curves).all()
    assert mirrored(curves)[INDEX["mouthSmileLeft"]] == curves[INDEX["mouthSmileRight"]]


def test_speech_takes_the_mouth_and_leaves_the_brows() -> None:
    sad = next(face for face in faces(PLAIN) if face.label == "sad")
    said = speaking(sad.curves, np.random.default_rng(0))
    brow = INDEX["browInnerUp"]
    assert said[brow] == sad.curves[brow]
    assert (said != sad.curves).any()
    assert ((said >= 0) & (said <= 1)).all()


def test_units_can_be_asked_for_directly() -> None:
    entry = Actions(units={"AU12": 1.0}, label="happy", share=1.0)
    plan = replace(PLAIN, actions=(entry,), spread=0.0, asymmetry=0.0)
    asked = [face for face in faces(plan, 20) if face.source == "actions"]
    assert len(asked) == 10
    assert all(face.curves[INDEX["mouthSmileLeft"]] == pytest.approx(1) for face in asked)
    wrong = replace(PLAIN, actions=(Actions(units={"AU99": 1.0}, label="happy"),))
    with pytest.raises(UsageError, match="no unit 'AU99'"):
        faces(wrong, 20)


def test_free_faces_fill_the_space() -> None:
    free = [f for f in faces(replace(PLAIN, free=1.0), 40) if f.source == "space"]
    assert len(free) == 20
    assert len({face.label for face in free}) > 2
