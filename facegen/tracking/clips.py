"""Photos and videos in, ``Motion`` out: landmarks, one identity per person, a fit per frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facegen.errors import FaceNotFoundError, UsageError
from facegen.faces import FaceChoice, LandmarkTracker, find_landmarks
from facegen.flame.camera import Camera
from facegen.flame.fitting import HeadFit, LandmarkFitter
from facegen.flame.landmark_model import LandmarkModel, rest_joints
from facegen.flame.model import HeadModel
from facegen.flame.rotations import rotation_matrix
from facegen.motion import POSES, Motion
from facegen.parallel import prefetch
from facegen.tracking.anchoring import SkullAnchors
from facegen.tracking.features import FeatureFollower, Features
from facegen.tracking.gaps import NoFace, resolve_gaps
from facegen.tracking.smoothing import smooth

Image = NDArray[np.uint8]
Landmarks = NDArray[np.float32]

# Frames seen before the identity is settled, and how many of them it is fitted to.
_IDENTITY_FRAMES = 600
_KEY_FRAMES = 10
_KEY_MAX_YAW = np.radians(40)
# Residual in per cent of the inter-ocular distance from which a fit is started afresh.
LOST = 6.0
MAX_REFERENCE_YAW_DEG = 65.0


def track_image(
    rgb: Image, head: HeadModel, *, face: FaceChoice = "largest", camera: Camera | None = None
) -> Motion:
    """Fit the face of one photo: a one-frame motion.

    Args:
        rgb: ``(H, W, 3)`` uint8.
        head: the head model to fit.
        face: ``largest``, a number from the left, or a pixel ``(x, y)``.
        camera: of the whole photo; by default 20 degrees over its larger side.

    Raises:
        FaceNotFoundError: no face, or one turned too far; the message says what to do.
    """
    return track_images([rgb], head, face=face, cameras=None if camera is None else [camera])[0]


def track_images(
    pictures: Sequence[Image],
    head: HeadModel,
    *,
    face: FaceChoice = "largest",
    cameras: Sequence[Camera] | None = None,
) -> list[Motion]:
    """Fit photos of one person with one identity: a one-frame motion each.

    Raises:
        FaceNotFoundError: as :func:`track_image`. UsageError: no photos.
    """
    landmarks = [find_landmarks(rgb, face) for rgb in pictures]
    if cameras is None:
        cameras = [Camera.from_fov(rgb.shape[1], rgb.shape[0]) for rgb in pictures]
    fitter = LandmarkFitter(LandmarkModel.from_head(head))
    if len(landmarks) == 1:
        fits = [fitter.fit(landmarks[0], cameras[0])]
    else:
        fits = fitter.fit_shared(landmarks, cameras)
    for fit in fits:
        turn = np.degrees(yaw(fit))
        if abs(turn) > MAX_REFERENCE_YAW_DEG:
            raise FaceNotFoundError(
                f"the face is turned {abs(turn):.0f} degrees to the side; use a picture where "
                "both eyes are seen"
            )
    return [motion_of([fit], head, Fraction(25), np.zeros(1)) for fit in fits]


def track_video(
    frames: Iterable[Image],
    head: HeadModel,
    *,
    fps: Fraction | float = Fraction(25),
    timestamps: Iterable[float] | None = None,
    face: FaceChoice = "largest",
    camera: Camera | None = None,
    betas: NDArray[np.floating] | None = None,
    no_face: NoFace = "interpolate",
    smoothed: float = 1.0,
    source_sha256: str = "",
) -> Motion:
    """Follow one face through a video in a single pass; only parameters are kept.

    Landmarks of the first frames wait until the identity is settled from key frames among them.

    Args:
        frames: ``(H, W, 3)`` uint8 each, all of one size.
        head: the head model to fit.
        fps: nominal frame rate. timestamps: seconds per frame, by default ``index / fps``.
        face: ``largest``, a number from the left, or a pixel ``(x, y)``, in the first frame with
            faces; it is followed from there.
        camera: of the whole frame; by default 20 degrees over its larger side.
        betas: ``(S,)`` identity where known, else fitted.
        no_face: ``error``, ``hold``, ``interpolate`` or ``drop`` frames without a face.
        smoothed: strength of the zero-phase smoothing, 0 for none.

    Raises:
        FaceNotFoundError: no face at all, or a frame without one under ``error``.
        UsageError: no frames, or frames of different sizes.
    """
    rate = fps if isinstance(fps, Fraction) else Fraction(fps).limit_denominator(1001)
    clip = _ClipFit(head, camera, betas)
    # MediaPipe and OpenCV leave Python free: they look at the next frame while this one is fitted.
    for sight in prefetch(sights(frames, face)):
        clip.add(sight)
    fits = clip.finish()
    times = np.arange(len(fits)) / float(rate)
    if timestamps is not None:
        times = np.fromiter(timestamps, np.float64)
    motion = motion_of(fits, head, rate, times, source_sha256)
    if smoothed > 0:
        joints = rest_joints(head, motion.betas)
        motion = smooth(motion, joints, strength=smoothed, breaks=clip.breaks)
    return resolve_gaps(motion, no_face)


class Sight(NamedTuple):
    """What was seen in one frame.

    Attributes:
        size: height and width. landmarks: ``(478, 3)`` or None. features: of the skull.
        restarted: the face was searched anew.
    """

    size: tuple[int, ...]
    landmarks: Landmarks | None
    features: Features | None
    restarted: bool


def sights(frames: Iterable[Image], face: FaceChoice) -> Iterator[Sight]:
    """Landmarks and skull features of every frame."""
    follower = FeatureFollower()
    with LandmarkTracker(face) as tracker:
        for rgb in frames:
            points = tracker(rgb)
            if points is None or tracker.restarted:
                follower.reset()
            features = None if points is None else follower(rgb, points)
            yield Sight(rgb.shape[:2], points, features, tracker.restarted)


@dataclass
class _ClipFit:
    """Sights in, one fit per frame out; holds them back only until it knows the face."""

    head: HeadModel
    camera: Camera | None
    betas: NDArray[np.floating] | None
    breaks: list[int] = field(default_factory=list)
    fits: list[HeadFit | None] = field(default_factory=list)
    _waiting: list[Sight] = field(default_factory=list)
    _fitter: LandmarkFitter | None = None
    _anchors: SkullAnchors | None = None
    _previous: HeadFit | None = None
    _size: tuple[int, int] | None = None

    def add(self, sight: Sight) -> None:
        height, width = sight.size
        if self._size is None:
            self._size = (height, width)
            self.camera = self.camera or Camera.from_fov(width, height)
        if self._size != (height, width):
            raise UsageError(
                f"frame {len(self.fits) + len(self._waiting)} is {width}x{height}, the first was "
                f"{self._size[1]}x{self._size[0]}; all frames of a video need one size"
            )
        if self._fitter is not None:
            self._fit(sight)
            return
        self._waiting.append(sight)
        if len(self._waiting) >= _IDENTITY_FRAMES:
            self._settle()

    def finish(self) -> list[HeadFit | None]:
        """Fits of all frames, None where no face was seen."""
        if self._size is None:
            raise UsageError("the video has no frames")
        if self._fitter is None:
            self._settle()
        return self.fits

    def _settle(self) -> None:
        """Fit the identity to key frames, then the frames that waited for it."""
        assert self.camera is not None
        general = LandmarkFitter(LandmarkModel.from_head(self.head))
        betas = self.betas
        if betas is None:
            # Landmarks right after a detection are the least exact ones.
            seen = [s for s in self._waiting if s.landmarks is not None]
            settled = [s for s in seen if not s.restarted] or seen
            points = [s.landmarks for s in settled if s.landmarks is not None]
            if not points:
                self.fits += [None] * len(self._waiting)
                self._waiting.clear()
                return
            keys = key_frames(general, points, self.camera)
            betas = general.fit_shared(keys, self.camera)[0].betas
        self._fitter = general.for_identity(betas)
        self._anchors = SkullAnchors(self.head, np.asarray(betas))
        for sight in self._waiting:
            self._fit(sight)
        self._waiting.clear()

    def _fit(self, sight: Sight) -> None:
        assert self._fitter is not None and self._anchors is not None and self.camera is not None
        points = sight.landmarks
        if points is None or sight.restarted:
            self._previous = None
            self._anchors.reset()
        if points is None:
            self.fits.append(None)
            return
        if self._previous is None:
            self.breaks.append(len(self.fits))
            fit = self._fitter.fit(points, self.camera)
        else:
            skull = None if sight.features is None else self._anchors.match(sight.features)
            fit = self._fitter.step(self._previous, points, anchors=skull)
            if fit.residual > LOST:
                self._anchors.reset()
                again = self._fitter.fit(points, self.camera)
                fit = min(fit, again, key=lambda f: f.residual)
        if sight.features is not None:
            self._anchors.learn(sight.features, fit)
        self._previous = fit
        self.fits.append(fit)


def key_frames(
    fitter: LandmarkFitter, landmarks: Sequence[Landmarks], camera: Camera
) -> list[Landmarks]:
    """Frames that tell most about the identity: not too much in profile, spread in pose."""
    spread = np.linspace(0, len(landmarks) - 1, min(3 * _KEY_FRAMES, len(landmarks))).astype(int)
    candidates = [landmarks[i] for i in spread]
    turns = [fitter.head_rotation(points, camera) for points in candidates]
    vectors = np.array([t[:, 2] for t in turns])
    # Where the nose points: frontal first, then always the one farthest from those chosen.
    usable = np.abs(np.arctan2(vectors[:, 0], vectors[:, 2])) < _KEY_MAX_YAW
    pool = np.flatnonzero(usable) if usable.any() else np.arange(len(candidates))
    chosen = [int(pool[np.argmax(vectors[pool, 2])])]
    while len(chosen) < min(_KEY_FRAMES, len(pool)):
        rest = np.setdiff1d(pool, chosen)
        gaps = np.linalg.norm(vectors[rest, None] - vectors[chosen], axis=2).min(1)
        chosen.append(int(rest[np.argmax(gaps)]))
    return [candidates[i] for i in chosen]


def yaw(fit: HeadFit) -> float:
    """Turn of the head to the subject's left against the view direction, radians."""
    nose = rotation_matrix(fit.neck_pose)[:, 2]
    sight = np.arctan2(-fit.transl[0], -fit.transl[2])
    return float(np.arctan2(nose[0], nose[2]) - sight)


def confidence_of(fit: HeadFit) -> float:
    """Trust in a fit, 0..1: falls with residual, turn to the side and smallness."""
    exact = np.exp(-((fit.residual / 6.0) ** 2))
    facing = np.clip((np.radians(75) - abs(yaw(fit))) / np.radians(30), 0, 1)
    large = np.clip(fit.iod / 20.0, 0, 1)
    return float(exact * facing * large)


def motion_of(
    fits: Sequence[HeadFit | None],
    head: HeadModel,
    fps: Fraction,
    timestamps: NDArray[np.float64],
    source_sha256: str = "",
) -> Motion:
    """Fits of one identity as a ``Motion``; frames without a fit are zeros and not ``valid``.

    Raises:
        FaceNotFoundError: no fit at all. UsageError: not one time stamp per fit.
    """
    found = [fit for fit in fits if fit is not None]
    if not found:
        raise FaceNotFoundError(
            f"no face in any of the {len(fits)} frames; use a video with a face that looks "
            "towards the camera"
        )
    if len(timestamps) != len(fits):
        raise UsageError(f"{len(timestamps)} time stamps for {len(fits)} frames")

    def rows(name: str) -> NDArray[np.float32]:
        empty = np.zeros_like(getattr(found[0], name))
        values = [empty if fit is None else getattr(fit, name) for fit in fits]
        return np.stack(values).astype(np.float32)

    return Motion(
        **{name: rows(name) for name in ("expression", *POSES, "transl")},
        betas=found[0].betas,
        camera=found[0].camera,
        fps=fps,
        timestamps=np.asarray(timestamps, np.float64),
        valid=np.array([fit is not None for fit in fits]),
        confidence=np.array([0.0 if f is None else confidence_of(f) for f in fits], np.float32),
        basis=head.version,
        expression_names=head.expression_names,
        source_sha256=source_sha256,
    )
