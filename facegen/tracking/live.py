"""Tracking as frames arrive: a camera, a call, a stream that never ends."""

from __future__ import annotations

from fractions import Fraction
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from facegen.faces import FaceChoice, LandmarkTracker
from facegen.flame.camera import Camera
from facegen.flame.fitting import HeadFit, LandmarkFitter
from facegen.flame.landmark_model import LandmarkModel
from facegen.flame.model import HeadModel
from facegen.motion import Motion
from facegen.tracking.clips import LOST, motion_of
from facegen.tracking.one_euro import StreamingSmoother

# A face is known well enough from the mean of so many first frames.
_IDENTITY_FRAMES = 8


class LiveFit:
    """Landmarks of one face in, one smoothed frame of motion out, without looking ahead.

    The identity is fitted to each of the first frames and kept as their mean from then on.

    Args:
        head: the model to fit. betas: ``(S,)`` identity where it is known.
        fitter: of ``head``, where one is at hand to be shared.
    """

    def __init__(
        self,
        head: HeadModel,
        *,
        betas: NDArray[np.floating] | None = None,
        fitter: LandmarkFitter | None = None,
    ) -> None:
        self.head = head
        self._general = fitter or LandmarkFitter(LandmarkModel.from_head(head))
        self._known = None if betas is None else self._general.for_identity(betas)
        self._seen: list[NDArray[np.float32]] = []
        self._previous: HeadFit | None = None
        self._smoother = StreamingSmoother()

    def lose(self) -> None:
        """The face is out of sight: the next fit starts afresh."""
        self._previous = None
        self._smoother.reset()

    def __call__(
        self, points: NDArray[np.float32], camera: Camera, time: float, *, restarted: bool = False
    ) -> Motion:
        """Fit one frame.

        Args:
            points: ``(478, 3)`` pixels. camera: of the whole picture. time: seconds, increasing.
            restarted: the face was found anew: the frame before does not bind this one.
        """
        if restarted:
            self._previous = None
        self._previous = fit = self._fit(points, camera)
        return self._smoother(motion_of([fit], self.head, Fraction(25), np.array([time])))

    def _fit(self, points: NDArray[np.float32], camera: Camera) -> HeadFit:
        if self._known is None:
            fit = self._general.fit(points, camera)
            self._seen.append(fit.betas)
            if len(self._seen) == _IDENTITY_FRAMES:
                self._known = self._general.for_identity(np.mean(self._seen, axis=0))
            return fit
        if self._previous is not None:
            fit = self._known.step(self._previous, points)
            if fit.residual <= LOST:
                return fit
        return self._known.fit(points, camera)


class LiveTracker:
    """One picture in, one smoothed frame of motion out (see :class:`LiveFit`).

    Args:
        head: the model to fit.
        face: which of several faces, as in :func:`facegen.tracking.track_video`.
        camera: of the whole picture; by default 20 degrees over its larger side.
        betas: ``(S,)`` identity where it is known.
    """

    def __init__(
        self,
        head: HeadModel,
        *,
        face: FaceChoice = "largest",
        camera: Camera | None = None,
        betas: NDArray[np.floating] | None = None,
    ) -> None:
        self.head, self.camera = head, camera
        self._landmarks = LandmarkTracker(face)
        self._fit = LiveFit(head, betas=betas)

    def __enter__(self) -> LiveTracker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._landmarks.close()

    def __call__(self, rgb: NDArray[np.uint8], time: float) -> Motion | None:
        """Fit one picture.

        Args:
            rgb: ``(H, W, 3)`` uint8, always of one size. time: seconds, increasing.

        Returns:
            A motion of one frame, or None where no face is seen.
        """
        height, width = rgb.shape[:2]
        self.camera = self.camera or Camera.from_fov(width, height)
        points = self._landmarks(rgb)
        if points is None:
            self._fit.lose()
            return None
        return self._fit(points, self.camera, time, restarted=self._landmarks.restarted)
