"""Published layouts, rebuilt small: what is read is what the files say."""

import math
from pathlib import Path

import numpy as np
import pytest

from facegen.errors import FacegenError, MediaError, UsageError
from facegen.fer import FerDataset, dataset_kinds, open_fer_dataset
from facegen.recognizer.labels import KEYS
from tests.fer import trees


def opened(kind: str, tree: str, root: Path) -> FerDataset:
    getattr(trees, tree)(root)
    return open_fer_dataset(f"{kind}:{root}")


def labels(dataset: FerDataset) -> list[str]:
    return [KEYS[t] if t >= 0 else "" for t in dataset.targets]


LAYOUTS = [
    ("rafdb", "rafdb", ["sad", "happy", "neutral"], ["train", "train", "test"]),
    (
        "affectnet8",
        "affectnet_arrays",
        ["contempt", "happy", "surprise"],
        ["train", "train", "test"],
    ),
    ("affectnet7", "affectnet_arrays", ["happy", "surprise"], ["train", "test"]),
    ("affectnet", "affectnet_tables", ["happy", "anger"], ["train", "test"]),
    ("fer2013", "fer2013", ["anger", "happy", "neutral"], ["train", "val", "test"]),
    ("ferplus", "ferplus", ["neutral", "happy"], ["train", "val"]),
    ("ck+", "ckplus", ["neutral", "disgust", "disgust", "disgust"], ["train"] * 4),
    ("crema-d", "crema_d", ["disgust", "sad"], ["train"] * 2),
    ("ravdess", "ravdess", ["", "fear"], ["train"] * 2),
    ("dfew", "dfew", ["disgust", "happy"], ["train", "test"]),
    ("ferv39k", "ferv39k", ["happy", "fear"], ["train", "test"]),
    ("mafw", "mafw", ["anger", "", "contempt"], ["train", "train", "test"]),
    ("bp4d", "bp4d", ["", ""], ["train"] * 2),
    ("disfa", "disfa", ["", ""], ["train"] * 2),
    ("muxspace", "muxspace", ["anger", "neutral"], ["train"] * 2),
    ("folder", "folder", ["sad", "happy", "fear"], ["train", "train", "test"]),
]


@pytest.mark.parametrize(("kind", "tree", "names", "splits"), LAYOUTS, ids=[k for k, *_ in LAYOUTS])
def test_labels_and_splits(
    kind: str, tree: str, names: list[str], splits: list[str], tmp_path: Path
) -> None:
    dataset = opened(kind, tree, tmp_path)
    assert labels(dataset) == names
    assert [s.split for s in dataset.samples] == splits
    known = dataset.labels[dataset.targets >= 0]
    np.testing.assert_allclose(known.sum(1), 1)


def test_every_kind_but_made_sets_has_a_tree() -> None:
    assert {kind for kind, *_ in LAYOUTS} >= set(dataset_kinds()) - {"synthetic"}


def test_votes_are_shares(tmp_path: Path) -> None:
    first = opened("ferplus", "ferplus", tmp_path).labels[0]
    expected = {"neutral": 0.4, "sad": 0.1, "anger": 0.3, "disgust": 0.2}
    np.testing.assert_allclose(first, [expected.get(key, 0) for key in KEYS])


def test_faces_were_seen_without_voices(tmp_path: Path) -> None:
    """The crowd's face-only votes count, not those of the other two viewings."""
    first = opened("crema-d", "crema_d", tmp_path).labels[0]
    expected = {"anger": 0.3, "disgust": 0.5, "neutral": 0.2}
    np.testing.assert_allclose(first, [expected.get(key, 0) for key in KEYS])


def test_invalid_affect_is_unknown(tmp_path: Path) -> None:
    affect = opened("affectnet8", "affectnet_arrays", tmp_path).affect
    np.testing.assert_allclose(affect, [[0.1, 0.2], [0.8, math.nan], [0.4, 0.7]])


def test_unknown_units_are_not_absent_ones(tmp_path: Path) -> None:
    dataset = opened("bp4d", "bp4d", tmp_path)
    assert [s.aus for s in dataset.samples] == [{1: 0, 12: 5}, {1: 5, 2: 0}]
    np.testing.assert_allclose(
        dataset.action_units([1, 2, 12]), [[0, math.nan, 5], [5, 0, math.nan]]
    )


def test_intensities_by_frame(tmp_path: Path) -> None:
    dataset = opened("disfa", "disfa", tmp_path)
    assert [s.aus for s in dataset.samples] == [{1: 0, 12: 5}, {1: 3, 12: 0}]


def test_peak_has_the_units(tmp_path: Path) -> None:
    dataset = opened("ck+", "ckplus", tmp_path)
    assert [s.aus for s in dataset.samples] == [{}, {}, {}, {9: 4, 17: 3}]
    assert set(dataset.subjects) == {"CK+/S005"}


def test_people_by_name(tmp_path: Path) -> None:
    dataset = opened("muxspace", "muxspace", tmp_path)
    assert list(dataset.subjects) == ["muxspace/Serena_Williams", "muxspace/Al_Gore"]


def test_pixels_of_a_table(tmp_path: Path) -> None:
    image = opened("fer2013", "fer2013", tmp_path).image(1)
    assert image.shape == (48, 48, 3)
    assert (image == 7).all()


def test_frames_are_spread_over_a_clip(tmp_path: Path) -> None:
    dataset = opened("dfew", "dfew", tmp_path)
    levels = [int(frame.mean()) for frame in dataset.clip(0, 3)]
    assert levels == pytest.approx([40, 80, 120], abs=2)
    assert int(dataset.image(0).mean()) == pytest.approx(80, abs=2)


def test_table_of_samples(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    table = opened("disfa", "disfa", tmp_path).frame()
    assert list(table["AU12"]) == [5, 0]
    assert list(table["subject"]) == ["DISFA/SN001"] * 2


@pytest.mark.parametrize("kind", dataset_kinds())
def test_an_empty_folder_is_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(FacegenError):
        open_fer_dataset(f"{kind}:{tmp_path}")


def test_broken_lines_name_their_place(tmp_path: Path) -> None:
    trees.rafdb(tmp_path)
    listing = tmp_path / "basic/EmoLabel/list_patition_label.txt"
    listing.write_text("train_00001.jpg 5\ntrain_00002.jpg nine\n")
    with pytest.raises(MediaError, match="label.txt, 2"):
        open_fer_dataset(f"rafdb:{tmp_path}")
    listing.write_text("train_00001.jpg 8\n")
    with pytest.raises(MediaError, match="label 8 is none of rafdb7"):
        open_fer_dataset(f"rafdb:{tmp_path}")


def test_unknown_kind_names_all() -> None:
    with pytest.raises(UsageError, match="rafdb"):
        open_fer_dataset("rafbd:somewhere")
