"""Where MediaPipe's 478 points and iBUG's 68 lie on the head.

Heads are rendered, MediaPipe is run on the pictures, and for each of its points the place on the
surface is searched whose projections over all pictures agree best with the detections.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from facegen.errors import FaceNotFoundError
from facegen.flame.model import HeadModel, LandmarkEmbedding
from facegen.headbuild.surface import at, closest_on_triangle
from facegen.headbuild.views import Views

Array = NDArray[np.float64]
N_MESH, N_ALL = 468, 478
RIGHT_IRIS, LEFT_IRIS = 468, 473
# The usual MediaPipe points nearest to iBUG's 68; a convention, not annotated data.
IBUG68 = (
    127, 234, 93, 132, 58, 172, 150, 176, 152, 400, 379, 397, 288, 361, 323, 454, 356,
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300, 168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
)  # fmt: skip
CAPPED = 0.15
RINGS = 2


def detect(images: NDArray[np.uint8], confidence: float = 0.3) -> Array:
    """``(K, 478, 2)`` pixels of MediaPipe's points, NaN where no face was found."""
    import mediapipe

    found = np.full((len(images), N_ALL, 2), np.nan)
    with mediapipe.solutions.face_mesh.FaceMesh(
        static_image_mode=True,
        refine_landmarks=True,
        max_num_faces=1,
        min_detection_confidence=confidence,
    ) as mesh:
        for row, image in zip(found, images, strict=True):
            result = mesh.process(np.ascontiguousarray(image))
            if result.multi_face_landmarks:
                h, w = image.shape[:2]
                points = result.multi_face_landmarks[0].landmark
                row[:] = [(p.x * w, p.y * h) for p in points]
    return found


@dataclass(frozen=True)
class Search:
    """Found places: ``faces (478,)``, ``bary (478, 3)`` and held-out error ``(478,)`` in IODs."""

    faces: NDArray[np.int64]
    bary: Array
    error: Array


def search(model: HeadModel, views: Views, detections: Array) -> Search:
    """Place every landmark on the surface; every fifth picture is left out to measure.

    Raises:
        FaceNotFoundError: MediaPipe found too few of the rendered faces.
    """
    seen = ~np.isnan(detections[:, 0, 0])
    if seen.sum() < 40:
        raise FaceNotFoundError(f"MediaPipe found {seen.sum()} of {len(seen)} rendered faces")
    fold = np.arange(len(seen)) % 5 == 4
    learn, check = np.flatnonzero(seen & ~fold), np.flatnonzero(seen & fold)
    skin = _candidates(model, views, views.visible[learn].mean(0))
    eyes = {RIGHT_IRIS: "eye_right", LEFT_IRIS: "eye_left"}
    pools = [skin] * N_MESH
    for name in eyes.values():
        pools += [np.unique(model.faces[model.face_regions == model.region_names.index(name)])] * 5
    touching: list[list[int]] = [[] for _ in range(model.n_vertices)]
    for i, face in enumerate(model.faces):
        for corner in face:
            touching[corner].append(i)
    faces, bary, error = np.zeros(N_ALL, int), np.zeros((N_ALL, 3)), np.zeros(N_ALL)
    for landmark, pool in enumerate(pools):
        target = detections[:, landmark]
        cost = _vertex_cost(views, pool, target, learn)
        near = {i for v in pool[np.argsort(cost)[:4]] for i in touching[v]}
        tries = [_fit_place(model, views, i, target, learn) + (i,) for i in sorted(near)]
        _, bary[landmark], faces[landmark] = min(tries, key=lambda t: t[0])
        error[landmark] = _place_error(model, views, faces[landmark], bary[landmark], target, check)
    return Search(faces, bary, error)


def _candidates(model: HeadModel, views: Views, seen: Array) -> NDArray[np.int64]:
    outside = model.region_ids("skin", "lips", "ears", "scalp", "neck")
    used = np.unique(model.faces[np.isin(model.face_regions, outside)])
    return used[(seen[used] > 0.2) & (model.v_template[used, 2] > 0)]


def _vertex_cost(views: Views, pool: NDArray, target: Array, rows: NDArray) -> Array:
    distance = np.linalg.norm(views.pixels[np.ix_(rows, pool)] - target[rows, None], axis=2)
    distance = np.minimum(distance / views.iod[rows, None], CAPPED)
    weight = views.visible[np.ix_(rows, pool)]
    count = weight.sum(0)
    cost = (distance * weight).sum(0) / np.maximum(count, 1)
    return np.where(count < max(8, 0.15 * len(rows)), 9.0, cost)


def _visible_rows(
    model: HeadModel, views: Views, face: int, target: Array, rows: NDArray
) -> tuple[Array, Array, Array]:
    corners = model.faces[face]
    both = views.visible[np.ix_(rows, corners)].all(1)
    both &= views.facing[np.ix_(rows, corners)].mean(1) > 0.2
    rows = rows[both]
    return views.pixels[np.ix_(rows, corners)], target[rows], views.iod[rows]


def _fit_place(
    model: HeadModel, views: Views, face: int, target: Array, rows: NDArray
) -> tuple[float, Array]:
    """Robust least-squares barycentrics inside one triangle and their mean error."""
    x, y, iod = _visible_rows(model, views, face, target, rows)
    bary = np.full(3, 1 / 3)
    if len(x) < 8:
        return 9.0, bary
    weight = np.ones(len(x))
    error = weight
    a = ((x[:, :2] - x[:, 2:]) / iod[:, None, None]).transpose(0, 2, 1)
    b = (y - x[:, 2]) / iod[:, None]
    for _ in range(6):
        w = np.repeat(weight, 2)
        q = np.linalg.lstsq(a.reshape(-1, 2) * w[:, None], b.ravel() * w, rcond=None)[0]
        bary = np.clip([q[0], q[1], 1 - q.sum()], 0, 1)
        bary /= bary.sum()
        error = np.linalg.norm(np.einsum("k,nkc->nc", bary, x) - y, axis=1) / iod
        weight = np.maximum(error, 0.01) ** -0.25
    return float(np.minimum(error, CAPPED).mean()), bary


def _place_error(
    model: HeadModel, views: Views, face: int, bary: Array, target: Array, rows: NDArray
) -> float:
    x, y, iod = _visible_rows(model, views, face, target, rows)
    if len(x) == 0:
        return np.nan
    return float((np.linalg.norm(np.einsum("k,nkc->nc", bary, x) - y, axis=1) / iod).mean())


def mirror_pairs(points: Array) -> NDArray[np.int32]:
    """``(478,)`` index of each landmark's mirror image, by best assignment of positions."""
    out = np.zeros(N_ALL, np.int32)
    cost = np.linalg.norm((points * [-1, 1, 1])[:, None] - points[None], axis=2)
    for group in (np.arange(N_MESH), np.arange(N_MESH, N_ALL)):
        block = cost[np.ix_(group, group)]
        rows, columns = linear_sum_assignment(block + block.T)
        out[group[rows]] = group[columns]
    return out


def place(model: HeadModel, points: Array, around: NDArray[np.integer]) -> LandmarkEmbedding:
    """Embed 478 points (metres, template space) near triangles where they were before.

    Only neighbours on the surface are tried: through the closed lips the nearest triangle of an
    upper lip's point may be the lower lip's.

    Args:
        around: ``(478,)`` triangles.
    """
    v = model.v_template.astype(np.float64)
    hidden = model.region_ids("mouth", "teeth_upper", "teeth_lower", "tongue")
    outside = np.flatnonzero(~np.isin(model.face_regions, hidden))
    incidence = sp.csr_matrix(
        (
            np.ones(3 * len(model.faces)),
            (np.repeat(np.arange(len(model.faces)), 3), model.faces.ravel()),
        ),
        shape=(len(model.faces), model.n_vertices),
    )
    near = incidence[around]
    for _ in range(RINGS):
        near = near @ incidence.T @ incidence
    touched = (near @ incidence.T)[:, outside].tocsr()
    faces, bary = np.zeros(N_ALL, np.int32), np.zeros((N_ALL, 3))
    for row, point in enumerate(points):
        tried = np.sort(outside[touched[row].indices])
        corners = v[model.faces[tried]]
        weights = closest_on_triangle(point, corners[:, 0], corners[:, 1], corners[:, 2])
        found = (weights[..., None] * corners).sum(1)
        best = np.linalg.norm(found - point, axis=1).argmin()
        faces[row], bary[row] = tried[best], weights[best]
    return LandmarkEmbedding(faces, bary)


def symmetric_points(points: Array, pairs: NDArray[np.int32]) -> Array:
    """Each point averaged with the mirror image of its partner."""
    return (points + points[pairs] * [-1, 1, 1]) / 2


def iris_points(model: HeadModel, points: Array) -> Array:
    """Replace the iris points: centre on the gaze axis, rim at the width that was found.

    Lids hide the rim's top and bottom, so only the horizontal rim points can be measured.
    """
    out = points.copy()
    joints = model.J_regressor.astype(np.float64) @ model.v_template
    for centre, joint in ((RIGHT_IRIS, 4), (LEFT_IRIS, 3)):
        arm = points[centre : centre + 5] - joints[joint]
        radius = np.linalg.norm(arm[0])
        angle = np.arccos(
            np.clip(arm[[1, 3], 2] / np.linalg.norm(arm[[1, 3]], axis=1), -1, 1)
        ).mean()
        axis = np.array([0.0, 0, 1])
        out[centre] = joints[joint] + radius * axis
        for k in range(1, 5):
            side = np.round(arm[k, :2] / np.linalg.norm(arm[k, :2]))
            direction = np.array([*(np.sin(angle) * side), np.cos(angle)])
            out[centre + k] = joints[joint] + radius * direction
    return out


def finish(model: HeadModel, found: Search) -> tuple[LandmarkEmbedding, NDArray[np.int32]]:
    """Symmetric embedding and mirror table from the search."""
    points = at(model.v_template.astype(np.float64), model.faces, found.faces, found.bary)
    pairs = mirror_pairs(points)
    points = symmetric_points(iris_points(model, symmetric_points(points, pairs)), pairs)
    return place(model, points, found.faces), pairs


def ibug68(embedding: LandmarkEmbedding) -> LandmarkEmbedding:
    """The 68-point subset."""
    rows = list(IBUG68)
    return LandmarkEmbedding(embedding.faces[rows], embedding.bary[rows])
