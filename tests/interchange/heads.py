"""Heads in FLAME's layout made from the open one: same skin, other coefficients, other mesh."""

from dataclasses import replace

import numpy as np

from facegen.flame.model import HeadModel, LandmarkEmbedding


def mixed(head, version="flame2020", seed=0, mean=0.0):
    """``head`` with 100 unbounded expression columns that span the same movements.

    ``mean`` moves every mixture a little outside the original span.
    """
    rng = np.random.default_rng(seed)
    free = head.shapedirs[:, :, head.n_shape :] * head.expression_free
    mixture = rng.normal(0, 0.35, (head.n_expression, 100))
    columns = free @ mixture.astype(np.float32)
    columns = columns + mean * rng.normal(0, 1e-3, columns.shape).astype(np.float32)
    return replace(
        head,
        version=version,
        shapedirs=np.concatenate([head.shapedirs[:, :, : head.n_shape], columns], 2),
        expression_names=tuple(f"exp_{i:03d}" for i in range(100)),
        expression_bounds=np.tile(np.array([-4, 4], np.float32), (100, 1)),
        expression_sigma=np.ones(100, np.float32),
        expression_free=np.ones(100, bool),
    )


def official(head):
    """A mixed head with FLAME's 300 identity columns, the later ones without effect."""
    model = mixed(head)
    more = 300 - model.n_shape
    identity, expression = np.split(model.shapedirs, [model.n_shape], 2)
    none = np.zeros((model.n_vertices, 3, more), np.float32)
    return replace(
        model,
        shapedirs=np.concatenate([identity, none, expression], 2),
        shape_sigma=np.pad(model.shape_sigma, (0, more), constant_values=1),
    )


def divided(head: HeadModel) -> HeadModel:
    """``head`` with every triangle cut into three: the same surface, another mesh."""
    centre = np.arange(len(head.faces)) + head.n_vertices
    a, b, c = head.faces.T
    faces = np.concatenate(
        [np.stack(t, 1) for t in ((a, b, centre), (b, c, centre), (c, a, centre))]
    )

    def grown(values):
        return np.concatenate([values, values[head.faces].mean(1)])

    # Cut triangles of landmarks: corners keep their weights, the centre gets thrice the smallest.
    lmk = {}
    for name, points in head.landmarks.items():
        low = points.bary.argmin(1)
        part = (low + 1) % 3
        rows = np.arange(len(low))
        smallest = points.bary[rows, low]
        bary = np.stack(
            [points.bary[rows, (low + 1) % 3] - smallest,
             points.bary[rows, (low + 2) % 3] - smallest, 3 * smallest], 1,
        )  # fmt: skip
        lmk[name] = LandmarkEmbedding(
            (points.faces + part * len(head.faces)).astype(np.int32), bary
        )
    regressor = np.pad(head.J_regressor, ((0, 0), (0, len(head.faces))))
    weights = grown(head.weights)
    return replace(
        head,
        v_template=grown(head.v_template),
        shapedirs=grown(head.shapedirs),
        posedirs=grown(head.posedirs),
        J_regressor=regressor,
        weights=(weights / weights.sum(1, keepdims=True)).astype(np.float32),
        faces=faces.astype(np.int32),
        face_regions=np.tile(head.face_regions, 3),
        landmarks=lmk,
        masks={k: grown(v) for k, v in head.masks.items()},
        uv=None,
        uv_faces=None,
        albedo_mean=None,
        albedo_dirs=None,
    )
