"""Tracks the clips of a corpus with one identity per speaker, so that curves compare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegen.arkit import ARKIT
from facegen.data.speech.geometry import mouth_geometry
from facegen.data.speech.utterance import FRAME_RATE, Face
from facegen.errors import FacegenError, ModelFileError
from facegen.faces import LandmarkTracker
from facegen.flame.camera import Camera
from facegen.flame.fitting import LandmarkFitter
from facegen.flame.landmark_model import LandmarkModel
from facegen.flame.model import HeadModel
from facegen.media import atomic_path, file_sha256, probe, read_video
from facegen.motion import Motion
from facegen.progress import progress
from facegen.speech.lip_names import SYMMETRIC, arkit_names, both_sides
from facegen.speech.lip_targets import CurveFitter, mouth_targets
from facegen.tracking import track_video
from facegen.tracking.clips import key_frames
from facegen.transfer.arkit import ArkitSolver

_IDENTITY_CLIPS = 8
_KEYS_PER_CLIP = 3
_LONE_KEYS = 10


@dataclass(frozen=True)
class Clip:
    """A video to track.

    Attributes:
        path: the file. key: names its results. speaker: who is seen. camera: None for the default.
    """

    path: Path
    key: str
    speaker: str
    camera: Camera | None = None


def track_clips(clips: Sequence[Clip], head: HeadModel, folder: Path) -> list[str]:
    """Write ``KEY.motion.npz`` and ``KEY.mouth.npz`` of every clip; go on where a run stopped.

    Returns:
        One line for each clip that could not be tracked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    failed = []
    identities: dict[str, NDArray[np.float32]] = {}
    for clip in progress(clips, len(clips), "tracking"):
        if (folder / f"{clip.key}.mouth.npz").is_file():
            continue
        try:
            if clip.speaker not in identities:
                mates = [c for c in clips if c.speaker == clip.speaker]
                identities[clip.speaker] = _identity(mates, head, folder)
            _track(clip, identities[clip.speaker], head, folder)
        except FacegenError as error:
            failed.append(f"{clip.path}: {error}")
    return failed


def load_face(
    folder: Path, key: str, frames: int, solver: ArkitSolver, lips: CurveFitter
) -> Face | None:
    """A tracked clip at 50 Hz: ``frames`` frames; None where it was not tracked.

    Picture i of the clip counts as the middle of its time on screen; between pictures values go
    straight, beyond the last they stay and are not valid. Curves of the mouth are read off the
    landmarks, relative to the mouth at rest: the fitted motion is too smooth for closures.
    """
    try:
        motion = Motion.load(folder / f"{key}.motion.npz")
        with np.load(folder / f"{key}.mouth.npz", allow_pickle=False) as archive:
            geometry, landmarks = archive["geometry"], archive["landmarks"]
    except (ModelFileError, OSError):
        return None
    middle = motion.timestamps + 0.5 / float(motion.fps)
    times = (np.arange(frames) + 0.5) / FRAME_RATE
    nearest = np.clip(np.round((times - middle[0]) * float(motion.fps)), 0, len(motion) - 1)
    valid = motion.valid[nearest.astype(int)] & (times <= middle[-1] + 0.5 / float(motion.fps))

    def resampled(values: NDArray[np.floating]) -> NDArray[np.float32]:
        seen = motion.valid & np.isfinite(values).all(1)
        columns = [np.interp(times, middle[seen], column[seen]) for column in values.T]
        return np.stack(columns, 1).astype(np.float32)

    curves = resampled(solver(motion))
    mouth = mouth_targets(landmarks, motion.timestamps, lips, frames=frames)
    columns = [ARKIT.index(name) for name in arkit_names(SYMMETRIC)]
    curves[:, columns] = both_sides(mouth.curves, SYMMETRIC)
    return Face(
        curves=curves,
        geometry=resampled(geometry),
        rotation=resampled(motion.neck_pose),
        valid=valid,
    )


def _track(clip: Clip, betas: NDArray[np.float32], head: HeadModel, folder: Path) -> None:
    info = probe(clip.path)
    times: list[float] = []
    points: list[NDArray[np.float32] | None] = []

    def pictures() -> Iterator[NDArray[np.uint8]]:
        for frame in read_video(clip.path):
            times.append(frame.time)
            yield frame.rgb

    motion = track_video(
        pictures(), head, fps=info.fps, timestamps=iter(times), camera=clip.camera, betas=betas,
        source_sha256=file_sha256(clip.path),
    )  # fmt: skip
    points = list(_landmarks(clip.path))
    landmarks = np.stack([np.full((478, 3), np.nan) if p is None else p for p in points])
    motion.save(folder / f"{clip.key}.motion.npz")
    with atomic_path(folder / f"{clip.key}.mouth.npz") as part, part.open("wb") as stream:
        np.savez_compressed(
            stream,
            geometry=mouth_geometry(landmarks),
            times=motion.timestamps,
            landmarks=landmarks.astype(np.float32),
            size=np.array([info.width, info.height]),
        )


def _identity(clips: Sequence[Clip], head: HeadModel, folder: Path) -> NDArray[np.float32]:
    """One identity from key frames of several clips of a speaker; kept in the folder."""
    kept = folder / f"identity_{clips[0].speaker}.npy"
    if kept.is_file():
        return np.load(kept, allow_pickle=False)
    fitter = LandmarkFitter(LandmarkModel.from_head(head))
    chosen = np.unique(np.linspace(0, len(clips) - 1, min(_IDENTITY_CLIPS, len(clips))).astype(int))
    keys: list[NDArray[np.float32]] = []
    cameras: list[Camera] = []
    for clip in (clips[i] for i in chosen):
        info = probe(clip.path)
        camera = clip.camera or Camera.from_fov(info.width, info.height)
        seen = [p for p in _landmarks(clip.path) if p is not None]
        if not seen:
            continue
        found = key_frames(fitter, seen, camera)
        keys += found[: _LONE_KEYS if len(chosen) == 1 else _KEYS_PER_CLIP]
        cameras += [camera] * (len(keys) - len(cameras))
    betas = fitter.fit_shared(keys, cameras)[0].betas
    with atomic_path(kept) as part, part.open("wb") as stream:
        np.save(stream, betas)
    return betas


def _landmarks(path: Path) -> Iterable[NDArray[np.float32] | None]:
    with LandmarkTracker() as tracker:
        for frame in read_video(path):
            yield tracker(frame.rgb)
