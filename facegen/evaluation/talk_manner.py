"""How it is said: steadiness, blinks, head motion, and its beats with the voice.

A still face wins none of these: each statistic is compared with the true clip's own by ``gap``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from facegen.evaluation.expression import euler_deg
from facegen.evaluation.metric import gap
from facegen.evaluation.performance import Array, Performance
from facegen.evaluation.talk_clip import LOUDNESS_HZ, Contrast, loudness_curve, stretches
from facegen.evaluation.talk_metrics import TalkMetric, talk_spec
from facegen.evaluation.temporal import FLICKER_HZ, flicker, jerk

_GAP = "gap = |value - truth| / (value + truth)"


class FaceJerk(TalkMetric):
    """Jerk of the face's landmarks, the head's motion taken out."""

    spec = talk_spec(
        "face_jerk", "iod/s^3", "gap",
        f"mean |third difference| of 68 landmarks in the head's frame; {_GAP}",
        high=1.0, notes=("value", "truth"),
    )  # fmt: skip
    reads = ("points",)

    def measure(self, contrast: Contrast) -> Mapping[str, float]:
        return _compared(*(jerk(tracks, contrast.clip.truth.fps) for tracks in _tracks(contrast)))


class FaceFlicker(TalkMetric):
    """Share of the face's motion energy at or above 8 Hz, the head's motion taken out."""

    spec = talk_spec(
        "face_energy_8hz", "", "gap",
        f"share of landmark energy >= {FLICKER_HZ:g} Hz, detrended, Hann; {_GAP}",
        high=1.0, notes=("value", "truth"),
    )  # fmt: skip
    reads = ("points",)

    def measure(self, contrast: Contrast) -> Mapping[str, float]:
        fps = contrast.clip.truth.fps
        # Of a still face only rounding would be left.
        moving = ([t for t in tracks if np.ptp(t, axis=0).any()] for tracks in _tracks(contrast))
        return _compared(*(flicker(tracks, fps) for tracks in moving))


def _tracks(contrast: Contrast) -> tuple[list[Array], list[Array]]:
    runs = contrast.runs("points", shortest=8)
    return [pred for pred, _ in runs], [truth for _, truth in runs]


def _compared(pred: float, truth: float) -> dict[str, float]:
    if math.isnan(pred) and not math.isnan(truth):
        pred = 0.0  # nothing moves
    return {"gap": gap(pred, truth), "value": pred, "truth": truth}


class BlinkRate(TalkMetric):
    """Blinks per minute."""

    spec = talk_spec(
        "blink_rate", "1/min", "gap",
        "dips of the lids below 0.6 of their median for 40 to 500 ms; "
        f"{_GAP}; coarse on short clips",
        high=1.0, notes=("value", "truth"),
    )  # fmt: skip
    reads = ("lids",)

    def measure(self, contrast: Contrast) -> Mapping[str, float]:
        return _compared(*(blink_rate(p) for p in (contrast.pred, contrast.clip.truth)))


def blink_rate(performance: Performance) -> float:
    """Blinks per minute of known frames, NaN without any."""
    lids = performance.lids
    if lids is None or np.isnan(lids).all():
        return math.nan
    step = 1 / performance.fps
    low = lids < 0.6 * np.nanmedian(lids)
    blinks = [s for s in stretches(low) if 0.04 <= (s.stop - s.start) * step <= 0.5]
    return 60 * len(blinks) / (float((~np.isnan(lids)).sum()) * step)


class HeadMotion(TalkMetric):
    """How much and how fast the head turns."""

    spec = talk_spec(
        "head_motion", "deg", "spread_gap",
        "spread: root of the summed variances of pitch, yaw and roll; speed: mean of their rates "
        f"in deg/s; {_GAP}; landmarks alone tremble by about 0.7 deg of pitch in speech",
        high=1.0, notes=("spread", "true_spread", "speed", "true_speed"),
    )  # fmt: skip
    reads = ("rotation",)

    def measure(self, contrast: Contrast) -> Mapping[str, float]:
        both = [head_statistics(p) for p in (contrast.pred, contrast.clip.truth)]
        (spread, speed), (true_spread, true_speed) = both
        return {
            "spread_gap": gap(spread, true_spread),
            "speed_gap": gap(speed, true_speed),
            "spread": spread,
            "true_spread": true_spread,
            "speed": speed,
            "true_speed": true_speed,
        }


def head_angles(performance: Performance) -> list[Array]:
    """Pitch, yaw and roll ``(T, 3)`` in degrees of each uninterrupted stretch of 8 frames or
    more, smoothed by 80 ms: the network's tremble is no head motion."""
    from scipy.ndimage import gaussian_filter1d

    rotation = performance.rotation
    if rotation is None:
        return []
    seen = ~np.isnan(rotation[:, 0, 0])
    return [
        np.asarray(
            gaussian_filter1d(
                np.array([euler_deg(r) for r in rotation[s]]), 0.08 * performance.fps, axis=0
            ),
            np.float64,
        )
        for s in stretches(seen)
        if s.stop - s.start >= 8
    ]


def head_statistics(performance: Performance) -> tuple[float, float]:
    """Spread in degrees and mean speed in degrees per second; NaN where the head is not seen."""
    runs = head_angles(performance)
    if not runs:
        return math.nan, math.nan
    angles = np.concatenate(runs)
    spread = float(np.sqrt(angles.var(0).sum())) if np.ptp(angles, axis=0).any() else 0.0
    steps = np.concatenate([np.diff(run, axis=0) for run in runs])
    return spread, float(np.linalg.norm(steps, axis=1).mean() * performance.fps)


class BeatAlignment(TalkMetric):
    """Does the head come to rest where the voice sets in?"""

    spec = talk_spec(
        "beat_alignment", "", "gap",
        "mean over onsets of the voice of exp(-d^2 / (2 * 0.1^2)), d seconds to the nearest "
        "pause of the head's turning (beat alignment score, Li et al. 2021, AI Choreographer); "
        f"{_GAP}",
        high=1.0, notes=("value", "truth"), audio=True,
    )  # fmt: skip
    reads = ("rotation",)

    def measure(self, contrast: Contrast) -> Mapping[str, float]:
        clip = contrast.clip
        if clip.sound is None:
            return dict.fromkeys(("gap", "value", "truth"), math.nan)
        onsets = voice_onsets(clip.sound)
        # The truth is on the clock of the picture, the voice on that of the sound.
        late = clip.offset_s
        own = beat_alignment(onsets - late + contrast.shift_s, head_beats(contrast.pred))
        truth = beat_alignment(onsets - late, head_beats(clip.truth))
        return {"gap": gap(own, truth), "value": own, "truth": truth}


def voice_onsets(sound: np.ndarray) -> Array:
    """Seconds at which loudness rises steepest: by 6 dB or more within 100 ms, 100 ms apart."""
    from scipy.signal import find_peaks

    curve = loudness_curve(sound)
    if len(curve) < 12:
        return np.zeros(0)
    rise = curve[10:] - curve[:-10]
    peaks, _ = find_peaks(rise, height=6.0, distance=10)
    return (peaks + 5.5) / LOUDNESS_HZ


def head_beats(performance: Performance) -> Array:
    """Seconds at which the head's turning pauses: local minima of its speed."""
    from scipy.signal import find_peaks

    if performance.rotation is None:
        return np.zeros(0)
    seen = ~np.isnan(performance.rotation[:, 0, 0])
    longest = [s for s in stretches(seen) if s.stop - s.start >= 8]
    beats = []
    for part, angles in zip(longest, head_angles(performance), strict=True):
        speed = np.linalg.norm(np.gradient(angles, axis=0), axis=1)
        # A head that does not turn has no beats.
        pauses = find_peaks(-speed)[0] if speed.max() > 1e-6 else []
        beats += [performance.times[part.start + k] for k in pauses]
    return np.array(beats, np.float64)


def beat_alignment(onsets: Array, beats: Array) -> float:
    """0..1; NaN without onsets, 0 without beats."""
    if not len(onsets):
        return math.nan
    if not len(beats):
        return 0.0
    nearest = np.abs(onsets[:, None] - beats).min(1)
    return float(np.exp(-np.square(nearest) / (2 * 0.1**2)).mean())
