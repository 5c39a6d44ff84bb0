"""A made-up face whose measures are known by construction."""

import numpy as np

from facegen.evaluation import Face, Pair, Scene
from facegen.flame.landmark_sets import LIPS, OVAL

SIDE = 128


def make_face(*, opening=0.0, lids=0.3, look=(0.0, 0.0), shift=(0.0, 0.0)) -> Face:
    """Eye centres 40 px apart, eyes 20 px wide, around the middle of a 128 px crop.

    Args:
        opening: inner-lip distance in inter-ocular distances. lids: lid distance / eye width.
        look: iris offset in eye widths. shift: of the whole face, pixels.
    """
    p = np.tile([64.0, 64.0, 0.0], (478, 1))
    turn = np.linspace(0, 2 * np.pi, len(OVAL), endpoint=False)
    p[list(OVAL), :2] += 45 * np.stack([np.sin(turn), -np.cos(turn)], 1)
    turn = np.linspace(0, 2 * np.pi, len(LIPS), endpoint=False)
    p[list(LIPS), :2] = (64, 90) + np.stack([14 * np.cos(turn), 6 * np.sin(turn)], 1)
    eyes = ((33, 133, 159, 145, 468, 44), (362, 263, 386, 374, 473, 84))
    for left, right, top, low, iris, x in eyes:
        p[left, :2], p[right, :2] = (x - 10, 50), (x + 10, 50)
        p[top, :2], p[low, :2] = (x, 50 - 10 * lids), (x, 50 + 10 * lids)
        p[iris, :2] = (x + 20 * look[0], 50 + 20 * look[1])
    p[13, :2], p[14, :2] = (64, 90 - 20 * opening), (64, 90 + 20 * opening)
    p[1, :2] = (64, 70)
    p[:, :2] += shift
    return Face(p)


def make_image(seed=0, side=SIDE):
    """A smooth random picture, ``(side, side, 3)`` uint8."""
    import cv2

    noise = np.random.default_rng(seed).normal(size=(side, side, 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.clip(128 + 300 * smooth, 0, 255).astype(np.uint8)


def make_pair(pred=None, truth=None, *, face=None, truth_face=None, index=0, run=0) -> Pair:
    """A frame of self-reenactment; what is not given is perfect."""
    truth = make_image() if truth is None else truth
    pred = truth if pred is None else pred
    truth_face = truth_face or make_face()
    return Pair(
        index, index / 25, run, pred, truth, truth, face or truth_face, truth_face, truth_face
    )


def make_scene(**more) -> Scene:
    return Scene("clip", 25.0, make_image(), make_face(), **more)


def scores(metric, pairs, scene=None):
    """Part -> value after all pairs."""
    comparison = metric.begin(scene or make_scene())
    for pair in pairs:
        comparison.add(pair)
    return {s.part: s.value for s in comparison.scores()}
