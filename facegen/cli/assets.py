"""``facegen assets``: head models and weights on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Head models and weights on this machine.", no_args_is_help=True)


def print_table(headings: list[str], rows: list[list[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(*headings, box=box.SIMPLE)
    for row in rows:
        table.add_row(*map(escape, row))
    console = Console()
    # A pipe has no width: nothing may be cut there.
    Console(width=None if console.is_terminal else 240).print(table)


@app.command("list")
def list_() -> None:
    """What is here, where, and under which licence."""
    from facegen.assets import list_assets

    rows = [
        [a.name, a.kind, a.version, a.licence, str(a.path) if a.present else "not here"]
        for a in list_assets()
    ]
    print_table(["name", "kind", "version", "licence", "path"], rows)


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(help="Official FLAME file: .pkl or .npz.")],
    version: Annotated[
        str | None, typer.Option(help="flame2020, flame2023 or flame2023-open.")
    ] = None,
) -> None:
    """Convert an official FLAME file once; nothing in it is executed."""
    from facegen.assets import import_asset

    typer.echo(str(import_asset(path, version=version)))


@app.command("licences")
def licences_() -> None:
    """Licences of everything a run can touch."""
    from facegen.assets import licences

    rows = [[x.name, x.licence, x.note] for x in licences()]
    print_table(["part", "licence", "note"], rows)
