"""``facegen bench``: speed of every stage on this machine."""

from typing import Annotated

import typer

from facegen.cli.assets import print_table


def bench(
    json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="Time the alternatives of each stage too.")
    ] = False,
    size: Annotated[int, typer.Option(min=128, max=1024, help="Window side, pixels.")] = 512,
    seconds: Annotated[float, typer.Option(min=0.1, max=60, help="Time per stage.")] = 2.0,
) -> None:
    """Median ms per frame of every stage in one run."""
    from facegen.pipelines.bench import run_bench

    report = run_bench(size=size, seconds=seconds, alternatives=compare)
    if json_:
        typer.echo(report.to_json())
        return
    rows = [
        [t.stage, t.variant, f"{t.ms:.2f}", f"{t.core_ms:.2f}", str(t.n), f"{t.ratio:.2f}"]
        for t in report.timings
    ]
    print_table(["stage", "variant", "ms a frame", "core-ms", "n", "ratio"], rows)
    for name, fps in report.fps.items():
        typer.echo(f"{name}: {fps:.1f} fps")
    typer.echo(f"peak memory: {report.peak_memory_mb:.0f} MB")
    typer.echo(", ".join(f"{k} {v}" for k, v in report.machine.items()))
