"""Synthetic expression sets: from a plan file to a folder that trainers read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from facegen.compose import Reference
from facegen.errors import MediaError
from facegen.flame.camera import Camera
from facegen.media import file_sha256, write_image
from facegen.media.lock import TargetLock
from facegen.pipelines.config import ReenactConfig
from facegen.pipelines.generators import DEFAULT, Generator, load_generator
from facegen.synthesis.build import Job, build, rank_and_world
from facegen.synthesis.dataset import ABOUT
from facegen.synthesis.export import assemble
from facegen.synthesis.marks import NoMark, ProvenanceMark
from facegen.synthesis.plan import Plan
from facegen.synthesis.portraits import Frames, Heads, Move
from facegen.synthesis.preview import preview

PREVIEW = "preview.png"


@dataclass(frozen=True)
class GeneratorMove:
    """A generator of reenactment as a plan uses it; loaded where it works.

    Attributes:
        name: ``open`` or a folder with weights. size: side of the set's pictures, pixels.
    """

    name: str
    size: int

    @cached_property
    def _generator(self) -> Generator:
        return load_generator(self.name)

    @cached_property
    def _config(self) -> ReenactConfig:
        return ReenactConfig(quality="fast" if self.size <= 256 else "best")

    @cached_property
    def geometry(self) -> int | None:
        """See :class:`facegen.synthesis.portraits.Move`."""
        return self._generator.geometry_size(self._config)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """See :class:`facegen.synthesis.portraits.Move`."""
        folder = Path(self.name)
        weights = sorted(folder.rglob("*.safetensors")) if folder.is_dir() else []
        hashes = [file_sha256(file) for file in weights]
        return {"generator": self._generator.name, "weights_sha256": "+".join(hashes)}

    def __call__(self, reference: Reference, camera: Camera, posed: Heads) -> Frames:
        return self._generator.paint(reference, camera, posed, self._config, workers=0)


def job_of(plan: Plan, out: Path, data: Path) -> Job:
    """A plan with its folders and the generators it names.

    Raises:
        UsageError, ModelFileError: no such generator, or its weights are absent.
    """
    names = {group.generator for group in plan.identities.portraits} - {DEFAULT}
    moves: dict[str, Move] = {name: GeneratorMove(name, plan.size) for name in sorted(names)}
    for move in moves.values():
        _ = move.geometry  # a wrong name is told now, not after the first hour
    mark = ProvenanceMark(plan.fingerprint) if plan.watermark else NoMark()
    return Job(plan, data, out, moves, mark)


def show(plan: Plan, out: Path, count: int, *, data: Path = Path()) -> Path:
    """Write ``preview.png`` with ``count`` labelled samples into the folder of a set.

    Raises:
        UsageError: a plan that does not fit.
    """
    job = job_of(plan, out, data)
    out.mkdir(parents=True, exist_ok=True)
    write_image(out / PREVIEW, preview(job, count))
    return out / PREVIEW


def synthesise(
    plan: Plan,
    out: Path,
    *,
    data: Path = Path(),
    workers: int = 1,
    report: Callable[[str], None] = lambda line: None,
) -> bool:
    """Make a set, or what is missing of it.

    Under ``accelerate launch`` every process makes its share; the last one to finish puts the set
    together.

    Args:
        out: folder of the set. data: folder that the plan's files are below.
        workers: processes. report: called with a line for what could not be made.

    Returns:
        whether the set is complete.

    Raises:
        UsageError: a plan that does not fit, or a folder that holds another one's samples.
    """
    job = job_of(plan, out, data)
    if not build(job, workers=workers, report=report):
        return False
    lock = TargetLock(out / ABOUT)
    try:
        lock.acquire()
    except MediaError:
        if rank_and_world()[1] > 1:
            return False  # another rank finished in the same moment and is at it
        raise
    try:
        if not (out / ABOUT).is_file():
            assemble(job)
    finally:
        lock.release()
    return True
