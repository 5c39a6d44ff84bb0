"""Clips: a recognizer of pictures, and what its features do over time."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn

from facegen.errors import UsageError
from facegen.recognizer.base import FaceRecognizer
from facegen.recognizer.heads import CategoricalHead, VAHead
from facegen.recognizer.output import RecognizerOutput

Temporal = Literal["mean", "gru"]


class ClipRecognizer(FaceRecognizer):
    """A frame trunk, a temporal encoder, and heads on the clip's feature.

    Features: ``frame (B, T, F)`` of the trunk, ``clip (B, G)`` of the encoder.

    Args:
        trunk: a recognizer of pictures with ``frame`` features. width: their number.
        length: frames of a clip.
        temporal: ``mean`` over time, or the mean of a bidirectional GRU's states.
        hidden: of the GRU per direction.
    """

    def __init__(
        self,
        trunk: FaceRecognizer,
        width: int,
        *,
        length: int = 16,
        temporal: Temporal = "gru",
        hidden: int = 64,
    ) -> None:
        if temporal not in ("mean", "gru"):
            raise UsageError(f"no temporal encoder {temporal!r}; choose mean or gru")
        space = trunk.spec.label_space
        if space is None:
            raise UsageError(f"{trunk.spec.name} tells no categories, so its clips do not either")
        name = f"{trunk.spec.name}-{temporal}"
        spec = replace(
            trunk.spec, name=name, clip_len=length, valence_arousal=True, aus=None,
            blendshapes=False, teachers=(*trunk.spec.teachers, trunk.spec.weights_sha256),
        )  # fmt: skip
        super().__init__(spec)
        self.trunk = trunk
        self.encoder = None
        if temporal == "gru":
            self.encoder = nn.GRU(width, hidden, batch_first=True, bidirectional=True)
        out = width if self.encoder is None else 2 * hidden
        self.categories, self.affect = CategoricalHead(out, len(space)), VAHead(out)

    def forward(self, x: Tensor) -> RecognizerOutput:
        if x.ndim != 5:
            raise UsageError(f"a clip is (B, T, C, S, S), not {tuple(x.shape)}")
        frames = self.trunk.features(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        states = frames if self.encoder is None else self.encoder(frames)[0]
        clip = states.mean(1)
        return RecognizerOutput(
            logits=self.categories(clip),
            valence_arousal=self.affect(clip),
            features={"frame": frames, "clip": clip},
        )


def pooled(features: Tensor) -> Tensor:
    """Features over time ``(B, T, F)`` as one of the clip: mean and deviation, ``(B, 2 F)``.

    For frame recognizers without a temporal encoder of their own.
    """
    return torch.cat([features.mean(1), features.std(1, correction=0)], -1)
