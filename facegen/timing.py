"""Timing of alternatives side by side: interleaved repeats, medians, ratios within one run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Variants = Mapping[str, Callable[[], object]]


@dataclass(frozen=True)
class Timing:
    """One row of the bench.

    Attributes:
        stage, variant: what was timed; the first variant of a stage is the default.
        ms: median milliseconds per item (frame or call). n: repeats.
        ratio: of ``ms`` to the default's in the same run.
        core_ms: median processor milliseconds per item, of all threads together: what stays the
            same on a machine that others use too.
    """

    stage: str
    variant: str
    ms: float
    n: int
    ratio: float
    core_ms: float


def compare(
    stage: str, variants: Variants, *, items: int = 1, seconds: float = 2.0
) -> list[Timing]:
    """Time the variants in turns, so that foreign load falls on all alike.

    Args:
        variants: by name, the default first; each is called once before timing starts.
        items: frames that one call handles.
        seconds: time for all repeats; every variant runs at least three times.
    """
    for function in variants.values():
        function()
    samples: dict[str, list[float]] = {name: [] for name in variants}
    cores: dict[str, list[float]] = {name: [] for name in variants}
    begin = time.perf_counter()
    while len(next(iter(samples.values()))) < 3 or time.perf_counter() - begin < seconds:
        for name, function in variants.items():
            start, used = time.perf_counter(), time.process_time()
            function()
            samples[name].append((time.perf_counter() - start) * 1e3 / items)
            cores[name].append((time.process_time() - used) * 1e3 / items)
    medians = {name: statistics.median(values) for name, values in samples.items()}
    default = next(iter(medians.values()))
    return [
        Timing(stage, name, ms, len(samples[name]), ms / default, statistics.median(cores[name]))
        for name, ms in medians.items()
    ]


def peak_memory_mb() -> float:
    """Largest resident size of this process so far, MB (10^6 bytes)."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return float(psutil.Process().memory_info().peak_wset) / 1e6
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
