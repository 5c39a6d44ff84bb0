"""``facegen doctor``: what works on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from facegen.cli.assets import print_table


def doctor(
    json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Try every part and say what works; exit code 2 when facegen cannot run."""
    from dataclasses import asdict

    from facegen.doctor import run_checks

    checks = run_checks()
    if json_:
        import json

        typer.echo(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        print_table(["part", "status", "detail"], [[c.name, c.status, c.detail] for c in checks])
    if any(check.required and check.status != "ok" for check in checks):
        raise typer.Exit(2)
