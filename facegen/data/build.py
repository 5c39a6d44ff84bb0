"""Builds a cache of training windows from a plan: shard by shard, resumable, in processes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from facegen import __version__
from facegen.assets import load_head
from facegen.data.pairs import Origin
from facegen.data.plan import Job, Plan, Source, jobs
from facegen.data.windows import MANIFEST, Window, read_manifest, write_manifest, write_shard
from facegen.errors import FacegenError, UsageError
from facegen.flame.model import HeadModel
from facegen.media import atomic_path, file_sha256
from facegen.motion import Motion
from facegen.progress import progress_bar
from facegen.reading import read_json

# Build notes of a finished shard stand beside it, so that a killed run loses no work.
_NOTE = ".json"


@dataclass(frozen=True)
class Built:
    """What became of a job: its manifest entry, and sources that gave nothing and why."""

    entry: dict[str, Any]
    problems: tuple[str, ...]


def build_windows(
    plan: Plan,
    data: Path,
    out: Path,
    *,
    motions: Path | None = None,
    workers: int = 1,
    report: Callable[[Built], None] = lambda built: None,
) -> dict[str, Any]:
    """Make every shard of the plan that is not there yet; the manifest follows after each one.

    Args:
        data: folder the plan's files are below. out: the cache.
        motions: folder with ``FOLDER__STEM.motion.npz`` of clips that were tracked before.
        workers: processes.
        report: called with every finished shard.

    Returns:
        the manifest.

    Raises:
        UsageError: the plan names files that are not there.
    """
    out.mkdir(parents=True, exist_ok=True)
    wanted = list(jobs(plan, data))
    done = [(job, note) for job in wanted if (note := _finished(job, out)) is not None]
    entries = [note.entry for _, note in done if note.entry["count"]]
    ready = {job.file for job, _ in done}
    about = {"facegen": __version__, "size": plan.size}
    with progress_bar(len(wanted), "windows", done=len(done)) as advance:
        rest = [job for job in wanted if job.file not in ready]
        for built in _run(rest, Places(data, out, motions), workers):
            if built.entry["count"]:
                entries.append(built.entry)
                write_manifest(out, entries, about)
            report(built)
            advance()
    if entries and not (out / MANIFEST).is_file():
        write_manifest(out, entries, about)
    return read_manifest(out)


@dataclass(frozen=True)
class Places:
    """Folders of a build; see :func:`build_windows`."""

    data: Path
    out: Path
    motions: Path | None


def make_shard(job: Job, places: Places) -> Built:
    """Make one shard and its note."""
    head = load_head("open")
    problems: list[str] = []
    out = places.out
    count = write_shard(out / job.file, _windows(job, head, places, problems))
    entry = {
        "file": job.file,
        "split": job.split,
        "kind": job.kind,
        "count": count,
        "licences": sorted({source.group.licence for source in job.sources}),
        "fingerprint": job.fingerprint,
    }
    note = {"entry": entry, "problems": problems}
    with atomic_path(out / (job.file + _NOTE)) as part:
        part.write_text(json.dumps(note), encoding="utf-8")
    return Built(entry, tuple(problems))


def _finished(job: Job, out: Path) -> Built | None:
    """The note of a shard made before from the same sources, if its file is there."""
    try:
        note = read_json(out / (job.file + _NOTE))
    except (OSError, ValueError):
        return None
    entry = note["entry"]
    there = not entry["count"] or (out / job.file).is_file()
    if not there or entry["fingerprint"] != job.fingerprint:
        return None
    return Built(entry, tuple(note["problems"]))


def _run(rest: list[Job], places: Places, workers: int) -> Iterator[Built]:
    if workers <= 1:
        yield from (make_shard(job, places) for job in rest)
        return
    # MediaPipe's threads do not survive a fork.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(make_shard, job, places) for job in rest]
        try:
            yield from (future.result() for future in as_completed(futures))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _windows(job: Job, head: HeadModel, places: Places, problems: list[str]) -> Iterator[Window]:
    for source in job.sources:
        try:
            yield from _source_windows(source, head, places, job.size)
        except FacegenError as error:
            problems.append(f"{source.name}: {error}")


def _source_windows(source: Source, head: HeadModel, places: Places, size: int) -> Iterator[Window]:
    group = source.group
    origin = Origin(
        kind=group.kind,
        split=source.split,
        source=source.name,
        licence=group.licence,
        identity=source.identity,
    )
    wanted = {"pairs": group.pairs, "size": size, "seed": source.seed}
    if group.kind == "render":
        from facegen.data.renders import render_windows

        return render_windows(head, origin, **wanted)
    path = places.data / source.name
    if group.kind == "photo":
        from facegen.data.photos import photo_windows

        return photo_windows(path, head, origin, **wanted)
    from facegen.data.clips import clip_windows

    return clip_windows(path, head, origin, **wanted, motion=_tracked(path, places.motions))


def _tracked(path: Path, motions: Path | None) -> Motion | None:
    """The motion of a clip that was tracked before.

    Raises:
        UsageError: it was tracked from another file.
    """
    if motions is None:
        return None
    file = motions / f"{path.parent.name}__{path.stem}.motion.npz"
    if not file.is_file():
        return None
    motion = Motion.load(file)
    if motion.source_sha256 and motion.source_sha256 != file_sha256(path):
        raise UsageError(f"{file} was tracked from another clip than {path}; delete it")
    return motion
