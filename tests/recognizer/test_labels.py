"""Label spaces and action units."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegen.arkit import INDEX
from facegen.emotion.prototypes import action_table
from facegen.errors import UsageError
from facegen.recognizer.au_sets import au_set, select, units_of_curves
from facegen.recognizer.labels import CANONICAL, KEYS, LabelSpace, label_space, label_spaces

names = st.sampled_from(label_spaces())


def test_the_canonical_order_is_that_of_affectnet() -> None:
    assert KEYS == ("neutral", "happy", "sad", "surprise", "fear", "disgust", "anger", "contempt")


@pytest.mark.parametrize(
    ("name", "number", "key"),
    [
        ("rafdb7", 0, "surprise"),
        ("fer2013_7", 6, "neutral"),
        ("faceapi7", 5, "disgust"),
        ("emotieff8", 1, "contempt"),
        ("cremad6", 3, "happy"),
        ("dfew7", 3, "anger"),
        ("ckplus8", 2, "contempt"),
        ("abaw8", 7, "other"),
        ("ravdess8", 1, "calm"),
        ("ferplus10", 9, "nf"),
        ("affectnet11", 8, "none"),
        ("mafw11", 9, "helplessness"),
    ],
)
def test_columns_stand_where_the_sets_put_them(name: str, number: int, key: str) -> None:
    assert label_space(name).keys[number] == key


def test_files_that_count_from_one_say_so() -> None:
    assert [label_space(n).first for n in ("rafdb7", "dfew7", "ravdess8", "affectnet8")] == [
        1,
        1,
        1,
        0,
    ]


@given(names, names, st.integers(0, 2**32 - 1))
def test_mapping_keeps_each_class_in_its_name(a: str, b: str, seed: int) -> None:
    one, two = label_space(a), label_space(b)
    values = np.random.default_rng(seed).dirichlet(np.ones(len(one)))
    there = one.map_to(two, values)
    shared = [k for k in one.keys if k in two.keys]
    assert there.sum() == pytest.approx(1)
    total = sum(values[one.keys.index(k)] for k in shared)
    for key in shared:
        assert there[two.keys.index(key)] == pytest.approx(values[one.keys.index(key)] / total)


@given(names, names)
def test_numbers_map_as_one_hot_probabilities_do(a: str, b: str) -> None:
    one, two = label_space(a), label_space(b)
    numbers = one.map_ids(two, range(len(one)))
    hot = one.map_to(two, np.eye(len(one)))
    for number, row in zip(numbers, hot, strict=True):
        assert np.isnan(row).all() if number < 0 else row[number] == 1


def test_what_a_space_cannot_tell_is_nan_and_not_zero() -> None:
    row = label_space("fer2013_7").map_to(CANONICAL, np.full(7, 1 / 7), "nan")
    assert np.isnan(row[CANONICAL.index("contempt")])
    assert np.nansum(row) == pytest.approx(1)


def test_merge_puts_calm_with_neutral() -> None:
    space = label_space("ravdess8")
    calm = space.one_hot("calm")
    assert np.isnan(space.map_to(CANONICAL, calm)).all()
    assert space.map_to(CANONICAL, calm, "merge")[CANONICAL.index("neutral")] == 1
    assert space.map_ids(CANONICAL, [1, -1], "merge").tolist() == [0, -1]


def test_present_counts_what_occurs() -> None:
    assert CANONICAL.present([0, 3, 3, -1]).tolist() == [True, False, False, True] + [False] * 4


def test_unknown_names_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match="affectnet8"):
        label_space("affectnet9")
    with pytest.raises(UsageError, match="no class"):
        label_space("cremad6").index("surprise")
    with pytest.raises(UsageError, match="no set of action units"):
        au_set("bp4d13")
    with pytest.raises(UsageError, match="mean the same"):
        label_space("classes:joy,happy")
    assert label_space("classes:joy,Anger").keys == ("happy", "anger")
    assert LabelSpace("x", ("Happy",)).index("joy") == 0


def test_action_unit_sets() -> None:
    assert len(au_set("opengraphau41")) == 41
    assert au_set("openface2_c") == (*au_set("openface2_r")[:-1], "AU28", "AU45")
    assert set(au_set("disfa8")) < set(au_set("disfa12"))
    got = select(np.array([[1.0, 2.0]]), ("AU12", "AU01"), ("AU01", "AU02"))
    assert got[0, 0] == 2
    assert np.isnan(got[0, 1])


@pytest.mark.parametrize("unit", ["AU01", "AU04", "AU06", "AU12", "AU15", "AU26", "AU43"])
def test_a_unit_shown_alone_is_read_back_at_its_strength(unit: str) -> None:
    table = action_table()
    curves = 0.6 * table.curves[table.names.index(f"AU{int(unit[2:])}")]
    assert units_of_curves(curves)[au_set("arkit23").index(unit)] == pytest.approx(0.6)


def test_lips_part_with_the_jaw_unless_they_are_closed_over_it() -> None:
    parted = au_set("arkit23").index("AU25")

    def read(**shown: float) -> float:
        curves = np.zeros(52)
        for name, value in shown.items():
            curves[INDEX[name]] = value
        return float(units_of_curves(curves)[parted])

    assert read(jawOpen=0.3) == pytest.approx(0.75)
    assert read(jawOpen=0.3, mouthClose=0.3) == pytest.approx(0)
    assert read(mouthLowerDownLeft=0.3, mouthLowerDownRight=0.3) == pytest.approx(0.3)


def test_a_still_face_shows_no_unit() -> None:
    assert units_of_curves(np.zeros((2, 52))).max() == 0
    half = np.zeros(52)
    half[INDEX["mouthSmileLeft"]] = 1
    assert units_of_curves(half)[au_set("arkit23").index("AU12")] == pytest.approx(0.5)
