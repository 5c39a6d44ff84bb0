"""The right half of a form: consent, buttons, news and files."""

from __future__ import annotations

from typing import Any

from facegen._optional import require
from facegen.app.jobs import CONSENT, Jobs
from facegen.app.look import status


def result_side(jobs: Jobs, verb: str, *, video: bool = True) -> tuple[list[Any], Any, Any]:
    """A column with everything a job shows.

    Args:
        verb: on the button. video: what comes out is a video, else a picture.

    Returns:
        Outputs (status, picture, files), the consent box, the run button.
    """
    gr = require("gradio", "app")
    with gr.Column(scale=6):
        kind = gr.Video if video else gr.Image
        shown = kind(label="Result", interactive=False, height=400)
        news = gr.HTML(status("Ready."), show_label=False)
        consent = gr.Checkbox(label=CONSENT)
        with gr.Row():
            run = gr.Button(verb, variant="primary", scale=3)
            cancel = gr.Button("Cancel", scale=1)
        files = gr.Files(label="Download", interactive=False, height=130)
    cancel.click(_stopper(jobs), None, None, queue=False, api_name=False)
    return [news, shown, files], consent, run


def _stopper(jobs: Jobs) -> Any:
    gr = require("gradio", "app")

    def stop(request: Any) -> None:
        jobs.stop(str(request.session_hash))

    # Annotations are text in this file; the page wants the class itself.
    stop.__annotations__["request"] = gr.Request
    return stop
