"""Generators that are measured side by side track each clip once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from facegen.pipelines.evaluate import PipelineMethod, Tracks


class Pipe:
    """Counts what it is asked for; paints its own number."""

    generator = "warp"
    painter = SimpleNamespace(guides=())

    def __init__(self, shade: int) -> None:
        self.asked: Counter[str] = Counter()
        self._shade = shade

    def portray(self, photo: Any, config: Any) -> str:
        self.asked["photo"] += 1
        return "portrait"

    def follow(self, drive: Any, config: Any) -> np.ndarray:
        self.asked["refined" if config.refine else "clip"] += 1
        return np.arange(6)

    def transfer(self, portrait: str, driver: np.ndarray, config: Any) -> np.ndarray:
        return driver

    def paint(self, portrait: str, motion: np.ndarray, workers: int) -> Iterator[np.ndarray]:
        return (np.full((2, 2, 3), self._shade + int(number), np.uint8) for number in motion)


def footage() -> Any:
    still = SimpleNamespace(image=np.zeros((8, 8, 3), np.uint8), middle=(4.0, 4.0))
    return SimpleNamespace(
        reference=still, reference_index=1, drive="clip.mp4", face=(4.0, 4.0), indices=[2, 4]
    )


def played(method: PipelineMethod, clip: Any) -> list[int]:
    play, problems = method.open(clip)
    assert problems == []
    return [int(play(SimpleNamespace(index=index))[0, 0, 0]) for index in clip.indices]


def test_shared_tracks_follow_a_clip_once_and_the_next_one_anew() -> None:
    first, second, tracks = Pipe(10), Pipe(20), Tracks()
    methods = [PipelineMethod(pipe, tracks) for pipe in (first, second)]
    for clip in (footage(), footage()):
        assert [played(method, clip) for method in methods] == [[12, 14], [22, 24]]
    assert first.asked == {"photo": 2, "clip": 2} and not second.asked


def test_methods_that_share_nothing_track_for_themselves() -> None:
    first, second, clip = Pipe(10), Pipe(20), footage()
    for pipe in (first, second):
        played(PipelineMethod(pipe), clip)
    assert first.asked == second.asked == {"photo": 1, "clip": 1}


def test_refined_tracks_are_asked_for_and_named() -> None:
    pipe = Pipe(10)
    method = PipelineMethod(pipe, Tracks(refined=True))
    played(method, footage())
    assert pipe.asked == {"photo": 1, "refined": 1} and method.origin.name == "warp-refined"
