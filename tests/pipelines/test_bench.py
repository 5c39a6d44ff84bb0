"""The bench runs every stage and reports sane rows; no time is asserted."""

import json
from pathlib import Path

import pytest

from facegen.pipelines.bench import Bench, run_bench


@pytest.mark.slow
def test_every_stage_is_timed_and_ratios_refer_to_the_default(tmp_path: Path) -> None:
    rows = list(Bench(tmp_path, size=128, seconds=0).rows())
    stages = {row.stage.split(",")[0].split(" ")[0] for row in rows}
    assert stages >= {
        "decode",
        "landmarks",
        "fit",
        "skin",
        "rasterise",
        "maps",
        "warp",
        "encode",
        "paint",
    }
    assert all(row.ms > 0 and row.n >= 3 for row in rows)
    for stage in {row.stage for row in rows}:
        assert next(row for row in rows if row.stage == stage).ratio == 1
    torch = [r.ratio for r in rows if r.stage == "rasterise 256 px" and r.variant == "torch"]
    assert torch and torch[0] != 1


@pytest.mark.slow
def test_the_report_is_json() -> None:
    report = json.loads(run_bench(size=128, seconds=0).to_json())
    assert set(report) == {"timings", "fps", "peak_memory_mb", "machine"}
    for task in ("reenact", "reenact --generator open", "talk"):
        assert report["fps"][f"{task}, file to file"] > 0
    assert len({t["stage"] for t in report["timings"]}) == len(report["timings"])
