"""``facegen app``: the web page."""

from typing import Annotated, Optional

import typer

Port = Annotated[
    Optional[int], typer.Option(min=1, max=65535, help="Port; a free one from 7860 on if left out.")
]
Open = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]


def app(port: Port = None, open_: Open = False) -> None:
    """Show the web page on this machine (127.0.0.1 only); Ctrl-C ends it."""
    from facegen._optional import require

    require("gradio", "app")
    from facegen.app.page import HOST, launch

    typer.echo(f"Starting; the page will be at http://{HOST}:{port or 7860}. Ctrl-C ends it.")
    launch(port, open_browser=open_)
