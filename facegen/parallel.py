"""Bounded pipelines of threads: the heavy stages release the GIL, order and memory are kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

_POLL_SECONDS = 0.1


def ordered_map(
    function: Callable[[A], B], items: Iterable[A], *, workers: int, ahead: int = 2
) -> Iterator[B]:
    """``map`` over a pool of threads: results in order, at most ``workers + ahead`` in flight.

    An exception of ``function`` or of ``items`` reaches the caller at its place in the order.
    With 0 workers the caller's own thread works, one item at a time.
    """
    if workers == 0:
        yield from map(function, items)
        return
    pool = ThreadPoolExecutor(workers)
    pending: deque[Future[B]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) >= workers + ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def prefetch(items: Iterable[A], *, ahead: int = 4) -> Iterator[A]:
    """Run an iterator in a thread of its own, at most ``ahead`` items in front of the consumer."""
    queue: Queue[tuple[bool, object]] = Queue(ahead)
    stop = Event()

    def put(entry: tuple[bool, object]) -> bool:
        while not stop.is_set():
            try:
                queue.put(entry, timeout=_POLL_SECONDS)
                return True
            except Full:
                continue
        return False

    def produce() -> None:
        try:
            for item in items:
                if not put((True, item)):
                    return
            put((False, None))
        except BaseException as error:
            put((False, error))

    thread = Thread(target=produce, daemon=True)
    thread.start()
    try:
        while True:
            try:
                more, value = queue.get(timeout=_POLL_SECONDS)
            except Empty:
                continue
            if more:
                yield value  # type: ignore[misc]
            elif value is None:
                return
            else:
                raise value  # type: ignore[misc]
    finally:
        stop.set()
        thread.join(timeout=5)
