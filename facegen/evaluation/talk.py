"""Runs talking-head methods over speech clips and collects numbers and problems."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from facegen.errors import FacegenError, FaceNotFoundError, UsageError
from facegen.evaluation.protocol import Task
from facegen.evaluation.results import Pace, Results, Row
from facegen.evaluation.roles import conflicts
from facegen.evaluation.talk_clip import Contrast, TalkClip
from facegen.evaluation.talk_manner import (
    BeatAlignment,
    BlinkRate,
    FaceFlicker,
    FaceJerk,
    HeadMotion,
)
from facegen.evaluation.talk_methods import TalkMethod
from facegen.evaluation.talk_metrics import (
    BilabialClosure,
    OpeningCorrelation,
    OpeningError,
    TalkMetric,
    TalkSync,
    WidthCorrelation,
)
from facegen.motion import Motion
from facegen.timing import peak_memory_mb

# What is gained over it is more than chance.
BASELINE = "lips_of_other"


def talk_metrics() -> list[TalkMetric]:
    """In the order of the report."""
    return [
        OpeningCorrelation(), OpeningError(), WidthCorrelation(), BilabialClosure(), TalkSync(),
        FaceJerk(), FaceFlicker(), BlinkRate(), HeadMotion(), BeatAlignment(),
    ]  # fmt: skip


class _Clips:
    """Loads clips by number; keeps the last two, for each clip speaks with its predecessor."""

    def __init__(self, tasks: Sequence[Task], fit: Callable[[TalkClip], Motion] | None) -> None:
        self._tasks, self._fit = tasks, fit
        self._kept: dict[int, TalkClip | FacegenError] = {}

    def __call__(self, number: int) -> TalkClip:
        if number not in self._kept:
            self._kept[number] = self._load(number)
            while len(self._kept) > 2:
                del self._kept[next(iter(self._kept))]
        found = self._kept[number]
        if isinstance(found, FacegenError):
            raise found
        return found

    def _load(self, number: int) -> TalkClip | FacegenError:
        try:
            clip = TalkClip.load(self._tasks[number])
            if self._fit is None:
                return clip
            return replace(clip, truth=replace(clip.truth, motion=self._fit(clip)))
        except FacegenError as error:
            return error

    def other(self, number: int) -> TalkClip | None:
        """The nearest earlier clip (around the end) that can be used, None where there is none."""
        for back in range(1, len(self._tasks)):
            try:
                return self((number - back) % len(self._tasks))
            except FacegenError:
                continue
        return None


def evaluate_talk(
    tasks: Sequence[Task],
    methods: Sequence[TalkMethod],
    metrics: Sequence[TalkMetric],
    *,
    fit: Callable[[TalkClip], Motion] | None = None,
    allow_circular: bool = False,
) -> Iterator[tuple[Task, Results]]:
    """Measure clip by clip; two clips' curves are held at a time.

    A clip or method that fails is counted among the issues. A measure that reads what a method or
    clip has not is left out, and counted likewise; so is a measure whose network also taught the
    method, unless circular use is allowed (and then named).

    Args:
        fit: head parameters of the true video, for measures on meshes; None for none.
    """
    clips = _Clips(tasks, fit)
    for number, task in enumerate(tasks):
        results = Results()
        try:
            clip = clips(number)
        except FacegenError as error:
            results.issues[task.name, "all", f"clip failed: {error}"] += 1
            yield task, results
            continue
        _report_clip(clip, results)
        other = clips.other(number)
        measurable = [m for m in metrics if _measurable(m, clip, results)]
        for method in methods:
            _method(method, clip, other, measurable, allow_circular, results)
        yield task, results


def _report_clip(clip: TalkClip, results: Results) -> None:
    for problem in clip.problems:
        results.issues[clip.name, "all", problem] += 1
    if clip.truth.faceless:
        results.issues[clip.name, "all", "no face in the true frame"] += clip.truth.faceless
    if clip.offset_s:
        text = f"sound {clip.offset_s * 1000:+.0f} ms after the picture: taken out"
        results.issues[clip.name, "all", text] += 1


def _method(
    method: TalkMethod,
    clip: TalkClip,
    other: TalkClip | None,
    metrics: Sequence[TalkMetric],
    allow_circular: bool,
    results: Results,
) -> None:
    name = method.origin.name
    begin = time.perf_counter()
    try:
        if other is None and method.of_other:
            raise UsageError("it needs a second clip")
        pred = method.perform(clip, clip if other is None else other)
        if pred.faceless == len(pred):
            raise FaceNotFoundError("no face in any frame")
    except FacegenError as error:
        results.issues[clip.name, name, f"method failed: {error}"] += 1
        return
    seconds = time.perf_counter() - begin
    results.pace.append(Pace(clip.name, name, len(pred), seconds, 0.0, peak_memory_mb()))
    contrast = Contrast(clip, pred, clip.offset_s if method.clock == "sound" else 0.0)
    if not method.of_other:
        _report_method(contrast, name, results)
    common = len(contrast.known("opening")[0])
    missing = len(clip.truth) - common
    for metric in metrics:
        reason = _obstacle(metric, contrast)
        if reason is not None:
            results.issues["all", name, f"{metric.spec.name} not measured: {reason}"] += 1
            continue
        circular = conflicts(metric.spec.components, method.origin)
        if circular and not allow_circular:
            line = f"{metric.spec.name} left out: {circular[0]} (--allow-circular keeps it)"
            results.issues["all", name, line] += 1
            continue
        for line in circular:
            results.issues["all", name, f"circular: {line}"] += 1
        spec = metric.spec
        results.rows += [
            Row(clip.name, name, spec.name, part, float(value),
                0 if math.isnan(value) else common, missing, spec.estimator, spec.version)
            for part, value in metric.measure(contrast).items()
        ]  # fmt: skip


def _report_method(contrast: Contrast, name: str, results: Results) -> None:
    """Frames without a face, other rates and other lengths of a method's clip."""
    clip, pred, truth = contrast.clip, contrast.pred, contrast.clip.truth
    for warning in pred.warnings:
        results.issues[clip.name, name, warning] += 1
    if pred is truth:
        return
    if pred.faceless:
        results.issues[clip.name, name, "no face in the method's frame"] += pred.faceless
    if abs(pred.fps / truth.fps - 1) > 0.01:
        text = f"{pred.fps:.4g} fps instead of {truth.fps:.4g}: compared by time stamp"
        results.issues[clip.name, name, text] += 1
    longer = pred.times[-1] + 1 / pred.fps - truth.times[-1] - 1 / truth.fps
    if abs(longer) > 1.5 / min(pred.fps, truth.fps):
        word = "longer" if longer > 0 else "shorter"
        text = f"{abs(longer):.2f} s {word} than the clip: the common part counts"
        results.issues[clip.name, name, text] += 1


def _measurable(metric: TalkMetric, clip: TalkClip, results: Results) -> bool:
    """Whether a clip has what a measure needs; what it lacks is reported."""
    lacks = None
    if "audio" in metric.spec.needs and clip.sound is None:
        lacks = "the clip has no sound"
    if isinstance(metric, BilabialClosure) and not clip.marks.bilabials:
        lacks = "no p, b or m is marked beside the clip (CLIP.phones.csv, CLIP.words.csv, .align)"
    if lacks is not None:
        results.issues[clip.name, "all", f"{metric.spec.name} not measured: {lacks}"] += 1
    return lacks is None


def _obstacle(metric: TalkMetric, contrast: Contrast) -> str | None:
    """What a method lacks for a measure, or None."""
    for field in metric.reads:
        for who, performance in (("method", contrast.pred), ("true video", contrast.clip.truth)):
            if getattr(performance, field) is None:
                return f"the {who} has no {field}"
    return None
