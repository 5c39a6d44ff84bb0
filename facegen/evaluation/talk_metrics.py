"""Do the lips say it: opening, width, closures and sync of a performance on a speech clip."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.landmarks import FACE_MESH, correlation
from facegen.evaluation.metric import Better, Measure, MetricSpec
from facegen.evaluation.performance import Array, Performance, resample
from facegen.evaluation.sync import RATE, SHORTEST, EnvelopeEmbedder, lse, offset_distances
from facegen.evaluation.talk_clip import Contrast, loudness_at, stretches

ESTIMATOR = "MediaPipe Face Mesh 478"
MAX_LAG_S = 0.3
_LAG_STEP_S = 0.01
# Below this many common frames (a third of a second) nothing is said about a curve over time.
FEW = 8


class TalkMetric(Measure):
    """A measure of a whole performance.

    Attributes:
        reads: fields of ``Performance`` that method and truth must have.
    """

    reads: tuple[str, ...] = ("opening",)

    @abstractmethod
    def measure(self, contrast: Contrast) -> Mapping[str, float]:
        """Values by part; NaN where undefined."""


def talk_spec(
    name: str,
    unit: str,
    main: str,
    source: str,
    *,
    better: Better = "lower",
    low: float = 0.0,
    high: float = math.inf,
    perfect: float = 0.0,
    notes: tuple[str, ...] = (),
    audio: bool = False,
) -> MetricSpec:
    """Description of a measure that reads landmarks."""
    return MetricSpec(
        name=name, version=1, unit=unit, low=low, high=high, better=better, perfect=perfect,
        needs=frozenset({"truth", "faces", "audio"} if audio else {"truth", "faces"}),
        main=main, source=source, notes=frozenset(notes), estimator=ESTIMATOR,
        components=(FACE_MESH,),
    )  # fmt: skip


class OpeningCorrelation(TalkMetric):
    """Does the mouth open when the true one does?"""

    spec = talk_spec(
        "opening_correlation", "", "zero_lag",
        "Pearson r of inner-lip distance over time, at the clip's own offset of sound and picture "
        "for methods that follow the sound (uncorrected: without it); lag_s > 0: the method comes "
        "late, at most 0.3 s; best_lag is optimistic by construction",
        better="higher", low=-1.0, high=1.0, perfect=1.0,
        notes=("uncorrected", "best_lag", "lag_s", "offset_s"),
    )  # fmt: skip

    def measure(self, contrast: Contrast) -> Mapping[str, float]:
        steps = round(MAX_LAG_S / _LAG_STEP_S)
        # The smaller lag wins a tie.
        lags = sorted(np.arange(-steps, steps + 1) * _LAG_STEP_S, key=abs)
        by_lag = [_correlation(*contrast.known("opening", lag_s=lag)) for lag in lags]
        fits = [-2.0 if math.isnan(r) else r for r in by_lag]
        best = int(np.argmax(fits))
        raw = Contrast(contrast.clip, contrast.pred, 0.0)
        return {
            "zero_lag": by_lag[0],
            "uncorrected": _correlation(*raw.known("opening")),
            "best_lag": by_lag[best],
            "lag_s": float(lags[best]) if fits[best] > 0 else math.nan,
            "offset_s": contrast.shift_s,
        }


def _correlation(pred: Array, truth: Array) -> float:
    return correlation(pred, truth) if len(pred) >= FEW else math.nan


class OpeningError(TalkMetric):
    """How far the opening is off, against the best mouth that never moves."""

    spec = talk_spec(
        "opening_error", "iod", "rmse",
        "root mean square of opening minus true opening; constant: that of the true mean; ratio: "
        "rmse / constant, 1 is no better than a still mouth; spread: standard deviation over the "
        "true one",
        notes=("constant", "ratio", "spread"),
    )  # fmt: skip

    def measure(self, contrast: Contrast) -> Mapping[str, float]:
        pred, truth = contrast.known("opening")
        if len(pred) < FEW:
            return dict.fromkeys(("rmse", "constant", "ratio", "spread"), math.nan)
        rmse = float(np.sqrt(np.square(pred - truth).mean()))
        constant = float(truth.std())
        moves = constant > 1e-9
        return {
            "rmse": rmse,
            "constant": constant,
            "ratio": rmse / constant if moves else math.nan,
            "spread": float(np.ptp(pred) and pred.std()) / constant if moves else math.nan,
        }


class WidthCorrelation(TalkMetric):
    """Does the mouth widen and round when the true one does?"""

    spec = talk_spec(
        "width_correlation", "", "zero_lag",
        "Pearson r of the distance of the mouth's corners over time",
        better="higher", low=-1.0, high=1.0, perfect=1.0,
    )  # fmt: skip
    reads = ("width",)

    def measure(self, contrast: Contrast) -> Mapping[str, float]:
        return {"zero_lag": _correlation(*contrast.known("width"))}


class BilabialClosure(TalkMetric):
    """Do the lips meet on p, b and m, and not always?

    A mouth counts as shut in a window where its least opening is below the true clip's resting
    opening (5th percentile) plus 0.015 inter-ocular distances.
    """

    spec = talk_spec(
        "bilabial_closure", "", "margin",
        "share of p, b, m (-60 to +80 ms) with lips shut, minus the share of other moments of "
        "speech; a mouth that never opens scores 0; the true clip's own margin is in `truth`",
        better="higher", low=-1.0, high=1.0, perfect=math.nan,
        notes=("closed", "elsewhere", "truth", "moments"),
    )  # fmt: skip
    _BEFORE_S, _AFTER_S, _APART_S, _STEP_S = 0.06, 0.08, 0.15, 0.02

    def measure(self, contrast: Contrast) -> Mapping[str, float]:
        marks, truth = contrast.clip.marks, contrast.clip.truth
        parts = ("margin", "closed", "elsewhere", "truth", "moments")
        if not marks.bilabials or marks.speech is None:
            return dict.fromkeys(parts, math.nan)
        shut = float(np.nanpercentile(truth.opening, 5)) + 0.015
        # Marks are on the clock of the sound; the truth is on the picture's.
        closed, elsewhere, count = self._shares(contrast.pred.times, contrast.pred.opening,
                                                contrast, shut, contrast.shift_s)  # fmt: skip
        own, other, _ = self._shares(truth.times, truth.opening, contrast, shut, 0.0)
        values = (closed - elsewhere, closed, elsewhere, own - other, float(count))
        return dict(zip(parts, values, strict=True))

    def _shares(
        self, times: Array, opening: Array, contrast: Contrast, shut: float, shift_s: float
    ) -> tuple[float, float, int]:
        marks = contrast.clip.marks
        assert marks.speech is not None
        late = contrast.clip.offset_s - shift_s
        moments = np.array(marks.bilabials)
        others = np.arange(marks.speech[0], marks.speech[1], self._STEP_S)
        away = np.abs(others[:, None] - moments).min(1) > self._APART_S
        on = [self._least(times, opening, m - late) for m in moments]
        off = [self._least(times, opening, m - late) for m in others[away]]
        known = [value for value in on if not math.isnan(value)]
        rest = [value for value in off if not math.isnan(value)]
        if not known or not rest:
            return math.nan, math.nan, len(known)
        return float(np.mean(np.less(known, shut))), float(np.mean(np.less(rest, shut))), len(known)

    def _least(self, times: Array, opening: Array, moment: float) -> float:
        """Least opening around a moment; frames in between are interpolated."""
        at = np.linspace(moment - self._BEFORE_S, moment + self._AFTER_S, 15)
        found = resample(times, opening, at)
        return float(np.nanmin(found)) if not np.isnan(found).all() else math.nan


class TalkSync(TalkMetric):
    """Does the opening follow this sound, more than the same sound at another time?

    Pearson r of opening and loudness with sound and picture in step, minus its mean over shifts of
    the sound. SyncNet's own statistics stand beside it as notes: they look for the best offset
    anywhere, which three-second clips of one sentence always have.
    """

    spec = talk_spec(
        f"sync_{EnvelopeEmbedder.component.name}", "", "margin",
        "Pearson r of inner-lip distance and loudness minus its mean over shifts of 0.4 to 1.2 s "
        "both ways (control); no network reads lips here, so energy as a jaw scores best. lse_c, "
        "lse_d, offset_frames: SyncNet's statistics (Chung & Zisserman 2016, Prajwal et al. 2020) "
        "on 5-frame windows of the two curves, 25 per second, +-15; not SyncNet's numbers",
        better="higher", low=-2.0, high=2.0, perfect=math.nan,
        notes=("r", "control", "lse_c", "lse_d", "offset_frames"), audio=True,
    )  # fmt: skip
    _FPS = 25.0
    _SHIFTS_S = tuple(sign * step / 10 for step in range(4, 13) for sign in (-1, 1))

    def measure(self, contrast: Contrast) -> Mapping[str, float]:
        sound = contrast.clip.sound
        if sound is None:
            return dict.fromkeys(("margin", *sorted(self.spec.notes)), math.nan)
        pred = contrast.pred
        # The clip's offset stays in for what follows the picture.
        late = contrast.clip.offset_s - contrast.shift_s
        middle = pred.times + 0.5 / pred.fps + late
        fits = [
            self._r(pred.opening, loudness_at(sound, middle + shift))
            for shift in (0.0, *self._SHIFTS_S)
        ]
        others = [r for r in fits[1:] if not math.isnan(r)]
        control = float(np.mean(others)) if others else math.nan
        return {"margin": fits[0] - control, "r": fits[0], "control": control} | self._lse(
            pred, sound
        )

    def _r(self, opening: Array, loud: Array) -> float:
        known = ~np.isnan(opening + loud)
        # Less than half of the clip says little about it.
        enough = known.sum() >= max(FEW, len(opening) / 2)
        return correlation(opening[known], loud[known]) if enough else math.nan

    def _lse(self, pred: Performance, sound: NDArray[np.float32]) -> dict[str, float]:
        """Of the longest run with a face, as the file is."""
        grid = np.arange(pred.times[0], pred.times[-1] + 0.5 / self._FPS, 1 / self._FPS)
        opening = resample(pred.times, pred.opening, grid)
        runs = [s for s in stretches(~np.isnan(opening)) if s.stop - s.start >= SHORTEST]
        if not runs:
            return dict.fromkeys(("lse_c", "lse_d", "offset_frames"), math.nan)
        longest = max(runs, key=lambda s: s.stop - s.start)
        first = round((pred.times[0] + longest.start / self._FPS) * RATE)
        last = round((pred.times[0] + longest.stop / self._FPS) * RATE)
        windows = EnvelopeEmbedder().embed(
            opening[longest, None], sound[max(first, 0) : last], self._FPS
        )
        least, confidence, offset = lse(offset_distances(*windows))
        return {"lse_c": confidence, "lse_d": least, "offset_frames": float(offset)}
