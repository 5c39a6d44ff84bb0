"""Face detection at any size: whole picture first, then overlapping tiles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen.faces.boxes import FaceBox, distinct
from facegen.faces.quiet import native_loading

Image = NDArray[np.uint8]

# Tiles per larger side of the picture, tried in turn until a face is found.
_TILINGS = (2, 4)
_CONFIDENCE = 0.4


class FaceDetector:
    """MediaPipe's short-range (near faces) and full-range (far ones) detectors.

    Bazarevsky et al. 2019, "BlazeFace". Not thread-safe: one per thread.
    """

    def __init__(self, confidence: float = _CONFIDENCE) -> None:
        with native_loading():
            from mediapipe.python.solutions.face_detection import FaceDetection

            self._graphs = [
                FaceDetection(min_detection_confidence=confidence, model_selection=k)
                for k in (0, 1)
            ]
            # The networks load, and report, with the first picture.
            for graph in self._graphs:
                graph.process(np.zeros((64, 64, 3), np.uint8))

    def close(self) -> None:
        """Free the networks: MediaPipe keeps them, about 30 MB, until it is told."""
        for graph in self._graphs:
            graph.close()

    def __call__(self, rgb: Image, *, tiles: bool = True) -> list[FaceBox]:
        """Faces from left to right.

        Args:
            rgb: ``(H, W, 3)`` uint8.
            tiles: look for small faces too where no large one is; takes up to half a second.
        """
        height, width = rgb.shape[:2]
        boxes = [b for graph in self._graphs for b in self._run(graph, rgb, 0, 0)]
        for tiling in _TILINGS if tiles else ():
            if boxes:
                break
            side = max(-(-max(height, width) // tiling), 96)
            if side >= max(height, width):
                break
            for x, y in _tiles(width, height, side):
                tile = rgb[y : y + side, x : x + side]
                boxes += self._run(self._graphs[1], tile, x, y)
        return distinct(boxes)

    def _run(self, graph: Any, rgb: Image, x: int, y: int) -> list[FaceBox]:
        found = graph.process(np.ascontiguousarray(rgb)).detections
        height, width = rgb.shape[:2]
        boxes = []
        for detection in found or ():
            b = detection.location_data.relative_bounding_box
            boxes.append(
                FaceBox(
                    x + (b.xmin + b.width / 2) * width,
                    y + (b.ymin + b.height / 2) * height,
                    max(b.width * width, b.height * height),
                    float(detection.score[0]),
                )
            )
        return boxes


def _tiles(width: int, height: int, side: int) -> Iterator[tuple[int, int]]:
    """Corners of squares that overlap by half, so that no face is cut by all of them."""
    for y in range(0, max(height - side // 2, 1), side // 2):
        for x in range(0, max(width - side // 2, 1), side // 2):
            yield min(x, max(width - side, 0)), min(y, max(height - side, 0))
