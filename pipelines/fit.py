"""Fitting: photos or a video in, head parameters over time out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen.assets import load_head
from facegen.errors import UsageError
from facegen.faces import parse_face_choice
from facegen.flame.camera import Camera
from facegen.flame.model import HeadModel
from facegen.media import VideoInfo, file_sha256, is_still, probe, read_image, read_video
from facegen.motion import Motion
from facegen.parallel import prefetch
from facegen.pipelines.config import FitConfig
from facegen.progress import progress
from facegen.tracking import track_image, track_images, track_video
from facegen.transfer.neutral import neutral_frame

_SAME_TIME = 1e-6


class FittingPipeline:
    """Follows a face with a head model.

    Args:
        head: the model whose coefficients are wanted.
    """

    def __init__(self, head: HeadModel) -> None:
        self.head = head

    @classmethod
    def from_pretrained(cls, name: str = "open") -> FittingPipeline:
        """``open``, the name of an imported head model, or a path to one."""
        return cls(load_head(name))

    def __call__(self, *inputs: Path | str, config: FitConfig | None = None) -> FitResult:
        """Fit one video, one photo, or several photos of one person.

        Raises:
            MediaError, FaceNotFoundError, UsageError: with the remedy in the message.
        """
        config = config or FitConfig()
        paths = [Path(path) for path in inputs]
        if not paths:
            raise UsageError("give a photo or a video to fit")
        if len(paths) > 1:
            motion = self.photos(paths, config)
        elif is_still(paths[0]):
            motion = self.photo(paths[0], config)
        else:
            motion = self.video(paths[0], config)
        return FitResult(self.head, motion, tuple(paths), config)

    def photo(self, path: Path, config: FitConfig) -> Motion:
        """One photo: a one-frame motion."""
        rgb = read_image(path).rgb
        face, camera = parse_face_choice(config.face), camera_of(rgb, config)
        if config.tracker is not None:
            still = replace(config, no_face="error", smooth=0.0)
            motion = self._regressed([rgb], still, camera=camera)
        else:
            motion = track_image(rgb, self.head, face=face, camera=camera)
        return replace(motion, source_sha256=file_sha256(path))

    def photos(self, paths: list[Path], config: FitConfig) -> Motion:
        """Several photos of one person: one identity, a frame per photo.

        The frames share camera space in metres; ``Motion.camera`` is that of the first photo.
        """
        if config.tracker is not None:
            raise UsageError(f"--tracker {config.tracker} takes one photo or video at a time")
        pictures = [read_image(path).rgb for path in paths]
        motions = track_images(
            pictures,
            self.head,
            face=parse_face_choice(config.face),
            cameras=[camera_of(rgb, config) for rgb in pictures],
        )
        return join(motions)

    def video(self, path: Path, config: FitConfig) -> Motion:
        """A video in one streaming pass, and another two where it is refined."""
        motion = self._tracked(path, config)
        return self._refined(path, motion, config) if config.refine else motion

    def _refined(self, path: Path, motion: Motion, config: FitConfig) -> Motion:
        """The tracked motion, corrected by the pictures (see ``facegen.tracking.refining``)."""
        from facegen.tracking.refining import Refiner, refine

        index = neutral_frame(motion).index

        def pictures() -> Iterator[tuple[float, NDArray[np.uint8]]]:
            frames = read_video(path, start=config.start, stop=config.stop)
            return ((frame.time, frame.rgb) for frame in islice(frames, config.max_frames))

        calm = float(motion.timestamps[index])
        reference = next(rgb for time, rgb in pictures() if time >= calm - _SAME_TIME)
        refiner = Refiner(self.head, reference, motion[index : index + 1])
        shown = progress(prefetch(pictures()), len(motion), "refining")
        return refine(shown, motion, refiner)

    def _tracked(self, path: Path, config: FitConfig) -> Motion:
        info = probe(path)
        times: list[float] = []

        def pictures() -> Iterator[NDArray[np.uint8]]:
            whole = read_video(path, start=config.start, stop=config.stop)
            reader = islice(whole, config.max_frames)
            for frame in progress(prefetch(reader), expected_frames(info, config), "tracking"):
                times.append(frame.time)
                yield frame.rgb

        camera = None
        if config.fov_deg is not None:
            camera = Camera.from_fov(info.width, info.height, config.fov_deg)
        sha256 = file_sha256(path) if path.is_file() else ""
        # ``times`` fills while the frames are read; it is looked at only afterwards.
        if config.tracker is not None:
            return self._regressed(
                pictures(),
                config,
                camera=camera,
                fps=info.fps,
                timestamps=iter(times),
                source_sha256=sha256,
            )
        return track_video(
            pictures(),
            self.head,
            fps=info.fps,
            timestamps=iter(times),
            face=parse_face_choice(config.face),
            camera=camera,
            no_face=config.no_face,  # type: ignore[arg-type]
            smoothed=config.smooth,
            source_sha256=sha256,
        )

    def _regressed(
        self, frames: Iterable[NDArray[np.uint8]], config: FitConfig, **clip: Any
    ) -> Motion:
        """What a published network says of the frames, carried over to this head."""
        from facegen.interchange.read import converted
        from facegen.trackers.follow import follow_faces
        from facegen.trackers.weights import open_regressor, weights_of

        assert config.tracker is not None
        weights = config.tracker_weights or weights_of(config.tracker)
        regressor = open_regressor(config.tracker, weights)
        own = self.head if self.head.version == regressor.basis else load_head(regressor.basis)
        motion = follow_faces(
            frames,
            regressor,
            own,
            face=parse_face_choice(config.face),
            no_face=config.no_face,  # type: ignore[arg-type]
            smoothed=config.smooth,
            **clip,
        )
        return motion if own is self.head else converted(motion, self.head)


@dataclass(frozen=True)
class FitResult:
    """A fit and what can be made of it.

    Attributes:
        head: the model. motion: the parameters. sources: the files. config: the settings.
    """

    head: HeadModel
    motion: Motion
    sources: tuple[Path, ...]
    config: FitConfig

    @property
    def _of_head(self) -> Motion:
        """Without columns that the head does not have (SMIRK's lids)."""
        from facegen.transfer.basis import for_head

        return for_head(self.motion, self.head)

    def summary(self) -> str:
        """One line for people."""
        m = self.motion
        seen = int(m.valid.sum())
        both = np.abs(m.neck_pose + m.global_orient)[m.valid]
        turn = np.degrees(both.max(0)) if seen else np.zeros(3)
        return (
            f"{len(m)} frames, face seen in {seen}, mean confidence {m.confidence.mean():.2f}, "
            f"largest turn pitch {turn[0]:.0f}, yaw {turn[1]:.0f}, roll {turn[2]:.0f} degrees"
        )

    def write_obj(self, path: Path | str) -> Path:
        """Mesh of the first frame, in camera space (metres)."""
        from facegen.export import write_obj
        from facegen.posing import pose_vertices

        return write_obj(path, pose_vertices(self.head, self._of_head[:1]), self.head)

    def write_glb(self, path: Path | str) -> Path:
        """Head with skin, morph targets and the animation."""
        from facegen.export import write_glb

        return write_glb(path, self.head, self._of_head)

    def write_overlay(self, path: Path | str) -> Path:
        """The input with the fitted head drawn over it; a picture for a photo."""
        from facegen.pipelines.overlay import write_overlay

        return write_overlay(Path(path), self.sources[0], self.head, self._of_head, self.config)


def fit(*inputs: Path | str, head: str = "open", config: FitConfig | None = None) -> FitResult:
    """Fit a head to a photo, photos of one person, or a video (see ``FittingPipeline``)."""
    return FittingPipeline.from_pretrained(head)(*inputs, config=config)


def camera_of(rgb: NDArray[np.uint8], config: FitConfig) -> Camera:
    """Camera of a whole picture with the configured field of view."""
    height, width = rgb.shape[:2]
    if config.fov_deg is None:
        return Camera.from_fov(width, height)
    return Camera.from_fov(width, height, config.fov_deg)


def expected_frames(info: VideoInfo, config: FitConfig) -> int | None:
    """About how many frames the chosen part of a video has, for the progress bar."""
    count = info.frame_count
    if config.start is not None or config.stop is not None:
        stop = min(config.stop or inf, info.duration or inf)
        count = None if stop == inf else max(0, round((stop - (config.start or 0)) * info.fps))
    known = [n for n in (count, config.max_frames) if n is not None]
    return min(known, default=None)


def join(motions: list[Motion]) -> Motion:
    """Motions of one person, one after the other, a second apart."""
    first = motions[0]
    names = [
        "expression", "global_orient", "neck_pose", "jaw_pose", "leye_pose", "reye_pose",
        "transl", "valid", "confidence",
    ]  # fmt: skip
    joined = {n: np.concatenate([getattr(m, n) for m in motions]) for n in names}
    return replace(first, timestamps=np.arange(len(motions), dtype=np.float64), **joined)
