"""Synthetic expression sets: from a plan file to a folder that trainers read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from facegen.media.lock import TargetLock
from facegen.synthesis.build import Job, build
from facegen.synthesis.dataset import ABOUT
from facegen.synthesis.export import assemble
from facegen.synthesis.plan import Plan


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
    job = Job(plan, data, out)
    if not build(job, workers=workers, report=report):
        return False
    lock = TargetLock(out / ABOUT)
    lock.acquire()
    try:
        if not (out / ABOUT).is_file():
            assemble(job)
    finally:
        lock.release()
    return True
