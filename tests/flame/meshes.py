"""Meshes with known surfaces."""

import math

import numpy as np
import torch
from torch import Tensor


def sphere(rings: int = 48, radius: float = 0.1) -> tuple[Tensor, Tensor]:
    """Closed UV sphere at the origin, outward counter-clockwise: vertices (V, 3), faces (F, 3)."""
    sectors = 2 * rings
    polar = np.linspace(0, math.pi, rings + 1)[1:-1, None]
    around = np.linspace(0, 2 * math.pi, sectors, endpoint=False)[None]
    z = np.broadcast_to(np.cos(polar), (rings - 1, sectors))
    ring = np.stack([np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), z], -1)
    vertices = np.concatenate([ring.reshape(-1, 3), [[0, 0, 1], [0, 0, -1]]])
    top, bottom = len(vertices) - 2, len(vertices) - 1
    faces = []
    for s in range(sectors):
        n = (s + 1) % sectors
        faces.append((top, s, n))
        last = (rings - 2) * sectors
        faces.append((bottom, last + n, last + s))
        for r in range(rings - 2):
            a, b, c, d = (
                r * sectors + s,
                r * sectors + n,
                (r + 1) * sectors + s,
                (r + 1) * sectors + n,
            )
            faces += [(a, c, d), (a, d, b)]
    return torch.tensor(vertices * radius, dtype=torch.float64), torch.tensor(faces)


def plane(size: float = 0.2, cells: int = 6) -> tuple[Tensor, Tensor]:
    """Square in z = 0 that faces +z: vertices (V, 3), faces (F, 3)."""
    line = np.linspace(-size / 2, size / 2, cells + 1)
    x, y = np.meshgrid(line, line)
    vertices = np.stack([x, y, np.zeros_like(x)], -1).reshape(-1, 3)
    faces = []
    for r in range(cells):
        for c in range(cells):
            a = r * (cells + 1) + c
            faces += [(a, a + 1, a + cells + 2), (a, a + cells + 2, a + cells + 1)]
    return torch.tensor(vertices), torch.tensor(faces)
