"""``facegen app``: the web page."""

import signal
from typing import Annotated, Optional

import typer

Port = Annotated[
    Optional[int], typer.Option(min=1, max=65535, help="Port; a free one from 7860 on if left out.")
]
Open = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]


def app(port: Port = None, open_: Open = False) -> None:
    """Show the web page on this machine (127.0.0.1 only); Ctrl-C ends it."""
    from facegen.app.page import launch

    served = launch(port, open_browser=open_)
    # Told to end, it cleans up as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    typer.echo(f"The page is at {served.address} (Ctrl-C ends it)")
    served.wait()
