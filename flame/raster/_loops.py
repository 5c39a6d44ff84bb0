"""Compiled loops over vertices and pixels, each the twin of a torch expression elsewhere."""

from __future__ import annotations

import numpy as np

from facegen.flame.jit import F32, F64, I32, U8, jit


@jit
def vertex_normals(vertices: F64, faces: I32) -> F64:
    """Area-weighted unit normals ``(V, 3)`` of one mesh, float64 and contiguous."""
    out = np.zeros(vertices.shape)
    for t in range(faces.shape[0]):
        a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
        x, y, z = vertices[a]
        px, py, pz = vertices[b, 0] - x, vertices[b, 1] - y, vertices[b, 2] - z
        qx, qy, qz = vertices[c, 0] - x, vertices[c, 1] - y, vertices[c, 2] - z
        nx, ny, nz = py * qz - pz * qy, pz * qx - px * qz, px * qy - py * qx
        for corner in (a, b, c):
            out[corner, 0] += nx
            out[corner, 1] += ny
            out[corner, 2] += nz
    for i in range(out.shape[0]):
        squared = out[i, 0] ** 2 + out[i, 1] ** 2 + out[i, 2] ** 2
        if squared > 0.0:
            out[i] /= np.sqrt(squared)
    return out


@jit
def shade(attributes: F32, face: I32, light: F64, grey: float, normal: F32, render: F32) -> None:
    """Unit normals and lit colour of every pixel; see ``lighting.sh_basis`` for the nine terms.

    ``attributes (H, W, >= 3)``: normal, then albedo where there are six columns or more and
    ``grey`` is negative. ``light (9, 3)`` already holds the basis' constant factors.
    """
    term = np.empty(9)
    for y in range(face.shape[0]):
        for x in range(face.shape[1]):
            if face[y, x] < 0:
                for k in range(3):
                    normal[y, x, k] = 0.0
                    render[y, x, k] = 0.0
                continue
            a, b, c = attributes[y, x, 0], attributes[y, x, 1], attributes[y, x, 2]
            scale = 1.0 / np.sqrt(max(a * a + b * b + c * c, 1e-30))
            a, b, c = a * scale, b * scale, c * scale
            normal[y, x, 0], normal[y, x, 1], normal[y, x, 2] = a, b, c
            term[0], term[1], term[2], term[3] = 1.0, a, b, c
            term[4], term[5], term[6] = a * b, a * c, b * c
            term[7], term[8] = a * a - b * b, 3.0 * c * c - 1.0
            for k in range(3):
                lit = 0.0
                for i in range(9):
                    lit += term[i] * light[i, k]
                colour = attributes[y, x, 3 + k] if grey < 0.0 else grey
                render[y, x, k] = min(max(lit * colour, 0.0), 1.0)


@jit
def flow(
    attributes: F32,
    first: int,
    group: U8,
    lens: tuple[float, float, float, bool],
    reference_depth: F32,
    reference_group: U8,
    rule: tuple[float, float, float],
    out: F32,
    visibility: F32,
) -> None:
    """Backward flow and its visibility; see ``flow.reproject`` for the rule.

    ``attributes[..., first : first + 4]``: point in the reference's camera space and the z of its
    normal there. ``lens``: focal, cx, cy, perspective. ``rule``: tolerance in metres, lowest
    normal z, width of its ramp. ``group (H, W)`` is 0 where nothing is seen.
    """
    focal, cx, cy, perspective = lens
    tolerance, lowest, ramp = rule
    height, width = reference_depth.shape
    for y in range(group.shape[0]):
        for x in range(group.shape[1]):
            out[y, x, 0] = out[y, x, 1] = visibility[y, x] = 0.0
            z = -np.float64(attributes[y, x, first + 2])
            if group[y, x] == 0 or z <= 0.0:
                continue
            scale = focal / z if perspective else focal
            u = cx + scale * attributes[y, x, first]
            v = cy - scale * attributes[y, x, first + 1]
            out[y, x, 0], out[y, x, 1] = u, v
            if not (0.0 <= u < width and 0.0 <= v < height):
                continue
            column, row = int(u), int(v)
            if reference_group[row, column] != group[y, x]:
                continue
            if z > reference_depth[row, column] + tolerance:
                continue
            facing = (attributes[y, x, first + 3] - lowest) / ramp
            visibility[y, x] = min(max(facing, 0.0), 1.0)
