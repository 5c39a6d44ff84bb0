"""The Expression studio's tab."""

from __future__ import annotations

import shutil
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen._optional import require
from facegen.app.forms import download, example, photo_field
from facegen.app.jobs import CONSENT, Jobs, check_consent
from facegen.app.look import guide, status
from facegen.app.media_tabs import FEELINGS, reenactor
from facegen.app.studio import (
    GROUPS,
    TURN_LIMIT,
    TURNS,
    Pose,
    Studio,
    curves_from,
    felt,
    levels_of,
    names_of,
    place_on_wheel,
    slider_names,
    slider_values,
    wheel,
)  # fmt: skip
from facegen.demo import PHOTO
from facegen.emotion.affect import affect_of, emotion_of
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
AS_IT_IS = FEELINGS[0]
BEGIN = guide(
    (
        "Give a photo with one clear face, or take the packaged portrait.",
        "Choose a feeling, touch the wheel, or move any of the 52 sliders: the face follows at "
        "once.",
        "Tick the box and save the picture with its motion and head.",
    )
)


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


def opened(studios: Studios, jobs: Jobs, photo: str | None) -> tuple[Any, ...]:
    """A new photo: status, preview, feeling, wheel, sliders at the photo's own expression, turns
    at 0."""
    untouched = [0.0] * (len(slider_names()) + len(TURNS))
    if not photo:
        return (BEGIN, None, AS_IT_IS, wheel(), *untouched)
    try:
        studio = studios.of(photo)
    except FacegenError as error:
        news = status(jobs.plain(str(error)), kind="error")
        return (news, None, AS_IT_IS, wheel(), *untouched)
    values = slider_values(studio.own)
    preview = studio.preview(Pose(studio.own))
    news = status("Choose a feeling, touch the wheel, or move a slider.")
    return (news, preview, AS_IT_IS, wheel(), *values, 0, 0, 0)


def previewed(studios: Studios, photo: str | None, values: Sequence[float]) -> Picture | None:
    """The picture of the sliders as they stand; None without a photo."""
    return studios.of(photo).preview(_pose(values)) if photo else None


def touched(
    studios: Studios, photo: str | None, x: float, y: float, turns: Sequence[float]
) -> tuple[Any, ...]:
    """The wheel was touched at a pixel: preview, wheel, sliders of that feeling."""
    place = place_on_wheel(x, y)
    return _shown(studios, photo, emotion_of(*place), place, turns)


def named(
    studios: Studios, photo: str | None, name: str, strength: float, turns: Sequence[float]
) -> tuple[Any, ...]:
    """A feeling was chosen by name: preview, wheel, sliders of that feeling."""
    levels = levels_of(name, strength)
    valence, arousal = affect_of(levels[None])[0]
    return _shown(studios, photo, levels, (float(valence), float(arousal)), turns)


def _shown(
    studios: Studios,
    photo: str | None,
    levels: NDArray[np.float64],
    place: tuple[float, float],
    turns: Sequence[float],
) -> tuple[Any, ...]:
    studio = studios.of(photo) if photo else None
    own = np.zeros(len(slider_names()), np.float32) if studio is None else studio.own
    values = slider_values(felt(own, levels).curves)
    preview = None if studio is None else studio.preview(_pose([*values, *turns]))
    return (preview, wheel(*place), *values)


def saved(
    studios: Studios,
    jobs: Jobs,
    photo: str | None,
    consent: bool,
    values: Sequence[float],
) -> Iterator[tuple[str, list[str]]]:
    """Picture at full size, motion and head of the sliders as they stand: status and files."""
    folder = jobs.folder()
    try:
        check_consent(consent)
        files = _written(studios.of(photo), _pose(values), folder)
        yield status("Saved.", kind="done"), [str(file) for file in files]
    except FacegenError as error:
        yield status(jobs.plain(str(error)), kind="error"), []
    finally:
        shutil.rmtree(folder)  # the page has its copies


def _written(studio: Studio, pose: Pose, folder: Path) -> list[Path]:
    motion = studio.motion(pose)
    result = Reenactment(
        studio.pipe, studio.portrait, motion, ReenactConfig(), None, "edit", "declared"
    )
    payload = payload_of(result)
    picture = Marker(*result.size, payload)(studio.picture(pose))
    files = [folder / f"expression{end}" for end in (".png", ".motion.npz", ".glb")]
    write_image(files[0], picture, xmp=to_xmp(result.statement.marked(payload).tags()))
    motion.save(files[1])
    write_glb(files[2], studio.pipe.head, motion)
    return files


def _pose(values: Sequence[float]) -> Pose:
    """52 sliders, then the turns."""
    count = len(slider_names())
    yaw, pitch, roll = (float(value) for value in values[count:])
    return Pose(curves_from([float(v) for v in values[:count]]), (yaw, pitch, roll))


def build_studio(jobs: Jobs) -> None:
    """Lay out the tab."""
    gr = require("gradio", "app")
    studios = Studios()
    with gr.Row(elem_classes="studio"):
        with gr.Column(scale=5):
            photo = photo_field(height=200)
            example(jobs, "Use the packaged portrait", {photo: PHOTO})
            name = gr.Dropdown(FEELINGS, value=AS_IT_IS, label="Feeling")
            strength = gr.Slider(0, 1, 1, step=0.05, label="How strongly")
            dial = gr.Image(
                wheel(), label="or touch a place of the wheel", interactive=False,
                elem_id="wheel", height=320, buttons=[],
            )  # fmt: skip
        with gr.Column(scale=6):
            shown = gr.Image(
                label="Preview", interactive=False, height=420, elem_id="preview", buttons=[],
                elem_classes="result",
            )  # fmt: skip
            news = gr.HTML(BEGIN, show_label=False, padding=False)
            consent = gr.Checkbox(label=CONSENT)
            with gr.Row():
                save = gr.Button("Save at full size", variant="primary", scale=3)
                reset = gr.Button("Reset", scale=1)
            files = download()
        with gr.Column(scale=5, elem_classes="sliders"):
            sliders, turns = _sliders(gr), _turns(gr)
    controls = [*sliders, *turns]

    def touch(event: Any, photo: str | None, *turns: float) -> tuple[Any, ...]:
        x, y = event.index
        return touched(studios, photo, x, y, turns)

    # Annotations are text in this file; the page wants the class itself.
    touch.__annotations__["event"] = gr.SelectData
    quick = {
        "show_progress": "hidden", "trigger_mode": "always_last", "concurrency_id": "studio",
        "concurrency_limit": 1,
    }  # fmt: skip
    gr.on(
        [photo.change, reset.click], lambda p: opened(studios, jobs, p), photo,
        [news, shown, name, dial, *controls], api_name="studio_open", **quick,
    )  # fmt: skip
    gr.on(
        [control.input for control in controls],
        lambda p, *values: previewed(studios, p, values),
        [photo, *controls], shown, api_name="studio_preview", **quick,
    )  # fmt: skip
    gr.on(
        [name.input, strength.input], lambda p, n, s, *turns: named(studios, p, n, s, turns),
        [photo, name, strength, *turns], [shown, dial, *sliders],
        api_name="studio_feeling", **quick,
    )  # fmt: skip
    dial.select(touch, [photo, *turns], [shown, dial, *sliders], api_name=False, **quick)
    save.click(
        lambda p, c, *values: (yield from saved(studios, jobs, p, c, values)),
        [photo, consent, *controls], [news, files], api_name="studio_save",
        concurrency_id="studio",
    )  # fmt: skip


def _sliders(gr: Any) -> list[Any]:
    sliders = []
    for index, group in enumerate(GROUPS):
        with gr.Accordion(group, open=index == 0):
            sliders += [gr.Slider(0, 1, 0, step=0.01, label=name) for name in names_of(group)]
    return sliders


def _turns(gr: Any) -> list[Any]:
    with gr.Accordion("Head, degrees", open=False):
        return [gr.Slider(-TURN_LIMIT, TURN_LIMIT, 0, step=0.5, label=name) for name in TURNS]
