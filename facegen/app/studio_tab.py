"""The Expression studio's tab."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen._optional import require
from facegen.app.jobs import CONSENT, Jobs, check_consent
from facegen.app.look import status
from facegen.app.media_tabs import reenactor
from facegen.app.studio import (
    GROUPS,
    TURN_LIMIT,
    TURNS,
    Pose,
    Studio,
    curves_from,
    felt,
    names_of,
    place_on_wheel,
    slider_names,
    slider_values,
    wheel,
)  # fmt: skip
from facegen.demo import PHOTO
from facegen.errors import FacegenError, UsageError
from facegen.export import write_glb
from facegen.media import file_sha256, write_image
from facegen.pipelines.config import ReenactConfig
from facegen.pipelines.reenact import Reenactment
from facegen.pipelines.render import payload_of
from facegen.provenance.marker import Marker
from facegen.provenance.statement import to_xmp

Picture = NDArray[np.uint8]
_KEPT = 4  # photos whose preparation is remembered


class Studios:
    """Prepared photos by content, the latest few."""

    def __init__(self) -> None:
        self._studios: OrderedDict[str, Studio] = OrderedDict()
        self._lock = Lock()

    def of(self, photo: str | None) -> Studio:
        """The studio of a photo.

        Raises:
            UsageError: there is no photo. FaceNotFoundError, MediaError: it cannot be used.
        """
        if not photo:
            raise UsageError("Please give a photo.")
        key = file_sha256(photo)
        with self._lock:
            if key not in self._studios:
                self._studios[key] = Studio(photo, reenactor())
                while len(self._studios) > _KEPT:
                    self._studios.popitem(last=False)
            self._studios.move_to_end(key)
            return self._studios[key]


def opened(studios: Studios, photo: str | None) -> tuple[Any, ...]:
    """A new photo: status, preview, wheel, sliders at the photo's own expression, turns at 0."""
    untouched = [0.0] * (len(slider_names()) + len(TURNS))
    if not photo:
        return (status("Give a photo to begin."), None, wheel(), *untouched)
    try:
        studio = studios.of(photo)
    except FacegenError as error:
        return (status(str(error), kind="error"), None, wheel(), *untouched)
    values = slider_values(studio.own)
    preview = studio.preview(Pose(studio.own))
    return (status("Move a slider, or touch the wheel."), preview, wheel(), *values, 0, 0, 0)


def previewed(studios: Studios, photo: str | None, values: Sequence[float]) -> Picture | None:
    """The picture of the sliders as they stand; None without a photo."""
    return studios.of(photo).preview(_pose(values)) if photo else None


def touched(studios: Studios, photo: str | None, x: float, y: float) -> tuple[Any, ...]:
    """The wheel was touched at a pixel: preview, wheel, sliders of that feeling, turns left."""
    valence, arousal = place_on_wheel(x, y)
    shown = wheel(valence, arousal)
    own = studios.of(photo).own if photo else np.zeros(52, np.float32)
    pose = felt(own, valence, arousal)
    preview = studios.of(photo).preview(pose) if photo else None
    return (preview, shown, *slider_values(pose.curves))


def saved(
    studios: Studios, jobs: Jobs, photo: str | None, consent: bool, values: Sequence[float]
) -> tuple[str, list[str]]:
    """Picture at full size, motion and head of the sliders as they stand: status and files."""
    try:
        check_consent(consent)
        studio, pose, folder = studios.of(photo), _pose(values), jobs.folder()
    except FacegenError as error:
        return status(str(error), kind="error"), []
    motion = studio.motion(pose)
    result = Reenactment(studio.pipe, studio.portrait, motion, ReenactConfig(), None, task="edit")
    payload = payload_of(result)
    statement = replace(result.statement, consent="declared").marked(payload)
    picture = Marker(*result.size, payload)(studio.picture(pose))
    files = [folder / f"expression{end}" for end in (".png", ".motion.npz", ".glb")]
    write_image(files[0], picture, xmp=to_xmp(statement.tags()))
    motion.save(files[1])
    write_glb(files[2], studio.pipe.head, motion)
    return status("Saved.", kind="done"), [str(file) for file in files]


def _pose(values: Sequence[float]) -> Pose:
    """52 sliders, then the turns."""
    count = len(slider_names())
    yaw, pitch, roll = (float(value) for value in values[count:])
    return Pose(curves_from([float(v) for v in values[:count]]), (yaw, pitch, roll))


def build_studio(jobs: Jobs) -> None:
    """Lay out the tab."""
    gr = require("gradio", "app")
    studios = Studios()
    with gr.Row():
        with gr.Column(scale=5):
            photo = gr.Image(
                label="Photo", type="filepath", format="png", image_mode=None, height=200,
                sources=["upload", "webcam", "clipboard"],
            )  # fmt: skip
            dial = gr.Image(
                wheel(), label="Feeling: touch a place", interactive=False, elem_id="wheel",
                height=320, buttons=[],
            )  # fmt: skip
            turns = [
                gr.Slider(-TURN_LIMIT, TURN_LIMIT, 0, step=0.5, label=f"Head: {name}, degrees")
                for name in TURNS
            ]
        with gr.Column(scale=6):
            shown = gr.Image(label="Preview", interactive=False, height=420, elem_id="preview")
            news = gr.HTML(status("Give a photo to begin."), show_label=False)
            consent = gr.Checkbox(label=CONSENT)
            with gr.Row():
                save = gr.Button("Save at full size", variant="primary", scale=3)
                reset = gr.Button("Reset", scale=1)
            files = gr.Files(label="Download", interactive=False, height=110)
        with gr.Column(scale=5, elem_classes="sliders"):
            sliders = _sliders(gr)
    controls = [*sliders, *turns]
    reset_to = [news, shown, dial, *controls]

    def touch(photo: str | None, event: Any) -> tuple[Any, ...]:
        return touched(studios, photo, *event.index)

    # Annotations are text in this file; the page wants the class itself.
    touch.__annotations__["event"] = gr.SelectData
    quick = {"show_progress": "hidden", "trigger_mode": "always_last", "api_name": False}
    photo.change(lambda p: opened(studios, p), photo, reset_to, api_name="studio_open")
    reset.click(lambda p: opened(studios, p), photo, reset_to, **quick)
    gr.on(
        [control.input for control in controls],
        lambda p, *values: previewed(studios, p, values),
        [photo, *controls], shown, show_progress="hidden", trigger_mode="always_last",
        api_name="studio_preview",
    )  # fmt: skip
    dial.select(touch, photo, [shown, dial, *sliders], **quick)
    save.click(
        lambda p, c, *values: saved(studios, jobs, p, c, values),
        [photo, consent, *controls], [news, files], api_name="studio_save",
    )  # fmt: skip
    gr.Examples([[str(PHOTO)]], [photo], label="A photo to try (public domain)")


def _sliders(gr: Any) -> list[Any]:
    sliders = []
    for index, group in enumerate(GROUPS):
        with gr.Accordion(group, open=index == 0):
            sliders += [gr.Slider(0, 1, 0, step=0.01, label=name) for name in names_of(group)]
    return sliders
