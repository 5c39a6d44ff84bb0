"""The page as a whole, and the server that shows it to this machine only."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from facegen import __version__
from facegen._optional import require
from facegen.app.jobs import MAX_UPLOAD, Jobs
from facegen.app.look import CSS, SCRIPT, theme
from facegen.errors import UsageError

HOST = "127.0.0.1"
_WAITING = 64  # moves of sliders; jobs wait in a line of their own
_KEEP_SECONDS = 3600  # uploads and results older than this are deleted

_HEAD = (
    '<div id="head"><h1>facegen</h1><p>One photo in, a face that moves, speaks and feels out. '
    "Everything stays on this machine.</p></div>"
)
_NOTE = (
    "Pictures and videos made here carry an invisible mark and say in their tags that they are "
    f"synthetic; `facegen verify FILE` finds both. facegen {__version__}, Apache-2.0."
)


def build(jobs: Jobs) -> Any:
    """The page as ``gradio.Blocks``.

    Raises:
        MissingExtraError: the extra ``app`` is not installed.
    """
    # Read when its modules load: no count of uses, no look-up of newer versions.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_TEMP_DIR"] = str(jobs.root / "uploads")
    gr = require("gradio", "app")
    from facegen.app.media_tabs import REENACT, TALK
    from facegen.app.studio_tab import build_studio
    from facegen.app.study_tabs import RECOGNIZE, SYNTHESIZE

    tabs = {
        "Reenact": REENACT.build,
        "Talk": TALK.build,
        "Expression studio": build_studio,
        "Recognize": RECOGNIZE.build,
        "Synthesize": SYNTHESIZE.build,
    }
    blocks = gr.Blocks(
        title="facegen", analytics_enabled=False, delete_cache=(_KEEP_SECONDS, _KEEP_SECONDS)
    )
    with blocks as page:
        gr.HTML(_HEAD, show_label=False)
        with gr.Tabs():
            for name, lay_out in tabs.items():
                with gr.Tab(name):
                    lay_out(jobs)
        gr.Markdown(_NOTE, elem_classes="note")
    return page.queue(max_size=_WAITING, default_concurrency_limit=1)


@dataclass(frozen=True)
class Served:
    """The running page: where it is, and how it ends."""

    address: str
    page: Any
    jobs: Jobs

    def wait(self) -> None:
        """Until Ctrl-C or an end from outside; then nothing is left behind."""
        try:
            self.page.block_thread()
        finally:
            self.close()

    def close(self) -> None:
        """Stop the jobs and the server, and delete all that was uploaded and made."""
        self.jobs.close()
        self.page.close()


def launch(port: int | None = None, *, open_browser: bool = False) -> Served:
    """Serve the page on ``127.0.0.1``.

    Args:
        port: None takes a free one from 7860 on.

    Raises:
        UsageError: the port is taken.
    """
    jobs = Jobs()
    page = build(jobs)
    try:
        _, address, _ = page.launch(
            server_name=HOST,
            server_port=port,
            share=False,
            quiet=True,
            inbrowser=open_browser,
            prevent_thread_lock=True,
            max_file_size=f"{MAX_UPLOAD}mb",
            allowed_paths=[],
            footer_links=[],
            ssr_mode=False,
            enable_monitoring=False,
            theme=theme(),
            # As a style sheet of its own: given as css it is rewritten and loses narrow screens.
            head=f"<style>{CSS}</style><script>{SCRIPT}</script>",
            _frontend=False,  # no test whether it answers within 3 s: a busy machine does not
        )
    except OSError as error:
        jobs.close()
        raise UsageError(
            f"port {port} of {HOST} is taken; leave out --port or give another"
        ) from error
    return Served(address, page, jobs)
