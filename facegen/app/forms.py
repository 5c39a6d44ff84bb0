"""One form of the page, whatever it does: fields, a button, a line of news, and what comes out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facegen._optional import require
from facegen.app.jobs import Jobs, Report
from facegen.app.look import guide, status
from facegen.demo import PHOTO

Fields = dict[str, Any]
# Fields by name, how far it is, an empty folder: values of the results, the last a list of files.
Work = Callable[[Fields, Report, Path], Sequence[Any]]


@dataclass(frozen=True)
class Form:
    """What a tab asks for and what it does with it.

    Attributes:
        verb: on the button; in lower case the name for programs.
        steps: what a visitor does, in order.
        fields: lays the fields out; they come by the names that ``work`` knows them by.
        results: lays out what is shown besides the files; hidden while empty.
        note: a line below the steps.
    """

    verb: str
    steps: tuple[str, ...]
    fields: Callable[[Jobs], dict[str, Any]]
    results: Callable[[], list[Any]]
    work: Work
    note: str = ""

    def build(self, jobs: Jobs) -> None:
        """Lay it out: on the left what is asked, on the right what comes."""
        gr = require("gradio", "app")
        with gr.Row():
            with gr.Column(scale=5):
                fields = self.fields(jobs)
                with gr.Row():
                    run = gr.Button(self.verb, variant="primary", scale=3)
                    cancel = gr.Button("Cancel", scale=1)
            with gr.Column(scale=6):
                news = gr.HTML(guide(self.steps, self.note), show_label=False, padding=False)
                shown = [*self.results(), download()]

        def handle(request: Any, *values: Any) -> Iterator[tuple[Any, ...]]:
            given = dict(zip(fields, values, strict=True))
            yield from self.rows(jobs, str(request.session_hash), given, len(shown))

        def stop(request: Any) -> None:
            jobs.stop(self._job(str(request.session_hash)))

        # Annotations are text in this file; the page wants the class itself.
        handle.__annotations__["request"] = stop.__annotations__["request"] = gr.Request
        run.click(
            handle, list(fields.values()), [news, *shown],
            api_name=self.verb.lower(), show_progress="hidden", concurrency_limit=None,
        )  # fmt: skip
        cancel.click(stop, None, None, queue=False, api_name=False)

    def rows(self, jobs: Jobs, page: str, given: Fields, count: int) -> Iterator[tuple[Any, ...]]:
        """The job as rows for the page: status, then ``count`` results."""
        blank: tuple[Any, ...] = (*[None] * (count - 1), [])
        job = jobs.run(self._job(page), lambda report, folder: self.work(given, report, folder))
        for step in job:
            if step.error:
                yield status(step.error, kind="error"), *blank
            elif step.result is not None:
                yield status(step.text, kind="done"), *step.result
            else:
                yield status(step.text, step.share), *blank

    def _job(self, page: str) -> str:
        return f"{page}/{self.verb}"


def download() -> Any:
    """The list of files, hidden while empty."""
    gr = require("gradio", "app")
    return gr.Files(label="Download", interactive=False, elem_classes="result")


def photo_field(label: str = "Photo", height: int = 240) -> Any:
    """A photo as the visitor gave it: a path."""
    gr = require("gradio", "app")
    return unopened(
        gr.Image(
            label=label, type="filepath", format="png", image_mode=None, height=height,
            sources=["upload", "webcam", "clipboard"],
        )
    )  # fmt: skip


def video_field(label: str) -> Any:
    """A video as the visitor gave it: a path."""
    gr = require("gradio", "app")
    return unopened(gr.Video(label=label, height=290, elem_classes="clip"))


def unopened(field: Any) -> Any:
    """Let a field hand on the uploaded file unread: our readers tell of rubbish in one line."""
    read = field.preprocess

    def preprocess(payload: Any) -> Any:
        return payload.path if payload is not None and payload.path else read(payload)

    field.preprocess = preprocess
    return field


def example(jobs: Jobs, text: str, values: dict[Any, Any]) -> None:
    """A button with the packaged portrait's picture that fills fields.

    Args:
        values: by field; paths of packaged files are served as copies, for the page shows nothing
            that lies outside its folder.
    """
    gr = require("gradio", "app")
    shown = [
        str(_copied(jobs, value)) if isinstance(value, Path) else value for value in values.values()
    ]
    button = gr.Button(text, icon=str(_copied(jobs, PHOTO)), size="sm", elem_classes="example")
    button.click(
        lambda: shown if len(shown) > 1 else shown[0], None, list(values),
        queue=False, api_name=False, show_progress="hidden",
    )  # fmt: skip


def _copied(jobs: Jobs, path: Path) -> Path:
    target = jobs.root / "examples" / path.name
    target.parent.mkdir(exist_ok=True)
    if not target.exists():
        shutil.copyfile(path, target)
    return target
