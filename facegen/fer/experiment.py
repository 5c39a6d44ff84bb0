"""What synthetic faces are worth: the arms of a controlled experiment, cell by cell.

Every cell is one student trained from scratch (or from synthetic faces) with the same number of
updates, tested on real people who are in no training set. Cells are written as they end; a stopped
run goes on with the next one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from facegen.errors import UsageError
from facegen.fer.augment import network_input
from facegen.fer.metrics import present_probs
from facegen.fer.source import Source
from facegen.fer.task import Recipe, RecognizerTask
from facegen.media import atomic_path
from facegen.recognizer.crop import CropSpec
from facegen.recognizer.labels import KEYS
from facegen.recognizer.network import NetworkConfig, RecognizerNet, load_network
from facegen.recognizer.spec import RecognizerSpec, Role
from facegen.training.config import TrainConfig
from facegen.training.loop import train

Array = NDArray[np.float64]

# Arms that do not look at real pictures have no number of them.
SYNTHETIC_ARMS = ("synthetic", "synthetic same size", "synthetic shuffled")
PLAIN, CLASSIC, FINE = "real", "real + classic", "synthetic then real"
SAME_SIZE_PER_CLASS = 50
UNITS = "arkit23"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One training of the experiment.

    Attributes:
        arm: name. real: pictures per class, 0 for none. ratio: synthetic to real ones in a batch.
        seed: of weights, choice and order; also the fold that is tested.
    """

    arm: str
    real: int
    ratio: float
    seed: int

    @property
    def name(self) -> str:
        arm = self.arm.replace(" ", "-")
        return f"{arm}_n{self.real}_r{self.ratio:g}_s{self.seed}"


@dataclass(frozen=True, kw_only=True)
class Design:
    """Size of the experiment.

    Attributes:
        classes: canonical keys that take part.
        reals: pictures per class. ratios: of synthetic to real pictures, tried at ``full``.
        full: numbers of real pictures at which all ratios are tried; elsewhere only ``ratio``.
        seeds: number of them; each tests another third of the people while they last.
        steps: updates of every student. Where synthetic faces come first, ``tune`` of them are
            left for the real ones.
        side, width, batch_size, learning_rate: of the student.
    """

    classes: tuple[str, ...] = ("neutral", "happy", "sad", "surprise", "anger")
    reals: tuple[int, ...] = (20, 50, 100, 200)
    ratios: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0)
    full: tuple[int, ...] = (50,)
    ratio: float = 1.0
    seeds: int = 3
    folds: int = 3
    steps: int = 600
    tune: float = 1 / 3
    side: int = 40
    width: int = 16
    batch_size: int = 48
    learning_rate: float = 3e-3

    def cells(self) -> Iterator[Cell]:
        """Every cell, seed by seed: a stopped run has whole rounds."""
        for seed in range(self.seeds):
            for arm in SYNTHETIC_ARMS:
                yield Cell(arm=arm, real=0, ratio=0, seed=seed)
            for real in self.reals:
                for arm in (PLAIN, CLASSIC):
                    yield Cell(arm=arm, real=real, ratio=0, seed=seed)
                for ratio in self.ratios if real in self.full else (self.ratio,):
                    yield Cell(arm="real + synthetic", real=real, ratio=ratio, seed=seed)
                yield Cell(arm=FINE, real=real, ratio=0, seed=seed)


@dataclass(frozen=True, eq=False)
class Experiment:
    """The experiment on two sources.

    Attributes:
        real, synthetic: labelled faces of the design's classes; action units by ``UNITS``.
        output: folder of results; a cell is ``cells/NAME.npz``.
        whole: synthetic faces of all classes, to learn from first; else ``synthetic``.
    """

    real: Source
    synthetic: Source
    design: Design
    output: Path
    whole: Source | None = None

    def run(self) -> Iterator[tuple[Cell, int, int]]:
        """Train all cells that are not there yet; each is told with its number and how many.

        Raises:
            UsageError: the folder holds results of another design.
        """
        self._claim()
        cells = list(self.design.cells())
        for number, cell in enumerate(cells, 1):
            if not self.path(cell).is_file():
                self._write(cell, *self._taught(cell))
                yield cell, number, len(cells)

    def path(self, cell: Cell) -> Path:
        """Where a cell's result lies."""
        return self.output / "cells" / f"{cell.name}.npz"

    def fold(self, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Training and test places in ``real``: no person on both sides."""
        return self._folds[seed % self.design.folds]

    @cached_property
    def _folds(self) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        from sklearn.model_selection import StratifiedGroupKFold

        targets = self.real.targets.numpy()
        cut = StratifiedGroupKFold(self.design.folds, shuffle=True, random_state=0)
        return list(cut.split(targets, targets, self.real.subjects))

    def _claim(self) -> None:
        """One design a folder: results of two would be mixed."""
        about = asdict(self.design) | {
            "real": [self.real.name, len(self.real)],
            "synthetic": [self.synthetic.name, len(self.synthetic)],
        }
        file = self.output / "design.json"
        text = json.dumps(about, indent=1)
        if file.is_file() and file.read_text(encoding="utf-8") != text:
            raise UsageError(f"{self.output} holds another experiment; name another folder")
        (self.output / "cells").mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def _taught(self, cell: Cell) -> tuple[RecognizerNet, NDArray[np.int64]]:
        """A student of a cell, and the places it is tested on."""
        design = self.design
        train_places, test = self.fold(cell.seed)
        if cell.arm in SYNTHETIC_ARMS:
            return self._train(cell, [(self._synthetic(cell), 1.0)]), test
        real = self._real(train_places, cell)
        if cell.arm == FINE:
            start = self._start(cell)
            steps = max(1, round(design.tune * design.steps))
            rate = design.learning_rate / 2
            tuned = self._train(
                cell, [(real, 1.0)], start=start, steps=steps, rate=rate, geometry=True
            )
            return tuned, test
        parts = [(real, 1.0)]
        if cell.ratio:
            parts.append((self._synthetic(cell), cell.ratio))
        recipe = Recipe(augment=None) if cell.arm == PLAIN else Recipe()
        return self._train(cell, parts, recipe=recipe), test

    def _synthetic(self, cell: Cell) -> Source:
        if cell.arm == "synthetic same size":
            return self.synthetic.take(
                chosen(
                    self.synthetic, np.arange(len(self.synthetic)), SAME_SIZE_PER_CLASS, cell.seed
                )
            )
        if cell.arm == "synthetic shuffled":
            return self.synthetic.shuffled(cell.seed)
        return self.synthetic

    def _real(self, places: NDArray[np.int64], cell: Cell) -> Source:
        return self.real.take(chosen(self.real, places, cell.real, cell.seed))

    def _start(self, cell: Cell) -> Path:
        """Weights learned from synthetic faces, trained once a seed.

        Their action units and curves are taught as well: these are exact where the felt emotion
        is not what people see. All classes of the set take part.
        """
        first = Cell(arm="pretraining", real=0, ratio=0, seed=cell.seed)
        folder = self.output / "students" / first.name / "export"
        if not folder.is_dir():
            steps = max(1, round((1 - self.design.tune) * self.design.steps))
            self._train(first, [(self.whole or self.synthetic, 1.0)], steps=steps, geometry=True)
        return folder

    def _train(
        self,
        cell: Cell,
        parts: Sequence[tuple[Source, float]],
        *,
        recipe: Recipe | None = None,
        start: Path | None = None,
        steps: int | None = None,
        rate: float | None = None,
        geometry: bool = False,
    ) -> RecognizerNet:
        design = self.design
        folder = self.output / "students" / cell.name
        task = RecognizerTask(
            [source for source, _ in parts],
            [share for _, share in parts],
            student_card(design.side, geometry=geometry),
            NetworkConfig(width=design.width, features=4 * design.width),
            recipe,
            batch_size=design.batch_size,
            seed=cell.seed,
            start=start,
        )
        count = steps or design.steps
        config = TrainConfig(
            output=folder,
            steps=count,
            batch_size=design.batch_size,
            learning_rate=rate or design.learning_rate,
            warmup=min(30, count // 4),
            schedule="cosine",
            weight_decay=0.02,
            ema=0.98,
            save_every=count,
            log_every=max(1, count // 4),
            workers=0,
            seed=cell.seed,
        )
        return load_network(train(task, config))

    def _write(self, cell: Cell, net: RecognizerNet, test: NDArray[np.int64]) -> None:
        with atomic_path(self.path(cell)) as part, part.open("wb") as stream:
            np.savez(stream, probs=probabilities(net, self.real.take(test)), test=test)


def student_card(side: int, *, geometry: bool = False) -> RecognizerSpec:
    """Card of a student: grey, so that no source is told by its colours.

    Args:
        geometry: it also tells action units and curves.
    """
    return RecognizerSpec(
        "student",
        CropSpec(side, margin=1.0, channels="grey", mean=(0.5,), std=(0.25,)),
        labels="affectnet8",
        aus=UNITS if geometry else None,
        blendshapes=geometry,
        roles=frozenset({Role.STUDENT}),
    )


def chosen(
    source: Source, places: NDArray[np.int64], per_class: int, seed: int
) -> NDArray[np.int64]:
    """At most ``per_class`` places of every class, at random."""
    rng = np.random.default_rng([seed, per_class])
    targets = source.targets.numpy()[places]
    return np.concatenate(
        [rng.permutation(places[targets == c])[:per_class] for c in np.unique(targets)]
    )


@torch.inference_mode()
def probabilities(net: RecognizerNet, source: Source) -> Array:
    """``(N, 8)`` of a source's crops; mean over the picture and its mirror image."""
    out = []
    for crops in source.crops.split(256):
        x = network_input(crops, net.spec.crop)
        both = [net(side).probs for side in (x, x.flip(-1))]
        out.append(sum(p for p in both if p is not None) / 2)
    return np.asarray(torch.cat(out).numpy(), np.float64)


@dataclass(frozen=True, eq=False)
class Told:
    """What the students of one row of the table said about all test people.

    Attributes:
        truth: ``(N,)``. probs: ``(N, 8)``. subjects: ``(N,)``. seeds: ``(N,)``.
    """

    truth: NDArray[np.int64]
    probs: Array
    subjects: NDArray[np.str_]
    seeds: NDArray[np.int64]

    @property
    def present(self) -> Array:
        """Probabilities among the classes that occur."""
        return present_probs(self.truth, self.probs)


def gather(experiment: Experiment, arm: str, real: int, ratio: float) -> Told | None:
    """All finished cells of a row; None without one."""
    parts: list[tuple[Any, ...]] = []
    targets, names = experiment.real.targets.numpy(), np.array(experiment.real.subjects)
    for seed in range(experiment.design.seeds):
        path = experiment.path(Cell(arm=arm, real=real, ratio=ratio, seed=seed))
        if path.is_file():
            with np.load(path, allow_pickle=False) as archive:
                test = archive["test"]
                seeds = np.full(len(test), seed)
                parts.append((targets[test], archive["probs"], names[test], seeds))
    if not parts:
        return None
    truth, probs, subjects, seeds = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Told(truth, probs, subjects, seeds)


def class_source(source: Source, classes: Sequence[str]) -> Source:
    """Samples whose likeliest class is one of ``classes``; shares of others are taken away."""
    wanted = [KEYS.index(name) for name in classes]
    kept = source.take(np.nonzero(np.isin(source.targets.numpy(), wanted))[0])
    mask = torch.zeros(len(KEYS))
    mask[wanted] = 1
    labels = kept.labels * mask
    return replace(kept, labels=labels / labels.sum(1, keepdim=True).clamp_min(1e-6))
