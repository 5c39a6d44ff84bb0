"""Carries landmarks, labels and masks from one head to another of different topology.

The source is laid onto the target's template: a similarity from the joints, then the source's own
identity basis, then a smooth residual field; correspondences are closest points with like normals
(non-rigid ICP, Amberg et al. 2007). The eyes are carried by their joints and radii.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from facegen.errors import ModelFileError
from facegen.flame.model import HeadModel, LandmarkEmbedding
from facegen.flame.normals import frame_normals

Array = NDArray[np.float64]
OUTSIDE = ("skin", "lips", "ears", "scalp", "neck")
EYES = {"eye_left": 3, "eye_right": 4}
# Metres that a right angle between two normals counts for, per sqrt(2).
_NORMAL_METRES = 0.01
_REACH = 0.02
_COMPONENTS = 60


def surface_points(lmk: LandmarkEmbedding, faces: NDArray[np.int32], values: Array) -> Array:
    """Per-vertex ``values (V, n)`` at embedded points: ``(L, n)``."""
    return np.einsum("lk,lkn->ln", lmk.bary, values[faces[lmk.faces]])


class Surface:
    """Closest points, by place and normal, on some of a mesh's triangles."""

    def __init__(self, vertices: Array, faces: NDArray[np.int32], chosen: NDArray) -> None:
        self.vertices, self.faces = vertices, faces
        self.normals = frame_normals(vertices, faces[chosen])
        steps = [(i, j, 4 - i - j) for i in range(5) for j in range(5 - i)]
        lattice = np.array(steps, float) / 4
        self.triangle = np.repeat(chosen, len(lattice)).astype(np.int32)
        self.bary = np.tile(lattice, (len(chosen), 1))
        points, normals = self.at(self.triangle, self.bary)
        self.tree = cKDTree(np.hstack([points, _NORMAL_METRES * normals]))

    def at(self, triangle: NDArray[np.int32], bary: Array) -> tuple[Array, Array]:
        corners = self.faces[triangle]
        points = np.einsum("lk,lkn->ln", bary, self.vertices[corners])
        return points, np.einsum("lk,lkn->ln", bary, self.normals[corners])

    def closest(self, points: Array, normals: Array) -> LandmarkEmbedding:
        """Nearest lattice point, then the foot of the perpendicular in its triangle."""
        _, hit = self.tree.query(np.hstack([points, _NORMAL_METRES * normals]))
        triangle = self.triangle[hit]
        a, b, c = (self.vertices[self.faces[triangle, k]] for k in range(3))
        axes = np.stack([b - a, c - a], -1)
        uv = (np.linalg.pinv(axes) @ (points - a)[..., None])[..., 0]
        foot = np.stack([1 - uv.sum(1), uv[:, 0], uv[:, 1]], 1)
        inside = (foot >= 0).all(1)
        return LandmarkEmbedding(triangle, np.where(inside[:, None], foot, self.bary[hit]))


def similarity(points: Array, targets: Array, weights: Array) -> tuple[Array, Array]:
    """Scaled rotation and offset with least squares ``points @ M.T + t = targets`` (Umeyama)."""
    weights = weights / weights.sum()
    p0, q0 = weights @ points, weights @ targets
    p, q = points - p0, targets - q0
    u, d, vt = np.linalg.svd((q * weights[:, None]).T @ p)
    sign = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    scale = (d * sign).sum() / (weights @ (p * p).sum(1))
    linear = scale * (u * sign) @ vt
    return linear, q0 - linear @ p0


def faces_of(model: HeadModel, *names: str) -> NDArray[np.intp]:
    return np.flatnonzero(np.isin(model.face_regions, model.region_ids(*names)))


def _border(faces: NDArray[np.int32], count: int) -> NDArray[np.bool_]:
    """Vertices on an edge of one triangle only."""
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, times = np.unique(edges, axis=0, return_counts=True)
    out = np.zeros(count, bool)
    out[unique[times == 1].ravel()] = True
    return out


def _laplacian(faces: NDArray[np.int32], count: int) -> sparse.csc_matrix:
    i, j = faces.T.ravel(), np.roll(faces, -1, axis=1).T.ravel()
    near = sparse.csc_matrix((np.ones(len(i)), (i, j)), (count, count))
    near = ((near + near.T) > 0).astype(float)
    return sparse.diags(np.asarray(near.sum(1)).ravel()) - near


class Registration:
    """The source's outer skin on its way onto the target."""

    def __init__(self, source: HeadModel, target: HeadModel) -> None:
        outside, goal = faces_of(source, *OUTSIDE), faces_of(target, *OUTSIDE)
        if not len(outside) or not len(goal):
            raise ModelFileError("landmark transfer needs two heads with labelled skin")
        self.source, self.faces = source, source.faces[outside]
        self.used = np.unique(self.faces)
        self.surface = Surface(target.v_template.astype(float), target.faces, goal)
        self.border = _border(target.faces[goal], target.n_vertices)
        self.joints = [m.J_regressor.astype(float) @ m.v_template for m in (source, target)]
        self.vertices = source.v_template.astype(float)

    def correspond(self) -> tuple[Array, Array]:
        """Target points and trust ``(n,)`` of the used vertices."""
        points = self.vertices[self.used]
        normals = frame_normals(self.vertices, self.faces)[self.used]
        hit = self.surface.closest(points, normals)
        goal, goal_normals = self.surface.at(hit.faces, hit.bary)
        trust = ((goal - points) ** 2).sum(1) < _REACH**2
        trust &= (normals * goal_normals).sum(1) > 0.5
        trust &= ~self.border[self.surface.faces[hit.faces]].any(1)
        return goal, trust.astype(float)

    def run(self) -> Array:
        """Source vertices ``(V, 3)`` on the target."""
        start = similarity(self.joints[0][1:], self.joints[1][1:], np.ones(4))
        self.vertices = self.vertices @ start[0].T + start[1]
        self._fit_identity(20)
        for stiffness in (10.0, 3.0, 1.0, 0.3, 0.1):
            self._smooth_step(stiffness)
        return self.vertices

    def _fit_identity(self, rounds: int) -> None:
        n = min(self.source.n_shape, _COMPONENTS)
        template = self.source.v_template.astype(float)
        basis = self.source.shapedirs[:, :, :n].astype(float)
        prior = np.diag((0.001 / self.source.shape_sigma[:n].astype(float)) ** 2)
        shaped = template
        for _ in range(rounds):
            goal, trust = self.correspond()
            linear, offset = similarity(shaped[self.used], goal, trust + 1e-9)
            inverse = np.linalg.inv(linear)
            residual = (goal - offset) @ inverse.T - template[self.used]
            rows = basis[self.used] * trust[:, None, None]
            rows, right = rows.reshape(-1, n), (residual * trust[:, None]).ravel()
            # One millimetre of misfit per vertex is worth one sigma of identity.
            betas = np.linalg.solve(rows.T @ rows + len(self.used) * prior / 100, rows.T @ right)
            shaped = template + basis @ betas
            self.vertices = shaped @ linear.T + offset

    def _smooth_step(self, stiffness: float) -> None:
        goal, trust = self.correspond()
        count = len(self.vertices)
        laplacian, weight = _laplacian(self.faces, count), np.zeros(count)
        weight[self.used] = trust
        pull = np.zeros((count, 3))
        pull[self.used] = trust[:, None] * (goal - self.vertices[self.used])
        system = sparse.diags(weight + 1e-6) + stiffness * laplacian.T @ laplacian
        self.vertices = self.vertices + splu(sparse.csc_matrix(system)).solve(pull)


@dataclass(frozen=True)
class Transfer:
    """Landmarks on the target, and how well the two surfaces met.

    Attributes:
        landmarks: embeddings by the source's names.
        median_mm, p95_mm: distance from each moved landmark to the target's surface.
        vertices: ``(V, 3)`` metres, the source laid onto the target.
    """

    landmarks: dict[str, LandmarkEmbedding]
    median_mm: float
    p95_mm: float
    vertices: Array


def _eye(model: HeadModel, region: str) -> tuple[NDArray[np.intp], Array, float]:
    """Faces, centre and radius of an eyeball."""
    faces = faces_of(model, region)
    template = model.v_template.astype(float)
    centre = model.J_regressor[EYES[region]].astype(float) @ template
    points = template[np.unique(model.faces[faces])]
    return faces, centre, float(np.median(np.linalg.norm(points - centre, axis=1)))


def transfer_landmarks(source: HeadModel, target: HeadModel) -> Transfer:
    """Carry every landmark embedding of ``source`` over to ``target``.

    Both heads stand neutral in FLAME's axes and metres; ``target`` needs skin (and eye) labels.

    Raises:
        ModelFileError: the source has no landmarks, or a head has no labelled skin.
    """
    if not source.landmarks:
        raise ModelFileError(f"{source.version} has no landmarks to carry over")
    registration = Registration(source, target)
    vertices = registration.run()
    normals = frame_normals(vertices, source.faces)
    surface, template = registration.surface, source.v_template.astype(float)
    out, misses = {}, []
    for name, lmk in source.landmarks.items():
        points = surface_points(lmk, source.faces, vertices)
        hit = surface.closest(points, surface_points(lmk, source.faces, normals))
        reached = surface.at(hit.faces, hit.bary)[0]
        for region in EYES:
            eye, centre, radius = _eye(target, region)
            on_eye = np.flatnonzero(np.isin(lmk.faces, faces_of(source, region)))
            if not len(eye) or not len(on_eye):
                continue
            _, from_centre, from_radius = _eye(source, region)
            ray = surface_points(lmk, source.faces, template)[on_eye] - from_centre
            points[on_eye] = centre + ray * radius / from_radius
            ball = Surface(target.v_template.astype(float), target.faces, eye)
            found = ball.closest(points[on_eye], ray / np.linalg.norm(ray, axis=1, keepdims=True))
            hit.faces[on_eye], hit.bary[on_eye] = found.faces, found.bary
            reached[on_eye] = ball.at(found.faces, found.bary)[0]
        misses.append(1000 * np.linalg.norm(points - reached, axis=1))
        out[name] = hit
    distance = np.concatenate(misses)
    return Transfer(out, float(np.median(distance)), float(np.percentile(distance, 95)), vertices)


def with_landmarks(target: HeadModel, source: HeadModel) -> tuple[HeadModel, Transfer]:
    """``target`` with the source's landmarks, vertex masks and skin labels.

    Raises:
        ModelFileError: see :func:`transfer_landmarks`.
    """
    transfer = transfer_landmarks(source, target)
    outside, skin = faces_of(source, *OUTSIDE), faces_of(target, *OUTSIDE)
    tree = cKDTree(transfer.vertices[source.faces[outside]].mean(1))
    _, near = tree.query(target.v_template[target.faces[skin]].mean(1))
    regions = target.face_regions.copy()
    names = [source.region_names[r] for r in source.face_regions[outside[near]]]
    regions[skin] = [target.region_names.index(n) for n in names]
    _, vertex = cKDTree(transfer.vertices).query(target.v_template)
    model = replace(
        target,
        face_regions=regions,
        landmarks=transfer.landmarks,
        masks={name: mask[vertex] for name, mask in source.masks.items()},
        mirror_mediapipe478=source.mirror_mediapipe478,
    )
    return model, transfer
