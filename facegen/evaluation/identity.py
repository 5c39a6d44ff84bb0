"""Identity: cosine of face embeddings, method against reference picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.geometry import similarity
from facegen.evaluation.metric import Face, FrameMetric, Image, MetricSpec, Pair, Scene
from facegen.evaluation.recall import Recall
from facegen.evaluation.roles import Component

# The usual 112 x 112 places of eyes, nose tip and mouth corners, image left to right.
TEMPLATE = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
SIDE = 112


class Embedder(Protocol):
    """A face recognition network; alignment is its own."""

    component: Component
    width: int

    def __call__(self, image: Image, face: Face) -> NDArray[np.float64]:
        """Unit-length embedding ``(D,)`` for a ``(S, S, 3)`` uint8 crop and its landmarks."""
        ...


def five_points(face: Face) -> NDArray[np.float64]:
    """Eye centres, nose tip, mouth corners, image left to right: ``(5, 2)`` crop pixels."""
    p = face.points[:, :2]
    return np.stack([p[[33, 133]].mean(0), p[[362, 263]].mean(0), p[1], p[61], p[291]])


def align(image: Image, face: Face) -> Image:
    """``(112, 112, 3)`` uint8 face in the usual place."""
    import cv2

    matrix, _ = similarity(five_points(face), TEMPLATE)
    aligned = cv2.warpAffine(image, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
    return np.asarray(aligned, np.uint8)


def cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Cosine of two vectors, -1..1; 0 where one has no length."""
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.clip(a @ b / size, -1, 1)) if size > 0 else 0.0


class Identity(FrameMetric):
    """Cosine similarity with the reference picture's embedding."""

    def __init__(self, embed: Recall[NDArray[np.float64]], part: Component) -> None:
        self._embed = embed
        self._reference: tuple[Scene, NDArray[np.float64] | None] | None = None
        self.spec = MetricSpec(
            name=f"identity_{part.name}",
            version=1,
            unit="cosine",
            low=-1.0,
            high=1.0,
            better="higher",
            perfect=math.nan,
            needs=frozenset({"reference", "faces"}),
            main="reference",
            source="cosine of embeddings of five-point aligned faces (CSIM), to the reference",
            estimator=part.name,
            components=(part,),
        )

    def frame(self, pair: Pair, scene: Scene) -> Mapping[str, float] | None:
        if self._reference is None or self._reference[0] is not scene:
            self._reference = (scene, self._embed(scene.reference, scene.reference_face))
        pred, reference = self._embed(pair.pred, pair.pred_face), self._reference[1]
        if pred is None or reference is None:
            return None
        return {"reference": cosine(pred, reference)}
