"""The page as a whole, and the server that shows it to this machine only."""

from __future__ import annotations

import os
from typing import Any

from facegen import __version__
from facegen._optional import require
from facegen.app.jobs import Jobs
from facegen.app.look import CSS, theme

HOST = "127.0.0.1"
MAX_UPLOAD = "200mb"
_WAITING = 8  # jobs in the queue
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
    from facegen.app.media_tabs import build_reenact, build_talk
    from facegen.app.studio_tab import build_studio
    from facegen.app.study_tabs import build_recognize, build_synthesize

    tabs = {
        "Reenact": build_reenact,
        "Talk": build_talk,
        "Expression studio": build_studio,
        "Recognize": build_recognize,
        "Synthesize": build_synthesize,
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


def launch(port: int | None = None, *, open_browser: bool = False) -> tuple[Any, str]:
    """Serve the page on ``127.0.0.1``.

    Args:
        port: None takes a free one from 7860 on.

    Returns:
        The running page (``.block_thread()`` waits, ``.close()`` ends it) and its address.
    """
    jobs = Jobs()
    page = build(jobs)
    _, address, _ = page.launch(
        server_name=HOST,
        server_port=port,
        share=False,
        quiet=True,
        inbrowser=open_browser,
        prevent_thread_lock=True,
        max_file_size=MAX_UPLOAD,
        allowed_paths=[],
        footer_links=[],
        ssr_mode=False,
        enable_monitoring=False,
        theme=theme(),
        # As a style sheet of its own: what is given as css is rewritten and loses narrow screens.
        head=f"<style>{CSS}</style>",
    )
    page.facegen_jobs = jobs  # its folder lives as long as the page
    return page, address
