"""Known distortions of the packaged photo must move their metric the right way by a stated amount.

The clip is the photo swaying, with its mouth stretched in time; no clip needs to be at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facegen.demo import PHOTO
from facegen.errors import FaceNotFoundError
from facegen.evaluation.catalogue import embedded_metrics
from facegen.evaluation.crops import SIDE, crop, crop_matrix
from facegen.evaluation.metric import Face, Image, Pair, Scene
from facegen.evaluation.selftest_check import Check
from facegen.evaluation.selftest_identity import as_pairs, identity_metric, run_identity, swap
from facegen.evaluation.selftest_talk import run_talk
from facegen.evaluation.sync import RATE, EnvelopeEmbedder, Sync
from facegen.faces import LandmarkTracker, find_landmarks
from facegen.media import read_image

FPS = 25.0
FRAMES = 60
Clip = list[tuple[Image, Face | None]]


@dataclass(frozen=True)
class _Rule:
    """The part ``metric.part`` must get worse by at least ``least`` under ``change``."""

    change: str
    metric: str
    part: str
    least: float


_RULES = (
    _Rule("blur", "psnr", "full", 50.0),
    _Rule("blur", "ms_gmsd", "full", 0.02),
    _Rule("noise", "ssim", "full", 0.1),
    _Rule("noise", "warping_error", "excess", 2.0),
    _Rule("shift", "akd", "all", 0.03),
    _Rule("shift", "ssim", "face", 0.05),
    # Not 1: the landmark network itself trembles on a still picture.
    _Rule("freeze", "jerk", "gap", 0.4),
    _Rule("freeze", "mouth_correlation", "zero_lag", 0.5),
    _Rule("delay", "mouth_correlation", "zero_lag", 0.1),
    _Rule("shake", "jitter", "gap", 0.1),
    _Rule("shake", "energy_8hz", "gap", 0.1),
)


def run(judges: Path | None = None) -> Iterator[Check]:
    """All checks, in the same order every time.

    Args:
        judges: folder with a face recognition network for the swap of identity; a proxy without.
    """
    identity = identity_metric(judges)  # a wrong folder is told before the work
    images = _clip()
    truth = _watch(images)
    scene = Scene("self-test", FPS, truth[0][0], truth[0][1], audio=_voice())
    perfect = _measure(truth, truth, scene)
    for metric in embedded_metrics():
        spec = metric.spec
        value = perfect[spec.name, spec.main]
        good = bool(abs(value - spec.perfect) < 1e-9)
        yield Check(f"identity: {spec.name}.{spec.main} = {value:.4g}", good)
    better = {m.spec.name: m.spec.better for m in embedded_metrics()}
    found = {name: _measure(_watch(f(images)), truth, scene) for name, f in _CHANGES.items()}
    for rule in _RULES:
        key = (rule.metric, rule.part)
        change = found[rule.change][key] - perfect[key]
        worse = -change if better[rule.metric] == "higher" else change
        text = f"{rule.change}: {rule.metric}.{rule.part} worse by {worse:.4g}"
        yield Check(f"{text} (at least {rule.least:g})", bool(worse > rule.least))
    yield _sync_check(truth, scene)
    pairs = list(_pairs(truth, truth))
    swapped, faces = zip(*_watch(_swap(images[::6], truth[0][1])), strict=True)
    yield from run_identity(pairs[::6], as_pairs(pairs[::6], swapped, faces), scene, identity)
    shut = [k for k in range(FRAMES) if _mouth(k) < 0.03]
    yield from run_talk([face for _, face in truth], _voice(), shut, FPS)


def _swap(images: Sequence[Image], face: Face | None) -> list[Image]:
    if face is None:
        raise FaceNotFoundError("no face in the packaged photo; install facegen again")
    points = face.points[:, :2]
    eyes, mouth = points[[33, 133, 362, 263]].mean(0), points[[13, 14]].mean(0)
    return swap(images, (eyes[0], eyes[1]), (mouth[0], mouth[1]))


def _mouth(k: int) -> float:
    """Stretch of the mouth in frame ``k``: syllables of changing length."""
    return 0.5 - 0.5 * float(np.cos(k * 0.7 + 1.5 * np.sin(k * 0.23)))


def _clip() -> list[Image]:
    import cv2

    photo = read_image(PHOTO).rgb
    points = find_landmarks(photo)[:, :2].astype(np.float64)
    matrix = crop_matrix([points])
    mouth = points[[13, 14]].mean(0) @ matrix[:, :2].T + matrix[:, 2]
    still = crop(photo, matrix)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    reach = np.exp(-(((x - mouth[0]) / 26) ** 2) - ((y - mouth[1]) / 22) ** 2)
    frames = []
    for k in range(FRAMES):
        sway = 3 * np.sin(k * 0.2)
        # Content around the lips is drawn apart.
        pull = (y - mouth[1]) * reach * 0.6 * _mouth(k)
        at_x, at_y = (x - sway).astype(np.float32), (y - pull).astype(np.float32)
        frame = cv2.remap(still, at_x, at_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        frames.append(np.asarray(frame, np.uint8))
    return frames


def _voice() -> np.ndarray:
    """Noise as loud as the mouth is open: ``(N,)`` float32 at 16 kHz."""
    noise = np.random.default_rng(0).normal(size=round(FRAMES * RATE / FPS))
    loud = np.repeat([0.01 + 0.2 * _mouth(k) for k in range(FRAMES)], round(RATE / FPS))
    return (noise * loud).astype(np.float32)


def _watch(images: Sequence[Image]) -> Clip:
    with LandmarkTracker() as tracker:
        found = [tracker(image) for image in images]
    return [
        (image, None if p is None else Face(p.astype(np.float64)))
        for image, p in zip(images, found, strict=True)
    ]


def _pairs(pred: Clip, truth: Clip) -> Iterator[Pair]:
    for k, ((image, face), (true, true_face)) in enumerate(zip(pred, truth, strict=True)):
        yield Pair(k, k / FPS, 0, image, true, true, face, true_face, true_face)


def _measure(pred: Clip, truth: Clip, scene: Scene) -> dict[tuple[str, str], float]:
    metrics = embedded_metrics()
    comparisons = [metric.begin(scene) for metric in metrics]
    for pair in _pairs(pred, truth):
        for comparison in comparisons:
            comparison.add(pair)
    return {
        (metric.spec.name, score.part): score.value
        for metric, comparison in zip(metrics, comparisons, strict=True)
        for score in comparison.scores()
    }


def _sync_check(truth: Clip, scene: Scene) -> Check:
    comparison = Sync(EnvelopeEmbedder()).begin(scene)
    for pair in _pairs(truth, truth):
        comparison.add(pair)
    found = {score.part: score.value for score in comparison.scores()}
    text = f"shifted sound: LSE-C falls from {found['lse_c']:.3g} to {found['control_c']:.3g}"
    return Check(f"{text} (by at least 0.2)", bool(found["margin"] > 0.2))


def _blur(images: Sequence[Image]) -> list[Image]:
    import cv2

    return [np.asarray(cv2.GaussianBlur(im, (0, 0), 2), np.uint8) for im in images]


def _noise(images: Sequence[Image]) -> list[Image]:
    random = np.random.default_rng(1)
    return [np.clip(im + random.normal(0, 12, im.shape), 0, 255).astype(np.uint8) for im in images]


def _shift(images: Sequence[Image]) -> list[Image]:
    return [np.roll(im, 4, axis=1) for im in images]


def _shake(images: Sequence[Image]) -> list[Image]:
    return [np.roll(im, (-1) ** k * 2, axis=1) for k, im in enumerate(images)]


_CHANGES: dict[str, Callable[[Sequence[Image]], list[Image]]] = {
    "blur": _blur,
    "noise": _noise,
    "shift": _shift,
    "shake": _shake,
    "freeze": lambda images: [images[0]] * len(images),
    "delay": lambda images: [images[0]] * 3 + list(images[:-3]),
}
