"""``facegen verify``: was this file made with facegen?"""

from pathlib import Path
from typing import Annotated

import typer

File = Annotated[Path, typer.Argument(help="Picture, video, or folder of frames.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def verify(file: File, json_: Json = False) -> None:
    """Look for the invisible mark, tags and signed credentials in FILE.

    Exit code 0: it was made with facegen. 1: no trace of it (which proves nothing). 2: unreadable.
    """
    from facegen.provenance.verification import verify as look

    report = look(file)
    if json_:
        import json

        typer.echo(json.dumps(report.to_dict(), indent=2))
    else:
        typer.echo("\n".join(report.lines()))
    if not report.synthetic:
        raise typer.Exit(1)
