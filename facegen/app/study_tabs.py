"""The tabs about data: Recognize and Synthesize."""

from __future__ import annotations

import shutil
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from facegen._optional import require
from facegen.app.forms import Fields, Form, example, photo_field, video_field
from facegen.app.jobs import CONSENT, MAX_SECONDS, Jobs, Report, check_consent
from facegen.app.media_tabs import LIMIT, too_long
from facegen.demo import PHOTO
from facegen.errors import UsageError
from facegen.media import contact_sheet, is_still, probe, read_image, write_image
from facegen.pipelines.recognize import RecognitionPipeline, RecognizeOptions
from facegen.pipelines.synth import synthesise
from facegen.synthesis.plan import Plan

_MOST = 200  # pictures of a set made from the page
_SHEET = 24
BUTTONS = ["download", "fullscreen"]  # of pictures: none that sends them elsewhere


@lru_cache(maxsize=1)
def recognizer() -> RecognitionPipeline:
    """The embedded recognizers, loaded at their first use."""
    return RecognitionPipeline.from_pretrained()


def recognize(fields: Fields, report: Report, folder: Path) -> tuple[Any, ...]:
    """Run the Recognize form: picture, video and curves, of which some are None, and files."""
    source = fields["clip"] or fields["photo"]
    if not source:
        raise UsageError("Please give a photo or a video.")
    report("Looking for faces")
    still = is_still(source)
    if not still and (probe(source).duration or 0) > MAX_SECONDS:
        raise too_long()
    overlay = folder / ("overlay.png" if still else "overlay.mp4")
    plot = None if still else folder / "curves.png"
    table = folder / "faces.csv"
    options = RecognizeOptions(plot=plot, overlay=overlay)
    _, faces = recognizer().write(table, Path(source), options)
    if not faces:
        raise UsageError("No face was found. Try a sharper or closer picture.")
    files = [str(file) for file in (table, overlay, plot) if file is not None]
    if plot is None:
        return str(overlay), None, None, files
    return None, str(overlay), str(plot), files


def recognize_fields(jobs: Jobs) -> dict[str, Any]:
    """Of the Recognize form: one of two; a new one takes the place of the other."""
    photo = photo_field()
    example(jobs, "Use the packaged portrait", {photo: PHOTO})
    clip = video_field("or a video")
    quiet = {"queue": False, "api_name": False, "show_progress": "hidden"}
    photo.input(lambda: None, None, clip, **quiet)
    clip.input(lambda: None, None, photo, **quiet)
    return {"photo": photo, "clip": clip}


def recognize_results() -> list[Any]:
    """Picture, video and curves."""
    gr = require("gradio", "app")
    shown = {"interactive": False, "elem_classes": "result"}
    picture = shown | {"buttons": BUTTONS}
    return [
        gr.Image(label="Faces", height=420, **picture),
        gr.Video(label="Faces in the video", height=360, buttons=["download"], **shown),
        gr.Image(label="Over time", **picture),
    ]


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
    plan = {"name": "page", "seed": int(fields["seed"] or 0), "identities": groups}
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump(plan), encoding="utf-8")
    return Plan.read(path)


def synthesize(fields: Fields, report: Report, folder: Path) -> tuple[Any, ...]:
    """Run the Synthesize form: an overview, and the set as an archive with its plan."""
    plan = plan_of(fields, folder)
    out = folder / "set"
    report("Making faces", 0.0)
    synthesise(plan, out, data=folder)
    pictures = sorted(p for p in out.rglob("*") if is_still(p))
    if not pictures:
        raise UsageError(
            "None of the expressions suits this photo; one with a calm face and closed mouth does."
        )
    wanted = int(fields["samples"]) * (int(fields["people"]) + bool(fields["photo"]))
    report.closing = f"Done: {len(pictures)} pictures."
    if len(pictures) < wanted:
        report.closing += (
            f" The other {wanted - len(pictures)} expressions do not suit the photo: one with a "
            "calm face and closed mouth gives more."
        )
    sheet = folder / "overview.png"
    shown = [read_image(picture, max_side=160).rgb for picture in pictures[:_SHEET]]
    write_image(sheet, contact_sheet(shown, 6, cell=(160, 160)))
    report("Packing", 1.0)
    archive = shutil.make_archive(str(folder / "set"), "zip", out)
    return str(sheet), [str(sheet), archive, str(folder / "plan.yaml")]


def synthesize_fields(jobs: Jobs) -> dict[str, Any]:
    """Of the Synthesize form."""
    gr = require("gradio", "app")
    fields = {
        "people": gr.Slider(0, 12, 2, step=1, label="Made people"),
        "samples": gr.Slider(1, 24, 6, step=1, label="Pictures of each"),
        "seed": gr.Number(0, precision=0, minimum=0, label="Seed: another gives other faces"),
        "photo": photo_field("and a photo (optional)", height=200),
    }
    return {**fields, "consent": gr.Checkbox(label=f"{CONSENT} (Needed with a photo.)")}


def synthesize_results() -> list[Any]:
    """The overview."""
    gr = require("gradio", "app")
    return [gr.Image(label="Result", interactive=False, elem_classes="result", buttons=BUTTONS)]


RECOGNIZE = Form(
    "Recognize",
    (
        "Give a photo or a video, or take the packaged portrait.",
        "Press Recognize: every face gets its emotion, valence and arousal, action units and pose.",
        "Look at the drawing, and download all numbers as a table.",
    ),
    recognize_fields, recognize_results, recognize, LIMIT,
)  # fmt: skip
SYNTHESIZE = Form(
    "Synthesize",
    (
        "Choose how many made people and how many pictures of each; add a photo, if you like.",
        "Press Synthesize: expressions are balanced over people, and every picture comes with "
        "action units, landmarks and head pose.",
        "Download the set as an archive; its plan goes on with facegen synth.",
    ),
    synthesize_fields, synthesize_results, synthesize,
)  # fmt: skip
