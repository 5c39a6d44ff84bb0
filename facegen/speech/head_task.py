"""Training of the head network as a task of the shared training loop."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from facegen.audio import LogMel
from facegen.data.speech.augment import augmented
from facegen.emotion.labels import EMOTIONS
from facegen.emotion.prototypes import factor
from facegen.errors import UsageError
from facegen.media.atomic import atomic_path
from facegen.recognizer.guides import write_guides
from facegen.speech.head_channels import CHANNELS, Clip, mirrored, splice
from facegen.speech.head_net import HeadMotionNet, HeadNetConfig, feelings
from facegen.speech.head_weights import save_head_net

if TYPE_CHECKING:
    from facegen.speech.head_emotion import MotionEmotion

_CLIPS = 4  # spliced to one stretch that windows are cut from
_WITHOUT_CONTEXT = 0.15
_FELT, _DEAF, _AUGMENTED = 0.5, 0.1, 0.5


class HeadTask:
    """Windows of tracked motion with their sound; a ``facegen.training.task.Task``.

    The corpora at hand are read calmly, so what emotions do to a head's liveliness is laid over
    them: a window is given a feeling and its motion the strength that belongs to it.

    Args:
        clips: of the training split. check: of the held-out one, or none.
        stretches: random joins of clips that windows are cut from; each takes 0.4 MB.
        emotion: weight of a recognizer's opinion (:class:`MotionEmotion`), 0 for none.
        guide: that recognizer, see ``open_recognizer``.

    Raises:
        UsageError: no tracked speech.
    """

    name = "head-motion"

    def __init__(
        self, clips: Sequence[Clip], check: Sequence[Clip] = (), *, batch_size: int = 16,
        seed: int = 0, stretches: int = 384, config: HeadNetConfig | None = None,
        emotion: float = 0.0, guide: str = "open",
    ) -> None:  # fmt: skip
        if not clips:
            raise UsageError("no tracked faces in the speech cache; build it with --data")
        self._clips, self._check = list(clips), list(check)
        self._batch_size, self._seed, self._count = batch_size, seed, stretches
        self._config = config or HeadNetConfig(channels=CHANNELS)
        joined = np.concatenate([clip.channels for clip in self._clips])
        self._scale = np.sqrt(np.square(joined).mean(0)) + 1e-6
        self._encoder = LogMel()
        self._emotion, self._guide = emotion, _guide(guide) if emotion else None
        self._stretches: dict[int, tuple[NDArray[np.float16], NDArray[np.float32]]] = {}

    def model(self) -> HeadMotionNet:
        net = HeadMotionNet(self._config)
        net.scale.copy_(torch.from_numpy(self._scale))
        return net

    def batch(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        rng = np.random.default_rng((self._seed, step, rank))
        rows = [self._row(rng) for _ in range(self._batch_size)]
        return {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in rows[0]}

    def _row(self, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        """One window: sound, feeling, motion in units of its spread, and what of it is known."""
        window = self._config.window
        features, channels = self._stretch(int(rng.integers(self._count)))
        start = int(rng.integers(len(channels) - window + 1))
        motion = channels[start : start + window] / self._scale
        if rng.random() < 0.5:
            motion = mirrored(motion)
        features = features[2 * start : 2 * (start + window)].astype(np.float32)
        if rng.random() < _DEAF:
            features = np.zeros_like(features)
        emotion = np.zeros((window, len(EMOTIONS)), np.float32)
        if rng.random() < _FELT:
            emotion[:, rng.integers(1, len(EMOTIONS))] = rng.uniform(0.2, 1)
        given = np.zeros((window, 1), np.float32)
        if rng.random() > _WITHOUT_CONTEXT:
            given[: self._config.context] = 1
        return {
            "motion": (motion * factor("head", emotion)[:, None]).astype(np.float32),
            "audio": features,
            "emotion": emotion,
            "given": given,
        }

    def _stretch(self, index: int) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
        """Features ``(2 T, F)`` and motion ``(T, C)`` of a few spliced clips, made once."""
        if index not in self._stretches:
            rng = np.random.default_rng((self._seed, index))
            chosen = rng.integers(len(self._clips), size=_CLIPS)
            clip = splice([self._clips[i] for i in chosen])
            sound = augmented(clip.samples, rng) if rng.random() < _AUGMENTED else clip.samples
            features = self._encoder.encode(sound).astype(np.float16)
            self._stretches[index] = features, clip.channels
        return self._stretches[index]

    def loss(
        self, model: nn.Module, batch: dict[str, Tensor], generator: Generator
    ) -> dict[str, Tensor]:
        """Squared error of the velocity on a straight path from noise to motion, over frames that
        are not given; flow times are logit-normal (Esser et al. 2024)."""
        motion, given = batch["motion"], batch["given"]
        noise = torch.randn(motion.shape, generator=generator, device=motion.device)
        draw = torch.randn(len(motion), generator=generator, device=motion.device)
        time = torch.sigmoid(draw)
        at = time[:, None, None]
        noisy = (1 - at) * noise + at * motion
        feeling = feelings(batch["emotion"])
        velocity = model(noisy, time, batch["audio"], feeling, motion, given)
        miss = (velocity.float() - (motion - noise)).square().mean(2, keepdim=True)
        error = (miss * (1 - given)).sum() / (1 - given).sum()
        if self._guide is None:
            return {"loss": error}
        scale = torch.as_tensor(self._scale, device=motion.device)
        clean = torch.where(given > 0, motion, noisy + (1 - at) * velocity.float())
        felt = self._guide(clean * scale, motion * scale).to(error.device)
        return {"loss": error + self._emotion * felt, "flow": error, "emotion": felt}

    def sample(self, model: nn.Module, folder: Path, step: int) -> None:
        """Spread and speed of drawn motion beside those of held-out motion, as JSON."""
        from facegen.speech.head_report import report

        assert isinstance(model, HeadMotionNet)
        if self._check:
            with atomic_path(folder / f"head_{step:07d}.json") as part:
                part.write_text(json.dumps(report(model, self._check), indent=1))

    def export(self, model: nn.Module, folder: Path) -> None:
        assert isinstance(model, HeadMotionNet)
        save_head_net(model, folder)
        if self._guide is not None:
            write_guides(folder, [self._guide.use])


def _guide(name: str) -> MotionEmotion:
    from facegen.recognizer.loss import open_emotion_loss
    from facegen.speech.head_emotion import MotionEmotion

    return MotionEmotion(open_emotion_loss(name, level="clip"))
