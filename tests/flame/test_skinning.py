"""HeadLayer against the slow oracle, against smplx, and against what every skinning obeys."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from facegen.flame.reference import pose_head, rotation
from facegen.flame.skinning import POSE_NAMES, HeadLayer, rotation_matrices
from tests.flame.smplx_files import write_smplx_flame
from tests.tiny import make_tiny_head

TINY = make_tiny_head()
LAYER = HeadLayer(TINY, torch.float64)
VECTORS = arrays(np.float64, 3, elements=st.floats(-2.5, 2.5, allow_subnormal=False))
few = settings(max_examples=25, deadline=None)


def draw(model, batch, seed, dtype=torch.float64):
    """Random coefficients by name, as tensors."""
    rng = np.random.default_rng(seed)
    sizes = {"betas": model.n_shape, "expression": model.n_expression}
    out = {name: rng.normal(0, 1, (batch, size)) for name, size in sizes.items()}
    out |= {name: rng.normal(0, 0.3, (batch, 3)) for name in POSE_NAMES}
    out["transl"] = rng.normal(0, 0.2, (batch, 3)) - (0, 0, 1)
    return {name: torch.as_tensor(value, dtype=dtype) for name, value in out.items()}


def reference(model, c, i):
    poses = np.stack([c[name][i].numpy() for name in POSE_NAMES])
    return pose_head(
        model, *(c[n][i].numpy() for n in ("betas", "expression")), poses, c["transl"][i].numpy()
    )


@pytest.mark.parametrize("which", ["tiny_head", "head"])
def test_layer_equals_the_oracle(which, request):
    model = request.getfixturevalue(which)
    coefficients = draw(model, 3, seed=1)
    posed = HeadLayer(model, torch.float64)(**coefficients)
    for i in range(3):
        vertices, joints = reference(model, coefficients, i)
        np.testing.assert_allclose(posed.vertices[i], vertices, atol=1e-10, rtol=0)
        np.testing.assert_allclose(posed.joints[i], joints, atol=1e-10, rtol=0)


@pytest.mark.parametrize("extension", ["pkl", "npz"])
def test_layer_equals_smplx_on_the_same_file(head, tmp_path, extension):
    smplx = pytest.importorskip("smplx", reason="smplx is not installed (pip install smplx)")
    write_smplx_flame(head, tmp_path, extension)
    other = smplx.FLAME(
        str(tmp_path),
        num_betas=head.n_shape,
        num_expression_coeffs=head.n_expression,
        ext=extension,
    )
    c = draw(head, 1, seed=2, dtype=torch.float32)
    theirs = other(**c).vertices
    ours = HeadLayer(head)(**c).vertices
    assert (theirs - ours).abs().max() < 1e-5


def test_layer_is_differentiable_in_every_argument():
    coefficients = draw(TINY, 2, seed=3)
    names = tuple(coefficients)
    inputs = tuple(coefficients[n].requires_grad_() for n in names)

    def joints_and_some_vertices(*values):
        posed = LAYER(**dict(zip(names, values, strict=True)))
        return posed.vertices[:, ::13], posed.joints

    assert torch.autograd.gradcheck(joints_and_some_vertices, inputs, atol=1e-7)


def test_zero_pose_is_the_template():
    np.testing.assert_allclose(LAYER().vertices[0], TINY.v_template, atol=1e-12)


def test_zero_rotation_has_finite_first_and_second_derivatives():
    zero = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(rotation_matrices, (zero,))
    assert torch.autograd.gradgradcheck(rotation_matrices, (zero,))


@few
@given(VECTORS)
def test_rotations_are_the_matrix_exponential(axis_angle):
    ours = rotation_matrices(torch.as_tensor(axis_angle))
    np.testing.assert_allclose(ours, rotation(axis_angle), atol=1e-9)


@few
@given(VECTORS, VECTORS, st.integers(0, 100))
def test_root_and_translation_move_the_whole_head_rigidly(orient, transl, seed):
    c = draw(TINY, 1, seed)
    still = LAYER(**{**c, "global_orient": None, "transl": None})
    moved = LAYER(
        **{**c, "global_orient": torch.tensor(orient)[None], "transl": torch.tensor(transl)[None]}
    )
    pivot = still.joints[:, :1]
    turn = torch.as_tensor(rotation(orient))
    expected = (still.vertices - pivot) @ turn.T + pivot + torch.as_tensor(transl)
    # Stored weights are float32: their rows sum to 1 within 1e-7.
    np.testing.assert_allclose(moved.vertices, expected, atol=1e-7)


@few
@given(st.integers(0, 1000), st.integers(1, 4))
def test_a_batch_is_its_singles(seed, batch):
    c = draw(TINY, batch, seed)
    together = LAYER(**c).vertices
    for i in range(batch):
        alone = LAYER(**{n: t[i : i + 1] for n, t in c.items()}).vertices[0]
        np.testing.assert_allclose(together[i], alone, atol=1e-12)


@few
@given(st.integers(0, 5), st.integers(0, 7), st.integers(0, 1000))
def test_short_coefficients_mean_zeros_behind(n_shape, n_expression, seed):
    c = draw(TINY, 1, seed)
    c["betas"][:, n_shape:] = 0
    c["expression"][:, n_expression:] = 0
    full = LAYER(**c).vertices
    c["betas"], c["expression"] = c["betas"][:, :n_shape], c["expression"][:, :n_expression]
    np.testing.assert_allclose(LAYER(**c).vertices, full, atol=1e-12)


def test_one_identity_serves_a_whole_batch():
    c = draw(TINY, 4, seed=5)
    c["betas"] = c["betas"][:1]
    repeated = {**c, "betas": c["betas"].expand(4, -1)}
    assert torch.equal(LAYER(**c).vertices, LAYER(**repeated).vertices)


@pytest.mark.parametrize(
    "bad",
    [
        {"betas": torch.zeros(1, 6)},
        {"jaw_pose": torch.zeros(3)},
        {"jaw_pose": torch.zeros(2, 3), "transl": torch.zeros(3, 3)},
    ],
)
def test_shapes_that_do_not_fit_are_named(bad):
    with pytest.raises(ValueError, match="expected"):
        LAYER(**{n: t.double() for n, t in bad.items()})
