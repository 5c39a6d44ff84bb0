"""Training of the speech emotion model, and its honest accuracy: on speakers it has not heard."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from facegen.audio import SpeechReader, load_speech
from facegen.emotion.labels import EMOTIONS, emotion_name
from facegen.emotion.recognition import HIGH_AROUSAL, SpeechEmotionModel, judged_windows, shown
from facegen.emotion.voice import functionals
from facegen.errors import MediaError, UsageError
from facegen.progress import progress
from facegen.reading import inside

Array = NDArray[np.float64]

# Emo-DB file names: speaker, text, emotion, version. Boredom counts as neutral: it shows little.
_EMODB = {
    "W": "angry", "L": "neutral", "E": "disgusted", "A": "fearful", "F": "happy", "T": "sad",
    "N": "neutral",
}  # fmt: skip
_SOUNDS = (".wav", ".flac", ".ogg", ".mp3")
_PENALTY = 100.0  # on squared weights, against the sum of the weighted losses of all recordings


@dataclass(frozen=True, eq=False)
class Corpus:
    """N labelled recordings: ``features (N, F)``, emotion and speaker of each."""

    features: Array
    emotions: tuple[str, ...]
    speakers: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Accuracy:
    """Leave-one-speaker-out results.

    Attributes:
        accuracy: share of recordings. uar: mean recall of the emotions.
        arousal: share of recordings whose arousal (high or low) is right.
        emotions: C names. confusion: ``(C, C)`` counts, rows are the truth.
        shown: share of recordings for which the policy shows a feeling.
        shown_right: share of those that are right.
    """

    accuracy: float
    uar: float
    arousal: float
    emotions: tuple[str, ...]
    confusion: NDArray[np.int64]
    shown: float
    shown_right: float


def read_corpus(folder: Path | str, neutral: Sequence[Path | str] = ()) -> Corpus:
    """Recordings of a folder: with ``labels.csv`` (file, emotion, speaker), or named as Emo-DB's.

    Args:
        neutral: folders of calm speech without labels, every file a speaker of its own, cut into
            windows. Other voices and microphones teach the model when to keep still.

    Raises:
        MediaError: nothing usable there. UsageError: an unknown emotion.
    """
    folder = Path(folder)
    listing = folder / "labels.csv"
    if listing.is_file():
        try:
            with listing.open(newline="", encoding="utf-8") as stream:
                rows = [
                    (inside(folder, r["file"]), r["emotion"], r["speaker"])
                    for r in csv.DictReader(stream)
                ]
        except (OSError, ValueError, KeyError, csv.Error) as error:
            raise MediaError(
                f"{listing} is no table of file, emotion, speaker ({error}); mend it"
            ) from error
    else:
        rows = [
            (p, _EMODB[p.stem[5]], p.stem[:2]) for p in _sounds(folder) if p.stem[5:6] in _EMODB
        ]
    if not rows:
        raise MediaError(
            f"{folder} holds no labelled speech: add labels.csv (file,emotion,speaker), or the "
            "files of Emo-DB"
        )
    found, emotions, speakers = [], [], []
    for path, emotion, speaker in progress(rows, len(rows), "listening"):
        found.append(functionals(load_speech(path).samples))
        emotions.append(emotion_name(emotion))
        speakers.append(speaker)
    calm = [path for other in neutral for path in _sounds(Path(other))]
    for path in progress(calm, len(calm), "listening"):
        heard = [features for _, features in judged_windows(SpeechReader(path))]
        found += heard
        emotions += ["neutral"] * len(heard)
        speakers += [str(path)] * len(heard)
    return Corpus(np.array(found), tuple(emotions), tuple(speakers))


def _sounds(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("*") if p.suffix.lower() in _SOUNDS)


def fit(corpus: Corpus, calibration: tuple[float, float] = (1.0, 1.0)) -> SpeechEmotionModel:
    """Fit on a whole corpus, every emotion weighing the same.

    Args:
        calibration: temperatures of emotions and of arousal (:func:`calibrated`).
    """
    names = tuple(sorted(set(corpus.emotions)))
    if len(names) < 2:
        raise UsageError("the corpus needs at least two emotions")
    mean, scale = corpus.features.mean(0), corpus.features.std(0) + 1e-6
    z = np.clip((corpus.features - mean) / scale, -4, 4)
    truth = np.array([names.index(e) for e in corpus.emotions])
    high = np.array([int(e in HIGH_AROUSAL) for e in corpus.emotions])
    weight, bias = _softmax_regression(z, truth, len(names))
    pair, offsets = _softmax_regression(z, high, 2)
    warm, warm_arousal = calibration
    return SpeechEmotionModel(
        names,
        mean,
        scale,
        weight / warm,
        bias / warm,
        (pair[1] - pair[0]) / warm_arousal,
        (offsets[1:] - offsets[:1]) / warm_arousal,
    )


def calibrated(corpus: Corpus) -> tuple[SpeechEmotionModel, Accuracy]:
    """The model of all speakers with probabilities calibrated, and accuracy, on unheard ones.

    Raises:
        UsageError: fewer than two speakers.
    """
    names = tuple(sorted(set(corpus.emotions)))
    speakers = np.array(corpus.speakers)
    if len(set(corpus.speakers)) < 2:
        raise UsageError("the corpus needs at least two speakers to know how good the model is")
    chance = np.zeros((len(speakers), len(names)))
    arousal = np.zeros(len(speakers))
    for speaker in sorted(set(corpus.speakers)):
        out = speakers == speaker
        model = fit(_part(corpus, ~out))
        columns = [names.index(name) for name in model.emotions]
        chance[np.ix_(out, columns)], arousal[out] = model(corpus.features[out])
    truth = np.array([names.index(e) for e in corpus.emotions])
    high = np.array([e in HIGH_AROUSAL for e in corpus.emotions])
    logits = np.log(chance + 1e-9)
    pair = np.log(np.stack([1 - arousal, arousal], 1) + 1e-9)
    warm = _temperature(logits, truth), _temperature(pair, high.astype(int))
    chance, pair = _softmax(logits / warm[0]), _softmax(pair / warm[1])
    return fit(corpus, warm), _accuracy(names, truth, high, chance, pair[:, 1])


def _accuracy(
    names: tuple[str, ...],
    truth: NDArray[np.intp],
    high: NDArray[np.bool_],
    chance: Array,
    arousal: Array,
) -> Accuracy:
    told = chance.argmax(1)
    confusion = np.zeros((len(names), len(names)), np.int64)
    np.add.at(confusion, (truth, told), 1)
    levels = [
        shown(dict(zip(names, row, strict=True)), a) for row, a in zip(chance, arousal, strict=True)
    ]
    moved = np.array([level.max() > 0 for level in levels])
    right = [
        EMOTIONS[int(level.argmax())] == names[t] for level, t in zip(levels, truth, strict=True)
    ]
    return Accuracy(
        accuracy=float((told == truth).mean()),
        uar=float((confusion.diagonal() / confusion.sum(1)).mean()),
        arousal=float(((arousal > 0.5) == high).mean()),
        emotions=names,
        confusion=confusion,
        shown=float(moved.mean()),
        shown_right=float(np.array(right)[moved].mean()) if moved.any() else 0.0,
    )


def _part(corpus: Corpus, rows: NDArray[np.bool_]) -> Corpus:
    kept = np.flatnonzero(rows)
    return Corpus(
        corpus.features[kept],
        tuple(corpus.emotions[i] for i in kept),
        tuple(corpus.speakers[i] for i in kept),
    )


def _softmax(logits: Array) -> Array:
    share = np.exp(logits - logits.max(1, keepdims=True))
    return share / share.sum(1, keepdims=True)


def _softmax_regression(z: Array, truth: NDArray[np.intp], count: int) -> tuple[Array, Array]:
    """Weights ``(count, F)`` and biases of balanced multinomial logistic regression with L2."""
    each = len(truth) / (count * np.maximum(np.bincount(truth, minlength=count), 1))[truth]
    wanted = np.eye(count)[truth]
    inputs = np.hstack([z, np.ones((len(z), 1))])

    def loss(flat: Array) -> tuple[float, Array]:
        matrix = flat.reshape(count, -1)
        chance = _softmax(inputs @ matrix.T)
        value = -(each * np.log(chance[np.arange(len(truth)), truth] + 1e-12)).sum()
        slope = (each[:, None] * (chance - wanted)).T @ inputs
        slope[:, :-1] += _PENALTY * matrix[:, :-1]
        return value + 0.5 * _PENALTY * (matrix[:, :-1] ** 2).sum(), slope.ravel()

    found = minimize(loss, np.zeros(count * inputs.shape[1]), jac=True, method="L-BFGS-B")
    matrix = found.x.reshape(count, -1)
    return matrix[:, :-1], matrix[:, -1]


def _temperature(logits: Array, truth: NDArray[np.intp]) -> float:
    """Divisor of the logits that makes their probabilities true (Guo et al., ICML 2017)."""

    def loss(log_divisor: float) -> float:
        chance = _softmax(logits / np.exp(log_divisor))
        return float(-np.log(chance[np.arange(len(truth)), truth] + 1e-12).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2, 2), method="bounded").x))
