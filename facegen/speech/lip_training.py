"""From a speech cache to lip network weights: teacher, taught voices, network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from facegen.audio import AudioEncoder
from facegen.data.speech.cache import SpeechSet
from facegen.speech.lip_eval import LipClip, lip_table, predictors, segments_of, viseme_table
from facegen.speech.lip_lessons import Lesson, read_lessons
from facegen.speech.lip_names import GEOMETRY
from facegen.speech.lip_net import LipNet
from facegen.speech.lip_task import LipTask, Spread, TeacherTask, load_teacher, taught
from facegen.training.config import TrainConfig
from facegen.training.loop import train

# Real mouths teach more than taught ones; formant voices are many and all alike.
WEIGHTS = {"grid": 1.5, "espeak": 0.7, "negatives": 0.5}
_TEACHER_RATE, _TEACHER_DECAY, _TEACHER_AVERAGE = 3e-3, 0.05, 0.99
_CHECKED = 20


def train_lips(
    data: Path,
    config: TrainConfig,
    *,
    teacher_steps: int = 1000,
    encoder: AudioEncoder | None = None,
    start: LipNet | None = None,
    resume: bool = True,
) -> Path:
    """Train on a speech cache; ``config.output`` gets ``teacher/`` and ``lips/``.

    Args:
        encoder: whose features the network learns from; log-mel by default.
        start: network to go on from, of the same encoder.

    Returns:
        The folder with ``lips.safetensors`` and ``lips.json``.

    Raises:
        ModelFileError: no such cache. UsageError: it holds no tracked speech with phones.
    """
    cache = SpeechSet(data)
    lessons = read_lessons(cache, split="train", weights=WEIGHTS)
    spread = Spread.of(lessons)
    teaching = replace(
        config,
        output=config.output / "teacher",
        steps=teacher_steps,
        learning_rate=_TEACHER_RATE,
        weight_decay=_TEACHER_DECAY,
        ema=_TEACHER_AVERAGE,
        precision="fp32",
        sample_every=0,
    )
    config.output.mkdir(parents=True, exist_ok=True)
    folder = train(
        TeacherTask(lessons, spread, batch_size=config.batch_size, seed=config.seed),
        teaching,
        resume=resume,
    )
    teacher = load_teacher(folder)
    held = taught(read_lessons(cache, split="val", weights={}), teacher)

    def check(net: LipNet) -> dict[str, float]:
        return held_out_figures(net, held, encoder)

    task = LipTask(
        taught(lessons, teacher),
        spread,
        batch_size=config.batch_size,
        seed=config.seed,
        encoder=encoder,
        start=start,
        check=check,
    )
    return train(task, replace(config, output=config.output / "lips"), resume=resume)


def clips_of(lessons: Sequence[Lesson], group: str, lag: int | None = 0) -> Iterator[LipClip]:
    """Lessons whose mouth was seen, as clips of the evaluation."""
    opening, width = GEOMETRY.index("opening"), GEOMETRY.index("width")
    for lesson in lessons:
        if lesson.real and lesson.geometry is not None:
            yield LipClip(
                name=lesson.name,
                group=group,
                speaker=lesson.speaker,
                samples=lesson.sound(),
                opening=lesson.geometry[:, opening],
                width=lesson.geometry[:, width],
                segments=None if lesson.phones is None else segments_of(lesson.phones),
                lag=lag,
            )


def held_out_figures(
    net: LipNet, held: Sequence[Lesson], encoder: AudioEncoder | None = None
) -> dict[str, float]:
    """Correlation on real and on taught held-out speech, and bilabials that close."""
    real = list(clips_of(held, "held out"))[:_CHECKED]
    table = lip_table(real, {"network": predictors(real, net=net, encoder=encoder)["network"]})
    out = {f"real_{k}": float(getattr(table[0], k)) for k in ("r", "width_r", "rmse_mm")}
    opening, width = GEOMETRY.index("opening"), GEOMETRY.index("width")
    voices = [
        (x.sound(), segments_of(x.phones), (np.asarray(x.geometry)[:, opening],
                                           np.asarray(x.geometry)[:, width]))
        for x in held
        if not x.real and x.geometry is not None and x.phones is not None and x.phones.any()
    ]  # fmt: skip
    figures = viseme_table(voices[:_CHECKED], net=net, encoder=encoder)
    return out | {f"voices_{k}": v for k, v in figures.items()}
