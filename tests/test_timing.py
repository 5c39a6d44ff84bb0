import time

from facegen.timing import compare, peak_memory_mb


def test_every_variant_is_called_equally_often_and_ratios_refer_to_the_first() -> None:
    calls = {"a": 0, "b": 0}

    def count(name: str) -> None:
        calls[name] += 1

    rows = compare("x", {n: lambda n=n: count(n) for n in calls}, items=4, seconds=0)
    assert calls == {"a": 4, "b": 4}  # once before the clock starts, three times timed
    assert [(r.stage, r.variant, r.n) for r in rows] == [("x", "a", 3), ("x", "b", 3)]
    assert rows[0].ratio == 1
    assert rows[1].ratio == rows[1].ms / rows[0].ms


def test_waiting_costs_time_and_no_processor() -> None:
    (row,) = compare("x", {"wait": lambda: time.sleep(0.02)}, items=2, seconds=0)
    assert row.ms >= 10 and 0 <= row.core_ms < row.ms


def test_peak_memory_grows_with_an_allocation() -> None:
    before = peak_memory_mb()
    block = bytearray(int(before * 1e6))
    block[:: 1 << 12] = b"x" * len(block[:: 1 << 12])
    assert peak_memory_mb() > before + 0.5 * len(block) / 1e6
