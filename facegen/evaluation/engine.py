"""Runs methods over clips, all in step with the true video, and collects numbers and problems."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol, TypeVar

from facegen.errors import FacegenError
from facegen.evaluation.baselines import Driving, Method
from facegen.evaluation.crops import SIDE, crop, resized, to_frame
from facegen.evaluation.footage import FaceFinder, Footage, Points, Shot
from facegen.evaluation.metric import Comparison, Face, Image, Metric, Need, Pair, Scene
from facegen.evaluation.results import Pace, Results, Row, Worst
from facegen.evaluation.sets import FeatureSet, Gatherer
from facegen.timing import peak_memory_mb

_MIDDLE = (SIDE / 2, SIDE / 2)


class Named(Protocol):
    """An item of a protocol's list."""

    @property
    def name(self) -> str:
        """For people."""
        ...


T = TypeVar("T", bound=Named)


def evaluate(
    tasks: Sequence[T],
    methods: Sequence[Method],
    metrics: Sequence[Metric],
    *,
    sets: Sequence[FeatureSet] = (),
    film: Callable[[T], Footage],
) -> Iterator[tuple[T, Results]]:
    """Evaluate clip by clip; memory does not grow with their length.

    A clip or method that fails is counted among the issues and its numbers are absent. Metrics
    that need what a clip lacks (truth, sound) are left out for it and counted likewise.

    Args:
        sets: features to gather for distances of sets.
        film: opens the pictures of a task; called when its turn comes.
    """
    for task in tasks:
        results = Results()
        try:
            _clip(film(task), methods, metrics, sets, results)
        except FacegenError as error:
            results.issues[task.name, "all", f"clip failed: {error}"] += 1
        yield task, results


@dataclass(frozen=True, eq=False)
class _Seen:
    """The crops of one moment that all methods are compared with, and their faces."""

    shot: Shot
    drive: Image
    drive_face: Face | None
    truth: Image | None
    truth_face: Face | None


class _Watcher:
    """Cuts a clip's moments; follows the face in each video."""

    def __init__(self, footage: Footage, finders: ExitStack) -> None:
        self._footage = footage
        self._drive = finders.enter_context(FaceFinder(_MIDDLE))
        self._truth = finders.enter_context(FaceFinder(_MIDDLE))

    def __call__(self, shot: Shot) -> _Seen:
        drive = crop(shot.drive, self._footage.sight)
        face = self._drive(drive)
        if shot.truth is None:
            return _Seen(shot, drive, face, None, None)
        if shot.truth is shot.drive:
            return _Seen(shot, drive, face, drive, face)
        truth = crop(shot.truth, _matrix(self._footage, shot.truth))
        return _Seen(shot, drive, face, truth, self._truth(truth))

    def driving(self, seen: _Seen) -> Driving:
        """The moment as methods see it."""
        face = seen.drive_face
        return Driving(seen.shot, None if face is None else to_frame(face, self._footage.sight))


def _matrix(footage: Footage, picture: Image) -> Points:
    return resized(footage.canvas, footage.reference.image, picture)


class _Lane:
    """One method within one clip: its own face tracker, comparisons and worst frames."""

    def __init__(
        self,
        method: Method,
        footage: Footage,
        metrics: Sequence[Metric],
        sets: Sequence[FeatureSet],
        scene: Scene,
        find: FaceFinder,
    ) -> None:
        self.name, self._footage, self._metrics = method.origin.name, footage, metrics
        self._find = find
        self.issues: Counter[str] = Counter()
        begin = time.perf_counter()
        self._play, problems = method.open(footage)
        self._prepare_s, self._paint_s, self._painted = time.perf_counter() - begin, 0.0, 0
        self.issues.update(problems)
        self._comparisons: list[Comparison] = [m.begin(scene) for m in metrics]
        self._gatherers = [Gatherer(s, footage.name, self.name) for s in sets]
        self._worst: dict[str, Worst] = {}

    def step(self, driving: Driving, seen: _Seen) -> None:
        begin = time.perf_counter()
        picture = self._play(driving)
        self._paint_s += time.perf_counter() - begin
        if picture is None:
            self.issues["frames not delivered"] += 1
            for comparison in self._comparisons:
                comparison.skip()
            for gatherer in self._gatherers:
                gatherer.skip()
            return
        self._painted += 1
        pred, face = self._cut(picture, seen)
        shot = seen.shot
        self.issues["no face in the method's frame"] += face is None
        if seen.truth is not None:
            self.issues["no face in the true frame"] += seen.truth_face is None
        if shot.truth is not shot.drive:
            self.issues["no face in the driving frame"] += seen.drive_face is None
        pair = Pair(
            shot.index,
            shot.time,
            shot.run,
            pred,
            seen.truth,
            seen.drive,
            face,
            seen.truth_face,
            seen.drive_face,
        )
        for metric, comparison in zip(self._metrics, self._comparisons, strict=True):
            self._note(metric, comparison.add(pair), pair)
        for gatherer in self._gatherers:
            gatherer.add(pair)

    def _cut(self, picture: Image, seen: _Seen) -> tuple[Image, Face | None]:
        if picture is seen.shot.truth and seen.truth is not None:
            return seen.truth, seen.truth_face
        if picture.shape != self._footage.reference.image.shape:
            self.issues["frames of another size"] += 1
        pred = crop(picture, _matrix(self._footage, picture))
        return pred, self._find(pred)

    def _note(self, metric: Metric, value: float | None, pair: Pair) -> None:
        if value is None or pair.pred is pair.truth:
            return
        name, badness = metric.spec.name, metric.spec.badness(value)
        if name not in self._worst or badness > self._worst[name].badness:
            aim = pair.drive if pair.truth is None else pair.truth
            self._worst[name] = Worst(
                self._footage.name, self.name, name, value, badness, pair.index, aim, pair.pred
            )

    def finish(self, results: Results) -> None:
        clip = self._footage.name
        for metric, comparison in zip(self._metrics, self._comparisons, strict=True):
            name, spec = metric.spec.name, metric.spec
            results.rows += [
                Row(clip, self.name, name, s.part, s.value, s.frames, s.missing, spec.estimator,
                    spec.version)
                for s in comparison.scores()
            ]  # fmt: skip
        results.worst += self._worst.values()
        results.gathered += [gatherer.found for gatherer in self._gatherers]
        results.issues.update({(clip, self.name, p): n for p, n in self.issues.items() if n})
        results.pace.append(
            Pace(clip, self.name, self._painted, self._prepare_s, self._paint_s, peak_memory_mb())
        )


def _clip(
    footage: Footage,
    methods: Sequence[Method],
    metrics: Sequence[Metric],
    sets: Sequence[FeatureSet],
    results: Results,
) -> None:
    results.crops[footage.name] = footage.canvas.tolist()
    scene = _scene(footage)
    metrics = _measurable(metrics, footage, results)
    if sets and not footage.has_truth:
        results.issues[footage.name, "all", "distances of sets not measured: no truth"] += 1
        sets = ()
    with ExitStack() as finders:
        lanes = []
        for method in methods:
            try:
                find = finders.enter_context(FaceFinder(_MIDDLE))
                lanes.append(_Lane(method, footage, metrics, sets, scene, find))
            except FacegenError as error:
                results.issues[footage.name, method.origin.name, f"method failed: {error}"] += 1
        watcher = _Watcher(footage, finders)
        for shot in footage.shots():
            seen = watcher(shot)
            driving = watcher.driving(seen)
            for lane in lanes:
                lane.step(driving, seen)
    for lane in lanes:
        lane.finish(results)
    for problem in footage.problems:
        results.issues[footage.name, "all", problem] += 1


def _scene(footage: Footage) -> Scene:
    picture = crop(footage.reference.image, footage.canvas)
    with FaceFinder(_MIDDLE) as find:
        face = find(picture)
    return Scene(
        footage.name,
        float(footage.fps),
        picture,
        face,
        audio=footage.audio,
        emotion=footage.emotion,
    )


def _measurable(metrics: Sequence[Metric], footage: Footage, results: Results) -> list[Metric]:
    """Metrics whose needs the clip meets; the others are reported."""
    lacks: set[Need] = set()
    if not footage.has_truth:
        lacks.add("truth")
    if footage.audio is None:
        lacks.add("audio")
    for metric in metrics:
        for need in sorted(metric.spec.needs & lacks):
            problem = f"{metric.spec.name} not measured: the clip has no {need}"
            results.issues[footage.name, "all", problem] += 1
    return [metric for metric in metrics if not metric.spec.needs & lacks]
