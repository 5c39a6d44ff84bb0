"""The tabs about data: Recognize and Synthesize."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from threading import Event, Thread
from typing import Any

import yaml

from facegen._optional import require
from facegen.app.jobs import Jobs, Report, check_consent
from facegen.app.look import status
from facegen.app.result_side import result_side
from facegen.demo import PHOTO
from facegen.errors import UsageError
from facegen.media import contact_sheet, is_still, read_image, write_image
from facegen.pipelines.recognize import RecognitionPipeline, RecognizeOptions
from facegen.pipelines.synth import synthesise
from facegen.synthesis.plan import Plan

_MOST = 200  # pictures of a set made from the page
_SHEET = 24


@lru_cache(maxsize=1)
def recognizer() -> RecognitionPipeline:
    """The embedded recognizers, loaded at their first use."""
    return RecognitionPipeline.from_pretrained()


def recognize(jobs: Jobs, page: str, source: str | None) -> Iterator[tuple[Any, ...]]:
    """Rows of status, picture, video, curves and files for a photo or clip."""

    def work(report: Report) -> dict[str, Path | None]:
        if not source:
            raise UsageError("Please give a photo or a video.")
        report("Looking for faces")
        folder, still = jobs.folder(), is_still(source)
        overlay = folder / ("overlay.png" if still else "overlay.mp4")
        plot = None if still else folder / "curves.png"
        options = RecognizeOptions(plot=plot, overlay=overlay)
        table = folder / "faces.csv"
        _, faces = recognizer().write(table, Path(source), options)
        if not faces:
            raise UsageError("No face was found. Try a sharper or closer picture.")
        return {"table": table, "overlay": overlay, "plot": plot}

    for step in jobs.run(page, work):
        if step.error:
            yield status(step.error, kind="error"), None, None, None, []
        elif step.result is None:
            yield status(step.text, step.share), None, None, None, []
        else:
            overlay, plot = step.result["overlay"], step.result["plot"]
            files = [str(file) for file in step.result.values() if file is not None]
            picture, video = (overlay, None) if plot is None else (None, overlay)
            yield (
                status("Done.", kind="done"),
                picture and str(picture),
                video and str(video),
                plot and str(plot),
                files,
            )


def build_recognize(jobs: Jobs) -> None:
    """Lay out the Recognize tab."""
    gr = require("gradio", "app")
    with gr.Row():
        with gr.Column(scale=5):
            photo = gr.Image(
                label="Photo", type="filepath", format="png", image_mode=None, height=240
            )
            clip = gr.Video(label="or a video", height=240)
            with gr.Row():
                run = gr.Button("Recognize", variant="primary", scale=3)
                cancel = gr.Button("Cancel", scale=1)
        with gr.Column(scale=6):
            news = gr.HTML(status("Ready."), show_label=False)
            picture = gr.Image(label="Faces", interactive=False, height=380)
            video = gr.Video(label="Faces in the video", interactive=False, height=300)
            curves = gr.Image(label="Over time", interactive=False)
            files = gr.Files(label="Download", interactive=False, height=110)

    def handle(request: Any, photo: str | None, clip: str | None) -> Iterator[Any]:
        yield from recognize(jobs, str(request.session_hash), clip or photo)

    def stop(request: Any) -> None:
        jobs.stop(str(request.session_hash))

    handle.__annotations__["request"] = stop.__annotations__["request"] = gr.Request
    outputs = [news, picture, video, curves, files]
    run.click(handle, [photo, clip], outputs, api_name="recognize", show_progress="hidden")
    cancel.click(stop, None, None, queue=False, api_name=False)
    gr.Examples([[str(PHOTO)]], [photo], label="A photo to try (public domain)")


def plan_of(fields: dict[str, Any], folder: Path) -> Plan:
    """The plan that the form describes, written to ``folder/plan.yaml``.

    Raises:
        UsageError: too many pictures, or a photo without its owner's consent.
    """
    people, samples = int(fields["people"]), int(fields["samples"])
    photo = fields["photo"]
    if (people + bool(photo)) * samples > _MOST:
        raise UsageError(f"This page makes up to {_MOST} pictures; facegen synth has no limit.")
    groups: dict[str, Any] = {}
    if people:
        groups["people"] = [{"count": people, "samples": samples}]
    if photo:
        check_consent(fields["consent"])
        copy = folder / ("photo" + Path(photo).suffix.lower())
        shutil.copyfile(photo, copy)
        groups["portraits"] = [
            {"files": copy.name, "consent": "own", "licence": "owner's", "samples": samples}
        ]
    if not groups:
        raise UsageError("Please ask for made people, or give a photo.")
    plan = {"name": "page", "seed": int(fields["seed"]), "identities": groups}
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump(plan), encoding="utf-8")
    return Plan.read(path)


def synthesize(jobs: Jobs, page: str, fields: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Rows of status, overview and files for a small labelled set."""

    def work(report: Report) -> list[str]:
        folder = jobs.folder()
        plan = plan_of(fields, folder)
        wanted = int(fields["samples"]) * (int(fields["people"]) + bool(fields["photo"]))
        out = folder / "set"
        with counted(out, wanted, report):
            synthesise(plan, out, data=folder)
        pictures = sorted(p for p in out.rglob("*") if is_still(p))[:_SHEET]
        if not pictures:
            raise UsageError("No picture passed the checks; another seed gives others.")
        sheet = folder / "overview.png"
        shown = [read_image(picture, max_side=160).rgb for picture in pictures]
        write_image(sheet, contact_sheet(shown, 6, cell=(160, 160)))
        archive = shutil.make_archive(str(folder / "set"), "zip", out)
        return [str(sheet), archive, str(folder / "plan.yaml")]

    for step in jobs.run(page, work):
        if step.error:
            yield status(step.error, kind="error"), None, []
        elif step.result is None:
            yield status(step.text, step.share), None, []
        else:
            yield status("Done.", kind="done"), step.result[0], step.result


class counted:
    """While the block runs, tells how many pictures lie in a folder."""

    def __init__(self, folder: Path, wanted: int, report: Callable[..., None]) -> None:
        self._folder, self._wanted, self._report = folder, wanted, report
        self._end = Event()

    def __enter__(self) -> None:
        self._report("Making faces", 0.0)
        Thread(target=self._watch, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self._end.set()

    def _watch(self) -> None:
        while not self._end.wait(1.0):
            made = sum(1 for p in self._folder.rglob("*") if is_still(p))
            self._report(f"Making faces: {made} of {self._wanted}", made / max(self._wanted, 1))


def build_synthesize(jobs: Jobs) -> None:
    """Lay out the Synthesize tab."""
    gr = require("gradio", "app")
    with gr.Row():
        with gr.Column(scale=5):
            gr.Markdown(
                "A small labelled set: expressions balanced over people, with action units, "
                "landmarks and head pose for every picture.",
                elem_classes="note",
            )
            people = gr.Slider(0, 12, 2, step=1, label="Made people")
            samples = gr.Slider(1, 24, 6, step=1, label="Pictures of each")
            seed = gr.Number(0, precision=0, label="Seed")
            photo = gr.Image(
                label="and a photo (optional)", type="filepath", format="png", image_mode=None,
                height=200,
            )  # fmt: skip
        outputs, consent, run = result_side(jobs, "Synthesize", video=False)

    def handle(request: Any, *values: Any) -> Iterator[Any]:
        names = ("people", "samples", "seed", "photo", "consent")
        fields = dict(zip(names, values, strict=True))
        yield from synthesize(jobs, str(request.session_hash), fields)

    handle.__annotations__["request"] = gr.Request
    inputs = [people, samples, seed, photo, consent]
    run.click(handle, inputs, outputs, api_name="synthesize", show_progress="hidden")
