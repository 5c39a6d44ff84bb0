"""Faces of a set, cut the same way from every source and kept on disk.

One crop for all: what differs between sources (scale, roll, codec) is what a network learns first.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.errors import FaceNotFoundError
from facegen.evaluation.crops import crop
from facegen.faces.quiet import native_quiet
from facegen.fer.dataset import FerDataset, Picture
from facegen.media import atomic_path
from facegen.progress import progress_bar
from facegen.recognizer.crop import upright_square

# Crops are wider than any network's input, so that shifts and zooms have something to show.
MARGIN, SIDE = 1.15, 72
# Tight press crops have no room for a detector: their border is continued by this share.
_BORDER, _FINDABLE, _LARGEST = 1 / 3, 256, 640


@dataclass(frozen=True, eq=False)
class FaceCrops:
    """Faces of a set.

    Attributes:
        images: ``(M, S, S, 3)`` uint8 RGB, :func:`upright_square` with margin ``MARGIN``.
        kept: ``(M,)`` places in the set; pictures without a face are left out.
        matrices: ``(M, 2, 3)`` from pixels of the picture to pixels of the crop.
    """

    images: NDArray[np.uint8]
    kept: NDArray[np.int64]
    matrices: NDArray[np.float64]


class FaceCutter:
    """Finds and cuts one face of a picture. Not thread-safe; use as a context."""

    def __init__(self, side: int = SIDE, margin: float = MARGIN) -> None:
        self._side, self._margin = side, margin
        with native_quiet():
            from mediapipe.python.solutions.face_mesh import FaceMesh

            self._mesh = FaceMesh(
                static_image_mode=True, max_num_faces=1, min_detection_confidence=0.3
            )

    def __enter__(self) -> FaceCutter:
        return self

    def __exit__(self, *_: object) -> None:
        self._mesh.close()

    def __call__(self, rgb: Picture) -> tuple[Picture, NDArray[np.float64]] | None:
        """Crop ``(S, S, 3)`` of a face that fills a good part of a picture, and its matrix
        ``(2, 3)`` from the picture; None without a face."""
        picture, place = with_border(rgb)
        points = self._points(picture)
        if points is None:
            return None
        matrix = upright_square(points, self._side, self._margin)
        whole = np.concatenate(
            [matrix[:, :2] @ place[:, :2], matrix @ np.r_[place[:, 2], 1][:, None]], 1
        )
        return crop(picture, matrix, self._side), whole

    def _points(self, picture: Picture) -> NDArray[np.float64] | None:
        with native_quiet():
            found = self._mesh.process(picture).multi_face_landmarks
        if found:
            side = picture.shape[0]
            return np.array([(p.x * side, p.y * side) for p in found[0].landmark], np.float64)
        from facegen.faces import find_landmarks

        try:
            return np.asarray(find_landmarks(picture)[:, :2], np.float64)
        except FaceNotFoundError:
            return None


def recut(dataset: FerDataset, faces: FaceCrops, side: int) -> FaceCrops:
    """The same faces in another number of pixels, from the pictures themselves."""
    if side == faces.images.shape[1]:
        return faces
    matrices = faces.matrices * (side / faces.images.shape[1])
    images = [
        crop(dataset.image(int(index)), matrix, side)
        for index, matrix in zip(faces.kept, matrices, strict=True)
    ]
    return replace(
        faces, images=np.array(images, np.uint8).reshape(-1, side, side, 3), matrices=matrices
    )


def cut_square(
    rgb: Picture, square: tuple[float, float, float, float], side: int = SIDE
) -> tuple[Picture, NDArray[np.float64]]:
    """As :class:`FaceCutter` where the face mesh is known: ``square`` of a sample."""
    x, y, size, turn = square
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    linear = side / (MARGIN * max(size, 1e-6)) * np.array([[cos, sin], [-sin, cos]])
    shift = side / 2 - linear @ np.array([x, y])
    matrix = np.concatenate([linear, shift[:, None]], 1)
    return crop(rgb, matrix, side), matrix


def with_border(rgb: Picture) -> tuple[Picture, NDArray[np.float64]]:
    """A square picture with continued borders, large enough for a detector, and the matrix
    ``(2, 3)`` that leads there."""
    longest = max(rgb.shape[:2])
    factor = min(max(_FINDABLE / longest, 1.0), 4.0) if longest < _FINDABLE else 1.0
    factor = min(factor, _LARGEST / longest)
    if factor != 1:
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        rgb = np.asarray(cv2.resize(rgb, None, fx=factor, fy=factor, interpolation=how), np.uint8)
    height, width = rgb.shape[:2]
    side = round(max(height, width) * (1 + 2 * _BORDER))
    top, left = (side - height) // 2, (side - width) // 2
    edges = (top, side - height - top, left, side - width - left)
    square = np.asarray(cv2.copyMakeBorder(rgb, *edges, cv2.BORDER_REPLICATE), np.uint8)
    return square, np.array([[factor, 0, left], [0, factor, top]], np.float64)


def cut_faces(dataset: FerDataset, cache: Path | None = None) -> FaceCrops:
    """Crops of all samples (of clips the middle frame), from ``cache`` where they are known.

    Args:
        cache: folder for ``NAME-HASH.npz``; the hash covers paths and sizes of the files.
    """
    file = None if cache is None else cache / f"{dataset.name}-{fingerprint(dataset)}.npz"
    if file is not None and file.is_file():
        with np.load(file, allow_pickle=False) as archive:
            return FaceCrops(**{name: archive[name] for name in archive.files})
    images, kept, matrices = [], [], []
    with FaceCutter() as cutter, progress_bar(len(dataset), f"faces of {dataset.name}") as advance:
        for index in range(len(dataset)):
            square = dataset.samples[index].square
            rgb = dataset.image(index)
            found = cutter(rgb) if square is None else cut_square(rgb, square)
            if found is not None:
                images.append(found[0])
                matrices.append(found[1])
                kept.append(index)
            advance()
    crops = FaceCrops(
        np.array(images, np.uint8).reshape(-1, SIDE, SIDE, 3),
        np.array(kept, np.int64),
        np.array(matrices, np.float64).reshape(-1, 2, 3),
    )
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(file) as part, part.open("wb") as stream:
            np.savez(stream, **vars(crops))
    return crops


def fingerprint(dataset: FerDataset) -> str:
    """Changes with the list of files, their sizes and the crop."""
    digest = hashlib.sha256(f"{MARGIN}/{SIDE}".encode())
    for sample in dataset.samples:
        path = sample.frames[len(sample.frames) // 2] if sample.frames else sample.path
        size = path.stat().st_size if path.is_file() else 0
        digest.update(f"{path}/{size}\n".encode())
    return digest.hexdigest()[:16]
