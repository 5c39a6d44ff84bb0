"""Training of a recognizer, as the loop of :mod:`facegen.training` wants it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor, nn

from facegen.fer import losses
from facegen.fer.augment import Augmentation, augmented, network_input
from facegen.fer.samplers import MixedSampler, balanced_weights, even_weights
from facegen.fer.sharpness import sharp_loss
from facegen.fer.source import NO_IDENTITY, TENSORS, Source
from facegen.recognizer.network import NetworkConfig, RecognizerNet, load_network, save_network
from facegen.recognizer.output import RecognizerOutput
from facegen.recognizer.spec import RecognizerSpec

Losses = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a recognizer is taught and how.

    Attributes:
        category, affect, units, intensity, curves: weights of the losses.
        identity: weight of the identity-adversarial term; 0: no such head.
        attention: weight of the agreement with rendered masks.
        partial: weight of the loss over candidate sets.
        smoothing: of labels. balanced: classes come equally often.
        sharpness: radius of sharpness-aware minimisation, 0: plain.
        augment: None trains on the crops as they are.
        present: least strength 0..5 at which a unit counts as shown.
    """

    category: float = 1.0
    affect: float = 0.3
    units: float = 0.5
    intensity: float = 1.0
    curves: float = 4.0
    identity: float = 0.0
    attention: float = 0.0
    partial: float = 0.5
    smoothing: float = 0.05
    balanced: bool = True
    sharpness: float = 0.0
    augment: Augmentation | None = Augmentation()
    present: float = 1.0


class Student(nn.Module):
    """A recognizer and, while it learns, the head that must not tell who is seen."""

    def __init__(self, net: RecognizerNet, people: int) -> None:
        super().__init__()
        self.net = net
        self.who = nn.Linear(net.config.features, people) if people else None


class RecognizerTask:
    """Teaches a :class:`RecognizerNet` from several sources.

    Args:
        sources: of pictures or clips. shares: of a batch, one a source.
        spec: card of the network. shape: its size. recipe: losses and variations.
        batch_size: samples of one pass; seed: of what is drawn.
        start: folder with weights to begin from.
        report: told by :meth:`sample`: numbers of the averaged network.
    """

    name = "recognizer"

    def __init__(
        self,
        sources: Sequence[Source],
        shares: Sequence[float],
        spec: RecognizerSpec,
        shape: NetworkConfig | None = None,
        recipe: Recipe | None = None,
        *,
        batch_size: int = 64,
        seed: int = 0,
        start: Path | None = None,
        report: Callable[[RecognizerNet], dict[str, float]] | None = None,
    ) -> None:
        self.sources, self.spec = list(sources), spec
        self.shape, self.recipe = shape or NetworkConfig(), recipe or Recipe()
        self._batch, self._seed, self._start, self._report = batch_size, seed, start, report
        weights = [self._weights(source) for source in self.sources]
        self._sampler = MixedSampler(weights, shares, seed)
        # People of different sources are different people.
        counts = [int(s.identity.max()) + 1 if len(s) else 0 for s in self.sources]
        self._first = np.cumsum([0, *counts])

    def _weights(self, source: Source) -> np.ndarray:
        if self.recipe.balanced:
            return balanced_weights(source.targets.numpy())
        return even_weights(len(source))

    def model(self) -> Student:
        """See :class:`facegen.training.task.Task`."""
        net = RecognizerNet(self.spec, self.shape)
        if self._start is not None:
            net.load_state_dict(load_network(self._start).state_dict())
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return Student(net, int(self._first[-1]) if self.recipe.identity else 0)

    def batch(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        """See :class:`facegen.training.task.Task`; pictures and clips apart, augmented."""
        generator = Generator().manual_seed((self._seed * 1_000_003 + step) * world + rank)
        parts: dict[str, list[dict[str, Tensor]]] = {}
        chosen = self._sampler(step, self._batch, rank, world)
        for number, (source, places) in enumerate(zip(self.sources, chosen, strict=True)):
            if not len(places):
                continue
            index = torch.from_numpy(places)
            row = {name: getattr(source, name)[index] for name in TENSORS}
            known = row["identity"] != NO_IDENTITY
            row["identity"] = torch.where(
                known, row["identity"] + int(self._first[number]), NO_IDENTITY
            )
            parts.setdefault("clip" if row["crops"].dim() == 5 else "image", []).append(row)
        out: dict[str, Tensor] = {}
        for kind, rows in parts.items():
            joint = {name: torch.cat([row[name] for row in rows]) for name in TENSORS}
            joint["input"] = self._input(joint.pop("crops"), generator)
            out |= {f"{kind}/{name}": value for name, value in joint.items()}
        return out

    def _input(self, crops: Tensor, generator: Generator) -> Tensor:
        """Frames of a clip are varied alike: they are one after another of the same face."""
        how = self.recipe.augment
        if how is None:
            flat = network_input(crops.flatten(0, -4), self.spec.crop)
            return flat.unflatten(0, crops.shape[:-3])
        if crops.dim() == 4:
            return augmented(crops, self.spec.crop, how, generator)
        state = generator.get_state()
        frames = []
        for frame in crops.unbind(1):
            generator.set_state(state)
            frames.append(augmented(frame, self.spec.crop, how, generator))
        return torch.stack(frames, 1)

    def loss(self, model: nn.Module, batch: dict[str, Tensor], generator: Generator) -> Losses:
        """See :class:`facegen.training.task.Task`."""
        if self.recipe.sharpness and model.training:
            return sharp_loss(model, lambda m: self._losses(m, batch), self.recipe.sharpness)
        return self._losses(model, batch)

    def _losses(self, model: nn.Module, batch: dict[str, Tensor]) -> Losses:
        assert isinstance(model, Student)
        found: dict[str, list[Tensor]] = {}
        for kind in ("image", "clip"):
            if f"{kind}/input" not in batch:
                continue
            part = {n.removeprefix(f"{kind}/"): v for n, v in batch.items() if n.startswith(kind)}
            told = model.net(part["input"])
            for name, value in self._terms(model, told, part).items():
                found.setdefault(name, []).append(value)
        terms = {name: torch.stack(values).mean() for name, values in found.items()}
        total = torch.stack([getattr(self.recipe, n, 1.0) * v for n, v in terms.items()]).sum()
        return {"loss": total, **terms}

    def _terms(self, model: Student, told: RecognizerOutput, part: dict[str, Tensor]) -> Losses:
        """Losses that have a head, a weight and a target."""
        recipe, terms = self.recipe, {}
        if told.logits is not None:
            terms["category"] = losses.soft_cross_entropy(
                told.logits, part["labels"], weight=part["weight"], smoothing=recipe.smoothing
            )
            if recipe.partial:
                terms["partial"] = losses.partial_label_loss(told.logits, part["candidates"])
        if told.valence_arousal is not None and recipe.affect:
            terms["affect"] = losses.ccc_loss(told.valence_arousal, part["affect"])
        if told.au_logits is not None and told.au_intensity is not None:
            terms["units"] = losses.masked_au_loss(
                told.au_logits, part["aus"], present=recipe.present
            )
            terms["intensity"] = losses.masked_distance(told.au_intensity / 5, part["aus"] / 5)
        if told.blendshapes is not None and recipe.curves:
            terms["curves"] = losses.masked_distance(told.blendshapes, part["curves"])
        if recipe.attention:
            terms["attention"] = losses.attention_loss(told.features["map"], part["masks"])
        if model.who is not None:
            level = told.features.get("clip", told.features["frame"])
            terms |= losses.identity_terms(model.who, level, part["identity"])
        return terms

    def sample(self, model: nn.Module, folder: Path, step: int) -> None:
        """Numbers of the averaged network, a line per call."""
        assert isinstance(model, Student)
        if self._report is not None:
            with (folder / "held.jsonl").open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"step": step, **self._report(model.net)}) + "\n")

    def export(self, model: nn.Module, folder: Path) -> None:
        """The network's folder, without the identity head."""
        assert isinstance(model, Student)
        net = model.net
        net.spec = replace(net.spec, weights_sha256="")
        save_network(net, folder)
