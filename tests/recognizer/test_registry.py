"""Roles: who may judge what."""

import pytest

from facegen.errors import UsageError
from facegen.recognizer.registry import Use, check_judges, origin_of
from facegen.recognizer.spec import RecognizerSpec, Role
from tests.recognizer.nets import CROP


def card(name: str, sha: str, *sets: str, **more: object) -> RecognizerSpec:
    return RecognizerSpec(name, CROP, weights_sha256=sha, trained_on=sets, **more)  # type: ignore[arg-type]


GUIDE = card("guide", "a" * 64, "AffectNet")
JUDGE = card("judge", "b" * 64, "FER2013")


@pytest.mark.parametrize("role", [Role.GUIDE, Role.TEACHER, Role.FILTER])
@pytest.mark.parametrize(
    ("judge", "why"),
    [
        (GUIDE, "also made or taught"),
        (card("copy", "a" * 64, "Other"), "also made or taught"),
        (card("cousin", "c" * 64, "AffectNet", "RAF-DB"), "both learned from AffectNet"),
        (card("pupil", "d" * 64, "X", teachers=("a" * 64,)), "share a teacher"),
        (card("reader", "e" * 64, "samples"), "learned from samples itself"),
        (card("stranger", "f" * 64, "unknown"), "unknown"),
    ],
)
def test_circular_judges_are_refused_or_named(role: Role, judge: RecognizerSpec, why: str) -> None:
    origin = origin_of("samples", [Use.of(GUIDE, role)])
    with pytest.raises(UsageError, match=f"circular evaluation: .*{why}.*--allow-circular"):
        check_judges([JUDGE, judge], origin)
    lines = check_judges([JUDGE, judge], origin, allow_circular=True)
    assert any(why in line and line.startswith("circular: ") for line in lines)


def test_independent_judges_pass_and_judging_marks_nothing() -> None:
    origin = origin_of("samples", [Use.of(GUIDE, Role.GUIDE), Use.of(JUDGE, Role.JUDGE)])
    assert check_judges([JUDGE], origin) == []


def test_what_the_generator_learned_from_counts_too() -> None:
    origin = origin_of("samples", [], ["FER2013"])
    with pytest.raises(UsageError, match="both learned from FER2013"):
        check_judges([JUDGE], origin)


def test_a_guide_of_unknown_data_spoils_every_judge() -> None:
    origin = origin_of("samples", [Use.of(card("g", "9" * 64, "unknown"), Role.GUIDE)])
    with pytest.raises(UsageError, match="unknown"):
        check_judges([JUDGE], origin)


def test_records_survive_json_and_roles_are_kept() -> None:
    use = Use.of(card("n", "1" * 64, "A", teachers=("2" * 64,)), Role.FILTER)
    assert Use.from_dict(use.to_dict()) == use
    with pytest.raises(UsageError, match="not a record"):
        Use.from_dict({"role": "guide"})
    fixed = card("task", "3" * 64, "A", roles=frozenset({Role.JUDGE}))
    with pytest.raises(UsageError, match="cannot be a guide"):
        Use.of(fixed, Role.GUIDE)


def test_cards_survive_json() -> None:
    full = card("n", "1" * 64, "A", teachers=("2" * 64,), labels="rafdb7", aus="bp4d12")
    assert RecognizerSpec.from_dict(full.to_dict()) == full
    with pytest.raises(UsageError, match="card"):
        RecognizerSpec.from_dict({"name": "x"})
    assert "A" in full.licence_line()
