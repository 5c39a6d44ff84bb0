"""Plans: what is wrong is named, with what would do."""

from dataclasses import replace
from pathlib import Path

import pytest

from facegen.errors import UsageError
from facegen.synthesis.identities import identities
from facegen.synthesis.plan import Identities, Plan, Portraits

GOOD = """
name: little
size: 96
identities:
  people: [{count: 3, samples: 5}]
  portraits: [{files: "*.jpg", consent: own, samples: 2}]
expressions: {intensity: [0.2, 0.9], actions: [{units: {AU12: 0.8}, label: happy}]}
lens: {codec_quality: [40, 80]}
"""


def read(tmp_path: Path, text: str) -> Plan:
    file = tmp_path / "plan.yaml"
    file.write_text(text)
    return Plan.read(file)


def test_a_plan_is_read_with_its_defaults(tmp_path: Path) -> None:
    plan = read(tmp_path, GOOD)
    assert plan.size == 96
    assert plan.identities.people[0].samples == 5
    assert plan.expressions.intensity == (0.2, 0.9)
    assert plan.expressions.actions[0].units == {"AU12": 0.8}
    assert plan.lens.codec_quality == (40, 80)
    assert plan.split == {"train": 0.8, "val": 0.1, "test": 0.1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("size: 96", "sise: 96"), "no field 'sise'; did you mean size"),
        (("size: 96", "size: 9"), "size: give 32 to 1024"),
        (("size: 96", "size: big"), "size: expected a whole number, got 'big'"),
        (("size: 96", "format: gif"), "format: 'gif' is none of png, jpg"),
        (("count: 3, ", ""), "people.0.: the field 'count' is missing"),
        (("[0.2, 0.9]", "[0.9, 0.2]"), "expressions.intensity"),
        (("[0.2, 0.9]", "[0.9]"), "expected 2 numbers"),
        (("consent: own", "consent: maybe"), "consent: 'maybe' is none of own"),
        (("consent: own", "consent: own, sample: 3"), "did you mean samples"),
        (("name: little", "split: {train: 0.5}"), "the shares sum to 0.5"),
        (("name: little", "scene: {background: 2}"), "scene.background: give 0 to 1"),
        (("name: little", "relabel: agree"), "relabel: agree needs judges"),
        (("name: little", "maps: [heat]"), "maps: 'heat' is none of depth"),
        (("name: little", "scene: 3"), "scene: expected fields, got 3"),
    ],
)
def test_mistakes_name_the_field_and_the_fix(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    text = GOOD.replace(*change)
    assert text != GOOD
    with pytest.raises(UsageError, match=message):
        read(tmp_path, text)


def test_no_yaml_and_no_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not YAML"):
        read(tmp_path, "a: *b")
    with pytest.raises(UsageError, match="cannot read the plan"):
        Plan.read(tmp_path / "none.yaml")


def test_people_who_were_not_asked_are_refused(tmp_path: Path) -> None:
    (tmp_path / "somebody.jpg").write_bytes(b"")
    group = Portraits(files="*.jpg", consent="unknown")
    plan = Plan(identities=Identities(portraits=(group,)))
    with pytest.raises(UsageError, match="consent for .* is unknown"):
        identities(plan, tmp_path)
    allowed = replace(plan, allow_unknown_consent=True)
    assert [one.consent for one in identities(allowed, tmp_path)] == ["unknown"]


def test_a_pattern_without_files_is_told(tmp_path: Path) -> None:
    group = Portraits(files="*.jpg", consent="own")
    with pytest.raises(UsageError, match="no file matches"):
        identities(Plan(identities=Identities(portraits=(group,))), tmp_path)


def test_splits_follow_the_person_not_the_order(tmp_path: Path) -> None:
    for index in range(60):
        (tmp_path / f"p{index:02d}.jpg").write_bytes(b"")
    group = Portraits(files="*.jpg", consent="own")
    plan = Plan(identities=Identities(portraits=(group,)))
    before = {one.name: one.split for one in identities(plan, tmp_path)}
    (tmp_path / "p30.jpg").unlink()
    after = {one.name: one.split for one in identities(plan, tmp_path)}
    assert all(before[name] == split for name, split in after.items())
    assert set(before.values()) == {"train", "val", "test"}
