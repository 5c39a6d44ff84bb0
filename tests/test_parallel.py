import threading
import time

import pytest

from facegen.parallel import ordered_map, prefetch


def test_ordered_map_keeps_order_when_later_items_finish_first() -> None:
    def work(i: int) -> int:
        time.sleep(0.02 if i % 3 == 0 else 0)
        return i * i

    assert list(ordered_map(work, range(20), workers=3)) == [i * i for i in range(20)]


def test_ordered_map_reads_only_a_few_items_ahead() -> None:
    read = []

    def source():
        for i in range(100):
            read.append(i)
            yield i

    results = ordered_map(lambda i: i, source(), workers=2, ahead=1)
    assert next(results) == 0
    assert len(read) <= 4
    results.close()


def test_ordered_map_raises_at_the_failing_item() -> None:
    def work(i: int) -> int:
        if i == 3:
            raise ValueError("three")
        return i

    results = ordered_map(work, range(10), workers=2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)


def test_prefetch_passes_items_and_errors_through() -> None:
    def source():
        yield 1
        yield 2
        raise KeyError("end")

    results = prefetch(source(), ahead=1)
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(KeyError):
        next(results)


def test_prefetch_stops_its_thread_when_the_consumer_leaves() -> None:
    before = threading.active_count()

    def source():
        while True:
            yield 0

    results = prefetch(source(), ahead=2)
    next(results)
    results.close()
    time.sleep(0.3)
    assert threading.active_count() <= before
