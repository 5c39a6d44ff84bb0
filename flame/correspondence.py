"""Which point of one head a vertex of another stands for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegen.flame.model import HeadModel, LandmarkEmbedding
from facegen.flame.normals import frame_normals
from facegen.flame.transfer import OUTSIDE, Registration, Surface, faces_of, surface_points

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Correspondence:
    """Some vertices of the target as points on the source's surface.

    Attributes:
        vertices: ``(K,)`` indices in the target.
        points: K embeddings on the source's triangles.
        misfit_mm: median distance between the two surfaces where they were laid onto each other.
    """

    vertices: NDArray[np.intp]
    points: LandmarkEmbedding
    misfit_mm: float

    def sample(self, faces: NDArray[np.int32], values: Array) -> Array:
        """Per-vertex ``values (V, n)`` of the source at the target's vertices: ``(K, n)``."""
        return surface_points(self.points, faces, values)


def same_mesh(first: HeadModel, second: HeadModel) -> bool:
    """True where vertex ``i`` means the same in both."""
    return first.faces.shape == second.faces.shape and bool((first.faces == second.faces).all())


def correspond(source: HeadModel, target: HeadModel) -> Correspondence:
    """Points of ``source`` for the outer skin of ``target``; both neutral, in FLAME's axes.

    Raises:
        ModelFileError: a head has no labelled skin.
    """
    vertices = np.unique(target.faces[faces_of(target, *OUTSIDE)])
    if same_mesh(source, target):
        return Correspondence(vertices, _corners(source, vertices), 0.0)
    registration = Registration(target, source)
    laid = registration.run()
    normals = frame_normals(laid, registration.faces)[vertices]
    surface = Surface(source.v_template.astype(float), source.faces, faces_of(source, *OUTSIDE))
    hit = surface.closest(laid[vertices], normals)
    reached, _ = surface.at(hit.faces, hit.bary)
    misfit = np.linalg.norm(reached - laid[vertices], axis=1)
    return Correspondence(vertices, hit, float(1000 * np.median(misfit)))


def _corners(model: HeadModel, vertices: NDArray[np.intp]) -> LandmarkEmbedding:
    """Vertices as corners of any of their triangles."""
    face = np.zeros(model.n_vertices, np.int32)
    corner = np.zeros(model.n_vertices, np.intp)
    for k in range(3):
        face[model.faces[:, k]] = np.arange(len(model.faces))
        corner[model.faces[:, k]] = k
    # A vertex may have been written as one corner of a face and another of a later one.
    corner[vertices] = (model.faces[face[vertices]] == vertices[:, None]).argmax(1)
    return LandmarkEmbedding(face[vertices], np.eye(3)[corner[vertices]])
