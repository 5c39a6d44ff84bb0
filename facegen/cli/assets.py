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


@app.command("show")
def show(name: Annotated[str, typer.Argument(help="Name of published weights.")]) -> None:
    """Source, licence, paper, files and hashes of published weights."""
    from facegen.weights.install import UNPINNED
    from facegen.weights.table import weights

    row = weights(name)
    rows = [
        ["title", row.title], ["source", row.source], ["licence", row.licence],
        ["commercial use", row.commercial], ["paper", row.paper], ["input", row.input],
        ["needs", ", ".join(row.needs) or "-"],
        *([f.path, f.sha256 or UNPINNED] for f in row.files),
    ]  # fmt: skip
    print_table([name, ""], rows)


@app.command("download")
def download(
    names: Annotated[list[str], typer.Argument(help="Names from: facegen assets list.")],
) -> None:
    """Fetch published weights into your folder, resumed where it stopped, hashes checked."""
    from facegen.weights.install import UNPINNED
    from facegen.weights.install import download as fetch_all
    from facegen.weights.table import weights

    for row in [weights(name) for name in names]:
        typer.echo(f"{row.title}, {row.source}, licence: {row.licence}")
        for file in fetch_all(row.name):
            pin = "pinned" if file.pinned else UNPINNED
            typer.echo(f"{file.path}  sha256 {file.sha256}  ({pin})")
        missing = [name for name in row.needs if _absent(name)]
        if missing:
            typer.echo(f"{row.name} needs {', '.join(missing)} too")


def _absent(name: str) -> bool:
    from facegen.assets import find_head, find_weights

    return find_head(name) is None and find_weights(name) is None


@app.command("import")
def import_(
    path: Annotated[
        Path, typer.Argument(help="FLAME's .pkl or .npz, DECA's, EMOCA's, SMIRK's file, a folder.")
    ],
    version: Annotated[
        str | None, typer.Option(help="Of FLAME: flame2020, flame2023 or flame2023-open.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--as", help="Which asset, where the content does not tell.")
    ] = None,
) -> None:
    """Take over files that you downloaded; nothing in them is executed."""
    from facegen.assets import import_asset
    from facegen.flame.official import LICENCES
    from facegen.weights.install import import_weights

    flame = path.suffix.lower() in (".pkl", ".npz") and name in (None, *LICENCES)
    if flame:
        typer.echo(str(import_asset(path, version=version or name)))
        return
    for file in import_weights(path, name):
        typer.echo(f"{file.path}  sha256 {file.sha256}")


@app.command("licences")
def licences_(
    commercial: Annotated[
        bool, typer.Option("--commercial", help="Fail where a part forbids commercial use.")
    ] = False,
) -> None:
    """Licences of everything that a run on this machine can touch."""
    from facegen.assets import licences
    from facegen.errors import UsageError
    from facegen.weights.ledger import NO, allows

    parts = licences()
    print_table(["part", "licence", "note"], [[x.name, x.licence, x.note] for x in parts])
    bound = [x.name for x in parts if allows(x.licence) == NO and "only the tests" not in x.note]
    if commercial and bound:
        raise UsageError(f"not for commercial use: {', '.join(bound)}")
