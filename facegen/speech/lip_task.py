"""Training of the lip network and of its teacher, as tasks of the shared training loop."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from facegen.audio import FRAME, AudioEncoder, LogMel
from facegen.data.speech.augment import augmented, kept_backgrounds
from facegen.data.speech.phones import PHONES
from facegen.errors import UsageError
from facegen.media.atomic import atomic_path
from facegen.speech.lip_lessons import Crop, Lesson, Rng, cut, silence
from facegen.speech.lip_names import GEOMETRY, SYMMETRIC, arkit_names, both_sides
from facegen.speech.lip_net import LipNet, LipNetConfig
from facegen.speech.lip_teacher import LipTeacher, TeacherConfig, phone_features
from facegen.speech.lip_voices import other_voice
from facegen.speech.lip_weights import save_lip_net
from facegen.speech.mouth import open_mouth

_FRAMES = 140  # of a crop, 2.8 s
# A crop knows nothing of what was said before it; its first frames are not judged.
_WARM_UP = 10
_NOBODY = 0.07
_BABBLE = 4
_BANK_SECONDS, _BANK_PIECES = 10.0, 12
# Making a crop costs more than learning from it: each is used so often, spread over the steps.
_USES = 4
_POOL = 240
_VELOCITY = 2.0
_WEIGHTS = {"curves": 1.0, "gaps": 1.0, "geometry": 0.5, "phones": 0.5}
# Lips that must close are worth more than their share of the time.
_PHONE_WEIGHTS = {"PP": 2.5, "FF": 2.0}
_LEAST_SPREAD = 0.03
_NEARLY_SHUT = -3.0  # logit
# Jaw at which the linear map from curves to lip gaps is taken.
_JAW, _SMALL = 0.1, 0.1


@dataclass(frozen=True, eq=False)
class Spread:
    """How much targets vary: ``curves (K,)`` standard deviation, ``mean``, ``scale`` ``(G,)``."""

    curves: NDArray[np.float32]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    @classmethod
    def of(cls, lessons: Sequence[Lesson]) -> Spread:
        """Over the real lessons.

        Raises:
            UsageError: no lesson has a mouth.
        """
        curves = [x.curves for x in lessons if x.real and x.curves is not None]
        geometry = [x.geometry for x in lessons if x.real and x.geometry is not None]
        if not curves or not geometry:
            raise UsageError("no tracked speech among the lessons; add clips of a speaking face")
        c, g = np.concatenate(curves), np.concatenate(geometry)
        return cls(np.maximum(c.std(0), _LEAST_SPREAD), g.mean(0), np.maximum(g.std(0), 1e-3))


class LipTask:
    """Sound to curves, distances and phones; a ``facegen.training.task.Task``.

    Args:
        lessons: training speakers only.
        spread: of the real targets.
        batch_size: crops per pass. seed: of crops and augmentation.
        encoder: whose features are learned from. start: weights to begin with; new ones by default.
        check: called with the averaged network to write figures of held-out speech.
    """

    name = "lips"

    def __init__(
        self,
        lessons: Sequence[Lesson],
        spread: Spread,
        *,
        batch_size: int = 16,
        seed: int = 0,
        encoder: AudioEncoder | None = None,
        start: LipNet | None = None,
        check: Callable[[LipNet], dict[str, float]] | None = None,
    ) -> None:
        self._lessons = lessons
        self._spread = spread
        self._batch_size, self._seed = batch_size, seed
        self._check = check
        share = np.array([x.weight * len(x.samples) for x in lessons], float)
        self._share = share / share.sum()
        self._encoder, self._start = encoder or LogMel(), start
        self._backgrounds = kept_backgrounds(_BANK_SECONDS, _BANK_PIECES, seed)
        self._kept = lru_cache(maxsize=2 * _POOL)(self._made)
        self._curve_scale = torch.from_numpy(spread.curves)
        self._gap_map = torch.from_numpy(gap_map())
        weights = [_PHONE_WEIGHTS.get(name, 1.0) for name in PHONES]
        self._phone_weights = torch.tensor(weights)

    def model(self) -> LipNet:
        net = LipNet(
            LipNetConfig(
                encoder=self._encoder.name,
                features=self._encoder.dim,
                curves=SYMMETRIC,
                geometry=GEOMETRY,
                phones=PHONES,
            )
        )
        net.geometry_mean.copy_(torch.from_numpy(self._spread.mean))
        net.geometry_scale.copy_(torch.from_numpy(self._spread.scale))
        # A mouth starts nearly shut, not half open.
        last = net.curves[-1]
        assert isinstance(last, nn.Conv1d)
        assert last.bias is not None
        nn.init.constant_(last.bias, _NEARLY_SHUT)
        if self._start is not None:
            if self._start.config != net.config:
                raise UsageError("the lip network to start from is of another kind; train anew")
            net.load_state_dict(self._start.state_dict())
        return net

    def batch(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        """Crops as tensors: ``features (B, T, F)`` and the fields of ``Crop``."""
        rng = np.random.default_rng((self._seed, step, rank))
        first = step * self._batch_size // _USES
        numbers = first + rng.choice(_POOL, self._batch_size, replace=False)
        made = [self._kept(int(number) * world + rank) for number in numbers]
        out = {
            name: torch.from_numpy(np.stack([getattr(crop, name) for _, crop in made]))
            for name in ("phones", "curves", "geometry", "knows_phones", "knows_mouth")
        }
        for name in ("knows_phones", "knows_mouth"):
            out[name][:, :_WARM_UP] = 0
        heard = [part.astype(np.float32) for part, _ in made]
        if self._encoder.name == LogMel.name:
            heard = [other_voice(part, rng) for part in heard]
        features = np.stack(heard)
        return {"features": torch.from_numpy(features), **out}

    def _made(self, number: int) -> tuple[NDArray[np.float16], Crop]:
        """Features and targets of the crop of this number; its sound is no longer needed."""
        crop = self._crop(np.random.default_rng((self._seed, number, 1)))
        features = self._encoder.encode(crop.sound).astype(np.float16)
        return features, replace(crop, sound=crop.sound[:0])

    def _crop(self, rng: Rng) -> Crop:
        if rng.random() < _NOBODY:
            crop = silence(_FRAMES)
            sound = self._backgrounds[rng.integers(len(self._backgrounds))](_FRAMES * FRAME, rng)
            sound = sound * 10 ** rng.uniform(-4, -0.7)
        else:
            lesson = self._lessons[rng.choice(len(self._lessons), p=self._share)]
            crop = cut(lesson, _FRAMES, rng)
            sound = crop.sound
        return replace(crop, sound=self._disturbed(sound.astype(np.float32), rng))

    def _disturbed(self, sound: NDArray[np.float32], rng: Rng) -> NDArray[np.float32]:
        count = min(_BABBLE, len(self._lessons))
        others = rng.choice(len(self._lessons), count, replace=False)
        voices = [self._lessons[i].sound() for i in others]
        return augmented(sound, rng, voices, self._backgrounds)

    def loss(
        self, model: nn.Module, batch: dict[str, Tensor], generator: Generator
    ) -> dict[str, Tensor]:
        """Squared error and squared error of velocity of curves, of the lip gaps they make on the
        open head, and of distances; cross-entropy of phones."""
        assert isinstance(model, LipNet)
        out = model(batch["features"])
        known, device = batch["knows_mouth"], batch["features"].device
        miss = out.curves.float() - batch["curves"]
        gaps = miss @ self._gap_map.to(device) / model.geometry_scale[GEOMETRY.index("opening")]
        away = (out.geometry.float() - batch["geometry"]) / model.geometry_scale
        parts = {
            "curves": _moving_error(miss / self._curve_scale.to(device), known),
            "gaps": _moving_error(gaps, known),
            "geometry": _moving_error(away, known),
            "phones": self._phone_error(out.phones.float(), batch),
        }
        total = torch.stack([_WEIGHTS[name] * value for name, value in parts.items()]).sum()
        return {"loss": total, **parts}

    def _phone_error(self, logits: Tensor, batch: dict[str, Tensor]) -> Tensor:
        weights = self._phone_weights.to(logits.device)
        errors = F.cross_entropy(
            logits.transpose(1, 2), batch["phones"], weight=weights, reduction="none"
        )
        known = batch["knows_phones"]
        return (errors * known).sum() / known.sum().clamp(min=1)

    def sample(self, model: nn.Module, folder: Path, step: int) -> None:
        """Figures on held-out speech as JSON."""
        assert isinstance(model, LipNet)
        if self._check is not None:
            with atomic_path(folder / f"lips_{step:07d}.json") as part:
                part.write_text(json.dumps(self._check(model), indent=1))

    def export(self, model: nn.Module, folder: Path) -> None:
        assert isinstance(model, LipNet)
        save_lip_net(model, folder)


class TeacherTask:
    """Phones to the mouth of one tracked speaker; a ``facegen.training.task.Task``."""

    name = "lip-teacher"

    def __init__(
        self, lessons: Sequence[Lesson], spread: Spread, *, batch_size: int = 16, seed: int = 0
    ) -> None:
        self._lessons = [
            x for x in lessons if x.real and x.phones is not None and x.curves is not None
        ]
        if not self._lessons:
            raise UsageError("no tracked speech with known phones among the lessons")
        self._spread = spread
        self._batch_size, self._seed = batch_size, seed

    def model(self) -> LipTeacher:
        net = LipTeacher(TeacherConfig(curves=SYMMETRIC, geometry=GEOMETRY, phones=PHONES))
        net.geometry_mean.copy_(torch.from_numpy(self._spread.mean))
        net.geometry_scale.copy_(torch.from_numpy(self._spread.scale))
        return net

    def batch(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        rng = np.random.default_rng((self._seed, step, rank))
        chosen = rng.integers(len(self._lessons), size=self._batch_size)
        crops = [cut(self._lessons[i], _FRAMES, rng) for i in chosen]
        return {
            "features": torch.from_numpy(
                np.stack([phone_features(crop.phones, PHONES) for crop in crops])
            ),
            "curves": torch.from_numpy(np.stack([crop.curves for crop in crops])),
            "geometry": torch.from_numpy(np.stack([crop.geometry for crop in crops])),
            "known": torch.from_numpy(np.stack([crop.knows_mouth for crop in crops])),
        }

    def loss(
        self, model: nn.Module, batch: dict[str, Tensor], generator: Generator
    ) -> dict[str, Tensor]:
        assert isinstance(model, LipTeacher)
        curves, geometry = model(batch["features"])
        scale = torch.from_numpy(self._spread.curves).to(curves.device)
        parts = {
            "curves": _moving_error((curves.float() - batch["curves"]) / scale, batch["known"]),
            "geometry": _moving_error(
                (geometry.float() - batch["geometry"]) / model.geometry_scale, batch["known"]
            ),
        }
        return {"loss": parts["curves"] + parts["geometry"], **parts}

    def sample(self, model: nn.Module, folder: Path, step: int) -> None:
        """Nothing to show."""

    def export(self, model: nn.Module, folder: Path) -> None:
        assert isinstance(model, LipTeacher)
        save_teacher(model, folder)


def save_teacher(model: LipTeacher, folder: Path) -> None:
    """Write ``teacher.safetensors`` and ``teacher.json``."""
    from safetensors.torch import save

    with atomic_path(folder / "teacher.safetensors") as part:
        state = {k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}
        part.write_bytes(save(state))
    with atomic_path(folder / "teacher.json") as part:
        part.write_text(json.dumps(asdict(model.config), indent=1))


def load_teacher(folder: Path) -> LipTeacher:
    """Read what :func:`save_teacher` wrote."""
    from safetensors.torch import load_file

    header = json.loads((folder / "teacher.json").read_text(encoding="utf-8"))
    listed: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in header.items()}
    model = LipTeacher(TeacherConfig(**listed))
    model.load_state_dict(load_file(folder / "teacher.safetensors"))
    return model.train(False)


def taught(lessons: Sequence[Lesson], teacher: LipTeacher) -> list[Lesson]:
    """Lessons with phones but no mouth get the teacher's; all others stay."""
    out = []
    for lesson in lessons:
        if lesson.curves is None and lesson.phones is not None:
            curves, geometry = teacher.teach(lesson.phones)
            lesson = replace(lesson, curves=curves, geometry=geometry)
        out.append(lesson)
    return out


def gap_map() -> NDArray[np.float32]:
    """``(K, P)``: gaps between the open head's lips per unit of each symmetric curve, for small
    openings."""
    names = arkit_names(SYMMETRIC)
    mouth = open_mouth(names)
    unit = both_sides(np.eye(len(SYMMETRIC), dtype=np.float32), SYMMETRIC)
    base = np.zeros((1, len(names)))
    base[0, names.index("jawOpen")] = _JAW
    moved = mouth.gap(base + _SMALL * unit) - mouth.gap(base)
    return (moved / _SMALL).astype(np.float32)


def _moving_error(miss: Tensor, known: Tensor) -> Tensor:
    """Mean square of ``miss (B, T, n)`` and, more heavily, of its change from frame to frame."""
    still = _masked_mean(miss.square().mean(2), known)
    change = (miss[:, 1:] - miss[:, :-1]).square().mean(2)
    return still + _VELOCITY * _masked_mean(change, known[:, 1:] * known[:, :-1])


def _masked_mean(values: Tensor, known: Tensor) -> Tensor:
    return (values * known).sum() / known.sum().clamp(min=1)
