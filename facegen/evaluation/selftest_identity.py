"""Self-test of identity: another face scores lower, by the user's network or a stated proxy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from facegen.evaluation.identity import Identity, align
from facegen.evaluation.metric import Face, Image, Pair, Scene
from facegen.evaluation.roles import Component
from facegen.evaluation.selftest_check import Check
from facegen.evaluation.sets import Features, GradientHistograms

Place = tuple[float, float]
PROXY = Component("hog8-of-aligned-face")


class AlignedHistograms:
    """No recognition: gradient histograms of the aligned face about their mean. It tells face
    shapes of one picture apart, not people from people."""

    def __init__(self) -> None:
        self._histograms = GradientHistograms()

    def __call__(self, image: Image, face: Face) -> Features:
        found = self._histograms(align(image, face), face)
        return found - found.mean()


def run_identity(
    pairs: Sequence[Pair], swapped: Sequence[Pair], scene: Scene, metric: Identity
) -> Iterator[Check]:
    """The cosine to the reference falls by 0.1 or more where the face is another one.

    Args:
        pairs, swapped: frames of the true face and of another face in its place.
        metric: of :func:`identity_metric`.
    """
    name = metric.spec.name
    true, other = (_cosine(metric, frames, scene) for frames in (pairs, swapped))
    yield Check(f"identity: {name} of the true face = {true:.3g} (at least 0.9)", true >= 0.9)
    text = f"identity swap: {name} falls by {true - other:.3g} (at least 0.1)"
    yield Check(text, true - other > 0.1)


def identity_metric(judges: Path | None) -> Identity:
    """The cosine of a judge's face recognition network, or of the proxy without a folder.

    Raises:
        UsageError: the folder holds no such network.
    """
    from facegen.evaluation.recall import Recall

    if judges is not None:
        from facegen.errors import UsageError
        from facegen.evaluation.judges import load_judges

        found = load_judges(judges).identity
        if found is None:
            raise UsageError(f"{judges} holds no face recognition network")
        return Identity(Recall(found), found.component)
    return Identity(Recall(AlignedHistograms()), PROXY)


def _cosine(metric: Identity, frames: Sequence[Pair], scene: Scene) -> float:
    comparison = metric.begin(scene)
    for pair in frames:
        comparison.add(pair)
    return next(s.value for s in comparison.scores() if s.part == metric.spec.main)


def swap(
    images: Sequence[Image], eyes: tuple[float, float], mouth: tuple[float, float]
) -> list[Image]:
    """Another face: a wider jaw, a shorter nose, smaller eyes and another skin.

    Args:
        eyes, mouth: places in pixels, between the eyes and between the lips.
    """
    import cv2

    side = images[0].shape[0]
    y, x = np.mgrid[:side, :side].astype(np.float32)
    span = mouth[1] - eyes[1]

    def near(place: Place, size: float) -> np.ndarray:
        return np.exp(-(((x - place[0]) / size) ** 2) - ((y - place[1]) / size) ** 2)

    jaw, nose = (
        near((mouth[0], mouth[1] + 0.3 * span), 0.9 * span),
        near((eyes[0], eyes[1] + 0.6 * span), 0.5 * span),
    )
    at_x = x - 0.28 * (x - mouth[0]) * jaw
    at_y = y - 0.3 * span * nose
    for offset in (-0.5, 0.5):
        eye = (eyes[0] + offset * span, eyes[1])
        at_x += 0.4 * (x - eye[0]) * near(eye, 0.3 * span)
        at_y += 0.4 * (y - eye[1]) * near(eye, 0.3 * span)
    tone = np.array([0.6, 0.5, 0.45])
    return [
        (cv2.remap(im, at_x.astype(np.float32), at_y.astype(np.float32), cv2.INTER_CUBIC,
                   borderMode=cv2.BORDER_REPLICATE) * tone).astype(np.uint8)
        for im in images
    ]  # fmt: skip


def as_pairs(
    pairs: Sequence[Pair], images: Sequence[Image], faces: Sequence[Face | None]
) -> list[Pair]:
    """The same moments with other frames of the method."""
    return [
        replace(pair, pred=image, pred_face=face)
        for pair, image, face in zip(pairs, images, faces, strict=True)
    ]
