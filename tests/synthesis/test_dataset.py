"""The set on disk: every reader finds what it expects, and the same plan gives the same bytes."""

import csv
import json
import tarfile
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facegen.errors import ModelFileError, UsageError
from facegen.pipelines.synth import synthesise
from facegen.recognizer.frame import FaceFrame
from facegen.synthesis.build import WORK
from facegen.synthesis.dataset import SyntheticDataset
from facegen.synthesis.labels import CLASSES
from facegen.synthesis.plan import Plan
from facegen.synthesis.shards import shuffled


def hashes(out: Path) -> dict[str, str]:
    about = json.loads((out / "dataset.json").read_text())
    return {shard["file"]: shard["sha256"] for shard in about["shards"]}


def test_rows_files_and_arrays_belong_together(made: Path) -> None:
    found = SyntheticDataset(made, check=True)
    assert len(found) == 10
    for index, row in enumerate(found.rows):
        assert row["synthetic"] is True
        assert row["label"] in row["file"].split("/")
        arrays = found.params(index)
        curves = arrays["blendshapes52"]
        shown = curves if row["kind"] == "still" else curves[row["apex_frame"]]
        assert np.allclose(shown, list(row["blendshapes"].values()), atol=1e-3)
    assert found.soft_labels.sum(1) == pytest.approx(np.ones(10))
    assert [CLASSES[k] for k in found.labels] == [row["label"] for row in found.rows]


def test_people_are_in_one_split(made: Path) -> None:
    rows = SyntheticDataset(made).rows
    splits = {(row["identity_id"], row["split"]) for row in rows}
    assert len(splits) == len({name for name, _ in splits}) == 2


def test_the_face_is_where_the_row_says(made: Path) -> None:
    found = SyntheticDataset(made)
    stills = [row for row in found.rows if row["kind"] == "still"]
    assert all(row["n_faces"] == 1 and row["decision"] == "keep" for row in stills)
    for row in stills:
        x, y, width, height = row["crop_box"]
        assert all(x <= px <= x + width and y <= py <= y + height for px, py in row["keypoints"])


def test_image_folder_metadata(made: Path) -> None:
    for split in ("train", "test"):
        lines = (made / split / "metadata.jsonl").read_text().splitlines()
        for row in map(json.loads, lines):
            picture = made / split / row["file_name"]
            assert picture.parent.name == row["label"]
            with Image.open(picture) as image:
                assert image.size == (64, 64)
                assert "Synthetic" in image.info["Comment"]
    clips = [p for p in made.glob("clips/*/metadata.jsonl")]
    assert clips
    row = json.loads(clips[0].read_text().splitlines()[0])
    assert (clips[0].parent / row["file_name"]).is_file()
    assert row["fps"] == "30000/1001"


def test_shards_are_plain_webdataset_tars(made: Path) -> None:
    rows = {row["sample_id"]: row for row in SyntheticDataset(made).rows}
    seen = []
    for name in hashes(made):
        with tarfile.open(made / name) as tar:
            members = {member.name: member for member in tar}
            assert all(m.mtime == 0 and m.uid == 0 for m in members.values())
            for key in {member.split(".")[0] for member in members}:
                row = json.load(tar.extractfile(f"{key}.json"))  # type: ignore[arg-type]
                assert row["sha256"] == rows[key]["sha256"]
                assert f"{key}.npz" in members
                seen.append(key)
    assert sorted(seen) == sorted(rows)


def test_shards_are_read_by_webdataset(made: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    urls = sorted(str(p) for p in made.glob("shards/*.tar"))
    samples = list(webdataset.WebDataset(urls, shardshuffle=False).decode("rgb8"))
    assert len(samples) == 10
    stills = [s for s in samples if "png" in s]
    assert len(stills) == 8
    assert stills[0]["png"].shape == (64, 64, 3)
    assert stills[0]["json"]["label"] in CLASSES


def test_trainers_find_their_lists(made: Path) -> None:
    rows = {row["file"]: row for row in SyntheticDataset(made).rows}
    stills = [row for row in rows.values() if row["kind"] == "still"]
    lines = (made / "lists/list_patition_label.txt").read_text().split("\n")[:-1]
    rafdb = ("surprise", "fear", "disgust", "happy", "sad", "anger", "neutral")
    for line in lines:
        file, number = line.split()
        assert rows[file]["label"] == rafdb[int(number) - 1]
    assert len(lines) == sum(row["label"] != "contempt" for row in stills)
    with (made / "lists/ferplus.csv").open() as stream:
        for entry in csv.DictReader(stream):
            assert sum(int(v) for k, v in entry.items() if k not in ("Usage", "Image name")) == 10
            assert (made / entry["Image name"]).is_file()
    with (made / "lists/affectnet.csv").open() as stream:
        for entry in csv.DictReader(stream):
            row = rows[entry["subDirectory_filePath"]]
            assert CLASSES[int(entry["expression"])] == row["label"]
            assert float(entry["valence"]) == row["target_valence"]
    clips = [line for p in made.glob("lists/t*.csv") for line in p.read_text().splitlines()]
    assert len(clips) == 2
    assert all((made / line.split()[0]).is_file() for line in clips)
    units = [json.loads(x) for p in made.glob("lists/fmae_*") for x in p.read_text().splitlines()]
    assert len(units) == 8
    assert all(len(entry["AUs"]) == 12 for entry in units)


def test_tables_of_other_programs(made: Path) -> None:
    for style in ("openface2", "pyfeat"):
        table = FaceFrame.load(made / "lists" / f"{style}.csv")
        assert len(table) == 8
        assert "AU12" in table.aus.columns
    pandas = pytest.importorskip("pandas")
    index = pandas.read_csv(made / "index.csv")
    assert len(index) == 10
    assert set(index.label) <= set(CLASSES)
    if find_spec("pyarrow"):  # a release that this numpy cannot load must not pass unseen
        columns = pandas.read_parquet(made / "index.parquet")
        assert list(columns.columns) == list(index.columns)


def test_annotations_are_coco(made: Path) -> None:
    total = 0
    for file in made.glob("annotations/faces_*.json"):
        data = json.loads(file.read_text())
        assert [c["name"] for c in data["categories"]] == list(CLASSES)
        assert [a["image_id"] for a in data["annotations"]] == [i["id"] for i in data["images"]]
        assert all((made / image["file_name"]).is_file() for image in data["images"])
        total += len(data["annotations"])
    assert total == 8


def test_maps_show_the_head(made: Path) -> None:
    depth = [np.asarray(Image.open(p)) for p in made.glob("maps/*_depth.png")]
    assert len(depth) == 8
    for values in depth:
        metres = values[values > 0] * 1e-4
        assert len(metres) > 400
        assert 0.1 < metres.min() < metres.max() < 10


def test_the_card_says_what_it_is(made: Path) -> None:
    card = (made / "README.md").read_text()
    assert "Every sample is\nsynthetic" in card
    assert "generator `render`, people under CC0-1.0, consent: synthetic" in card


def test_what_was_lost_is_made_again_byte_for_byte(
    plain: Plan, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first = tmp_path_factory.mktemp("whole")
    assert synthesise(plain, first)
    before = hashes(first)
    # As after a kill: a unit half written, another not begun, no end.
    (first / "dataset.json").unlink()
    for record in sorted((first / WORK / "units").iterdir())[:2]:
        record.unlink()
    for picture in sorted(first.glob("t*/*/*.png"))[:2]:
        picture.write_bytes(b"torn")
    assert synthesise(plain, first)
    assert hashes(first) == before
    SyntheticDataset(first, check=True)


def test_another_plan_does_not_mix_in(plan: Plan, made: Path) -> None:
    with pytest.raises(UsageError, match="samples of another plan"):
        synthesise(replace(plan, seed=4), made)


def test_ranks_share_the_work_and_the_last_one_ends_it(
    plain: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    assert not synthesise(plain, tmp_path)
    assert len(list((tmp_path / WORK / "units").iterdir())) == 2
    with pytest.raises(ModelFileError, match="not a finished synthetic set"):
        SyntheticDataset(tmp_path)
    assert len(SyntheticDataset(tmp_path, unfinished=True)) > 0
    monkeypatch.setenv("RANK", "0")
    assert synthesise(plain, tmp_path)
    assert len(SyntheticDataset(tmp_path)) == 10


def test_a_changed_picture_is_found(made: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(made, copy)
    next(iter(copy.glob("t*/*/*.png"))).write_bytes(b"other")
    with pytest.raises(ModelFileError, match="not the picture its row names"):
        SyntheticDataset(copy, check=True)


def test_no_split_and_no_list_are_told(made: Path) -> None:
    with pytest.raises(UsageError, match="no split 'val'"):
        SyntheticDataset(made, split="val")
    with pytest.raises(UsageError, match="no curated list 'best'"):
        SyntheticDataset(made, curated="best")


def test_shuffling_mixes_people_and_does_not_depend_on_order() -> None:
    rows = [{"sample_id": f"p{i // 20}-{i % 20:05d}"} for i in range(100)]
    order = shuffled(rows)
    assert order == shuffled(reversed(rows))
    assert len({name.split("-")[0] for name in order[:10]}) > 2
