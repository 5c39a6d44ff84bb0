"""Made-up utterances for tests of the lip trainers."""

import numpy as np

from facegen.data.speech.phones import PHONES
from facegen.speech.lip_lessons import Lesson
from facegen.speech.lip_names import GEOMETRY, SYMMETRIC

_LEAD = 15


def lesson(name: str, *, real: bool = True, frames: int = 120, seed: int = 0) -> Lesson:
    """Loud where the mouth is open: a syllable of PP and AA every 0.2 s after a pause."""
    rng = np.random.default_rng(seed)
    phones = np.zeros(frames, np.uint8)
    beat = (np.arange(frames - 2 * _LEAD) // 5) % 2
    phones[_LEAD : frames - _LEAD] = np.where(beat, PHONES.index("AA"), PHONES.index("PP"))
    opening = (phones == PHONES.index("AA")).astype(np.float32)
    loud = np.repeat(0.01 + 0.3 * opening, 320)
    sound = loud * rng.standard_normal(frames * 320)
    curves = np.zeros((frames, len(SYMMETRIC)), np.float32)
    curves[:, SYMMETRIC.index("jawOpen")] = 0.3 * opening
    geometry = np.zeros((frames, len(GEOMETRY)), np.float32)
    geometry[:, GEOMETRY.index("opening")] = 0.1 * opening
    return Lesson(
        name=name,
        speaker="tester",
        corpus="made",
        samples=(np.clip(sound, -1, 1) * 32767).astype(np.int16),
        phones=phones,
        curves=curves if real else None,
        geometry=geometry if real else None,
        real=real,
    )
