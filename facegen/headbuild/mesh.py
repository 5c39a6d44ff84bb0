"""Cuts the head out of the base mesh along a smooth edge loop and gives it eyeballs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from facegen.headbuild.eyeballs import (
    N_EYE,
    eye_directions,
    eye_faces,
    eye_mirror,
    eye_uv,
    fit_sphere,
)
from facegen.headbuild.sources import BaseMesh

Array = NDArray[np.float64]
SKIN, TEETH_UPPER, TEETH_LOWER, TONGUE, EYE_LEFT, EYE_RIGHT = range(6)
INNER_PARTS = ("helper-upper-teeth", "helper-lower-teeth", "helper-tongue")
N_BODY = 13380
# A cut nearer to a vertex than this part of the edge goes through the vertex: no sliver triangles.
SNAP = 0.15
# Where the eyeballs' charts go: the atlas is free there once the body is gone.
EYE_CHARTS = ((0.01, 0.01), (0.13, 0.01))
EYE_CHART_SIZE = 0.11


def cut_level(v: Array) -> Array:
    """Signed height ``(n,)`` of points over the cut: the neck's base, rising over the shoulders."""
    side = np.sqrt(np.maximum(np.abs(v[:, 0]) - 0.4, 0) ** 2 + 0.01) - 0.1
    return v[:, 1] - (5.42 + 0.42 * side - 0.10 * (v[:, 2] - 0.2))


@dataclass(frozen=True)
class HeadMesh:
    """Topology of the head and its tie to the base mesh.

    N vertices: first the B taken from the base mesh, then 289 per eyeball.

    Attributes:
        blend: ``(B, 19158)`` sparse; each head vertex as a mix of base vertices.
        helpers: base indices of the left and the right eye helper.
        faces, uv_faces: ``(F, 3)``; uv: ``(T, 2)``, the base mesh's own atlas.
        part: ``(N,)`` one of SKIN .. EYE_RIGHT.
        mirror: ``(N,)`` index of each vertex's mirror image.
    """

    blend: sp.csr_matrix
    helpers: tuple[NDArray[np.int64], NDArray[np.int64]]
    faces: NDArray[np.int32]
    uv: Array
    uv_faces: NDArray[np.int32]
    part: NDArray[np.int64]
    mirror: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.part)

    def assemble(self, full: NDArray[np.floating]) -> Array:
        """Head vertices ``(N, 3)`` of a whole base mesh ``(19158, 3)``, eyeballs fitted."""
        balls = [fit_sphere(full[helper]) for helper in self.helpers]
        eyes = [centre + radius * eye_directions() for centre, radius in balls]
        return np.concatenate([self.blend @ full, *eyes])

    def displace(self, target: NDArray[np.floating]) -> Array:
        """A base-mesh attribute ``(19158, ...)`` on the head's vertices, 0 on the eyeballs."""
        body = self.blend @ target
        return np.concatenate([body, np.zeros((2 * N_EYE, *body.shape[1:]))])

    def reflect(self, v: NDArray[np.floating]) -> NDArray[np.floating]:
        """The mirrored head: ``(..., N, 3)`` positions or displacements."""
        return v[..., self.mirror, :] * np.array([-1.0, 1.0, 1.0])

    def edges(self) -> NDArray[np.int32]:
        """``(E, 2)`` undirected edges, sorted."""
        f = self.faces
        pairs = np.concatenate([f[:, [0, 1]], f[:, [1, 2]], f[:, [2, 0]]])
        return np.unique(np.sort(pairs, 1), axis=0)

    def averaging(self) -> sp.csr_matrix:
        """``(N, N)``: row-normalised mean over neighbours."""
        e = self.edges()
        ones = np.ones(2 * len(e))
        rows, cols = np.r_[e[:, 0], e[:, 1]], np.r_[e[:, 1], e[:, 0]]
        a = sp.csr_matrix((ones, (rows, cols)), shape=(len(self), len(self)))
        return sp.diags(1 / np.maximum(np.asarray(a.sum(1)).ravel(), 1)) @ a


class _Cutter:
    """Clips polygons by ``cut_level > 0``; new corners are shared between neighbours."""

    def __init__(self, base: BaseMesh, shape: Array) -> None:
        self.level = cut_level(shape)
        self.uv = list(base.uv)
        self.new: dict[tuple[int, int], int] = {}
        self.mix: list[tuple[int, int, float]] = []
        self.new_uv: dict[tuple[int, int], int] = {}

    def clip(self, quad: list[int], uv: list[int]) -> tuple[list[int], list[int]]:
        """The part of one polygon above the cut (vertex and uv indices), perhaps empty."""
        out: list[int] = []
        out_uv: list[int] = []
        n = len(quad)
        for i in range(n):
            a, b, ta, tb = quad[i], quad[(i + 1) % n], uv[i], uv[(i + 1) % n]
            if self.level[a] >= 0:
                out.append(a)
                out_uv.append(ta)
            if self.level[a] * self.level[b] < 0:
                out.append(self.corner(a, b))
                out_uv.append(self.uv_corner(a, b, ta, tb))
        return out, out_uv

    def snap(self, edges: NDArray[np.int64]) -> None:
        """Move vertices that almost lie on the cut onto it."""
        a, b = edges.T
        crossing = self.level[a] * self.level[b] < 0
        a, b = a[crossing], b[crossing]
        t = self.level[a] / (self.level[a] - self.level[b])
        self.level[a[t < SNAP]] = 0
        self.level[b[t > 1 - SNAP]] = 0

    def corner(self, a: int, b: int) -> int:
        low, high = min(a, b), max(a, b)
        if (low, high) not in self.new:
            self.new[low, high] = len(self.level) + len(self.mix)
            t = self.level[low] / (self.level[low] - self.level[high])
            self.mix.append((low, high, float(t)))
        return self.new[low, high]

    def uv_corner(self, a: int, b: int, ta: int, tb: int) -> int:
        key = (min(ta, tb), max(ta, tb))
        if key not in self.new_uv:
            self.new_uv[key] = len(self.uv)
            t = self.level[a] / (self.level[a] - self.level[b])
            self.uv.append((1 - t) * self.uv[ta] + t * self.uv[tb])
        return self.new_uv[key]


def triangulate(polygon: list[int], points: Array) -> list[tuple[int, int, int]]:
    """Positions of the corners of each triangle; quads are split along the shorter diagonal.

    Args:
        polygon: vertex indices of a convex polygon.
        points: ``(n, 3)``.
    """
    n = len(polygon)
    start = 0
    if n == 4:
        p = points[polygon]
        start = int(np.linalg.norm(p[0] - p[2]) > np.linalg.norm(p[1] - p[3]) + 1e-9)
    k = [(start + i) % n for i in range(n)]
    return [(k[0], k[i], k[i + 1]) for i in range(1, n - 1)]


def cut_head(base: BaseMesh, shape: Array) -> HeadMesh:
    """Head, mouth interior, teeth and tongue of the base mesh, plus eyeballs.

    Args:
        base: the base mesh.
        shape: ``(19158, 3)`` symmetric mean adult on it; the cut is made there.
    """
    cutter = _Cutter(base, shape)
    body = base.quad_group == "body"
    quads = base.quads[body]
    ring = [quads[:, [i, (i + 1) % 4]] for i in range(4)]
    cutter.snap(np.unique(np.sort(np.concatenate(ring), 1), axis=0))
    polygons = [
        cutter.clip(q.tolist(), t.tolist())
        for q, t in zip(quads, base.uv_quads[body], strict=True)
        if (cutter.level[q] > 0).any()
    ]
    inner = np.isin(base.quad_group, INNER_PARTS)
    polygons += zip(base.quads[inner].tolist(), base.uv_quads[inner].tolist(), strict=True)
    mixed = [(1 - t) * shape[a] + t * shape[b] for a, b, t in cutter.mix]
    points = np.concatenate([shape, mixed])
    faces, uv_faces = [], []
    for polygon, uv in polygons:
        for i, j, k in triangulate(polygon, points):
            faces.append((polygon[i], polygon[j], polygon[k]))
            uv_faces.append((uv[i], uv[j], uv[k]))
    return _pack(base, cutter, np.array(faces), np.array(uv_faces))


def _pack(
    base: BaseMesh, cutter: _Cutter, faces: NDArray[np.int64], uv_faces: NDArray[np.int64]
) -> HeadMesh:
    used, faces = np.unique(faces, return_inverse=True)
    used_uv, uv_faces = np.unique(uv_faces, return_inverse=True)
    faces, uv_faces = faces.reshape(-1, 3), uv_faces.reshape(-1, 3)
    n_base = len(base.vertices)
    rows, cols, values = [], [], []
    for row, index in enumerate(used):
        mix = [(index, 1.0)]
        if index >= n_base:
            a, b, t = cutter.mix[index - n_base]
            mix = [(a, 1 - t), (b, t)]
        for col, value in mix:
            rows.append(row)
            cols.append(col)
            values.append(value)
    n = len(used)
    blend = sp.csr_matrix((values, (rows, cols)), shape=(n, n_base))
    part = np.full(n + 2 * N_EYE, SKIN)
    for label, name in enumerate(INNER_PARTS, TEETH_UPPER):
        part[:n][np.isin(used, base.groups[name])] = label
    part[n : n + N_EYE], part[n + N_EYE :] = EYE_LEFT, EYE_RIGHT
    uv = np.array(cutter.uv)[used_uv]
    charts = [np.array(corner) + EYE_CHART_SIZE * eye_uv() for corner in EYE_CHARTS]
    eyes = [eye_faces() + n + k * N_EYE for k in (0, 1)]
    eyes_uv = [eye_faces() + len(uv) + k * N_EYE for k in (0, 1)]
    return HeadMesh(
        blend=blend,
        helpers=(base.groups["helper-l-eye"], base.groups["helper-r-eye"]),
        faces=np.concatenate([faces, *eyes]).astype(np.int32),
        uv=np.concatenate([uv, *charts]),
        uv_faces=np.concatenate([uv_faces, *eyes_uv]).astype(np.int32),
        part=part,
        mirror=_mirror(base, cutter, used),
    )


def _mirror(base: BaseMesh, cutter: _Cutter, used: NDArray[np.int64]) -> NDArray[np.int64]:
    n_base, n = len(base.vertices), len(used)
    place = {int(index): row for row, index in enumerate(used)}
    out = np.empty(n, int)
    for row, index in enumerate(used):
        if index < n_base:
            out[row] = place[int(base.mirror[index])]
            continue
        a, b, _ = cutter.mix[index - n_base]
        ma, mb = int(base.mirror[a]), int(base.mirror[b])
        out[row] = place[cutter.new[min(ma, mb), max(ma, mb)]]
    eye = eye_mirror()
    return np.concatenate([out, n + N_EYE + eye, n + eye])
