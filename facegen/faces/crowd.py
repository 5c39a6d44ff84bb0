"""All faces of a video, each with a number that stays with the person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from facegen.faces.boxes import FaceBox
from facegen.faces.detection import FaceDetector
from facegen.faces.landmarks import MIN_FACE, Landmarks, LandmarkTracker, bounding_box

Image = NDArray[np.uint8]

# Pictures between two searches for newcomers, and for how many a lost face keeps its number.
_EVERY = 6
_REMEMBERED = 90
# A lost face comes back at most this far away, in faces, and this much larger or smaller.
_NEAR, _ALIKE = 1.5, 1.6
_SAME = 0.4  # overlap of two boxes of one face
# A picture that is one tight crop shows no face to the detector; with a border it does.
_BORDER = 1 / 3
_LEAST_SIDE = 256


@dataclass(frozen=True, eq=False)
class TrackedFace:
    """A face in one picture.

    Attributes:
        face_id: from 0 in order of appearance. points: ``(478, 3)`` pixels, z relative.
        score: of the detection it was last found by. restarted: found anew in this picture.
    """

    face_id: int
    points: Landmarks
    score: float
    restarted: bool


@dataclass
class _Person:
    face_id: int
    tracker: LandmarkTracker
    box: FaceBox
    score: float
    lost: int = 0


class CrowdTracker:
    """Follows up to ``most`` faces through a sequence of pictures. Not thread-safe.

    Newcomers are looked for in every sixth picture and whenever a face was lost. A face that comes
    back near the place where it was lost keeps its number.
    """

    def __init__(self, most: int = 8) -> None:
        self._most = most
        self._detector = FaceDetector()
        self._spare: list[LandmarkTracker] = []
        self._people: list[_Person] = []
        self._next = self._index = 0

    def close(self) -> None:
        """Free the networks."""
        self.forget()
        self._detector.close()
        for tracker in self._spare:
            tracker.close()
        self._spare = []

    def forget(self, known: Iterable[tuple[int, float, float, float]] = ()) -> None:
        """Begin another sequence: as if newly made, but at once.

        Args:
            known: number, centre and size, pixels, of faces that were seen before and may be back.
        """
        for person in self._people:
            self._release(person)
        self._people = []
        self._next = self._index = 0
        for face_id, x, y, size in known:
            box = FaceBox(x, y, size, 1.0)
            self._people.append(_Person(face_id, self._tracker(), box, 1.0, lost=1))
            self._next = max(self._next, face_id + 1)

    def __call__(self, rgb: Image) -> list[TrackedFace]:
        """Faces by number.

        Args:
            rgb: ``(H, W, 3)`` uint8.
        """
        found: dict[int, TrackedFace] = {}
        for person in [p for p in self._people if p.lost == 0]:
            points = person.tracker.track(rgb)
            if points is None or self._taken(points, found):
                person.lost = 1
            else:
                person.box = bounding_box(points)
                found[person.face_id] = TrackedFace(person.face_id, points, person.score, False)
        lost = any(0 < person.lost <= _EVERY for person in self._people)
        if self._index % _EVERY == 0 or lost or not self._people:
            self._welcome(rgb, found)
        self._age(found)
        self._index += 1
        return [found[face_id] for face_id in sorted(found)]

    def photo(self, rgb: Image) -> list[TrackedFace]:
        """Faces of a still picture, numbered from the left; nothing is remembered of it.

        Where none is found the picture may be one tight crop: it is looked at once more, enlarged
        to 256 pixels and with a border of a third of its side that repeats its edge. Landmarks
        are in pixels of the picture itself.
        """
        import cv2

        found = self._still(rgb)
        if found:
            return found
        scale = max(1.0, _LEAST_SIDE / min(rgb.shape[:2]))
        large = rgb if scale == 1 else cv2.resize(rgb, None, fx=scale, fy=scale)
        edge = round(max(large.shape[:2]) * _BORDER)
        framed = cv2.copyMakeBorder(large, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
        again = []
        for face in self._still(np.asarray(framed, np.uint8)):
            points = face.points / np.float32(scale)
            points[:, :2] -= edge / scale
            again.append(replace(face, points=points))
        return again

    def _still(self, rgb: Image) -> list[TrackedFace]:
        tracker = self._tracker()
        found: list[TrackedFace] = []
        for box in self._detector(rgb)[: self._most]:
            points = tracker.follow(rgb, box) if box.size >= MIN_FACE else None
            if points is not None:
                found.append(TrackedFace(len(found), points, box.score, True))
        tracker.forget()
        self._spare.append(tracker)
        return found

    def _taken(self, points: Landmarks, found: dict[int, TrackedFace]) -> bool:
        """Two trackers on one face: the older number stays."""
        box = bounding_box(points)
        return any(box.overlap(bounding_box(f.points)) > _SAME for f in found.values())

    def _welcome(self, rgb: Image, found: dict[int, TrackedFace]) -> None:
        boxes = self._detector(rgb, tiles=not found and self._index % (2 * _EVERY) == 0)
        for box in sorted(boxes, key=lambda b: -b.size):
            inside = any(box.overlap(bounding_box(f.points)) > _SAME for f in found.values())
            if inside or len(found) >= self._most or box.size < MIN_FACE:
                continue
            person = self._remembered(box) or self._newcomer(box)
            points = person.tracker.follow(rgb, box)
            if points is None or self._taken(points, found):
                if person not in self._people:
                    self._release(person)
                continue
            person.lost, person.score, person.box = 0, box.score, bounding_box(points)
            if person not in self._people:
                person.face_id, self._next = self._next, self._next + 1
                self._people.append(person)
            found[person.face_id] = TrackedFace(person.face_id, points, box.score, True)

    def _remembered(self, box: FaceBox) -> _Person | None:
        """The lost person who was last seen nearest, if near enough."""

        def away(person: _Person) -> float:
            last = person.box
            return max(abs(box.x - last.x), abs(box.y - last.y)) / last.size

        lost = [p for p in self._people if p.lost and 1 / _ALIKE < box.size / p.box.size < _ALIKE]
        best = min(lost, key=away, default=None)
        return best if best is not None and away(best) < _NEAR else None

    def _newcomer(self, box: FaceBox) -> _Person:
        return _Person(-1, self._tracker(), box, box.score)

    def _tracker(self) -> LandmarkTracker:
        return self._spare.pop() if self._spare else LandmarkTracker()

    def _release(self, person: _Person) -> None:
        person.tracker.forget()
        self._spare.append(person.tracker)

    def _age(self, found: dict[int, TrackedFace]) -> None:
        for person in self._people:
            if person.face_id not in found:
                person.lost += 1
        gone = [p for p in self._people if p.lost > _REMEMBERED]
        for person in gone:
            self._release(person)
        self._people = [p for p in self._people if p not in gone]
