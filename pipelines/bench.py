"""Speed of every stage on this machine: one run, interleaved alternatives, medians."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from facegen.assets import load_head
from facegen.compose import Reference, Warper, compose
from facegen.demo import MOTION, PHOTO, VOICE
from facegen.faces import LandmarkTracker
from facegen.flame.camera import Camera
from facegen.flame.fitting import LandmarkFitter
from facegen.flame.flow import ReferenceGeometry
from facegen.flame.landmark_model import LandmarkModel
from facegen.flame.maps import render_maps
from facegen.flame.model import HeadModel
from facegen.flame.raster import available_backends, rasterize
from facegen.flame.skinning import HeadLayer
from facegen.media import VideoWriter, probe, read_image, read_video
from facegen.motion import Motion
from facegen.pipelines.bench_choices import (
    encoder_rows,
    painter_row,
    painter_rows,
    worker_rows,
)
from facegen.pipelines.fit import FittingPipeline
from facegen.pipelines.reenact import ReenactmentPipeline
from facegen.pipelines.talk import TalkingHeadPipeline
from facegen.timing import Timing, Variants, compare, peak_memory_mb
from facegen.tracking import track_image

_CLIP_FRAMES = 150
_ENCODED = 50  # frames of a run with other presets


@dataclass(frozen=True)
class BenchReport:
    """Rows of one run.

    Attributes:
        timings: per stage and alternative, ms per frame. fps: whole stages, frames a second.
        peak_memory_mb: of the process. machine: cores and software.
    """

    timings: list[Timing]
    fps: dict[str, float]
    peak_memory_mb: float
    machine: dict[str, str]

    def to_json(self) -> str:
        """The report as JSON text."""
        return json.dumps(asdict(self), indent=2)


class Bench:
    """The packaged photo and motion, prepared for timing.

    Args:
        folder: for the clip that is encoded and tracked.
        size: window side of the geometry in pixels.
        seconds: for each stage. alternatives: time them too, not only the defaults.
    """

    def __init__(
        self, folder: Path, *, size: int = 512, seconds: float = 2.0, alternatives: bool = True
    ) -> None:
        self.size, self.seconds, self.alternatives = size, seconds, alternatives
        self.head: HeadModel = load_head("open")
        self.layer = HeadLayer(self.head)
        self.photo = read_image(PHOTO).rgb
        self.fit = track_image(self.photo, self.head)
        self.pipe = ReenactmentPipeline(self.head)
        self.result = self.pipe(PHOTO, Motion.load(MOTION)[:_CLIP_FRAMES])
        self.frames = list(self.result)
        self.clip = folder / "clip.mp4"
        self._encode()

    def rows(self) -> Iterator[Timing]:
        """All stages in the order of the work."""
        yield from self._compare("decode", {"pyav": self._decode}, items=_CLIP_FRAMES)
        yield from self.landmarks()
        yield from self.fitting()
        yield from self.skinning()
        yield from self.rasterising()
        yield from self.mapping()
        yield from self.warping()
        yield from self._compare("encode", {"h264": self._encode}, items=_CLIP_FRAMES)
        yield from painter_row(self._compare, self.size)
        if self.alternatives:
            yield from painter_rows(self._compare, self.size)
            yield from worker_rows(self._compare, self.result)
            yield from encoder_rows(self._compare, self.frames[:_ENCODED], self.clip.parent)

    def landmarks(self) -> list[Timing]:
        """MediaPipe on a moving face."""
        with LandmarkTracker() as tracker:
            frames = self._cycle(self.frames)
            return self._compare("landmarks", {"mediapipe": lambda: tracker(next(frames))})

    def fitting(self) -> list[Timing]:
        """One frame with known identity, warm start; and one photo from scratch."""
        with LandmarkTracker() as tracker:
            points = tracker(self.frames[0])
        if points is None:
            return []
        camera = self.fit.camera
        fitter = LandmarkFitter(LandmarkModel.from_head(self.head))
        known = fitter.for_identity(self.fit.betas)
        start = known.fit(points, camera)
        return self._compare(
            "fit, video frame", {"gauss-newton": lambda: known.step(start, points)}
        ) + self._compare("fit, single photo", {"gauss-newton": lambda: fitter.fit(points, camera)})

    def skinning(self) -> list[Timing]:
        """Vertices from parameters, one by one and in batches."""
        motion = self.result.motion

        def run(batch: int) -> Callable[[], object]:
            tensors = motion[:batch].tensors()
            return torch.inference_mode()(lambda: self.layer(**tensors))

        return [
            *self._compare("skin, batches of 32", {"torch": run(32)}, items=32),
            *self._compare("skin, one by one", {"torch": run(1)}),
        ]

    def rasterising(self) -> Iterator[Timing]:
        """Triangle ids, barycentrics and depth with every backend that is installed."""
        faces = torch.from_numpy(self.head.faces)
        for side in (256, 512, 1024):
            screen = self._camera(side).project(self._vertices()[None])
            variants = {
                name: lambda name=name, screen=screen, side=side: rasterize(
                    screen, faces, side, side, backend=name
                )
                for name in available_backends()
            }
            yield from self._compare(f"rasterise {side} px", variants)

    def mapping(self) -> list[Timing]:
        """Depth, normal, render, regions, flow and visibility."""
        camera, vertices = self._camera(self.size), self._vertices()
        reference = ReferenceGeometry.build(self.head, vertices, camera)

        def run(backend: str) -> Callable[[], object]:
            return lambda: render_maps(
                self.head, vertices[None], camera, reference=reference, backend=backend
            )

        return self._compare(
            f"maps and flow {self.size} px", {"numba": run("numba"), "torch": run("torch")}
        )

    def warping(self) -> Iterator[Timing]:
        """The picture of one frame, from vertices to bytes, at the photo's resolution."""
        reference = Reference.build(self.photo, self.fit, self.head, window_size=self.size)
        warper = Warper(reference)
        posed = self._cycle(list(self.pipe.pose(self.result.motion)))
        result = warper.render(next(posed))
        yield from self._compare("warp", {"numba": lambda: warper.render(next(posed))})
        yield from self._compare("compose", {"numba": lambda: compose(reference, result)})

    def whole(self) -> dict[str, float]:
        """Frames a second of complete runs, file to file."""
        begin = time.perf_counter()
        FittingPipeline(self.head)(self.clip)
        tracked = time.perf_counter()
        fps = {"track a video": _CLIP_FRAMES / (tracked - begin)}
        painted = ReenactmentPipeline(self.head, generator="open")
        out = self.clip.with_name("out.mp4")
        runs: dict[str, Callable[[], object]] = {
            "reenact": lambda: self.pipe.write(out, PHOTO, self.clip),
            "reenact --generator open": lambda: painted.write(out, PHOTO, self.clip),
            "talk": lambda: TalkingHeadPipeline(self.pipe).write(out, PHOTO, VOICE),
        }
        for name, run in runs.items():
            begin = time.perf_counter()
            run()
            spent = time.perf_counter() - begin
            fps[f"{name}, file to file"] = (probe(out).frame_count or 0) / spent
        return fps

    def _compare(self, stage: str, variants: Variants, items: int = 1) -> list[Timing]:
        if not self.alternatives:
            variants = dict([next(iter(variants.items()))])
        return compare(stage, variants, items=items, seconds=self.seconds)

    def _camera(self, side: int) -> Camera:
        """The photo's camera on a square of ``side`` pixels around the head."""
        camera = self.fit.camera
        uv = camera.project(self._vertices())[:, :2]
        low, high = uv.min(0).values, uv.max(0).values
        extent = 1.3 * float((high - low).max())
        corner = (low + high) / 2 - extent / 2
        return camera.cropped(float(corner[0]), float(corner[1]), side / extent, side, side)

    def _vertices(self) -> torch.Tensor:
        with torch.inference_mode():
            return self.layer(**self.fit.tensors()).vertices[0].clone()

    def _decode(self) -> int:
        return sum(1 for _ in read_video(self.clip))

    def _encode(self) -> None:
        height, width = self.photo.shape[:2]
        with VideoWriter(self.clip, width, height, Fraction(25)) as writer:
            for rgb in self.frames:
                writer.write(rgb)

    @staticmethod
    def _cycle(items: list) -> Iterator:
        while True:
            yield from items


def run_bench(*, size: int = 512, seconds: float = 2.0, alternatives: bool = False) -> BenchReport:
    """Time every stage; takes about ``15 * seconds`` and some start-up."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), size=size, seconds=seconds, alternatives=alternatives)
        rows = list(bench.rows())
        fps = bench.whole()
    machine = {
        "cores": str(os.cpu_count()),
        "torch": torch.__version__,
        "torch threads": str(torch.get_num_threads()),
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "numpy": np.__version__,
    }
    return BenchReport(rows, fps, peak_memory_mb(), machine)
