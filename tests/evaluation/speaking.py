"""A made-up speech clip whose measures are known by construction."""

from pathlib import Path

import numpy as np

from facegen.evaluation.marks import Marks
from facegen.evaluation.performance import Performance
from facegen.evaluation.talk_clip import RATE, TalkClip

FPS, FRAMES = 25.0, 100


def mouth(times):
    """Opening of the true mouth in inter-ocular distances: syllables of changing length."""
    return 0.1 - 0.1 * np.cos(2 * np.pi * (2.1 * times + 0.35 * np.sin(3.1 * times)))


def sound(late_s=0.0, seconds=FRAMES / FPS):
    """Noise as loud as the mouth is open, ``late_s`` after it."""
    times = np.arange(round(seconds * RATE)) / RATE
    loud = 0.001 + 0.2 * np.clip(mouth(times - late_s), 0, None)
    return (np.random.default_rng(0).normal(size=len(times)) * loud).astype(np.float32)


def turned(angles_deg):
    """Rotations ``(T, 3, 3)`` about the vertical axis."""
    a = np.radians(angles_deg)
    zero, one = np.zeros_like(a), np.ones_like(a)
    rows = [[np.cos(a), zero, np.sin(a)], [zero, one, zero], [-np.sin(a), zero, np.cos(a)]]
    return np.moveaxis(np.array(rows), -1, 0)


def perform(opening, fps=FPS, **more):
    times = np.arange(len(opening)) / fps
    return Performance(times, np.asarray(opening, float), **more)


def make_clip(*, late_s=0.0, bilabials=(), name="clip", hear=True, **more):
    """A clip of 100 frames with a whole face, whose sound comes ``late_s`` after the picture."""
    times = np.arange(FRAMES) / FPS
    points = np.random.default_rng(1).normal(size=(1, 68, 3)).repeat(FRAMES, 0)
    points[:, 60:, 1] += mouth(times + 0.02)[:, None]
    fields = {
        "width": 0.8 + 0.05 * np.sin(2 * np.pi * 1.3 * times),
        "lids": np.where((np.arange(FRAMES) % 50 < 4) & (times > 0.5), 0.1, 0.3),
        "rotation": turned(3 * np.sin(2 * np.pi * 0.75 * times)),
        "points": points,
    }
    # The middle of a frame's exposure shows the mouth of that moment.
    truth = perform(mouth(times + 0.5 / FPS), **(fields | more))
    marks = Marks(tuple(bilabials), (0.2, 3.8), "made up") if bilabials else Marks()
    return TalkClip(name, Path("clip.mp4"), truth, sound(late_s) if hear else None, marks)
