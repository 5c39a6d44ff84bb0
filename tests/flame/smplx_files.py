"""Writes any HeadModel as the files that ``smplx.FLAME`` reads."""

import pickle

import numpy as np

IDENTITY, EXPRESSION = 300, 100


def flame_arrays(model):
    """The arrays of a FLAME file: 300 identity columns, then 100 expression columns."""
    blend = np.zeros((model.n_vertices, 3, IDENTITY + EXPRESSION))
    blend[:, :, : model.n_shape] = model.shapedirs[:, :, : model.n_shape]
    end = IDENTITY + model.n_expression
    blend[:, :, IDENTITY:end] = model.shapedirs[:, :, model.n_shape :]
    parents = np.array([2**32 - 1, 0, 1, 1, 1])
    return {
        "v_template": model.v_template.astype(float),
        "shapedirs": blend,
        "posedirs": model.posedirs.astype(float),
        "J_regressor": model.J_regressor.astype(float),
        "weights": model.weights.astype(float),
        "f": model.faces.astype(np.uint32),
        "kintree_table": np.stack([parents, np.arange(5)]),
    }


def write_smplx_flame(model, folder, extension):
    data = flame_arrays(model)
    if extension == "npz":
        np.savez(folder / "FLAME_NEUTRAL.npz", **data)
    else:
        (folder / "FLAME_NEUTRAL.pkl").write_bytes(pickle.dumps(data, protocol=2))
    landmarks = {"lmk_face_idx": np.arange(51), "lmk_b_coords": np.full((51, 3), 1 / 3)}
    (folder / "flame_static_embedding.pkl").write_bytes(pickle.dumps(landmarks, protocol=2))
