"""Training a recognizer from named sets, selected and calibrated on people it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facegen.errors import UsageError
from facegen.fer.card import write_card
from facegen.fer.dataset import FerDataset, is_video
from facegen.fer.evaluation import Report, tell
from facegen.fer.metrics import fit_temperature, score
from facegen.fer.registry import open_fer_dataset
from facegen.fer.source import Source, make_clips, make_source
from facegen.fer.task import Recipe, RecognizerTask
from facegen.recognizer.crop import CropSpec
from facegen.recognizer.labels import CANONICAL
from facegen.recognizer.network import (
    NetworkConfig,
    RecognizerNet,
    load_network,
    save_network,
    with_temperature,
)
from facegen.recognizer.spec import RecognizerSpec
from facegen.training.config import TrainConfig
from facegen.training.loop import train

HELD = 0.1


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What is taught from.

    Attributes:
        real, synthetic: sets as ``KIND:PATH``. ratio: synthetic to real samples of a batch.
        name: of the network. aus: set of action units it shall tell.
        side: of its input, pixels. grey: without colours.
        valence_arousal, blendshapes: whether it shall tell them.
        licence: of the weights, for the card.
        clips: frames of whole clips to learn from as well, 0 for pictures alone.
        masks: render where made faces act, for the attention loss.
    """

    real: tuple[str, ...] = ()
    synthetic: tuple[str, ...] = ()
    ratio: float = 1.0
    name: str = "recognizer"
    aus: str = "disfa12"
    side: int = 64
    grey: bool = True
    valence_arousal: bool = True
    blendshapes: bool = True
    licence: str = "unknown"
    clips: int = 0
    masks: bool = False

    def card(self, names: Sequence[str]) -> RecognizerSpec:
        """Card of the network before it has weights."""
        channels = 1 if self.grey else 3
        crop = CropSpec(
            self.side,
            margin=1.0,
            channels="grey" if self.grey else "rgb",
            mean=(0.5,) * channels,
            std=(0.25,) * channels,
        )
        return RecognizerSpec(
            self.name,
            crop,
            weights_licence=self.licence,
            trained_on=tuple(sorted(set(names))),
            labels=CANONICAL.name,
            aus=self.aus,
            valence_arousal=self.valence_arousal,
            blendshapes=self.blendshapes,
            source="facegen train recognizer",
        )


def train_recognizer(
    lesson: Lesson,
    config: TrainConfig,
    *,
    shape: NetworkConfig | None = None,
    recipe: Recipe | None = None,
    resume: bool = True,
) -> Path:
    """Train, calibrate and describe a recognizer.

    Test splits are never touched; a tenth of the people of every set is held out of training, and
    the temperature is fitted on them.

    Returns:
        ``config.output / "export"`` with weights, card and ``held.json``.

    Raises:
        UsageError: no set was named, or nothing to learn from. MediaError: a set has another
            layout. Others as of the training loop.
    """
    config.validate()
    if not lesson.real and not lesson.synthetic:
        raise UsageError("name what to learn from: --real KIND:PATH or --synthetic DIR")
    cache = config.output / "faces"
    taught, held, shares = [], [], []
    groups = ((lesson.real, 1.0), (tuple(map(synthetic_name, lesson.synthetic)), lesson.ratio))
    for names, share in groups:
        sources = [source for n in names for source in _sources(n, lesson, cache)]
        for source in sources:
            mine, others = held_out(source, config.seed)
            taught.append(mine)
            held.append(others)
            # Sets of one kind share by their size.
            shares.append(share * len(source) / sum(map(len, sources)))
    task = RecognizerTask(
        taught,
        shares,
        lesson.card([source.name for source in taught]),
        shape,
        recipe,
        batch_size=config.batch_size,
        seed=config.seed,
        report=lambda net: held_numbers(net, held),
    )
    folder = train(task, config, resume=resume)
    return finish(folder, held, taught)


def _sources(name: str, lesson: Lesson, cache: Path) -> list[Source]:
    """Pictures of a set and, where asked for and there are any, its clips."""
    dataset = learnable(open_fer_dataset(name))
    sources = [make_source(dataset, lesson.aus, cache=cache, masks=lesson.masks)]
    if lesson.clips:
        moving = [i for i, s in enumerate(dataset.samples) if s.frames or is_video(s.path)]
        if moving:
            sources.append(make_clips(dataset.take(moving), lesson.aus, lesson.clips))
    return sources


def synthetic_name(text: str) -> str:
    """A folder alone means a set made by ``facegen synth``."""
    return text if text.startswith("synthetic:") else f"synthetic:{text}"


def learnable(dataset: FerDataset) -> FerDataset:
    """All samples but the test split.

    Raises:
        UsageError: nothing else is there.
    """
    chosen = [i for i, s in enumerate(dataset.samples) if s.split != "test"]
    if not chosen:
        raise UsageError(f"{dataset.name} has a test split only; nothing to learn from")
    return dataset.take(chosen)


def held_out(source: Source, seed: int) -> tuple[Source, Source]:
    """Samples to learn from, and those of a tenth of the people."""
    names = sorted(set(source.subjects))
    rng = np.random.default_rng([seed, len(names)])
    held = (
        set(rng.permutation(names)[: max(1, round(HELD * len(names)))]) if len(names) > 1 else set()
    )
    mask = np.array([name in held for name in source.subjects], bool)
    return source.take(np.nonzero(~mask)[0]), source.take(np.nonzero(mask)[0])


def held_numbers(net: RecognizerNet, held: Sequence[Source]) -> dict[str, float]:
    """UAR of every source's held-out people."""
    out = {}
    for source in held:
        known = np.nonzero(source.targets.numpy() >= 0)[0]
        if len(known):
            part = source.take(known)
            told = tell(net, part)
            found = score(part.targets.numpy(), told.probs, present_only=True)
            out[f"{source.name} uar"] = found.uar
    return out


def finish(folder: Path, held: Sequence[Source], taught: Sequence[Source]) -> Path:
    """Fit the temperature on held-out people and write the card."""
    net = load_network(folder)
    logits, truth = [], []
    for source in held:
        known = np.nonzero(source.targets.numpy() >= 0)[0]
        if len(known):
            part = source.take(known)
            logits.append(np.log(np.maximum(tell(net, part).probs, 1e-9)))
            truth.append(part.targets.numpy())
    if logits:
        net = with_temperature(net, fit_temperature(np.concatenate(truth), np.concatenate(logits)))
    save_network(net, folder)
    reports = [Report.of(source.name, tell(net, source), source) for source in held if len(source)]
    write_card(folder, net, taught, reports)
    return folder
