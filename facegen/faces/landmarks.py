"""478 face landmarks per picture, in a square window that follows the face."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from facegen.errors import FaceNotFoundError
from facegen.faces.boxes import FaceBox, FaceChoice, choose_face
from facegen.faces.detection import FaceDetector
from facegen.faces.quiet import native_loading

Image = NDArray[np.uint8]
Landmarks = NDArray[np.float32]

MIN_FACE = 24
# The mesh network refines its own region of interest; from a detection that takes three runs.
_SETTLE = 3
# Side of the window in faces, and how far the face may stand from its middle, in windows.
_WINDOW = 2.2
_WANDER = 0.17
_GROWTH = 1.6
# While no face is in sight, small ones are looked for in every so-many-th picture.
_THOROUGH = 12


@dataclass(frozen=True)
class _Window:
    """Square of the picture that the mesh network sees; may reach beyond the border."""

    x: int
    y: int
    side: int

    @classmethod
    def around(cls, box: FaceBox) -> _Window:
        side = int(np.ceil(box.size * _WINDOW))
        return cls(round(box.x - side / 2), round(box.y - side / 2), side)

    def cut(self, rgb: Image) -> Image:
        height, width = rgb.shape[:2]
        x0, y0 = max(self.x, 0), max(self.y, 0)
        x1, y1 = min(self.x + self.side, width), min(self.y + self.side, height)
        if (x1 - x0, y1 - y0) == (self.side, self.side):
            return np.ascontiguousarray(rgb[y0:y1, x0:x1])
        # The network's projection is exact on squares only, hence black beyond the border.
        out = np.zeros((self.side, self.side, 3), np.uint8)
        out[y0 - self.y : y1 - self.y, x0 - self.x : x1 - self.x] = rgb[y0:y1, x0:x1]
        return out

    def holds(self, box: FaceBox) -> bool:
        middle = self.side / 2
        off = max(abs(box.x - self.x - middle), abs(box.y - self.y - middle))
        growth = box.size * _WINDOW / self.side
        return off < _WANDER * self.side and 1 / _GROWTH < growth < _GROWTH


class LandmarkTracker:
    """Follows one face through a sequence of pictures (MediaPipe Face Mesh with irises).

    Kartynnik et al. 2019, "Real-time facial surface geometry"; Grishchenko et al. 2020,
    "Attention mesh". A lost face is looked for again in the same picture. Not thread-safe.

    Args:
        choice: which face where there are several; once found it is followed.

    Attributes:
        restarted: True where the last picture needed a new detection, so that temporal priors
            must not reach across it.
    """

    def __init__(self, choice: FaceChoice = "largest") -> None:
        self.choice = choice
        self.restarted = False
        self._detector: FaceDetector | None = None
        self._window: _Window | None = None
        self._last: FaceBox | None = None
        self._misses = 0
        with native_loading():
            from mediapipe.python.solutions.face_mesh import FaceMesh

            self._mesh = FaceMesh(
                static_image_mode=False,
                max_num_faces=1,
                refine_landmarks=True,
                min_detection_confidence=0.3,
                min_tracking_confidence=0.5,
            )
            # The networks load, and report, with the first picture.
            self._mesh.process(np.zeros((64, 64, 3), np.uint8))

    def __enter__(self) -> LandmarkTracker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def forget(self, choice: FaceChoice = "largest") -> None:
        """Begin another sequence with the same networks: as if newly made, but at once."""
        self.choice = choice
        self._window = self._last = None
        self._misses = 0

    def close(self) -> None:
        """Free the networks."""
        self._mesh.close()
        if self._detector is not None:
            self._detector.close()
            self._detector = None

    def __call__(self, rgb: Image) -> Landmarks | None:
        """Landmarks of the followed face: ``(478, 3)`` pixels (z relative), or None.

        Args:
            rgb: ``(H, W, 3)`` uint8.
        """
        points = self.track(rgb)
        if points is not None:
            return points
        self.restarted = True
        return self._search(rgb)

    def track(self, rgb: Image) -> Landmarks | None:
        """As a call, but a lost face is not looked for: it stays lost until :meth:`follow`."""
        self.restarted = False
        if self._window is None or self._last is None:
            return None
        points = self._run(rgb, 1)
        if points is None or self._jumped(points):
            return None
        return self._kept(points, rgb)

    def detect(self, rgb: Image, *, tiles: bool = True) -> list[FaceBox]:
        """All faces of a picture from left to right (see :class:`FaceDetector`)."""
        if self._detector is None:
            self._detector = FaceDetector()
        return self._detector(rgb, tiles=tiles)

    def _search(self, rgb: Image) -> Landmarks | None:
        boxes = self.detect(rgb, tiles=self._misses % _THOROUGH == 0)
        if not boxes:
            self._misses += 1
            self._window = None
            return None
        self._misses = 0
        if self._last is not None:
            # A choice was made before: the nearest face of like size is the same person.
            last = self._last
            box = min(
                boxes, key=lambda b: abs(b.x - last.x) + abs(b.y - last.y) + abs(b.size - last.size)
            )
        else:
            box = choose_face(boxes, self.choice)
        return self.follow(rgb, box)

    def follow(self, rgb: Image, box: FaceBox) -> Landmarks | None:
        """Start (again) on the face in ``box``; landmarks as from a call."""
        self._window = _Window.around(box)
        points = self._restart(rgb)
        return None if points is None else self._kept(points, rgb)

    def _kept(self, points: Landmarks, rgb: Image) -> Landmarks:
        """Remember where the face stands; move the window before the face leaves it."""
        box = bounding_box(points)
        self._last = box
        if self._window is not None and not self._window.holds(box):
            self._window = _Window.around(box)
            again = self._restart(rgb)
            if again is not None and bounding_box(again).overlap(box) > 0.5:
                return again
        return points

    def _restart(self, rgb: Image) -> Landmarks | None:
        with native_loading():
            self._mesh.reset()
            points = self._run(rgb, _SETTLE)
        if points is None:
            self._window = None
        return points

    def _jumped(self, points: Landmarks) -> bool:
        """True where the face moved or grew more than one does between two pictures."""
        box, last = bounding_box(points), self._last
        assert last is not None
        moved = max(abs(box.x - last.x), abs(box.y - last.y)) / last.size
        return moved > 0.35 or not 0.7 < box.size / last.size < 1.4

    def _run(self, rgb: Image, times: int) -> Landmarks | None:
        assert self._window is not None
        window = self._window
        picture = window.cut(rgb)
        for _ in range(times):
            found = self._mesh.process(picture).multi_face_landmarks
            if not found:
                return None
        points = np.array([(p.x, p.y, p.z) for p in found[0].landmark], np.float32) * window.side
        points[:, :2] += (window.x, window.y)
        return points


def bounding_box(points: Landmarks) -> FaceBox:
    """Square around the face mesh; its score is 1."""
    low, high = points[:468, :2].min(0), points[:468, :2].max(0)
    x, y = (low + high) / 2
    return FaceBox(float(x), float(y), float((high - low).max()), 1.0)


def find_landmarks(rgb: Image, choice: FaceChoice = "largest") -> Landmarks:
    """Landmarks of one face of a photo: ``(478, 3)`` pixels (z relative).

    Args:
        rgb: ``(H, W, 3)`` uint8.

    Raises:
        FaceNotFoundError: no face, not that one, or too small; the message says what to do.
    """
    height, width = rgb.shape[:2]
    with LandmarkTracker(choice) as tracker:
        boxes = tracker.detect(rgb)
        if not boxes:
            raise FaceNotFoundError(
                f"no face found in the {width}x{height} picture; use one with a face that looks "
                "towards the camera, is well lit and at least 60 pixels wide"
            )
        box = choose_face(boxes, choice)
        if box.size < MIN_FACE:
            raise FaceNotFoundError(
                f"the face is only {box.size:.0f} pixels wide; use a larger picture or a crop "
                f"with at least {MIN_FACE}, better 200"
            )
        points = tracker.follow(rgb, box)
    if points is None:
        raise FaceNotFoundError(
            f"the face at ({box.x:.0f}, {box.y:.0f}) is too turned, covered or blurred to read; "
            "use a picture where both eyes are seen"
        )
    return points
