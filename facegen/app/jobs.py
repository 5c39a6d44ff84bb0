"""Long work behind a page: told step by step, stopped on request, one folder for each job."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, Queue
from threading import Event, Lock, Thread
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from facegen.errors import FacegenError, UsageError
from facegen.flame.maps import ConditionMaps
from facegen.motion import Motion
from facegen.pipelines.reenact import Reenactment
from facegen.provenance.statement import Statement

T = TypeVar("T")
CONSENT = "The face is mine, or its owner agreed to this."
MAX_SECONDS = 120.0
_POLL_SECONDS = 0.25


class Stopped(FacegenError):
    """The reader pressed Cancel."""


@dataclass(frozen=True)
class Step:
    """News of a job.

    Attributes:
        text: what it does. share: 0..1 of it done, -1 where unknown.
        result: set by the last step of a job that ended well. error: set by that of another.
    """

    text: str
    share: float = -1.0
    result: Any = None
    error: str = ""


class Report:
    """Given to a job: it says what it does, and hears there that it is to stop."""

    def __init__(self, stop: Event, news: Queue[Step]) -> None:
        self._stop, self._news = stop, news

    def __call__(self, text: str, share: float = -1.0) -> None:
        """Say what is done now; left out while older news still waits.

        Raises:
            Stopped: the reader wants no more of it.
        """
        if self._stop.is_set():
            raise Stopped("Cancelled. Nothing was kept.")
        if self._news.empty():
            self._news.put(Step(text, share))


class Jobs:
    """The jobs of all open pages, at most one a page, and the folder they write to."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="facegen-app-")
        self._stops: dict[str, Event] = {}
        self._lock = Lock()

    @property
    def root(self) -> Path:
        """Everything the page writes lies below."""
        return Path(self._folder.name).resolve()

    def folder(self) -> Path:
        """A new empty folder for one job."""
        return Path(tempfile.mkdtemp(dir=self.root))

    def stop(self, page: str) -> None:
        """Ask the page's job to end."""
        with self._lock:
            if page in self._stops:
                self._stops[page].set()

    def run(self, page: str, work: Callable[[Report], Any]) -> Iterator[Step]:
        """Do ``work`` in a thread and tell of it; expected failures become the last step."""
        stop, news = Event(), Queue[Step]()
        with self._lock:
            self._stops[page] = stop

        def target() -> None:
            try:
                news.put(Step("Done", 1.0, result=work(Report(stop, news))))
            except FacegenError as error:
                news.put(Step("", error=str(error)))
            except MemoryError:
                news.put(Step("", error="Out of memory: try a smaller photo or a shorter clip."))

        thread = Thread(target=target, daemon=True)
        thread.start()
        try:
            yield from _until_done(thread, news)
        finally:
            stop.set()


def _until_done(thread: Thread, news: Queue[Step]) -> Iterator[Step]:
    while True:
        try:
            step = news.get(timeout=_POLL_SECONDS)
        except Empty:
            if thread.is_alive() or not news.empty():
                continue
            yield Step("", error="This failed in a way nobody expected; see the terminal.")
            return
        yield step
        if step.error or step.result is not None:
            return


def check_consent(given: bool) -> None:
    """Refuse to go on without the tick.

    Raises:
        UsageError: it is not there.
    """
    if not given:
        raise UsageError("Please tick the box: only faces whose owners agree are moved here.")


@dataclass(frozen=True, eq=False)
class Watched:
    """A reenactment that tells how far it is painted."""

    inner: Reenactment
    report: Report

    @property
    def motion(self) -> Motion:
        return self.inner.motion

    @property
    def sound(self) -> Path | None:
        return self.inner.sound

    @property
    def size(self) -> tuple[int, int]:
        return self.inner.size

    @property
    def statement(self) -> Statement:
        return replace(self.inner.statement, consent="declared")

    def maps(self, start: int = 0) -> Iterator[ConditionMaps]:
        return self.inner.maps(start)

    def frames(self, start: int = 0, *, workers: int = 2) -> Iterator[NDArray[np.uint8]]:
        """The frames, each reported."""
        total, begun = len(self.motion), time.monotonic()
        for index, frame in enumerate(self.inner.frames(start, workers=workers), start):
            yield frame
            done = index + 1
            left = (time.monotonic() - begun) / (done - start) * (total - done)
            self.report(f"Painting: frame {done} of {total}, {left:.0f} s left", done / total)
