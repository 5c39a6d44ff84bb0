"""Curation writes decisions and leaves the set alone."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from facegen.errors import UsageError
from facegen.synthesis.curate import curate
from facegen.synthesis.dataset import SyntheticDataset
from facegen.synthesis.labels import CLASSES
from facegen.synthesis.material import Labelled, Material
from facegen.synthesis.policies import Options


@pytest.fixture
def judged(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the set, and a judge who sees joy in every face."""
    from facegen.synthesis import judging

    class Cheerful:
        class spec:  # noqa: N801
            name, weights_sha256 = "Cheer-Ful", "abc"

            @staticmethod
            def to_dict() -> dict:
                return {"name": "cheerful"}

    def told(judge: object, seen: object) -> Iterator[dict]:
        yield {name: float(name == "happy") for name in CLASSES}

    monkeypatch.setattr(judging, "recognize", told)
    monkeypatch.setattr(
        judging.Panel, "open", classmethod(lambda cls, names: cls(tuple(Cheerful() for _ in names)))
    )
    copy = tmp_path / "set"
    shutil.copytree(made, copy)
    yield copy


def files(folder: Path) -> dict[str, bytes]:
    kept = (p for p in folder.rglob("*") if p.is_file() and "curated" not in p.parts)
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in kept}


def test_agreement_keeps_what_the_judge_sees(judged: Path) -> None:
    before = files(judged)
    done = curate(judged, judges=("cheerful",), policy="agree")
    rows = [row for row in SyntheticDataset(judged).rows if row["kind"] == "still"]
    happy = sum(row["label"] == "happy" for row in rows)
    assert (done.kept, done.total, done.relabelled) == (happy, 8, 0)
    assert files(judged) == before
    after = SyntheticDataset(judged, curated="agree")
    for row in after.rows:
        if row["kind"] == "still":
            assert (row["decision"] == "keep") == (row["label"] == "happy")
            assert row["judge_cheerful_probs"][CLASSES.index("happy")] == 1
    about = json.loads((judged / "curated/agree.json").read_text())
    assert about["role"] == "filter"
    assert about["kept"] == happy


def test_soft_mean_relabels_and_lists(judged: Path) -> None:
    done = curate(
        judged, judges=("cheerful",), policy="soft_mean", options=Options(own=0.5), name="soft"
    )
    found = SyntheticDataset(judged, curated="soft")
    stills = [row for row in found.rows if row["kind"] == "still"]
    assert all(row["label"] == "happy" for row in stills)
    assert all(row["target_label"] in CLASSES for row in stills)
    assert done.relabelled == sum(row["target_label"] != "happy" for row in stills)
    lines = [x for p in judged.glob("curated/soft_*.csv") for x in p.read_text().splitlines()]
    assert len(lines) == 8
    assert all((judged / line.split()[0]).is_file() for line in lines)


def test_faces_are_looked_at_once(judged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    curate(judged, judges=("cheerful",), policy="agree")
    monkeypatch.setattr(Labelled, "faces", lambda self: pytest.fail("looked again"))
    curate(judged, judges=("cheerful",), policy="partial_set")


def test_a_policy_without_judges_is_told(judged: Path) -> None:
    with pytest.raises(UsageError, match="needs judges"):
        curate(judged, judges=(), policy="agree")
    with pytest.raises(UsageError, match="no policy 'best'"):
        curate(judged, judges=("cheerful",), policy="best")


def test_a_folder_of_classes_is_material_too(made: Path, tmp_path: Path) -> None:
    rows = [row for row in SyntheticDataset(made).rows if row["kind"] == "still"]
    names = {"happy": "happiness", "sad": "sadness"}
    for row in rows:
        folder = tmp_path / names.get(row["label"], row["label"])
        folder.mkdir(exist_ok=True)
        shutil.copy(made / row["file"], folder)
    labelled = Labelled.open(tmp_path)
    assert len(labelled.names) == 8
    told = sorted(CLASSES[k] for k in labelled.target.argmax(1))
    assert told == sorted(row["label"] for row in rows)
    with pytest.raises(UsageError, match="neither a synthetic set nor"):
        Labelled.open(tmp_path / "none")


def test_some_classes_of_the_material(judged: Path) -> None:
    from facegen.synthesis.judging import Panel

    material = Material.gather(Labelled.open(judged), Panel.open(["cheerful"]))
    label = int(material.labelled.target.argmax(1)[0])
    some = material.of_classes([label])
    assert (some.labelled.target.argmax(1) == label).all()
    assert len(some.rows) == len(some.features) == len(some.labelled.names)
    assert np.isfinite(some.votes).all()
