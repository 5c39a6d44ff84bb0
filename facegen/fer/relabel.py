"""Labels that people would rather agree with: what was meant, mixed with what a teacher sees."""

from __future__ import annotations

from dataclasses import replace

import torch

from facegen.fer.evaluation import tell
from facegen.fer.source import Source
from facegen.recognizer.base import FaceRecognizer
from facegen.recognizer.labels import CANONICAL

TRUST = 0.7


def relabelled(source: Source, teacher: FaceRecognizer, trust: float = TRUST) -> Source:
    """The source with soft labels between the intended ones and a teacher's.

    A class that the teacher does not know keeps half of its intended share at least.

    Args:
        trust: share of the teacher; all of it where nothing was intended.
    """
    space = teacher.spec.label_space
    unknown = (
        []
        if space is None
        else [k for k, key in enumerate(CANONICAL.keys) if key not in space.keys]
    )
    seen = torch.from_numpy(tell(teacher, source, mirrored=False).probs).float()
    share = torch.full((len(source), 1), trust)
    for column in unknown:
        share[source.targets == column] = min(trust, 0.5)
    meant = source.labels
    mixed = (1 - share) * meant + share * seen
    return replace(source, labels=torch.where(meant.isnan().any(1, keepdim=True), seen, mixed))
