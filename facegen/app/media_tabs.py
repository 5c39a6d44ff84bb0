"""The tabs that make videos: Reenact and Talk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from facegen._optional import require
from facegen.app.jobs import MAX_SECONDS, Jobs, Report, Watched, check_consent
from facegen.app.look import status
from facegen.app.result_side import result_side
from facegen.demo import PHOTO, VOICE
from facegen.emotion.labels import EMOTIONS
from facegen.errors import MediaError, UsageError
from facegen.media import probe
from facegen.pipelines.config import MOTIONS, ReenactConfig
from facegen.pipelines.reenact import Reenactment, ReenactmentPipeline
from facegen.pipelines.render import SaveOptions, render
from facegen.pipelines.talk import TalkingHeadPipeline
from facegen.pipelines.talk_config import GAZES, TalkConfig

Row = tuple[str, str | None, list[str]]  # status, video, files
FEELINGS = ("as it is", *EMOTIONS[1:])


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


def write_files(result: Reenactment, folder: Path, report: Report) -> list[str]:
    """Video, motion and animated head of a result."""
    from facegen.export import write_glb

    watched = Watched(result, report)
    video, motion, head = (folder / f"facegen{end}" for end in (".mp4", ".motion.npz", ".glb"))
    render(lambda: watched, video, SaveOptions(), None)
    report("Writing the motion", 1.0)
    result.motion.save(motion)
    write_glb(head, result.pipe.head, result.motion)
    return [str(video), str(motion), str(head)]


def told(jobs: Jobs, page: str, work: Callable[[Report], list[str]]) -> Iterator[Row]:
    """A job as rows for the page: the first file is the video."""
    for step in jobs.run(page, work):
        if step.error:
            yield status(step.error, kind="error"), None, []
        elif step.result is not None:
            yield status("Done.", kind="done"), step.result[0], step.result
        else:
            yield status(step.text, step.share), None, []


def reenact(jobs: Jobs, page: str, fields: dict[str, Any]) -> Iterator[Row]:
    """Run the form ``photo, clip, consent, motion, gain, feeling, strength, keep_head``."""

    def work(report: Report) -> list[str]:
        check_consent(fields["consent"])
        if not fields["photo"] or not fields["clip"]:
            raise UsageError("Please give a photo and a video.")
        _check_length(fields["clip"])
        config = ReenactConfig(
            motion=fields["motion"],
            expression_gain=float(fields["gain"]),
            emotion=feeling(fields["feeling"], fields["strength"]),
            keep_head=bool(fields["keep_head"]),
        )
        config.validate()
        report("Looking at the photo")
        pipe = reenactor()
        portrait = pipe.portray(fields["photo"], config)
        report("Following the face in the video")
        motion = pipe.transfer(portrait, pipe.follow(fields["clip"], config), config)
        report("Preparing", 0.0)
        clip = Path(fields["clip"])
        return write_files(Reenactment(pipe, portrait, motion, config, clip), jobs.folder(), report)

    return told(jobs, page, work)


def talk(jobs: Jobs, page: str, fields: dict[str, Any]) -> Iterator[Row]:
    """Run the Talk form: ``photo, voice, consent, feeling, strength, gaze, articulation, seed``."""

    def work(report: Report) -> list[str]:
        check_consent(fields["consent"])
        if not fields["photo"] or not fields["voice"]:
            raise UsageError("Please give a photo and a recording.")
        _check_length(fields["voice"])
        config = TalkConfig(
            emotion=feeling(fields["feeling"], fields["strength"]),
            gaze=fields["gaze"],
            articulation=float(fields["articulation"]),
            seed=int(fields["seed"]),
        )
        report("Listening")
        return write_files(
            talker()(fields["photo"], fields["voice"], config=config), jobs.folder(), report
        )

    return told(jobs, page, work)


def _check_length(path: str) -> None:
    try:
        seconds = probe(path).duration
    except MediaError:
        return  # sound without pictures; its reader says what is wrong with it
    if seconds is not None and seconds > MAX_SECONDS:
        raise UsageError(
            f"This page takes up to {MAX_SECONDS:.0f} s; the command has no such limit."
        )


def build_reenact(jobs: Jobs) -> None:
    """The Reenact tab."""
    gr = require("gradio", "app")
    with gr.Row():
        with gr.Column(scale=5):
            photo = gr.Image(
                label="Photo", type="filepath", format="png", image_mode=None, height=260,
                sources=["upload", "webcam", "clipboard"],
            )  # fmt: skip
            clip = gr.Video(label="Video to follow", height=290)
            with gr.Accordion("How it moves", open=False):
                motion = gr.Dropdown(MOTIONS, value="auto", label="Motion")
                gain = gr.Slider(0, 2, 1, step=0.1, label="Strength of the expression")
                mood = gr.Dropdown(FEELINGS, value=FEELINGS[0], label="Feeling added")
                strength = gr.Slider(0, 1, 0.7, step=0.05, label="How strongly")
                keep_head = gr.Checkbox(label="Keep the photo's head pose")
        outputs, consent, run = result_side(jobs, "Reenact")
    inputs = [photo, clip, consent, motion, gain, mood, strength, keep_head]

    def handle(request: Any, *values: Any) -> Iterator[Row]:
        names = ("photo", "clip", "consent", "motion", "gain", "feeling", "strength", "keep_head")
        yield from reenact(jobs, str(request.session_hash), dict(zip(names, values, strict=True)))

    handle.__annotations__["request"] = gr.Request
    run.click(handle, inputs, outputs, api_name="reenact", show_progress="hidden")
    gr.Examples([[str(PHOTO)]], [photo], label="A photo to try (public domain)")


def build_talk(jobs: Jobs) -> None:
    """The Talk tab."""
    gr = require("gradio", "app")
    with gr.Row():
        with gr.Column(scale=5):
            photo = gr.Image(
                label="Photo", type="filepath", format="png", image_mode=None, height=260,
                sources=["upload", "webcam", "clipboard"],
            )  # fmt: skip
            voice = gr.Audio(label="Voice", type="filepath", sources=["upload", "microphone"])
            mood = gr.Dropdown(FEELINGS, value=FEELINGS[0], label="Feeling")
            strength = gr.Slider(0, 1, 0.7, step=0.05, label="How strongly")
            with gr.Accordion("How it speaks", open=False):
                gaze = gr.Dropdown(GAZES, value="camera", label="Gaze")
                articulation = gr.Slider(0, 2, 1, step=0.1, label="Mouth opening")
                seed = gr.Number(0, precision=0, label="Seed: other blinks and glances")
        outputs, consent, run = result_side(jobs, "Talk")
    inputs = [photo, voice, consent, mood, strength, gaze, articulation, seed]

    def handle(request: Any, *values: Any) -> Iterator[Row]:
        names = ("photo", "voice", "consent", "feeling", "strength", "gaze", "articulation", "seed")
        yield from talk(jobs, str(request.session_hash), dict(zip(names, values, strict=True)))

    handle.__annotations__["request"] = gr.Request
    run.click(handle, inputs, outputs, api_name="talk", show_progress="hidden")
    gr.Examples([[str(PHOTO), str(VOICE)]], [photo, voice], label="A photo and a voice to try")
