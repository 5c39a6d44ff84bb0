"""Pictures and videos in, one row per face and frame out; memory does not grow with the length."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facegen.recognizer import columns as col
from facegen.recognizer.au_sets import INTENSITY_MAX
from facegen.recognizer.base import FaceRecognizer, Pictures
from facegen.recognizer.crop import CropSpec
from facegen.recognizer.frame import FaceFrame, face_frame
from facegen.recognizer.labels import CANONICAL
from facegen.recognizer.output import RecognizerOutput
from facegen.recognizer.sights import Picture, Seen, SeenFace, look, pictures_of

if TYPE_CHECKING:
    from facegen.recognizer.spec import RecognizerSpec

Row = dict[str, Any]
# A row, and what each recognizer saw of its face.
_Held = tuple[Row, list[Tensor] | None]


def predict(
    recognizer: FaceRecognizer,
    source: Pictures,
    *,
    batch_size: int = 32,
    device: str | torch.device = "cpu",
    cropped: bool = False,
) -> FaceFrame:
    """See :meth:`FaceRecognizer.predict`."""
    pictures = pictures_of(source)
    given = (Seen(p, (SeenFace(0, None),)) for p in pictures)
    seen = given if cropped else look(pictures)
    return face_frame(list(recognize(recognizer, seen, batch_size=batch_size, device=device)))


def recognize(
    recognizers: FaceRecognizer | Sequence[FaceRecognizer],
    seen: Iterable[Seen],
    *,
    batch_size: int = 32,
    device: str | torch.device = "cpu",
    passed: Callable[[Seen], None] | None = None,
    flush: Callable[[list[Row]], None] | None = None,
) -> Iterator[Row]:
    """Rows of a FaceFrame in order, as soon as their batch is full.

    A picture without a face has one row with its name, number and time alone. Of several
    recognizers the first that tells a column decides it.

    Args:
        passed: called with every picture after it was looked at.
        flush: called with every batch of rows before they are given; whole pictures only.
    """
    asked = [recognizers] if isinstance(recognizers, FaceRecognizer) else list(recognizers)
    was_training = [recognizer.training for recognizer in asked]
    for recognizer in asked:
        recognizer.train(False).to(device).restart()
    clips = [_Clips(recognizer.spec.clip_len) for recognizer in asked]
    held: list[_Held] = []
    try:
        for entry in seen:
            for face in entry.faces:
                with torch.no_grad():
                    x = [r.observe(entry.picture, face) for r in asked]
                xs = [clip(face.face_id, one) for clip, one in zip(clips, x, strict=True)]
                held.append((where(entry, face), xs))
            if not entry.faces:
                held.append((_names(entry.picture), None))
            if passed is not None:
                passed(entry)
            if len(held) >= batch_size:
                yield from _told(asked, held, device, flush)
                held = []
        yield from _told(asked, held, device, flush)
    finally:
        for recognizer, training in zip(asked, was_training, strict=True):
            recognizer.train(training)


class _Clips:
    """The last T inputs of every face; the first one stands for those before it."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._kept: dict[int, deque[Tensor]] = {}

    def __call__(self, face_id: int, x: Tensor) -> Tensor:
        if self._length == 0:
            return x
        kept = self._kept.setdefault(face_id, deque([x] * self._length, maxlen=self._length))
        kept.append(x)
        return torch.stack(list(kept))


def _told(
    asked: Sequence[FaceRecognizer],
    held: Sequence[_Held],
    device: str | torch.device,
    flush: Callable[[list[Row]], None] | None,
) -> list[Row]:
    """The rows held, with everything told."""
    rows = [dict(row) for row, _ in held]
    faces = [(row, xs) for row, (_, xs) in zip(rows, held, strict=True) if xs is not None]
    for k, recognizer in enumerate(asked if faces else ()):
        with torch.no_grad():
            output = recognizer.tell(torch.stack([xs[k] for _, xs in faces]).to(device))
        for (row, _), values in zip(faces, values_of(output, recognizer.spec), strict=True):
            new = {n: v for n, v in values.items() if math.isnan(row.get(n, math.nan))}
            row.update(new)
    if flush is not None and rows:
        flush(rows)
    return rows


def columns_of(specs: Sequence[RecognizerSpec]) -> tuple[str, ...]:
    """Columns of the rows that recognizers of these cards give, in order."""
    units = dict.fromkeys(name for spec in specs for name in spec.au_names)
    return (
        *col.WHERE,
        *col.BOX,
        *(col.EMOTIONS if any(spec.labels for spec in specs) else ()),
        *(col.AFFECT if any(spec.valence_arousal for spec in specs) else ()),
        *units,
        *(f"{name}_r" for name in units),
        *(col.BLENDSHAPES if any(spec.blendshapes for spec in specs) else ()),
        *col.POSE,
        "unknown",
        *col.LANDMARKS,
    )


def values_of(output: RecognizerOutput, spec: RecognizerSpec) -> list[Row]:
    """The told columns of a FaceFrame, a dictionary per face."""
    parts: list[tuple[tuple[str, ...], NDArray[np.float64]]] = []
    if output.probs is not None and spec.label_space is not None:
        probs = spec.label_space.map_to(CANONICAL, _array(output.probs), "nan")
        parts.append((col.EMOTIONS, probs))
    if output.valence_arousal is not None:
        parts.append((col.AFFECT, _array(output.valence_arousal)))
    if output.au_probs is not None:
        parts.append((spec.au_names, _array(output.au_probs)))
    elif output.au_intensity is not None:
        parts.append((spec.au_names, _array(output.au_intensity) / INTENSITY_MAX))
    if output.au_intensity is not None:
        parts.append((tuple(f"{n}_r" for n in spec.au_names), _array(output.au_intensity)))
    if output.blendshapes is not None:
        parts.append((col.BLENDSHAPES, _array(output.blendshapes)))
    if output.pose is not None:
        parts.append((col.POSE, _array(output.pose)))
    if output.unknown is not None:
        parts.append((("unknown",), _array(output.unknown)[:, None]))
    names = [name for part, _ in parts for name in part]
    table = np.concatenate([values for _, values in parts], axis=1) if parts else np.zeros((0, 0))
    return [dict(zip(names, map(float, line), strict=True)) for line in table]


def where(seen: Seen, face: SeenFace) -> Row:
    """Name, time and place of a face."""
    row = _names(seen.picture) | {"face_id": face.face_id}
    if face.points is not None:
        low, high = face.points[:468, :2].min(0), face.points[:468, :2].max(0)
        place = [*map(float, low), *map(float, high - low), face.score]
        row |= dict(zip(col.BOX, place, strict=True))
        marks = face.landmarks68()
        row |= dict(zip(col.LANDMARKS, map(float, marks.T.ravel()), strict=True))
    return row


def _names(picture: Picture) -> Row:
    return {"input": picture.name, "frame": picture.index, "timestamp": picture.time, "face_id": -1}


def _array(values: Tensor) -> NDArray[np.float64]:
    return values.detach().cpu().numpy().astype(np.float64)


def whole_crops(crop: CropSpec, faces: Any) -> Tensor:
    """Inputs ``(N, C, S, S)`` of faces that are cropped already.

    Args:
        faces: ``(N, H, W, 3)`` or ``(H, W, 3)`` uint8 RGB, or a list of such pictures or of paths.
    """
    spec = crop.whole()
    return torch.stack([crop_of(spec, picture.rgb, None) for picture in pictures_of(faces)])


def crop_of(crop: CropSpec, rgb: NDArray[np.uint8], points: NDArray[np.floating] | None) -> Tensor:
    """One input ``(C, S, S)`` of a face in a picture ``(H, W, 3)`` uint8."""
    matrix = crop.matrix(points, *rgb.shape[:2])
    window, moved = _window(rgb, matrix, crop.size)
    image = torch.from_numpy(window).permute(2, 0, 1)[None].float() / 255
    return crop.apply(image, torch.from_numpy(moved)[None].float())[0]


def _window(
    rgb: NDArray[np.uint8], matrix: NDArray[np.float64], side: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The part of a picture that a crop looks at, and the crop's matrix from there."""
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]]) - matrix[:, 2]
    places = corners @ np.linalg.inv(matrix[:, :2]).T
    limit = np.array(rgb.shape[1::-1])
    low = np.clip(np.floor(places.min(0)).astype(int) - 2, 0, limit - 1)
    high = np.clip(np.ceil(places.max(0)).astype(int) + 2, low + 1, limit)
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ low
    cut = rgb[low[1] : high[1], low[0] : high[0]]
    return np.ascontiguousarray(cut), moved
