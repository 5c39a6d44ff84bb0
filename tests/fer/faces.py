"""Drawn faces: a mouth per class, a skin and a wall per person."""

import cv2
import numpy as np
import torch

from facegen.fer.crops import SIDE
from facegen.fer.source import Source
from facegen.recognizer.crop import CropSpec
from facegen.recognizer.spec import RecognizerSpec

CLASSES = (0, 1, 3)  # neutral, happy, surprise


def draw(kind: int, person: int, rng: np.random.Generator) -> np.ndarray:
    """``(SIDE, SIDE, 3)``: a smile, a line or an open mouth before a wall of the person's own."""
    wall = np.random.default_rng(person).integers(0, 256, (6, 6, 3)).astype(np.uint8)
    face = cv2.resize(wall, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
    middle = (SIDE // 2 + int(rng.integers(-2, 3)), SIDE // 2 + int(rng.integers(-2, 3)))
    skin = cv2.circle(face.copy(), middle, 26, (190, 170, 150), -1)
    face = cv2.addWeighted(skin, 0.6, face, 0.4, 0)
    mouth = (middle[0], middle[1] + 12)
    if kind == 1:
        cv2.ellipse(face, (mouth[0], mouth[1] - 6), (13, 11), 0, 20, 160, (40, 20, 20), 3)
    elif kind == 3:
        cv2.ellipse(face, mouth, (6, 9), 0, 0, 360, (40, 20, 20), -1)
    else:
        cv2.line(face, (mouth[0] - 11, mouth[1]), (mouth[0] + 11, mouth[1]), (40, 20, 20), 3)
    for side in (-9, 9):
        cv2.circle(face, (middle[0] + side, middle[1] - 8), 3, (30, 30, 30), -1)
    return face


def drawn_source(
    count: int, people: int, *, seed: int = 0, first: int = 0, units: int = 8
) -> Source:
    """``count`` faces of each of ``people``; each with affect, units, a curve."""
    """``count`` faces of each of ``people``; affect, units and a curve go with the class."""
    rng = np.random.default_rng(seed)
    kinds = [CLASSES[(i + p) % 3] for p in range(people) for i in range(count)]
    who = [p for p in range(people) for _ in range(count)]
    faces = [draw(k, first + p, rng) for k, p in zip(kinds, who, strict=True)]
    kind, total = torch.tensor(kinds), len(kinds)
    curves = torch.zeros(total, 52)
    curves[:, 24] = (kind == 3).float()
    return Source(
        name=f"drawn{first}",
        subjects=tuple(f"{first + p}" for p in who),
        crops=torch.from_numpy(np.array(faces).transpose(0, 3, 1, 2).copy()),
        labels=torch.eye(8)[kind],
        candidates=torch.full((total, 8), torch.nan),
        affect=torch.stack([(kind == 1) * 0.8 - 0.1, (kind == 3) * 0.7], 1).float(),
        aus=torch.stack([(kind == 1) * 4.0, (kind == 3) * 3.0], 1).float().repeat(1, 12)[:, :units],
        curves=curves,
        identity=torch.tensor(who),
        weight=torch.ones(total),
        masks=torch.zeros(total, 6, 6),
    )


def card(side: int = 32, **told: object) -> RecognizerSpec:
    """Card of a small grey network."""
    crop = CropSpec(side, margin=1.0, channels="grey", mean=(0.5,), std=(0.25,))
    given = {"labels": "affectnet8", "trained_on": ("drawn",)} | told
    return RecognizerSpec("small", crop, **given)
