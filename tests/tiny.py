"""A valid head of 60 vertices, made from four small solids, mirror-symmetric in x."""

import numpy as np
from scipy.spatial import ConvexHull

from facegen.flame.model import HeadModel, LandmarkEmbedding

EXPRESSIONS = (
    "browInnerUp",
    "eyeBlinkLeft",
    "eyeBlinkRight",
    "jawOpen",
    "mouthSmileLeft",
    "mouthSmileRight",
    "mh:mouth-open",
)
REGIONS = (
    "none",
    "skin",
    "lips",
    "ears",
    "scalp",
    "neck",
    "mouth",
    "teeth_upper",
    "teeth_lower",
    "tongue",
    "eye_left",
    "eye_right",
)
S = 5
JOINTS = np.array(
    [[0, -0.1, 0], [0, -0.05, 0], [0, -0.01, 0.02], [0.03, 0.03, 0.06], [-0.03, 0.03, 0.06]]
)


def _hull(points):
    """Outward, counter-clockwise triangles of the convex hull."""
    hull = ConvexHull(points)
    faces = hull.simplices.copy()
    a, b, c = (points[faces[:, k]] for k in range(3))
    inward = np.einsum("ij,ij->i", np.cross(b - a, c - a), hull.equations[:, :3]) < 0
    faces[inward] = faces[inward][:, ::-1]
    return faces


def _icosphere():
    """42 unit vectors: icosahedron corners and edge midpoints."""
    golden = (1 + 5**0.5) / 2
    corners = [np.roll([0, a, b * golden], k) for k in range(3) for a in (-1, 1) for b in (-1, 1)]
    corners = np.array(corners, float)
    i, j = np.triu_indices(12, 1)
    near = np.linalg.norm(corners[i] - corners[j], axis=1) < 2.1
    points = np.concatenate([corners, (corners[i] + corners[j])[near] / 2])
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def _octahedron(centre, radius):
    return np.asarray(centre) + radius * np.concatenate([np.eye(3), -np.eye(3)])


def _mesh():
    parts = [
        (_icosphere() * (0.08, 0.11, 0.09), "skin"),
        (_octahedron(JOINTS[3], 0.012), "eye_left"),
        (_octahedron(JOINTS[4], 0.012), "eye_right"),
        (_octahedron((0, -0.05, 0.05), 0.015), "tongue"),
    ]
    vertices, faces, regions, start = [], [], [], 0
    for points, region in parts:
        triangles = _hull(points)
        vertices.append(points)
        faces.append(triangles + start)
        regions.append(np.full(len(triangles), REGIONS.index(region)))
        start += len(points)
    return np.concatenate(vertices), np.concatenate(faces), np.concatenate(regions)


def _weights(vertices):
    """Root to neck by height, a soft jaw, rigid eyes."""
    neck = np.clip((vertices[:, 1] + 0.1) / 0.08, 0, 1)
    jaw = neck * np.clip(-vertices[:, 1] / 0.05, 0, 1) * (vertices[:, 2] > 0)
    weights = np.zeros((len(vertices), 5))
    weights[:, 0], weights[:, 1], weights[:, 2] = 1 - neck, neck - jaw, jaw
    weights[42:48], weights[48:54] = np.eye(5)[3], np.eye(5)[4]
    return weights


def _regressor(vertices):
    """Affine rows of minimum norm that give ``JOINTS``."""
    system = np.vstack([vertices.T, np.ones(len(vertices))])
    return np.hstack([JOINTS, np.ones((5, 1))]) @ np.linalg.pinv(system).T


def _landmarks(vertices, faces, n, rng):
    """``n`` points (even) on the face in mirrored pairs: ``i`` and ``i + n / 2``."""
    mirror = np.linalg.norm(vertices[:, None] * (-1, 1, 1) - vertices, axis=2).argmin(0)
    index = {tuple(sorted(f)): i for i, f in enumerate(faces)}
    centres = vertices[faces].mean(1)
    left = np.flatnonzero((centres[:, 0] > 1e-4) & (centres[:, 2] > 0.01) & (faces < 42).all(1))
    chosen = rng.choice(left, n // 2)
    bary = rng.dirichlet((2, 2, 2), n // 2)
    twin, twin_bary = np.empty(n // 2, int), np.empty_like(bary)
    for k, face in enumerate(chosen):
        image = mirror[faces[face]]
        twin[k] = index[tuple(sorted(image))]
        order = [list(image).index(v) for v in faces[twin[k]]]
        twin_bary[k] = bary[k][order]
    return LandmarkEmbedding(
        np.concatenate([chosen, twin]).astype(np.int32), np.concatenate([bary, twin_bary])
    )


def make_tiny_head(seed: int = 0) -> HeadModel:
    """Random bases on a fixed mesh of 60 vertices and 104 triangles."""
    rng = np.random.default_rng(seed)
    vertices, faces, regions = _mesh()
    v, e = len(vertices), len(EXPRESSIONS)
    f32 = np.float32
    ibug, mediapipe = (_landmarks(vertices, faces, n, rng) for n in (68, 478))
    bound = np.array([[0.8] * 3, [0.8] * 3, [0.5] * 3, [0.6] * 3, [0.6] * 3])
    return HeadModel(
        version="open-1",
        v_template=vertices.astype(f32),
        shapedirs=rng.normal(0, 0.003, (v, 3, S + e)).astype(f32),
        posedirs=rng.normal(0, 0.002, (v, 3, 36)).astype(f32),
        J_regressor=_regressor(vertices).astype(f32),
        weights=_weights(vertices).astype(f32),
        faces=faces.astype(np.int32),
        face_regions=regions.astype(np.uint8),
        region_names=REGIONS,
        expression_names=EXPRESSIONS,
        expression_bounds=np.tile(np.array([0, 1], f32), (e, 1)),
        expression_sigma=np.full(e, 0.3, f32),
        expression_free=np.array([n != "jawOpen" for n in EXPRESSIONS]),
        shape_sigma=np.ones(S, f32),
        joint_bounds=np.stack([-bound, bound], -1).astype(f32),
        landmarks={"ibug68": ibug, "mediapipe478": mediapipe},
        masks={"face": (vertices[:, 2] > 0).astype(f32)},
        mirror_mediapipe478=np.roll(np.arange(478), 239).astype(np.int32),
        licence="CC0-1.0",
        source="tests",
    )
