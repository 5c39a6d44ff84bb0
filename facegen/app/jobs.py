"""Long work behind a page: one job after the other, told step by step, stopped on request."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from threading import Event, Lock, Thread
from typing import Any

from facegen.errors import FacegenError, UsageError
from facegen.progress import heard_by

CONSENT = "The face is mine, or its owner agreed to this."
MAX_SECONDS = 120.0
MAX_UPLOAD = 200  # megabytes
MOST_WAITING = 8
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
    """Given to a job: it says what it does, and hears there that it is to stop.

    Attributes:
        closing: what is said when it ended well.
    """

    def __init__(self, stop: Event, news: Queue[Step]) -> None:
        self.closing = "Done."
        self._stop, self._news = stop, news
        self._begun: tuple[str, int, float] = ("", 0, 0.0)

    def __call__(self, text: str, share: float = -1.0) -> None:
        """Say what is done now; left out while older news still waits.

        Raises:
            Stopped: the reader wants no more of it.
        """
        if self._stop.is_set():
            raise Stopped("Cancelled. Nothing was kept.")
        if self._news.empty():
            self._news.put(Step(text, share))

    def steps(self, what: str, done: int, total: int | None) -> None:
        """The same for work that counts its steps; a listener of :mod:`facegen.progress`."""
        if what != self._begun[0] or done < self._begun[1]:
            self._begun = (what, done, time.monotonic())
        _, first, begun = self._begun
        if not total:
            self(f"{what.capitalize()}: {done}")
            return
        left = (time.monotonic() - begun) / max(done - first, 1) * (total - done)
        soon = f", {left:.0f} s left" if done > first else ""
        self(f"{what.capitalize()}: {done} of {total}{soon}", done / total)


class Jobs:
    """The jobs of all open pages, and the folder they write to.

    One job works at a time, in the order of their coming: two that shared the machine would end
    later than one after the other, and need the memory of both.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="facegen-app-")
        self._stops: dict[str, Event] = {}
        self._line: list[Event] = []
        self._lock = Lock()

    @property
    def root(self) -> Path:
        """Everything the page writes lies below."""
        return Path(self._folder.name).resolve()

    @property
    def waiting(self) -> int:
        """Jobs that have not ended, the working one with them."""
        with self._lock:
            return len(self._line)

    def folder(self) -> Path:
        """A new empty folder."""
        return Path(tempfile.mkdtemp(dir=self.root))

    def close(self) -> None:
        """Stop what runs and delete everything."""
        with self._lock:
            for stop in self._line:
                stop.set()
        self._folder.cleanup()

    def stop(self, name: str) -> None:
        """Ask the job of that name to end."""
        with self._lock:
            if name in self._stops:
                self._stops[name].set()

    def run(self, name: str, work: Callable[[Report, Path], Any]) -> Iterator[Step]:
        """Do ``work`` in a thread and tell of it; expected failures become the last step.

        Args:
            work: is given an empty folder, which is deleted when the iteration ends.
        """
        stop, taken, news = Event(), Event(), Queue[Step]()
        with self._lock:
            full = len(self._line) >= MOST_WAITING
            if not full:
                self._line.append(stop)
                self._stops[name] = stop
        if full:
            yield Step("", error="Many jobs are waiting already; try again in a few minutes.")
            return

        def target() -> None:
            folder = self.folder()
            report = Report(stop, news)
            try:
                with self._turn(stop, report), heard_by(report.steps):
                    result = work(report, folder)
                news.put(Step(report.closing, 1.0, result=result))
                taken.wait()
            except FacegenError as error:
                news.put(Step("", error=self.plain(str(error))))
            except MemoryError:
                news.put(Step("", error="Out of memory: try a smaller photo or a shorter clip."))
            finally:
                shutil.rmtree(folder, ignore_errors=True)

        thread = Thread(target=target, daemon=True)
        thread.start()
        try:
            yield from _until_done(thread, news, stop)
        finally:
            stop.set()
            taken.set()
            with self._lock:
                if self._stops.get(name) is stop:
                    del self._stops[name]

    @contextmanager
    def _turn(self, ticket: Event, report: Report) -> Iterator[None]:
        """Wait until all that came earlier have ended."""
        try:
            while ahead := self._ahead(ticket):
                report("Waiting for an earlier job" if ahead == 1 else f"Waiting for {ahead} jobs")
                time.sleep(_POLL_SECONDS)
            yield
        finally:
            with self._lock:
                self._line.remove(ticket)

    def _ahead(self, ticket: Event) -> int:
        with self._lock:
            return self._line.index(ticket)

    def plain(self, text: str) -> str:
        """A message without the folders of uploads, which mean nothing to the reader."""
        return re.sub(re.escape(str(self.root)) + r"(/[\w-]+)*/", "", text)


def _until_done(thread: Thread, news: Queue[Step], stop: Event) -> Iterator[Step]:
    stopping = False
    while True:
        try:
            step = news.get(timeout=_POLL_SECONDS)
        except Empty:
            if thread.is_alive() or not news.empty():
                if stop.is_set() and not stopping:  # the job hears of it at its next step
                    stopping = True
                    yield Step("Stopping")
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
