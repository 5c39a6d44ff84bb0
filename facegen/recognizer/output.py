"""What a recognizer tells about a batch of faces."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class RecognizerOutput:
    """Tensors over a batch of B faces (or clips); None where the recognizer does not tell.

    Attributes:
        logits, probs: ``(B, C)`` in the order of the recognizer's label space.
        valence_arousal: ``(B, 2)`` in -1..1.
        au_logits: ``(B, A)`` of presence. au_intensity: ``(B, A)`` 0..5.
        blendshapes: ``(B, 52)`` 0..1 by ``facegen.arkit.ARKIT``.
        pose: ``(B, 3)`` pitch, yaw, roll in degrees, ``R = Rz(roll) Ry(yaw) Rx(pitch)``.
        identity: ``(B, D)`` unit length, or logits of an adversarial head.
        unknown: ``(B,)`` 0..1, how little the face is like anything learned.
        features: by level, ``frame`` at least where there is a trunk.
    """

    logits: Tensor | None = None
    probs: Tensor | None = None
    valence_arousal: Tensor | None = None
    au_logits: Tensor | None = None
    au_intensity: Tensor | None = None
    blendshapes: Tensor | None = None
    pose: Tensor | None = None
    identity: Tensor | None = None
    unknown: Tensor | None = None
    features: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.probs is None and self.logits is not None:
            self.probs = self.logits.softmax(-1)

    @property
    def au_probs(self) -> Tensor | None:
        """``(B, A)`` probability of presence."""
        return None if self.au_logits is None else self.au_logits.sigmoid()

    def tensors(self) -> dict[str, Tensor]:
        """Everything told but the features, by name."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "features"}
        return {name: value for name, value in values.items() if value is not None}
