"""How far a job is: a bar with an estimate on a terminal, a listener's words, or silence."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Optional, Protocol, TextIO, TypeVar

T = TypeVar("T")


class Advance(Protocol):
    """Call it as work gets done."""

    def __call__(self, steps: int = 1) -> None: ...


# Called with what is done, the steps done so far, and their number where it is known.
Listener = Callable[[str, int, Optional[int]], None]
_listener: ContextVar[Optional[Listener]] = ContextVar("listener", default=None)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """While the block runs, every step counted in this thread is told to ``listener``, not shown.

    What the listener raises ends the work: that is how a job is stopped from outside.
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@contextmanager
def progress_bar(
    total: int | None, what: str, *, done: int = 0, stream: TextIO | None = None
) -> Iterator[Advance]:
    """Show a bar while the block runs.

    Args:
        total: number of steps; None where unknown (then it counts).
        what: a word or two, e.g. ``"rendering"``.
        done: steps an earlier run has done; they do not count for the estimate.
        stream: where to show it, standard error if None; nothing is shown unless it is a terminal.
    """
    listener = _listener.get()
    if listener is not None:
        yield _Told(listener, what, done, total)
        return
    stream = sys.stderr if stream is None else stream
    if stream is None or not stream.isatty():  # programs without a console have no stderr
        yield _silent
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=stream), transient=True) as bar:
        task = bar.add_task(what, total=total, completed=done, rate="")

        def advance(steps: int = 1) -> None:
            bar.advance(task, steps)
            speed = bar.tasks[0].speed
            if speed:
                bar.update(task, rate=f"{speed:.1f}/s")

        yield advance


def progress(
    items: Iterable[T],
    total: int | None = None,
    what: str = "working",
    *,
    done: int = 0,
    stream: TextIO | None = None,
) -> Iterator[T]:
    """Pass items on and show how many went by (see :func:`progress_bar`)."""
    with progress_bar(total, what, done=done, stream=stream) as advance:
        for item in items:
            yield item
            advance()


class _Told:
    """Counts steps aloud."""

    def __init__(self, listener: Listener, what: str, done: int, total: int | None) -> None:
        self._listener, self._what, self._done, self._total = listener, what, done, total
        listener(what, done, total)

    def __call__(self, steps: int = 1) -> None:
        self._done += steps
        self._listener(self._what, self._done, self._total)


def _silent(steps: int = 1) -> None:
    """Nobody looks."""
