"""Writes files in the official FLAME layout, chumpy and scipy objects included."""

import contextlib
import pickle
import sys
import types

import numpy as np
import scipy.sparse as sparse


@contextlib.contextmanager
def fake_chumpy():
    """A class that pickles as ``chumpy.ch.Ch`` while the block runs."""

    class Ch:
        def __init__(self, x):
            self.x, self._dirty_vars, self._itr = x, set(), None

    Ch.__module__, Ch.__qualname__ = "chumpy.ch", "Ch"
    package, module = types.ModuleType("chumpy"), types.ModuleType("chumpy.ch")
    package.ch, module.Ch = module, Ch
    sys.modules.update({"chumpy": package, "chumpy.ch": module})
    try:
        yield Ch
    finally:
        del sys.modules["chumpy"], sys.modules["chumpy.ch"]


def flame_like(seed=0):
    """Random arrays with FLAME's keys, shapes, types and plausible values."""
    rng = np.random.default_rng(seed)
    n = 5023
    template = rng.normal(0, 0.05, (n, 3))
    weights = rng.dirichlet(np.full(5, 0.05), n)
    weights[4000:4500], weights[4500:] = np.eye(5)[3], np.eye(5)[4]
    template[4000:4500, 0] += 0.03
    template[4500:, 0] -= 0.03
    regressor = np.zeros((5, n))
    regressor[:3, :50] = 1 / 50
    regressor[3, 4000:4500] = regressor[4, 4500:] = 1 / 500
    regressor[4, 4500:] = 1 / (n - 4500)
    return {
        "v_template": template,
        "shapedirs": rng.normal(0, 0.001, (n, 3, 400)),
        "posedirs": rng.normal(0, 0.001, (n, 3, 36)),
        "J_regressor": regressor,
        "weights": weights,
        "f": rng.integers(0, n, (9976, 3)).astype(np.uint32),
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], range(5)]),
        "J": regressor @ template,
        "bs_style": "lbs",
        "bs_type": "lrotmin",
    }


def write_flame_pkl(path, arrays, protocol=2):
    """As published: chumpy for ``shapedirs``, a sparse ``J_regressor``, Python 2's protocol."""
    with fake_chumpy() as ch:
        content = {
            **arrays,
            "shapedirs": ch(arrays["shapedirs"]),
            "J_regressor": sparse.csc_matrix(arrays["J_regressor"]),
        }
        path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path
