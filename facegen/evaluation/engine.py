"""Runs methods over clips, all in step with the true video, and collects numbers and problems."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from facegen.errors import FacegenError
from facegen.evaluation.baselines import Driving, Method, Playback
from facegen.evaluation.crops import SIDE, crop, crop_matrix, resized, to_frame
from facegen.evaluation.metric import Comparison, Face, Image, Metric, Pair, Scene
from facegen.evaluation.protocol import Task, choose_frames
from facegen.faces import LandmarkTracker
from facegen.media import read_video


@dataclass(frozen=True)
class Row:
    """One line of the per-clip table; the fields are its columns."""

    clip: str
    method: str
    metric: str
    part: str
    value: float
    frames: int
    missing: int
    estimator: str
    version: int


@dataclass(frozen=True, eq=False)
class Worst:
    """The worst frame of a metric in a clip: crops of truth and method."""

    clip: str
    method: str
    metric: str
    value: float
    badness: float
    index: int
    truth: Image
    pred: Image


@dataclass
class Results:
    """What a run found.

    Attributes:
        rows: numbers. issues: (clip, method, problem) -> count; nothing is dropped silently.
        worst: worst frame per clip, method and metric. crops: clip -> matrix used for all methods.
    """

    rows: list[Row] = field(default_factory=list)
    issues: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    worst: list[Worst] = field(default_factory=list)
    crops: dict[str, list[list[float]]] = field(default_factory=dict)


def _face(tracker: LandmarkTracker, image: Image) -> Face | None:
    points = tracker(image)
    return None if points is None else Face(points.astype(np.float64))


def _points(image: Image) -> np.ndarray | None:
    with LandmarkTracker() as tracker:
        found = tracker(image)
    return None if found is None else found[:, :2].astype(np.float64)


class _Lane:
    """One method within one clip: its own face tracker, comparisons and worst frames."""

    def __init__(
        self, method: Method, play: Playback, metrics: Sequence[Metric], scene: Scene
    ) -> None:
        self.name, self.play, self._metrics = method.origin.name, play, metrics
        self._comparisons: list[Comparison] = [m.begin(scene) for m in metrics]
        self._tracker = LandmarkTracker()
        self._worst: dict[str, Worst] = {}
        self._clip = scene.name
        self.issues: Counter[str] = Counter()

    def step(
        self,
        frame: Driving,
        matrix: np.ndarray,
        truth: Image,
        face: Face | None,
        run: int,
        time: float,
    ) -> None:
        picture = self.play(frame)
        if picture is None:
            self.issues["frames not delivered"] += 1
            for comparison in self._comparisons:
                comparison.skip()
            return
        if picture is frame.image:
            pred, pred_face = truth, face
        else:
            if picture.shape != frame.image.shape:
                self.issues["frames of another size"] += 1
                matrix = resized(matrix, frame.image, picture)
            pred = crop(picture, matrix)
            pred_face = _face(self._tracker, pred)
        self.issues["no face in the method's frame"] += pred_face is None
        self.issues["no face in the true frame"] += face is None
        pair = Pair(frame.index, time, run, pred, truth, truth, pred_face, face, face)
        for metric, comparison in zip(self._metrics, self._comparisons, strict=True):
            self._note(metric, comparison.add(pair), pair)

    def _note(self, metric: Metric, value: float | None, pair: Pair) -> None:
        if value is None or pair.truth is None:
            return
        name, badness = metric.spec.name, metric.spec.badness(value)
        if name not in self._worst or badness > self._worst[name].badness:
            self._worst[name] = Worst(
                self._clip, self.name, name, value, badness, pair.index, pair.truth, pair.pred
            )

    def finish(self, results: Results) -> None:
        self._tracker.close()
        for metric, comparison in zip(self._metrics, self._comparisons, strict=True):
            spec = metric.spec
            results.rows += [
                Row(
                    self._clip,
                    self.name,
                    spec.name,
                    s.part,
                    s.value,
                    s.frames,
                    s.missing,
                    spec.estimator,
                    spec.version,
                )
                for s in comparison.scores()
            ]
        results.worst += self._worst.values()
        for problem, count in self.issues.items():
            if count:
                results.issues[self._clip, self.name, problem] += count


def evaluate(
    tasks: Sequence[Task],
    methods: Sequence[Method],
    metrics: Sequence[Metric],
    *,
    max_frames: int | None = None,
) -> Iterator[tuple[Task, Results]]:
    """Evaluate clip by clip; memory does not grow with their length.

    A clip or method that fails is counted among the issues and its numbers are absent.
    """
    for task in tasks:
        results = Results()
        try:
            _clip(task, methods, metrics, max_frames, results)
        except FacegenError as error:
            results.issues[task.name, "all", f"clip failed: {error}"] += 1
        yield task, results


def _clip(
    task: Task,
    methods: Sequence[Method],
    metrics: Sequence[Metric],
    max_frames: int | None,
    results: Results,
) -> None:
    reader = read_video(task.drive)
    count = sum(1 for _ in reader)
    runs = choose_frames(task.reference_frame + 1, count, max_frames)
    indices = {i: number for number, run in enumerate(runs) for i in run}
    if not indices:
        raise FacegenError(f"{task.name} has only {count} frames")
    reference, matrix = _look(task, sorted(indices))
    results.crops[task.name] = matrix.tolist()
    picture = crop(reference.image, matrix)
    with LandmarkTracker() as tracker:
        scene = Scene(task.name, float(reader.info.fps), picture, _face(tracker, picture))
    lanes = _lanes(task, methods, metrics, scene, reference, sorted(indices), results)
    with LandmarkTracker() as tracker:
        for frame in reader:
            if frame.index not in indices:
                continue
            truth = crop(frame.rgb, matrix)
            face = _face(tracker, truth)
            points = None if face is None else to_frame(face, matrix)
            driving = Driving(frame.index, frame.rgb, points)
            for lane in lanes:
                lane.step(driving, matrix, truth, face, indices[frame.index], frame.time)
    for lane in lanes:
        lane.finish(results)
    if reader.warning:
        results.issues[task.name, "all", reader.warning] += 1


def _look(task: Task, indices: list[int]) -> tuple[Driving, np.ndarray]:
    """The reference frame, and the crop from it and up to eight of the true frames."""
    sample = set(indices[:: max(1, len(indices) // 8)])
    reference: Driving | None = None
    faces = []
    for frame in read_video(task.drive):
        if frame.index == task.reference_frame or frame.index in sample:
            points = _points(frame.rgb)
            if points is not None:
                faces.append(points)
            if frame.index == task.reference_frame:
                reference = Driving(frame.index, frame.rgb, points)
    if reference is None or reference.points is None:
        raise FacegenError(f"no face in reference frame {task.reference_frame} of {task.name}")
    return reference, crop_matrix(faces, SIDE)


def _lanes(
    task: Task,
    methods: Sequence[Method],
    metrics: Sequence[Metric],
    scene: Scene,
    reference: Driving,
    indices: list[int],
    results: Results,
) -> list[_Lane]:
    lanes = []
    for method in methods:
        try:
            play, problems = method.open(task, reference, indices)
        except FacegenError as error:
            results.issues[task.name, method.origin.name, f"method failed: {error}"] += 1
            continue
        for problem in problems:
            results.issues[task.name, method.origin.name, problem] += 1
        lanes.append(_Lane(method, play, metrics, scene))
    return lanes


def clip_values(
    rows: Sequence[Row], method: str, metric: str, part: str, clips: Sequence[str]
) -> np.ndarray:
    """One number per clip in the given order, NaN where there is none."""
    known = {
        r.clip: r.value for r in rows if (r.method, r.metric, r.part) == (method, metric, part)
    }
    return np.array([known.get(clip, math.nan) for clip in clips])
