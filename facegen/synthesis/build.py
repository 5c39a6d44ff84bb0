"""Makes every sample of a plan: unit by unit, resumable, in processes and on many machines.

A unit is a run of samples of one person. Its pictures are written first and its rows last, so a
unit with rows is whole; one without is made again, byte for byte the same. Ranks take units in
turn and meet only in the file system: who finishes last puts the set together.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen.assets import load_head
from facegen.errors import FacegenError, UsageError
from facegen.flame.model import HeadModel
from facegen.motion import Motion
from facegen.progress import progress_bar
from facegen.synthesis.gates import FaceFinder, check
from facegen.synthesis.identities import Identity, identities
from facegen.synthesis.lens import seen_through
from facegen.synthesis.people import PersonPainter
from facegen.synthesis.plan import Plan
from facegen.synthesis.portraits import PortraitPainter, fitted_picture
from facegen.synthesis.record import Row, bytes_hash, head_arrays, picture_hash, sample_row
from facegen.synthesis.rows import WORK, unit_folder
from facegen.synthesis.samples import Sample, identity_samples
from facegen.synthesis.shot import Painter

UNIT = 50
"""Samples made between two records."""


@dataclass(frozen=True)
class Unit:
    """Samples ``start`` to ``stop`` of one person."""

    identity: Identity
    start: int
    stop: int

    @property
    def name(self) -> str:
        return f"{self.identity.name}-{self.start:05d}"


@dataclass(frozen=True)
class Job:
    """A plan and its folders."""

    plan: Plan
    data: Path
    out: Path


def units(plan: Plan, people: list[Identity]) -> list[Unit]:
    """All units: first every person's first, so that an unfinished set is a mixed one."""
    found = [
        Unit(one, start, min(start + UNIT, one.group.samples))
        for one in people
        for start in range(0, one.group.samples, UNIT)
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
    wanted = units(job.plan, identities(job.plan, job.data))
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
    work = job.out / WORK
    unit_folder(job.out).mkdir(parents=True, exist_ok=True)
    note = work / "plan.sha256"
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
        yield from ((unit, make_unit(job, unit)) for unit in rest)
        return
    # MediaPipe's threads do not survive a fork.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(make_unit, job, unit): unit for unit in rest}
        try:
            yield from ((futures[done], done.result()) for done in as_completed(futures))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def make_unit(job: Job, unit: Unit) -> list[str]:
    """Make one unit's files and its rows; what could not be made is told and left out."""
    rows: list[Row] = []
    problems: list[str] = []
    head = load_head("open")
    try:
        painter = _painter(job, unit.identity)
        samples = identity_samples(job.plan, unit.identity, painter.suits)
        for sample in filter(None, samples[unit.start : unit.stop]):
            try:
                rows.append(make_sample(job, head, painter, sample))
            except FacegenError as error:
                problems.append(f"{sample.name}: {error}")
    except FacegenError as error:
        problems.append(f"{unit.identity.name}: {error}")
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    write_bytes(record_path(job.out, unit), lines.encode())
    return problems


def _painter(job: Job, identity: Identity) -> Painter:
    head = load_head("open")
    if identity.path is None:
        return PersonPainter(job.plan, identity, head)
    return PortraitPainter(job.plan, identity, head, fit=_fit(job, identity, head))


@lru_cache(maxsize=1)
def _finder() -> FaceFinder:
    return FaceFinder()


def _fit(job: Job, identity: Identity, head: HeadModel) -> Motion:
    """The head of a photo, fitted once for all units."""
    assert identity.path is not None
    file = job.out / WORK / "fits" / f"{identity.name}.motion.npz"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        fitted_picture(identity.path, head).fit.save(file)
    return Motion.load(file)


def make_sample(job: Job, head: HeadModel, painter: Painter, sample: Sample) -> Row:
    """Paint one still, write its files and return its row."""
    shot = painter.paint(sample)
    row = sample_row(job.plan, sample, shot, head)
    mesh = shot.landmarks(head, "mediapipe478")[:468]
    row |= check(job.plan.gates, shot.rgb, mesh, row, _finder())
    rng = np.random.default_rng((sample.seed, 1))
    rgb = seen_through(shot.rgb, job.plan.lens, job.plan.scene, rng)
    data = encoded(rgb, job.plan)
    file = Path(row["split"]) / row["label"] / f"{sample.name}.{job.plan.format}"
    write_bytes(job.out / file, data)
    write_bytes(job.out / "params" / f"{sample.name}.npz", packed(head_arrays(shot, head)))
    return row | {"file": file.as_posix(), "sha256": bytes_hash(data), "phash": picture_hash(rgb)}


def encoded(rgb: NDArray[np.uint8], plan: Plan) -> bytes:
    """The picture as a file of the plan's format: one policy for all sources."""
    from PIL import Image

    stream = io.BytesIO()
    if plan.format == "png":
        Image.fromarray(rgb).save(stream, "PNG", compress_level=6)
    else:
        Image.fromarray(rgb).save(stream, "JPEG", quality=plan.quality, subsampling=0)
    return stream.getvalue()


def packed(arrays: dict[str, NDArray[Any]]) -> bytes:
    """Bytes of an ``.npz``; the same arrays give the same bytes."""
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all, folders too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
