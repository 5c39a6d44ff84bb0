"""Predicted mouths against real ones: one table for the network and what it has to beat."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen.audio import FRAME, AudioEncoder
from facegen.data.speech.augment import mixed, noise, telephone
from facegen.data.speech.phones import PHONES, Segment
from facegen.speech.lip_gain import Array, best_lag, correlation, shifted
from facegen.speech.lip_names import SYMMETRIC, arkit_names, both_sides
from facegen.speech.lip_net import LipNet
from facegen.speech.lip_predict import predict_lips
from facegen.speech.lip_rules import rule_curves
from facegen.speech.lip_teacher import LipTeacher
from facegen.speech.lip_track import RATE, LipTrack
from facegen.speech.mouth import MouthShape, open_mouth

# Millimetres between the outer corners of an adult's eyes.
EYE_CORNERS_MM = 90.0
# Gap in outer eye distances below which lips count as touching: 1.2 mm, a little more than the
# open head's at rest.
TOUCH = 0.013
_AROUND = 0.04  # seconds by which a closure may miss its sound
_SMOOTH = 5

# What is compared on which sounds.
VISEMES: dict[str, tuple[tuple[str, ...], str]] = {
    "bilabial": (("PP",), "opening"),
    "labiodental": (("FF",), "opening"),
    "alveolar": (("DD", "NN", "LL", "TH", "SS"), "opening"),
    "open": (("AA", "AE", "AH", "EH"), "opening"),
    "rounded": (("UW", "UH", "OW", "AO", "WW", "CH", "RR"), "width"),
    "spread": (("IY", "IH", "YY", "SS"), "width"),
}


@dataclass(frozen=True, eq=False)
class LipClip:
    """Speech whose mouth was seen (or is otherwise known), T frames at 50 Hz.

    Attributes:
        group: clips whose figures are averaged. speaker: who.
        samples: ``(N,)`` float32, 16 kHz.
        opening, width: ``(T,)`` outer eye distances; width relative to rest.
        segments: phones and their times, or None.
        lag: frames by which the picture follows the sound, or None to estimate it from the
            network's own best agreement (optimistic; other rows use the same).
    """

    name: str
    group: str
    speaker: str
    samples: NDArray[np.float32]
    opening: NDArray[np.floating]
    width: NDArray[np.floating]
    segments: Sequence[Segment] | None = None
    lag: int | None = 0


@dataclass(frozen=True)
class LipScore:
    """Means over the clips of a group.

    Attributes:
        group, predictor: what on what. clips: how many.
        r: correlation of opening after the clip's offset. r_best, lag_ms: at the best lag within
            0.3 s, and that lag's median. width_r: correlation of width.
        rmse_mm: of opening. constant_mm: of the best constant. spread: predicted over true
            standard deviation.
    """

    group: str
    predictor: str
    clips: int
    r: float
    r_best: float
    lag_ms: float
    width_r: float
    rmse_mm: float
    constant_mm: float
    spread: float


Mouth = tuple[NDArray[Any], NDArray[Any]]
Predictor = Callable[[LipClip], Mouth | None]


def energy(samples: NDArray[np.float32]) -> Array:
    """Loudness ``(T,)`` as a jaw: smoothed amplitude over its 95th percentile."""
    count = -(-len(samples) // FRAME)
    padded = np.pad(samples.astype(float), (0, count * FRAME - len(samples)))
    level = np.sqrt(np.square(padded.reshape(count, FRAME)).mean(1))
    level = np.convolve(level, np.ones(_SMOOTH) / _SMOOTH, "same")
    return level / max(float(np.percentile(level, 95)), 1e-6)


def predictors(
    clips: Sequence[LipClip],
    *,
    net: LipNet | None = None,
    teacher: LipTeacher | None = None,
    gains: Mapping[str, float] | None = None,
    encoder: AudioEncoder | None = None,
) -> dict[str, Predictor]:
    """The rows of the table.

    Args:
        gains: articulation gain of each speaker, 1 where not named.
        encoder: whose features ``net`` reads; log-mel by default.
    """
    names = arkit_names(SYMMETRIC)
    mouth = open_mouth(names)
    order = {clip.name: i for i, clip in enumerate(clips)}

    def shape(curves: NDArray[np.float32]) -> Mouth:
        return mouth.opening(curves), mouth.width(curves) - mouth.width(np.zeros((1, len(names))))

    def network(clip: LipClip, gain: float = 1.0) -> Mouth:
        return shape(predict_lips(clip.samples, gain=gain, net=net, encoder=encoder).curves)

    def fitted(clip: LipClip) -> Mouth | None:
        gain = (gains or {}).get(clip.speaker)
        return None if gain is None else network(clip, gain)

    def loudness(clip: LipClip) -> Mouth:
        level = energy(clip.samples)
        # In the scale of a mouth: so far does the average speaker open.
        return 0.08 * level, np.zeros(len(level))

    def rules(clip: LipClip) -> Mouth | None:
        if clip.segments is None:
            return None
        return shape(both_sides(rule_curves(clip.segments, len(clip.opening)), SYMMETRIC))

    def learned(clip: LipClip) -> Mouth | None:
        if clip.segments is None or teacher is None:
            return None
        from facegen.data.speech.phones import labels

        curves, _ = teacher.teach(labels(clip.segments, len(clip.opening)))
        return shape(both_sides(curves, SYMMETRIC))

    def other(clip: LipClip) -> Mouth | None:
        mates = [c for c in clips if c.group == clip.group and c.name != clip.name]
        if not mates:
            return None
        return network(mates[order[clip.name] % len(mates)])

    rows: dict[str, Predictor] = {"network": network}
    if gains:
        rows["network, speaker's gain"] = fitted
    rows |= {"energy": loudness, "phones + rules": rules}
    if teacher is not None:
        rows["phones + teacher"] = learned
    return rows | {"another clip's sound": other}


def lip_table(clips: Sequence[LipClip], rows: Mapping[str, Predictor]) -> list[LipScore]:
    """Every predictor on every group of clips; a row is left out where it cannot predict."""
    lags = {clip.name: _offset(clip, rows["network"]) for clip in clips}
    out = []
    for group in dict.fromkeys(clip.group for clip in clips):
        mine = [clip for clip in clips if clip.group == group]
        for name, predict in rows.items():
            figures = [
                _figures(mouth, clip, lags[clip.name])
                for clip in mine
                if (mouth := predict(clip)) is not None
            ]
            if figures:
                table = np.array(figures)
                mean = [float(x) for x in np.nanmean(table, 0)]
                lag = float(np.nanmedian(table[:, 2]))
                out.append(LipScore(group, name, len(figures), mean[0], mean[1], lag, *mean[3:]))
    return out


def _offset(clip: LipClip, predict: Predictor) -> int:
    if clip.lag is not None:
        return clip.lag
    mouth = predict(clip)
    return 0 if mouth is None else best_lag(mouth[0], np.asarray(clip.opening, float))[0]


def _figures(mouth: Mouth, clip: LipClip, lag: int) -> tuple[float, ...]:
    seen = np.asarray(clip.opening, float)
    a, b = shifted(mouth[0], seen, lag)
    known = np.isfinite(b)
    a, b = a[known], b[known]
    wide = correlation(*shifted(mouth[1], np.asarray(clip.width, float), lag))
    found, best = best_lag(mouth[0], seen)
    error = EYE_CORNERS_MM * float(np.sqrt(np.square(a - b).mean()))
    spread = float(a.std() / max(b.std(), 1e-9))
    constant = EYE_CORNERS_MM * float(b.std())
    return correlation(a, b), best, 1000 * found / RATE, wide, error, constant, spread


def closures(
    track: LipTrack, segments: Iterable[Segment], mouth: MouthShape | None = None
) -> tuple[int, int, int]:
    """Bilabials said, those on which the lips touch, and other moments in speech on which they
    touch too (neither next to a bilabial or labiodental nor in a pause)."""
    mouth = mouth or open_mouth(track.names)
    touching = mouth.gap(track.curves).max(1) < TOUCH
    excused = np.zeros(len(track), bool)
    said = met = 0
    for phone, start, stop in segments:
        low = max(int((start - _AROUND) * RATE), 0)
        high = int((stop + _AROUND) * RATE) + 1
        if phone == "PP" and low < len(track):
            said += 1
            met += bool(touching[low:high].any())
        if phone in ("PP", "FF", "sil"):
            excused[low:high] = True
    stray = touching & ~excused
    return said, met, int((np.diff(stray.astype(int), prepend=0) == 1).sum())


def viseme_table(
    lessons: Iterable[tuple[NDArray[np.float32], Sequence[Segment], Mouth]],
    *,
    net: LipNet | None = None,
    encoder: AudioEncoder | None = None,
) -> dict[str, float]:
    """Correlation on the frames of each group of ``VISEMES`` (pooled over utterances), over all
    frames, and recall and precision of bilabial closure.

    Args:
        lessons: sound, phones, and opening and width to compare with.
        net, encoder: as of ``predict_lips``.
    """
    names = arkit_names(SYMMETRIC)
    mouth = open_mouth(names)
    pooled: dict[str, list[tuple[Array, Array]]] = {name: [] for name in (*VISEMES, "all")}
    said = met = stray = 0
    for samples, segments, (opening, width) in lessons:
        track = predict_lips(samples, net=net, encoder=encoder)
        got = {"opening": mouth.opening(track.curves), "width": mouth.width(track.curves)}
        true = {"opening": opening, "width": width}
        count = min(len(track), len(opening))
        pooled["all"].append((got["opening"][:count], opening[:count]))
        for name, (phones, channel) in VISEMES.items():
            at = _frames_of(segments, phones, count)
            pooled[name].append((got[channel][:count][at], true[channel][:count][at]))
        counts = closures(track, segments, mouth)
        said, met, stray = said + counts[0], met + counts[1], stray + counts[2]
    out = {
        name: correlation(*(np.concatenate(side) for side in zip(*pairs, strict=True)))
        for name, pairs in pooled.items()
        if pairs
    }
    return out | {
        "bilabials": float(said),
        "closure_recall": met / max(said, 1),
        "closure_precision": met / max(met + stray, 1),
    }


def _frames_of(segments: Iterable[Segment], phones: Sequence[str], count: int) -> NDArray[np.bool_]:
    at = np.zeros(count, bool)
    for phone, start, stop in segments:
        if phone in phones:
            at[int(start * RATE) : int(stop * RATE) + 1] = True
    return at


def disturbances(seed: int = 0) -> dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]]:
    """What recordings suffer: level, noise, a telephone line."""
    rng = np.random.default_rng(seed)

    def noisy(snr: float) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
        return lambda samples: mixed(samples, noise(len(samples), rng), snr)

    return {
        "clean": lambda samples: samples,
        "-30 dB": lambda samples: samples * np.float32(10 ** (-30 / 20)),
        "noise 20 dB": noisy(20),
        "noise 10 dB": noisy(10),
        "noise 5 dB": noisy(5),
        "telephone": telephone,
    }


def segments_of(labels: NDArray[np.integer]) -> list[Segment]:
    """Runs of equal classes ``(T,)`` at 50 Hz as phones with times."""
    edges = np.flatnonzero(np.diff(labels.astype(int), prepend=-1, append=-1))
    return [
        Segment(PHONES[int(labels[a])], a / RATE, b / RATE)
        for a, b in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    ]
