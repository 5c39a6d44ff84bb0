"""What a voice seems to feel: a small model, and a cautious policy of what the face may show.

From the voice alone arousal is told well and the kind of feeling poorly, above all for speakers and
microphones unlike those of the training. So a feeling is shown only where the model is sure and
agrees with the arousal, and never at full strength; all else stays neutral.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from facegen.emotion.labels import EMOTIONS
from facegen.emotion.track import EmotionTrack
from facegen.emotion.voice import RATE, functionals
from facegen.errors import ModelFileError

Array = NDArray[np.float64]

FORMAT = "facegen-speech-emotion-1"
HIGH_AROUSAL = frozenset({"happy", "angry", "fearful", "disgusted", "surprised"})
# Seconds of voice that are judged at once, and from one judgement to the next.
WINDOW, HOP = 4.0, 2.0
_LEAST_SPEECH = 0.8  # seconds of loud sound in a window that is judged at all
_QUIET = 1e-3  # RMS
# A feeling is shown from the first confidence on, and at most at `_STRONGEST`.
_SURE, _CERTAIN, _WEAKEST, _STRONGEST = 0.6, 0.95, 0.3, 0.7


@dataclass(frozen=True, eq=False)
class SpeechEmotionModel:
    """Logistic regressions on standardised features (:func:`functionals`).

    C emotions, F features. Probability of emotion c: softmax of ``weight @ z + bias``.

    Attributes:
        emotions: C names of ``EMOTIONS``.
        mean, scale: ``(F,)`` of the training data. Features further than 4 scales away are clipped.
        weight: ``(C, F)``. bias: ``(C,)``; calibrated on speakers that the fit had not heard.
        arousal_weight: ``(F,)``. arousal_bias: ``(1,)`` of P(high arousal).
    """

    emotions: tuple[str, ...]
    mean: Array
    scale: Array
    weight: Array
    bias: Array
    arousal_weight: Array
    arousal_bias: Array

    def __call__(self, features: Array) -> tuple[Array, Array]:
        """Probabilities ``(T, C)`` of the emotions and ``(T,)`` of high arousal.

        Args:
            features: ``(T, F)``.
        """
        z = np.clip((features - self.mean) / self.scale, -4, 4)
        logits = z @ self.weight.T + self.bias
        share = np.exp(logits - logits.max(1, keepdims=True))
        arousal = 1 / (1 + np.exp(-(z @ self.arousal_weight + self.arousal_bias[0])))
        return share / share.sum(1, keepdims=True), arousal

    def save(self, path: Path | str) -> None:
        """Write ``.safetensors``."""
        arrays = {
            f.name: getattr(self, f.name).astype(np.float32)
            for f in fields(self)
            if f.name != "emotions"
        }
        save_file(arrays, path, metadata={"format": FORMAT, "emotions": json.dumps(self.emotions)})

    @classmethod
    def load(cls, path: Path | str) -> SpeechEmotionModel:
        """Read what :meth:`save` wrote.

        Raises:
            ModelFileError: missing or something else.
        """
        fix = "make one with: facegen train speech-emotion"
        try:
            with safe_open(path, "numpy") as file:
                note = file.metadata() or {}
                if note.get("format") != FORMAT:
                    raise ModelFileError(f"{path} is no speech emotion model; {fix}")
                arrays = {name: file.get_tensor(name).astype(np.float64) for name in file.keys()}  # noqa: SIM118
            return cls(emotions=tuple(json.loads(note["emotions"])), **arrays)
        except FileNotFoundError:
            raise ModelFileError(f"no speech emotion model at {path}; {fix}") from None
        except (SafetensorError, TypeError, OSError, ValueError) as error:
            raise ModelFileError(f"{path} cannot be read ({error}); {fix}") from error


@cache
def open_model() -> SpeechEmotionModel:
    """The embedded model."""
    from facegen import checkpoints

    folder = Path(checkpoints.__file__).parent / "open-motion"
    return SpeechEmotionModel.load(folder / "emotion.safetensors")


def emotion_of_voice(
    sound: NDArray[np.float32] | Iterable[NDArray[np.float32]],
    model: SpeechEmotionModel | None = None,
) -> EmotionTrack:
    """What to show for a voice: neutral but where the model is sure.

    Args:
        sound: ``(N,)`` 16 kHz mono in -1..1, or such blocks in order.
    """
    model = model or open_model()
    blocks = [sound] if isinstance(sound, np.ndarray) else sound
    levels = [np.zeros(len(EMOTIONS))]
    times = [0.0]
    for begin, features in judged_windows(blocks):
        emotions, arousal = model(features[None])
        level = shown(dict(zip(model.emotions, emotions[0], strict=True)), float(arousal[0]))
        # A judgement stands for the middle of its window; the first one holds from the start.
        time = 0.0 if begin == 0 else begin + (WINDOW - HOP) / 2
        if time == times[-1]:
            levels[-1] = level
        elif np.abs(level - levels[-1]).max() > 0.05:
            times.append(time)
            levels.append(level)
    return EmotionTrack(np.array(times), np.array(levels))


def shown(probabilities: dict[str, float], arousal: float) -> Array:
    """Intensities ``(8,)`` that the policy allows.

    The likeliest emotion is shown if its probability is at least ``_SURE`` and its arousal is
    heard as well; then from ``_WEAKEST`` to ``_STRONGEST`` by probability and by how marked the
    arousal is.
    """
    level = np.zeros(len(EMOTIONS))
    name = max(probabilities, key=probabilities.__getitem__)
    sure = probabilities[name]
    marked = arousal if name in HIGH_AROUSAL else 1 - arousal
    if name == "neutral" or sure < _SURE or marked < 0.5:
        return level
    way = min(1.0, (sure - _SURE) / (_CERTAIN - _SURE)) * marked
    level[EMOTIONS.index(name)] = _WEAKEST + (_STRONGEST - _WEAKEST) * way
    return level


def judged_windows(blocks: Iterable[NDArray[np.float32]]) -> Iterator[tuple[float, Array]]:
    """Begin, seconds, and features of every window with enough voice in it."""
    for begin, window in _windows(blocks):
        loud = np.sqrt(np.square(window[: len(window) // 320 * 320].reshape(-1, 320)).mean(1))
        if (loud > max(_QUIET, 0.1 * loud.max(initial=0))).sum() * 0.02 >= _LEAST_SPEECH:
            yield begin, functionals(window)


def _windows(
    blocks: Iterable[NDArray[np.float32]],
) -> Iterator[tuple[float, NDArray[np.float32]]]:
    """Overlapping windows; the last one is shorter, a short recording is one window."""
    size, step = round(WINDOW * RATE), round(HOP * RATE)
    held = np.zeros(0, np.float32)
    start = 0
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) >= size + step:
            yield start / RATE, held[:size]
            held, start = held[step:], start + step
    yield start / RATE, held[:size]
