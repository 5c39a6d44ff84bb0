"""Makes every sample of a plan: unit by unit, resumable, in processes and on many machines.

A unit is a run of samples of one person. Its pictures are written first and its rows last, so a
unit with rows is whole; one without is made again, byte for byte the same. Ranks take units in
turn and meet only in the file system: who finishes last puts the set together.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

from facegen.assets import load_head
from facegen.errors import FacegenError, UsageError
from facegen.motion import Motion
from facegen.progress import progress_bar
from facegen.synthesis.clips import identity_clips, make_clip
from facegen.synthesis.identities import Identity, identities
from facegen.synthesis.making import Bench, make_still, write_bytes
from facegen.synthesis.marks import Mark, NoMark
from facegen.synthesis.people import PersonPainter
from facegen.synthesis.plan import Plan
from facegen.synthesis.portraits import Move, PortraitPainter, fitted_picture
from facegen.synthesis.record import Row
from facegen.synthesis.rows import WORK, unit_folder
from facegen.synthesis.samples import identity_samples
from facegen.synthesis.shot import Painter

UNIT = {"still": 50, "clip": 4}
"""Samples made between two records."""


@dataclass(frozen=True)
class Unit:
    """Samples ``start`` to ``stop`` of one person, stills or clips."""

    identity: Identity
    kind: str
    start: int
    stop: int

    @property
    def name(self) -> str:
        letter = "c" if self.kind == "clip" else ""
        return f"{self.identity.name}-{letter}{self.start:05d}"


@dataclass(frozen=True, eq=False)
class Job:
    """A plan and its folders.

    Attributes:
        data: folder that the plan's files are below. out: of the set.
        moves: what moves photos, by the plan's ``generator``; the warp needs no entry.
        mark: the invisible mark.
    """

    plan: Plan
    data: Path
    out: Path
    moves: dict[str, Move] = field(default_factory=dict)
    mark: Mark = field(default_factory=NoMark)

    def bench(self) -> Bench:
        """Tools of a process."""
        return Bench(self.plan, load_head("open"), self.data, self.mark)


def units(people: list[Identity]) -> list[Unit]:
    """All units: first every person's first, so that an unfinished set is a mixed one."""
    found = [
        Unit(one, kind, start, min(start + UNIT[kind], count))
        for one in people
        for kind, count in (("still", one.group.samples), ("clip", one.group.clips))
        for start in range(0, count, UNIT[kind])
    ]
    return sorted(found, key=lambda unit: unit.start)


def rank_and_world() -> tuple[int, int]:
    """This process's number and the number of processes, as ``accelerate launch`` tells them."""
    return int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))


def build(job: Job, *, workers: int = 1, report: Callable[[str], None] = lambda line: None) -> bool:
    """Make this rank's units that are not there yet.

    Args:
        workers: processes. report: called with a line for what could not be made.

    Returns:
        whether every unit of all ranks is now there.

    Raises:
        UsageError: the folder holds another plan's samples.
    """
    claim(job)
    wanted = units(identities(job.plan, job.data))
    rank, world = rank_and_world()
    own = wanted[rank::world]
    rest = [unit for unit in own if not record_path(job.out, unit).is_file()]
    total = sum(unit.stop - unit.start for unit in own)
    done = total - sum(unit.stop - unit.start for unit in rest)
    with progress_bar(total, "samples", done=done) as advance:
        for unit, problems in _run(job, rest, workers):
            for problem in problems:
                report(problem)
            advance(unit.stop - unit.start)
    return all(record_path(job.out, unit).is_file() for unit in wanted)


def claim(job: Job) -> None:
    """Make the folder this plan's.

    Raises:
        UsageError: it is another plan's.
    """
    unit_folder(job.out).mkdir(parents=True, exist_ok=True)
    note = job.out / WORK / "plan.sha256"
    if note.is_file() and note.read_text().strip() != job.plan.fingerprint:
        raise UsageError(
            f"{job.out} holds samples of another plan; name a new folder, or the old plan"
        )
    write_bytes(note, job.plan.fingerprint.encode())


def record_path(out: Path, unit: Unit) -> Path:
    """Rows of a finished unit."""
    return unit_folder(out) / f"{unit.name}.jsonl"


def _run(job: Job, rest: list[Unit], workers: int) -> Iterator[tuple[Unit, list[str]]]:
    if workers <= 1:
        bench = job.bench()
        yield from ((unit, make_unit(job, bench, unit)) for unit in rest)
        return
    # MediaPipe's threads do not survive a fork.
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(job,)) as p:
        futures = {p.submit(_work, unit): unit for unit in rest}
        try:
            yield from ((futures[done], done.result()) for done in as_completed(futures))
        finally:
            p.shutdown(wait=True, cancel_futures=True)


_JOBS: list[Job] = []


def _begin(job: Job) -> None:
    """A worker process keeps its job: tasks carry only their unit."""
    _JOBS.append(job)


@lru_cache(maxsize=1)
def _bench() -> Bench:
    return _JOBS[0].bench()


def _work(unit: Unit) -> list[str]:
    return make_unit(_JOBS[0], _bench(), unit)


def make_unit(job: Job, bench: Bench, unit: Unit) -> list[str]:
    """Make one unit's files and its rows; what could not be made is told and left out."""
    rows: list[Row] = []
    problems: list[str] = []
    try:
        painter = painter_of(job, bench, unit.identity)
        rows, problems = _samples(job, bench, painter, unit)
    except FacegenError as error:
        problems.append(f"{unit.identity.name}: {error}")
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    write_bytes(record_path(job.out, unit), lines.encode())
    return problems


def _samples(job: Job, bench: Bench, painter: Painter, unit: Unit) -> tuple[list[Row], list[str]]:
    rows: list[Row] = []
    problems: list[str] = []
    own = bench.own_vector(painter)
    still = unit.kind == "still"
    draw, make = (identity_samples, make_still) if still else (identity_clips, make_clip)
    for sample in draw(job.plan, unit.identity, painter.suits)[unit.start : unit.stop]:
        if sample is None:
            continue
        try:
            rows.append(make(bench, painter, sample, job.out, own))
        except FacegenError as error:
            problems.append(f"{sample.name}: {error}")
    return rows, problems


def painter_of(job: Job, bench: Bench, identity: Identity) -> Painter:
    """What paints a person; a photo's head is fitted once for all units.

    Raises:
        FacegenError: the photo cannot be used.
    """
    if identity.path is None:
        return PersonPainter(job.plan, identity, bench.head)
    file = job.out / WORK / "fits" / f"{identity.name}.motion.npz"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        fitted_picture(identity.path, bench.head).fit.save(file)
    move = job.moves.get(identity.generator)
    return PortraitPainter(job.plan, identity, bench.head, fit=Motion.load(file), move=move)
