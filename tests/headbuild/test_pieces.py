"""Small parts of the builder on made-up data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegen.headbuild import expressions, joints
from facegen.headbuild.eyeballs import eye_directions, eye_faces, eye_mirror, fit_sphere
from facegen.headbuild.identity import IdentitySpace, align, reweight
from facegen.headbuild.mesh import triangulate
from facegen.headbuild.people import knot_weights, pair_axes
from facegen.headbuild.scans import similarity
from facegen.headbuild.surface import closest_on_mesh, closest_on_triangle

seeds = st.integers(0, 2**31)


@given(seeds)
def test_closest_point_beats_every_sample_of_the_triangle(seed):
    rng = np.random.default_rng(seed)
    p, a, b, c = rng.normal(size=(4, 3))
    bary = closest_on_triangle(p, a, b, c)
    assert bary.min() >= -1e-12
    assert bary.sum() == pytest.approx(1)
    samples = rng.dirichlet([0.5] * 3, 200) @ np.stack([a, b, c])
    best = np.linalg.norm(samples - p, axis=1).min()
    assert np.linalg.norm(bary @ np.stack([a, b, c]) - p) <= best + 1e-9


def test_closest_on_mesh_finds_points_of_the_mesh():
    rng = np.random.default_rng(0)
    v, faces = eye_directions(), eye_faces()
    index, bary = rng.integers(0, len(faces), 40), rng.dirichlet([1] * 3, 40)
    points = np.einsum("lk,lkc->lc", bary, v[faces[index]])
    found, weights = closest_on_mesh(points, v, faces, np.arange(len(faces)))
    np.testing.assert_allclose(np.einsum("lk,lkc->lc", weights, v[faces[found]]), points, atol=1e-9)


@given(seeds)
def test_similarity_and_alignment_undo_a_motion(seed):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(20, 3))
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    q *= np.sign(np.linalg.det(q))
    b = rng.uniform(0.3, 3) * a @ q.T + rng.normal(size=3)
    scale, r, t = similarity(a, b)
    np.testing.assert_allclose(scale * a @ r.T + t, b, atol=1e-9)
    np.testing.assert_allclose(align(a, b, np.arange(20) < 12), b, atol=1e-9)


@given(seeds)
def test_sphere_fit_is_exact(seed):
    rng = np.random.default_rng(seed)
    centre, radius = rng.normal(size=3), rng.uniform(0.1, 2)
    found = fit_sphere(centre + radius * eye_directions()[rng.permutation(289)[:72]])
    np.testing.assert_allclose(found[0], centre, atol=1e-8)
    assert found[1] == pytest.approx(radius)


def test_eyeball_faces_outward_and_mirrors():
    d, faces = eye_directions(), eye_faces()
    a, b, c = (d[faces[:, k]] for k in range(3))
    assert ((np.cross(b - a, c - a) * (a + b + c)).sum(1) > 0).all()
    np.testing.assert_allclose(d[eye_mirror()], d * [-1, 1, 1], atol=1e-12)


@given(seeds)
def test_affine_weights_reach_the_target(seed):
    rng = np.random.default_rng(seed)
    points, target = rng.normal(size=(30, 3)), rng.normal(size=3)
    w = joints.affine_weights(points, target)
    assert w.sum() == pytest.approx(1)
    np.testing.assert_allclose(w @ points, target, atol=1e-8)


@given(seeds, st.floats(0.05, 1.0))
def test_unturn_is_undone_by_skinning(seed, angle):
    rng = np.random.default_rng(seed)
    jaw = joints.Jaw(np.array([0, 0.3, 0.1]), angle)
    v, delta, share = rng.normal(size=(9, 3)), rng.normal(size=(9, 3)), rng.random(9)

    def skin(x):
        return x + share[:, None] * jaw.swing(x)

    bent = joints.unturn(delta, share, jaw)
    np.testing.assert_allclose(skin(v + bent) - skin(v), delta, atol=1e-9)


def test_reweight_gives_unit_spread_under_the_new_covariance():
    rng = np.random.default_rng(0)
    n, k = 30, 6
    space = IdentitySpace(rng.normal(size=(n, 3)), rng.normal(size=(n, 3, k)), np.ones(k))
    root = rng.normal(size=(k, k))
    covariance = root @ root.T + np.eye(k)
    new = reweight(space, np.zeros(k), covariance, np.ones(n), k)
    flat, old = new.basis.reshape(-1, k), space.basis.reshape(-1, k)
    np.testing.assert_allclose(flat @ flat.T, old @ covariance @ old.T, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(flat.T @ flat, np.diag(new.spread), rtol=1e-6, atol=1e-6)
    assert (np.diff(new.spread) <= 1e-9).all()


def test_sliders_are_paired():
    axes = pair_axes(
        ("chin-width-decr", "chin-width-incr", "head-round", "asym-eye-1-l", "asym-eye-1-r")
    )
    assert axes == [
        ("chin-width-decr", "chin-width-incr"),
        ("head-round", None),
        ("asym-eye-1-l", "asym-eye-1-r"),
    ]


@given(st.floats(0, 1))
def test_knot_weights_interpolate(x):
    knots = (0, 0.2, 0.5, 1)
    w = knot_weights(x, knots)
    assert w.min() >= 0
    assert w.sum() == pytest.approx(1)
    assert w @ np.array(knots) == pytest.approx(x)


def test_quads_split_along_the_shorter_diagonal():
    points = np.array([[0, 0, 0], [2, 1, 0], [4, 0, 0], [2, -1, 0]], float)
    triangles = triangulate([0, 1, 2, 3], points)
    assert all({1, 3} <= set(t) for t in triangles)


def test_expression_names_know_their_side_and_prior():
    assert expressions.mirror_name("mouthSmileLeft") == "mouthSmileRight"
    assert expressions.mirror_name("mh:eye-left-slit") == "mh:eye-right-slit"
    assert expressions.mirror_name("jawLeft") == "jawRight"
    assert expressions.mirror_name("mouthPucker") == "mouthPucker"
    assert not expressions.is_free("jawOpen")
    assert not expressions.is_free("eyeLookUpLeft")
    assert expressions.is_free("mouthClose")
    assert expressions.sigma("eyeBlinkLeft") > expressions.sigma("mouthSmileLeft")
    assert expressions.sigma("mh:nose-depression") < expressions.sigma("mouthSmileLeft")
