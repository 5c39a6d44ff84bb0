"""Official FLAME files, made here in their layout: converted exactly, mistaken files named."""

import io
import os
import pickle
import zipfile

import numpy as np
import pytest
import scipy.sparse as sparse

from facegen.errors import ModelFileError
from facegen.flame.model import HeadModel
from facegen.flame.official import read_official
from tests.flame.chumpy_files import flame_like, write_flame_pkl

ARRAYS = flame_like()


@pytest.fixture(scope="module")
def pkl(tmp_path_factory):
    return write_flame_pkl(tmp_path_factory.mktemp("flame") / "flame2023.pkl", ARRAYS)


def check(model):
    assert (model.n_vertices, model.n_shape, model.n_expression) == (5023, 300, 100)
    for name in ("v_template", "shapedirs", "posedirs", "J_regressor", "weights"):
        np.testing.assert_array_equal(getattr(model, name), ARRAYS[name].astype(np.float32))
    np.testing.assert_array_equal(model.faces, ARRAYS["f"])
    assert model.expression_names[:2] == ("exp_000", "exp_001") and model.region_names[0] == "none"


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("flame2023.pkl", "flame2023"),
        ("flame2023_Open.pkl", "flame2023-open"),
        ("FLAME2020/generic_model.pkl", "flame2020"),
        ("FLAME2023Open/generic_model.pkl", "flame2023-open"),
    ],
)
def test_pickle_converts_exactly_and_names_its_version(pkl, tmp_path, name, version):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(pkl)
    model = read_official(path)
    check(model)
    assert model.version == version


def test_npz_with_plain_and_with_sparse_arrays(tmp_path):
    np.savez(tmp_path / "flame2020.npz", **ARRAYS)
    check(read_official(tmp_path / "flame2020.npz"))
    mixed = {**ARRAYS, "J_regressor": sparse.csc_matrix(ARRAYS["J_regressor"])}
    np.savez(tmp_path / "flame2020.npz", **mixed)
    check(read_official(tmp_path / "flame2020.npz"))


def test_saved_once_it_loads_like_any_head(pkl, tmp_path):
    model = read_official(pkl)
    model.save(tmp_path / "flame2023.npz")
    loaded = HeadModel.load(tmp_path / "flame2023.npz")
    assert (loaded.version, loaded.licence) == (model.version, model.licence)
    np.testing.assert_allclose(loaded.shapedirs, model.shapedirs, atol=1e-5)


def test_eyes_and_neck_are_told_by_the_joints(pkl):
    model = read_official(pkl)
    left = model.region_names.index("eye_left")
    inside = ((model.faces >= 4000) & (model.faces < 4500)).all(1)
    assert inside.any() and (model.face_regions[inside] == left).all()


def test_a_name_without_version_asks_for_it(pkl, tmp_path):
    path = tmp_path / "generic_model.pkl"
    path.symlink_to(pkl)
    with pytest.raises(ModelFileError, match="--version"):
        read_official(path)
    assert read_official(path, "flame2020").version == "flame2020"
    with pytest.raises(ModelFileError, match="use one of"):
        read_official(path, "flame2017")


@pytest.mark.parametrize("name", ["male_model.pkl", "FLAME_FEMALE.pkl", "flame2023_no_jaw.pkl"])
def test_variants_point_to_the_right_file(pkl, tmp_path, name):
    (tmp_path / name).symlink_to(pkl)
    with pytest.raises(ModelFileError, match=r"use (generic_model|flame2023)\.pkl"):
        read_official(tmp_path / name)


def resized(n):
    return {k: v[:n] if np.shape(v)[:1] == (5023,) else v for k, v in ARRAYS.items()} | {
        "v_template": np.zeros((n, 3))
    }


WRONG = {
    "SMPL's": resized(6890),
    "SMPL-X's": resized(10475),
    "shape": {**ARRAYS, "shapedirs": ARRAYS["shapedirs"][:, :, :300]},
    "no J_regressor": {k: v for k, v in ARRAYS.items() if k != "J_regressor"},
    "texture space": {"mean": np.zeros(3), "tex_dir": np.zeros(3)},
    "vertex masks": {"face": np.zeros(3), "scalp": np.zeros(3)},
    "embedding": {"lmk_face_idx": np.zeros(3), "lmk_b_coords": np.zeros(3)},
    "metres": {**ARRAYS, "v_template": ARRAYS["v_template"] * 1000},
    "finite": {**ARRAYS, "weights": ARRAYS["weights"] * np.nan},
    "outside": {**ARRAYS, "f": ARRAYS["f"] + 1},
    "joints": {**ARRAYS, "kintree_table": np.array([[-1, 0, 1, 2, 3], range(5)])},
    "left eye": {**ARRAYS, "v_template": ARRAYS["v_template"] * (-1, 1, 1)},
    "sum to 1": {**ARRAYS, "weights": ARRAYS["weights"] / 2},
    "arrays of numbers": {**ARRAYS, "f": "text"},
}


@pytest.mark.parametrize("says", WRONG)
def test_other_files_are_named(tmp_path, says):
    path = tmp_path / "flame2023.pkl"
    path.write_bytes(pickle.dumps(WRONG[says], protocol=2))
    with pytest.raises(ModelFileError, match=says):
        read_official(path)


def test_unreadable_files(tmp_path):
    with pytest.raises(ModelFileError, match="no file"):
        read_official(tmp_path / "flame2023.pkl")
    (tmp_path / "flame2023.npz").write_bytes(b"PK\x03\x04 damaged")
    with pytest.raises(ModelFileError, match="npz"):
        read_official(tmp_path / "flame2023.npz")
    with pytest.raises(ModelFileError):
        read_official(tmp_path)


def test_code_hidden_in_an_npz_is_not_run(tmp_path):
    class Shell:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "attacked"),)

    np.savez(tmp_path / "flame2023.npz", **{**ARRAYS, "J_regressor": np.array(Shell(), object)})
    with pytest.raises(ModelFileError, match="nothing in it was run"):
        read_official(tmp_path / "flame2023.npz")
    assert not (tmp_path / "attacked").exists()


def test_claims_of_an_npz_are_not_believed(tmp_path):
    header = io.BytesIO()
    claim = {"descr": "<f8", "fortran_order": False, "shape": (10**12, 3)}
    np.lib.format.write_array_header_1_0(header, claim)
    with zipfile.ZipFile(tmp_path / "flame2023.npz", "w") as archive:
        archive.writestr("v_template.npy", header.getvalue() + b"\0" * 24)
    with pytest.raises(ModelFileError, match="cannot reshape"):
        read_official(tmp_path / "flame2023.npz")
