"""What a cache of training windows is made of: a plan file, cut into resumable jobs.

A plan is YAML, its files relative to a data folder that is named apart from it::

    size: 256
    seed: 0
    rounds: 2
    photos:
      - {files: portraits/cc0_*.jpg, licence: CC0-1.0, pairs: 8, held: [cc0_008, cc0_061]}
    clips:
      - {files: driving/grid_*.mpg, licence: CC-BY-4.0, pairs: 12, person: "grid_([a-z0-9]+)_"}
    renders:
      - {people: 100, licence: CC0-1.0, pairs: 4}
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from facegen.data.windows import FORMAT
from facegen.errors import UsageError
from facegen.reading import read_yaml

A = TypeVar("A")

# Sources put into one shard: small enough to lose little when interrupted.
SOURCES_PER_SHARD = 8
_KINDS = {"photos": "photo", "clips": "clip", "renders": "render"}


@dataclass(frozen=True, kw_only=True)
class Group:
    """One entry of a plan.

    Attributes:
        kind: ``photo``, ``clip`` or ``render``. files: pattern below the data folder.
        licence: tag. pairs: of each source in each round.
        held: stems of files that only measure; ``["*"]`` holds all of them back.
        skip: stems of files that are not used.
        person: who is seen in all files, or a regular expression whose group names the person in
            a file's stem; by default every file shows somebody else.
        people: number of persons, renders only. rounds: instead of the plan's.
    """

    kind: str
    licence: str
    pairs: int
    files: str = ""
    held: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    person: str = ""
    people: int = 0
    rounds: int | None = None

    def is_held(self, stem: str) -> bool:
        return stem in self.held or "*" in self.held

    def identity(self, stem: str) -> str:
        """Who is seen in a file."""
        if "(" not in self.person:
            return self.person or stem
        found = re.search(self.person, stem)
        return found.group(1) if found else stem


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A parsed plan."""

    size: int = 256
    seed: int = 0
    rounds: int = 1
    groups: tuple[Group, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Plan:
        """Parse a plan file.

        Raises:
            UsageError: unreadable, or with names that mean nothing.
        """
        try:
            data = read_yaml(path)
            groups = [
                Group(kind=kind, **{k: _frozen(v) for k, v in entry.items()})
                for key, kind in _KINDS.items()
                for entry in data.pop(key, ())
            ]
            return cls(**data, groups=tuple(groups))
        except (OSError, TypeError, AttributeError, ValueError) as error:
            raise UsageError(f"{path} is not a plan of training windows ({error})") from error


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True, kw_only=True)
class Source:
    """One photo, clip or rendered person of a plan.

    Attributes:
        name: relative file, or the person's number. seed: of its pairs.
    """

    group: Group
    name: str
    split: str
    identity: str
    seed: int


@dataclass(frozen=True, kw_only=True)
class Job:
    """One shard: sources of one kind and split in one round."""

    file: str
    size: int
    split: str
    kind: str
    sources: tuple[Source, ...] = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Changes with everything that changes the shard, short of the code."""
        facts = {"format": FORMAT, **asdict(self)}
        for source in facts["sources"]:
            del source["group"]["rounds"]  # how many shards there are says nothing about this one
        text = json.dumps(facts, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def jobs(plan: Plan, data: Path) -> Iterator[Job]:
    """Shards of a plan, round by round, kinds in turn: an unfinished cache is a mixed one.

    Raises:
        UsageError: a pattern matches no file.
    """
    rounds = [plan.rounds if group.rounds is None else group.rounds for group in plan.groups]
    # Numbered within their kind: a group added at the end of one renames no shard of another.
    kinds = [group.kind for group in plan.groups]
    places = [kinds[:index].count(kind) for index, kind in enumerate(kinds)]
    for number in range(max(rounds, default=0)):
        lists = [
            [
                _job(plan, number, places[index], group, split, part, i)
                for split in ("held", "train")
                for i, part in enumerate(_parts(_sources(plan, group, data, number, split)))
            ]
            for index, group in enumerate(plan.groups)
            if number < rounds[index]
        ]
        yield from _in_turn(lists)


def _job(
    plan: Plan, number: int, index: int, group: Group, split: str, part: list[Source], i: int
) -> Job:
    name = f"{split}-r{number}-{group.kind}-{index:02d}-{i:03d}.safetensors"
    return Job(file=name, size=plan.size, split=split, kind=group.kind, sources=tuple(part))


def _in_turn(lists: list[list[A]]) -> Iterator[A]:
    """Elements of the lists by turns, in proportion to their lengths."""
    places = [((i + 0.5) / len(items), item) for items in lists for i, item in enumerate(items)]
    yield from (item for _, item in sorted(places, key=lambda place: place[0]))


def _parts(sources: list[Source]) -> list[list[Source]]:
    return [sources[i : i + SOURCES_PER_SHARD] for i in range(0, len(sources), SOURCES_PER_SHARD)]


def _sources(plan: Plan, group: Group, data: Path, number: int, split: str) -> list[Source]:
    if group.kind == "render":
        names = [f"person-{number}-{i:04d}" for i in range(group.people)]
    else:
        names = sorted(p.relative_to(data).as_posix() for p in data.glob(group.files))
        if not names:
            raise UsageError(f"no file matches {data / group.files}")
    chosen = []
    for name in names:
        stem = Path(name).stem
        if stem in group.skip or group.is_held(stem) != (split == "held"):
            continue
        seed = hashlib.sha256(f"{plan.seed}/{number}/{group.kind}/{name}".encode()).digest()
        chosen.append(
            Source(
                group=group,
                name=name,
                split=split,
                identity=group.identity(stem),
                seed=int.from_bytes(seed[:4], "big"),
            )
        )
    return chosen


def plan_summary(plan: Plan, data: Path) -> dict[str, Any]:
    """Sources and pairs per split and kind, before anything is made."""
    counts: dict[str, Any] = {}
    for job in jobs(plan, data):
        entry = counts.setdefault(f"{job.split} {job.kind}", {"sources": 0, "pairs": 0})
        entry["sources"] += len(job.sources)
        entry["pairs"] += sum(source.group.pairs for source in job.sources)
    return counts
