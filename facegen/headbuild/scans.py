"""How real heads vary: statistics of ICT-FaceKit's scan-based identities in the open head's span.

ICT-FaceKit (Li et al. 2020, "Learning formation of physically-based face attributes"; MIT licence,
(c) 2020 USC Institute for Creative Technologies) gives a mean head and 100 identity directions
learned from scans, with standard normal coefficients. The open head is registered to that mean,
random ICT people are carried over, and only the mean and covariance of their coefficients are kept:
no ICT geometry enters the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

from facegen.errors import UsageError
from facegen.flame.model import LandmarkEmbedding
from facegen.flame.normals import frame_normals
from facegen.headbuild.identity import IdentitySpace, align
from facegen.headbuild.mesh import HeadMesh
from facegen.headbuild.surface import at, closest_on_mesh

Array = NDArray[np.float64]
CM = 0.1  # ICT's unit in decimetres
STIFFNESS = (40.0, 12.0, 4.0, 1.5)
REACH = 0.04  # decimetres between registered vertex and scan surface that still correspond
NOISE = 0.015  # decimetres, of a carried-over vertex
INDEPENDENT = 0.03  # share of vertices that count as independent observations
NUISANCE = 0.12  # spread of parted lips in the supposedly neutral scans
PARTED_LIPS = (
    "jawOpen", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight",
)  # fmt: skip
N_PEOPLE = 1500


@dataclass(frozen=True)
class ScanModel:
    """``neutral (n, 3)`` and ``directions (100, n, 3)`` in decimetres, outer ``faces (m, 3)``,
    and the 68 iBUG ``landmarks`` as vertex indices."""

    neutral: Array
    directions: Array
    faces: NDArray[np.int32]
    landmarks: NDArray[np.int64]


@dataclass(frozen=True)
class Statistics:
    """Mean ``(K,)`` and covariance ``(K, K)`` of identity coefficients; ``seen``: number of
    vertices that correspond; ``spread``: mean distance from the mean head, decimetres."""

    mean: Array
    covariance: Array
    seen: int
    spread: float


def load_scans(path: Path) -> ScanModel:
    """Read the packed ICT-FaceKit file.

    Raises:
        UsageError: no such file.
    """
    if not path.is_file():
        raise UsageError(f"no ICT-FaceKit data at {path}; give the data folder with: --data FOLDER")
    with np.load(path, allow_pickle=False) as data:
        names, material = list(data["material_names"]), data["face_material"]
        neutral, quads = data["neutral"].astype(np.float64), data["faces"]
        directions = data["identity_deltas"].astype(np.float64)
        landmarks = data["landmarks68"].astype(int)
    centre = neutral[quads[:, :3]].mean(1)
    hidden = (centre[:, 2] > 3) & (np.abs(centre[:, 0]) < 5.5) & (np.abs(centre[:, 1]) < 6)
    outer = material == names.index("M_Face")
    outer |= (material == names.index("M_BackHead")) & ~hidden
    quads = quads[outer].astype(int)
    faces = np.concatenate([quads[:, :3], quads[quads[:, 3] >= 0][:, [0, 2, 3]]]).astype(np.int32)
    return ScanModel(neutral * CM, directions * CM, faces, landmarks)


def similarity(a: Array, b: Array) -> tuple[float, Array, Array]:
    """Scale, rotation and shift that take points ``a`` to ``b`` best (Umeyama 1991)."""
    ca, cb = a.mean(0), b.mean(0)
    u, s, vt = np.linalg.svd((a - ca).T @ (b - cb))
    sign = np.array([1, 1, np.sign(np.linalg.det(vt.T @ u.T))])
    r = vt.T @ np.diag(sign) @ u.T
    scale = float((s * sign).sum() / ((a - ca) ** 2).sum())
    return scale, r, cb - scale * r @ ca


class Registration:
    """Non-rigid registration of the open head to the scans' mean.

    Args:
        mesh, space: the open head. expression: ``(N, 3, E)`` columns that may explain parted lips.
        outside: ``(N,)`` vertices of the outer skin.
        landmarks: the head's iBUG-68 embedding.
    """

    def __init__(
        self,
        mesh: HeadMesh,
        space: IdentitySpace,
        expression: Array,
        outside: NDArray[np.bool_],
        landmarks: LandmarkEmbedding,
        scans: ScanModel,
    ) -> None:
        self.mesh, self.space, self.expression = mesh, space, expression
        self.outside = np.flatnonzero(outside)
        self.embedding = landmarks
        marks = at(space.mean, mesh.faces, landmarks.faces, landmarks.bary)
        # The 17 contour points slide with the view; only the inner 51 are real places.
        moved = similarity(scans.neutral[scans.landmarks[17:]], marks[17:])
        self.scale, self.rotation, self.shift = moved
        self.neutral = self.to_head(scans.neutral)
        self.faces = scans.faces
        self.normals = frame_normals(self.neutral, scans.faces)
        self.marks = self.neutral[scans.landmarks]

    def to_head(self, points: Array) -> Array:
        """Scan points in the open head's frame, decimetres."""
        return self.scale * points @ self.rotation.T + self.shift

    def closest(self, v: Array) -> tuple[NDArray[np.int64], Array, Array, NDArray[np.bool_]]:
        """Nearest scan surface of each outer vertex: face, barycentrics, point, whether usable."""
        allowed = np.arange(len(self.faces))
        index, bary = closest_on_mesh(v[self.outside], self.neutral, self.faces, allowed, 40)
        points = at(self.neutral, self.faces, index, bary)
        normals = frame_normals(v, self.mesh.faces)[self.outside]
        theirs = at(self.normals, self.faces, index, bary)
        usable = (normals * theirs).sum(1) > 0.6
        return index, bary, points, usable

    def fit(self) -> Array:
        """``(N, 3)``: the open head bent onto the scans' mean."""
        v = self.space.mean
        for reach in (0.3, 0.2, 0.15, 0.1, 0.1, 0.1, 0.1, 0.1):
            v = self._fit_basis(v, reach)
        for stiffness in STIFFNESS:
            for _ in range(3):
                v = self._bend(v, stiffness)
        return v

    def _fit_basis(self, v: Array, reach: float) -> Array:
        """Best head of the identity and expression span for the present closest points."""
        _, _, points, usable = self.closest(v)
        usable &= np.linalg.norm(points - v[self.outside], axis=1) < reach
        rows = self.outside[usable]
        basis = np.concatenate([self.space.basis, NUISANCE * self.expression], 2)
        marks = at(basis, self.mesh.faces, self.embedding.faces, self.embedding.bary)[17:]
        mean = at(self.space.mean, self.mesh.faces, self.embedding.faces, self.embedding.bary)[17:]
        a = np.concatenate([basis[rows], 4 * marks]).reshape(-1, basis.shape[2])
        target = np.concatenate([points[usable], 4 * self.marks[17:]])
        start = np.concatenate([self.space.mean[rows], 4 * mean])
        rigid = rigid_columns(np.concatenate([self.space.mean[rows], mean]), len(rows), 4.0)
        a = np.concatenate([a, rigid], 1)
        stiff = np.r_[np.full(basis.shape[2], (2 * NOISE) ** 2), np.zeros(7)]
        x = np.linalg.solve(a.T @ a + np.diag(stiff + 1e-9), a.T @ (target - start).ravel())
        moved = self.space.mean + basis @ x[:-7]
        return moved + (rigid_columns(self.space.mean, len(moved), 1.0) @ x[-7:]).reshape(-1, 3)

    def _bend(self, v: Array, stiffness: float) -> Array:
        """One step of a smooth displacement towards the closest points."""
        _, _, points, usable = self.closest(v)
        distance = np.linalg.norm(points - v[self.outside], axis=1)
        usable &= distance < 0.1
        n = len(v)
        rows = self.outside[usable]
        pick = sp.csr_matrix((np.ones(len(rows)), (np.arange(len(rows)), rows)), (len(rows), n))
        corners = self.mesh.faces[self.embedding.faces[17:]]
        mark = sp.csr_matrix(
            (self.embedding.bary[17:].ravel(), (np.repeat(np.arange(51), 3), corners.ravel())),
            (51, n),
        )
        smooth = sp.identity(n) - self.mesh.averaging()
        system = pick.T @ pick + 2 * mark.T @ mark + stiffness * smooth.T @ smooth
        right = pick.T @ (points[usable] - v[rows]) + 2 * mark.T @ (self.marks[17:] - mark @ v)
        return v + splu((system + 1e-6 * sp.identity(n)).tocsc()).solve(np.asarray(right))


def rigid_columns(points: Array, plain: int, boost: float) -> Array:
    """Derivatives ``(3n, 7)`` by small turns, shifts and growth; rows after ``plain`` boosted."""
    n = len(points)
    out = np.zeros((n, 3, 7))
    x, y, z = points.T
    out[:, 1, 0], out[:, 2, 0] = -z, y
    out[:, 0, 1], out[:, 2, 1] = z, -x
    out[:, 0, 2], out[:, 1, 2] = -y, x
    out[:, :, 3:6] = np.eye(3)
    out[:, :, 6] = points
    out[plain:] *= boost
    return out.reshape(3 * n, 7)


def measure(
    registration: Registration,
    scans: ScanModel,
    face: NDArray[np.bool_],
    importance: Array,
    seed: int,
) -> Statistics:
    """Mean and covariance of ICT people in the coefficients of the head's identity space.

    A person's coefficients have a Gaussian posterior under the space's own unit prior; the sum of
    the spread of its means and its covariance keeps directions that the scans do not show
    (eyeballs, mouth interior) at the prior.

    Args:
        face: ``(N,)`` vertices by which heads are aligned. importance: ``(N,)`` weights.
    """
    space = registration.space
    v = registration.fit()
    index, bary, points, usable = registration.closest(v)
    usable &= np.linalg.norm(points - v[registration.outside], axis=1) < REACH
    rows = registration.outside[usable]
    index, bary = index[usable], bary[usable]
    corners = scans.faces[index]
    base = np.einsum("lk,lkc->lc", bary, scans.neutral[corners])
    directions = np.einsum("lk,slkc->slc", bary, scans.directions[:, corners])
    weight = importance[rows] * INDEPENDENT / NOISE**2
    basis = np.concatenate([space.basis, NUISANCE * registration.expression], 2)[rows]
    flat = basis.reshape(-1, basis.shape[2])
    weighted = flat * np.repeat(weight, 3)[:, None]
    precision = flat.T @ weighted + np.eye(flat.shape[1])
    posterior = np.linalg.inv(precision)
    project = posterior @ weighted.T
    rng = np.random.default_rng(seed)
    found, spread = [], []
    target = space.mean[rows]
    middle = align(registration.to_head(base), target, face[rows])
    for _ in range(N_PEOPLE):
        person = base + np.tensordot(rng.standard_normal(len(directions)), directions, 1)
        person = align(registration.to_head(person), middle, face[rows])
        found.append(project @ (person - middle).ravel())
        spread.append(np.linalg.norm(person - middle, axis=1)[face[rows]].mean())
    k = space.basis.shape[2]
    covariance = np.cov(np.array(found)[:, :k].T) + posterior[:k, :k]
    mean = (project @ (middle - target).ravel())[:k]
    even = _parity(space, registration.mesh)
    covariance *= even[:, None] == even[None]
    return Statistics(np.where(even, mean, 0), covariance, len(rows), float(np.mean(spread)))


def _parity(space: IdentitySpace, mesh: HeadMesh) -> NDArray[np.bool_]:
    """Whether each direction is symmetric."""
    moved = np.moveaxis(space.basis, 2, 0)
    return (moved * mesh.reflect(moved)).sum((1, 2)) > 0
