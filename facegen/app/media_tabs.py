"""The tabs that make videos: Reenact and Talk."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from facegen._optional import require
from facegen.app.forms import Fields, Form, example, photo_field, unopened, video_field
from facegen.app.jobs import CONSENT, MAX_SECONDS, MAX_UPLOAD, Jobs, Report, check_consent
from facegen.audio.speech import RATE, SILENT_PEAK, SpeechReader
from facegen.demo import MOTION, PHOTO, VOICE
from facegen.emotion.labels import EMOTIONS
from facegen.errors import UsageError
from facegen.media import probe
from facegen.pipelines.config import MOTIONS, ReenactConfig
from facegen.pipelines.reenact import Reenactment, ReenactmentPipeline
from facegen.pipelines.talk import TalkingHeadPipeline
from facegen.pipelines.talk_config import GAZES, TalkConfig

FEELINGS = ("as it is", *EMOTIONS[1:])
MOST_SIDE, USUAL_SIDE = 2048, 1024  # pixels


@lru_cache(maxsize=1)
def reenactor() -> ReenactmentPipeline:
    """The embedded pipeline, loaded at its first use."""
    return ReenactmentPipeline.from_pretrained("open")


@lru_cache(maxsize=1)
def talker() -> TalkingHeadPipeline:
    """The same, that speaks."""
    return TalkingHeadPipeline(reenactor())


def feeling(name: str, strength: float) -> str:
    """What the emotion fields say, as ``EmotionTrack.parse`` reads it."""
    return "neutral" if name == FEELINGS[0] or not strength else f"{name}:{strength:.2f}"


def reenact(fields: Fields, report: Report, folder: Path) -> tuple[str, list[str]]:
    """Run the Reenact form; without a clip the packaged motion is followed."""
    check_consent(fields["consent"])
    if not fields["photo"]:
        raise UsageError("Please give a photo.")
    drive = Path(fields["clip"]) if fields["clip"] else MOTION
    if fields["clip"] and (probe(drive).duration or 0) > MAX_SECONDS:
        raise too_long()
    config = ReenactConfig(
        motion=fields["motion"],
        expression_gain=float(fields["gain"]),
        emotion=feeling(fields["feeling"], fields["strength"]),
        keep_head=bool(fields["keep_head"]),
        max_size=int(fields["side"]),
        stop=MAX_SECONDS,  # of files that do not tell their length
    )
    config.validate()
    report("Looking at the photo")
    return write_files(reenactor()(fields["photo"], drive, config=config), report, folder)


def talk(fields: Fields, report: Report, folder: Path) -> tuple[str, list[str]]:
    """Run the Talk form."""
    check_consent(fields["consent"])
    if not fields["photo"] or not fields["voice"]:
        raise UsageError("Please give a photo and a recording.")
    check_sound(fields["voice"])
    config = TalkConfig(
        emotion=feeling(fields["feeling"], fields["strength"]),
        gaze=fields["gaze"],
        articulation=float(fields["articulation"]),
        seed=int(fields["seed"] or 0),
    )
    report("Looking at the photo, listening to the voice")
    return write_files(talker()(fields["photo"], fields["voice"], config=config), report, folder)


def check_sound(path: str) -> None:
    """Refuse what is silent or too long to wait for, by listening: files may not tell their length.

    Raises:
        UsageError: silent, or longer than ``MAX_SECONDS``. MediaError: no sound can be read.
    """
    heard, peak = 0, 0.0
    for block in SpeechReader(path):
        heard += len(block)
        peak = max(peak, float(np.abs(block).max(initial=0)))
        if heard > MAX_SECONDS * RATE:
            raise too_long()
    if peak < SILENT_PEAK:
        raise UsageError(f"{Path(path).name} is silent; give a recording of speech.")


def too_long() -> UsageError:
    """More seconds than the page takes."""
    return UsageError(f"This page takes up to {MAX_SECONDS:.0f} s; the command has no such limit.")


def write_files(result: Reenactment, report: Report, folder: Path) -> tuple[str, list[str]]:
    """Video, motion and animated head of a result."""
    from facegen.export import write_glb

    video, motion, head = (folder / f"facegen{end}" for end in (".mp4", ".motion.npz", ".glb"))
    replace(result, consent="declared").save(video)
    report("Writing the motion", 1.0)
    result.motion.save(motion)
    write_glb(head, result.pipe.head, result.motion)
    return str(video), [str(video), str(motion), str(head)]


def reenact_fields(jobs: Jobs) -> dict[str, Any]:
    """Of the Reenact form."""
    gr = require("gradio", "app")
    photo = photo_field()
    example(jobs, "Use the packaged portrait", {photo: PHOTO})
    clip = video_field("Video to follow (optional)")
    with gr.Accordion("How it moves", open=False):
        more = {
            "motion": gr.Dropdown(MOTIONS, value="auto", label="Motion"),
            "gain": gr.Slider(0, 2, 1, step=0.1, label="Strength of the expression"),
            "feeling": gr.Dropdown(FEELINGS, value=FEELINGS[0], label="Feeling added"),
            "strength": gr.Slider(0, 1, 0.7, step=0.05, label="How strongly"),
            "keep_head": gr.Checkbox(label="Keep the photo's head pose"),
            "side": gr.Slider(
                256, MOST_SIDE, USUAL_SIDE, step=64, label="Longest side of the result, pixels"
            ),
        }
    return {"photo": photo, "clip": clip, **more, "consent": gr.Checkbox(label=CONSENT)}


def talk_fields(jobs: Jobs) -> dict[str, Any]:
    """Of the Talk form."""
    gr = require("gradio", "app")
    photo = photo_field()
    voice = unopened(
        gr.Audio(label="Voice", type="filepath", sources=["upload", "microphone"], buttons=[])
    )
    example(jobs, "Use the packaged portrait and voice", {photo: PHOTO, voice: VOICE})
    more = {
        "feeling": gr.Dropdown(FEELINGS, value=FEELINGS[0], label="Feeling"),
        "strength": gr.Slider(0, 1, 0.7, step=0.05, label="How strongly"),
    }
    with gr.Accordion("How it speaks", open=False):
        more["gaze"] = gr.Dropdown(GAZES, value="camera", label="Gaze")
        more["articulation"] = gr.Slider(0, 2, 1, step=0.1, label="Mouth opening")
        more["seed"] = gr.Number(
            0, precision=0, minimum=0, label="Seed: another gives other blinks and glances"
        )
    return {"photo": photo, "voice": voice, **more, "consent": gr.Checkbox(label=CONSENT)}


def video_result() -> list[Any]:
    """The video that comes out."""
    gr = require("gradio", "app")
    return [
        gr.Video(
            label="Result", interactive=False, height=420, elem_classes="result",
            buttons=["download"],
        )
    ]  # fmt: skip


LIMIT = f"Up to {MAX_SECONDS:.0f} s and {MAX_UPLOAD} MB a file."
REENACT = Form(
    "Reenact",
    (
        "Give a photo with one clear face, or take the packaged portrait.",
        "Give a video of a face to follow, or leave it out to see the packaged motion.",
        "Tick the box and press Reenact.",
    ),
    reenact_fields, video_result, reenact, LIMIT,
)  # fmt: skip
TALK = Form(
    "Talk",
    (
        "Give a photo with one clear face and a recording, or take the packaged ones.",
        "Choose a feeling, if you like.",
        "Tick the box and press Talk.",
    ),
    talk_fields, video_result, talk, LIMIT,
)  # fmt: skip
