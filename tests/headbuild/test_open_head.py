"""The shipped open head keeps what its card promises."""

import numpy as np
import pytest
import torch

from facegen.checkpoints import OPEN_HEAD
from facegen.flame.model import HeadModel
from facegen.flame.skinning import HeadLayer

REGIONS = (
    "none", "skin", "lips", "ears", "scalp", "neck", "mouth",
    "teeth_upper", "teeth_lower", "tongue", "eye_left", "eye_right",
)  # fmt: skip
MASKS = {"lips", "inside", "ears", "face", "brow", "eyelids", "scalp", "neck", "hair_shell"}
MM = 1e-3


@pytest.fixture(scope="module")
def layer(head):
    return HeadLayer(head, torch.float64)


def pose(head, layer, expression=None, **angles):
    given = {k: torch.tensor([v], dtype=torch.float64) for k, v in angles.items()}
    row = torch.zeros(1, head.n_expression, dtype=torch.float64)
    for name, value in (expression or {}).items():
        row[0, head.expression_index(name)] = value
    return layer(expression=row, **given).vertices[0].numpy()


def vertices_of(head, *names):
    return np.unique(head.faces[np.isin(head.face_regions, head.region_ids(*names))])


def partner(head):
    """Index of each vertex's mirror image, by position."""
    from scipy.spatial import cKDTree

    distance, index = cKDTree(head.v_template).query(head.v_template * [-1, 1, 1])
    assert distance.max() < 0.01 * MM
    return index


def test_layout_and_size(head):
    assert head.version == "open-1"
    assert (head.n_shape, head.n_expression) == (100, 86)
    assert head.region_names == REGIONS
    assert OPEN_HEAD.stat().st_size < 5e6
    assert list(head.expression_names[:52]) == sorted(head.expression_names[:52])
    assert all(n.startswith("mh:") for n in head.expression_names[52:])
    assert "CC0" in head.licence


def test_every_region_and_mask_is_used(head):
    counts = np.bincount(head.face_regions, minlength=len(REGIONS))
    assert counts[0] == 0
    assert (counts[1:] > 20).all()
    assert set(head.masks) >= MASKS
    for name, mask in head.masks.items():
        assert mask.min() >= 0, name
        assert 0.5 < mask.max() <= 1, name
    shell = head.masks["hair_shell"]
    assert shell[vertices_of(head, "lips", "mouth", "eye_left", "eye_right")].max() < 0.01
    assert shell[np.maximum(head.masks["ears"], head.masks["face"]) > 0.8].max() < 0.01
    assert shell[vertices_of(head, "scalp")].mean() > 0.7


def test_weights_and_regressor_rows_sum_to_one(head):
    np.testing.assert_allclose(head.weights.sum(1), 1, atol=1e-6)
    assert head.weights.min() >= 0
    np.testing.assert_allclose(head.J_regressor.sum(1), 1, atol=1e-5)


def test_template_is_symmetric(head):
    assert len(np.unique(partner(head))) == head.n_vertices


def test_identity_directions_are_symmetric_or_antisymmetric(head):
    basis = head.shapedirs[:, :, : head.n_shape].astype(np.float64)
    mirrored = basis[partner(head)] * np.array([-1, 1, 1])[:, None]
    size = np.abs(basis).max((0, 1))
    even = np.abs(mirrored - basis).max((0, 1)) / size
    odd = np.abs(mirrored + basis).max((0, 1)) / size
    assert np.minimum(even, odd).max() < 0.02
    assert (even < 0.02).sum() > 60


def test_neck_is_cut_along_one_loop(head):
    f = head.faces
    edges = np.sort(np.concatenate([f[:, [0, 1]], f[:, [1, 2]], f[:, [2, 0]]]), 1)
    edges, count = np.unique(edges, axis=0, return_counts=True)
    assert count.max() == 2
    rim = edges[count == 1]
    rim = rim[np.isin(rim, vertices_of(head, "skin", "neck")).all(1)]
    corners, uses = np.unique(rim, return_counts=True)
    assert (uses == 2).all()
    loop, previous = [rim[0, 0]], -1
    while len(loop) <= len(corners):
        near = rim[(rim == loop[-1]).any(1)]
        following = next(v for v in near[near != loop[-1]] if v != previous)
        previous = loop[-1]
        if following == loop[0]:
            break
        loop.append(following)
    assert len(loop) == len(corners)


def test_jaw_joint_reproduces_the_sculpted_opening(head, layer):
    """The frozen jawOpen column is the sculptor's shape; the joint at 24.4 degrees makes it too."""
    target = pose(head, layer, {"jawOpen": 1})
    joint = pose(head, layer, jaw_pose=[np.radians(24.379), 0, 0])
    assert np.linalg.norm(target - pose(head, layer), axis=1).max() > 30 * MM
    assert np.linalg.norm(target - joint, axis=1).max() < 1 * MM


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_mouth_close_meets_the_lips_at_every_opening(head, layer, share):
    """Inner lip points 13 and 14 of MediaPipe, apart and after mouthClose."""
    angle = [share * np.radians(24.379), 0, 0]
    lmk = head.landmarks["mediapipe478"]

    def gap(expression):
        v = pose(head, layer, expression, jaw_pose=angle)
        p = np.einsum("lk,lkc->lc", lmk.bary[[13, 14]], v[head.faces[lmk.faces[[13, 14]]]])
        return p[0, 1] - p[1, 1]

    rest = pose(head, layer)
    p = np.einsum("lk,lkc->lc", lmk.bary[[13, 14]], rest[head.faces[lmk.faces[[13, 14]]]])
    closed = p[0, 1] - p[1, 1]
    assert gap({}) - closed > 25 * MM * share
    assert abs(gap({"mouthClose": share}) - closed) < 2 * MM


def test_upper_teeth_stay_and_lower_teeth_move_rigidly(head, layer):
    rest = pose(head, layer)
    opened = pose(head, layer, jaw_pose=[0.3, 0, 0])
    upper, lower = vertices_of(head, "teeth_upper"), vertices_of(head, "teeth_lower")
    assert np.linalg.norm(opened[upper] - rest[upper], axis=1).max() < 0.1 * MM
    spans = [np.linalg.norm(v[lower][:, None] - v[lower][None], axis=2) for v in (rest, opened)]
    np.testing.assert_allclose(spans[0], spans[1], atol=0.05 * MM)
    assert np.linalg.norm(opened[lower] - rest[lower], axis=1).min() > 6 * MM


def test_tongue_comes_out_between_the_lips(head, layer):
    out, tongue = pose(head, layer, {"tongueOut": 1}), vertices_of(head, "tongue")
    lmk = head.landmarks["mediapipe478"]
    lips = np.einsum("lk,lkc->lc", lmk.bary[[13, 14]], out[head.faces[lmk.faces[[13, 14]]]])
    tip = out[tongue[out[tongue, 2].argmax()]]
    assert tip[2] > lips[:, 2].max() + 5 * MM
    assert abs(tip[1] - lips[:, 1].mean()) < 8 * MM


def test_eyeballs_turn_about_their_centre_and_lids_follow(head, layer):
    rest = pose(head, layer)
    turned = pose(head, layer, leye_pose=[0.15, 0, 0])
    ball, other = vertices_of(head, "eye_left"), vertices_of(head, "eye_right")
    assert np.abs(turned[other] - rest[other]).max() < 1e-9
    centre = (head.J_regressor.astype(np.float64) @ head.v_template)[3]
    radius = [np.linalg.norm(v[ball] - centre, axis=1) for v in (rest, turned)]
    np.testing.assert_allclose(radius[0], radius[1], atol=0.02 * MM)
    lids = head.masks["eyelids"] > 0.5
    assert np.linalg.norm((turned - rest)[lids & (rest[:, 0] > 0)], axis=1).max() > 1 * MM


def test_expressions_do_not_move_joints(head):
    moved = np.einsum("jv,vce->jce", head.J_regressor, head.shapedirs[:, :, head.n_shape :])
    assert np.abs(moved).max() < 0.1 * MM


def test_priors_lie_inside_boxes(head):
    low, high = head.expression_bounds.T
    assert (low <= 0).all()
    assert (high > low).all()
    assert (head.expression_sigma > 0).all()
    assert (head.expression_sigma <= high - low).all()
    assert (head.shape_sigma > 0).all()
    assert (head.joint_bounds[..., 0] <= 0).all()
    assert (head.joint_bounds[..., 1] >= 0).all()
    for name, free in zip(head.expression_names, head.expression_free, strict=True):
        if name.startswith(("eyeLook", "jawOpen", "tongueOut", "mh:eye-")):
            assert not free, name


@pytest.mark.parametrize(("name", "count"), [("mediapipe478", 478), ("ibug68", 68)])
def test_landmarks_lie_on_the_mesh(head, name, count):
    lmk = head.landmarks[name]
    assert lmk.faces.shape == (count,)
    assert lmk.bary.min() >= -1e-9
    np.testing.assert_allclose(lmk.bary.sum(1), 1, atol=1e-9)
    hidden = head.region_ids("mouth", "teeth_upper", "teeth_lower", "tongue")
    assert not np.isin(head.face_regions[lmk.faces], hidden).any()


def test_mediapipe_embedding_is_symmetric(head):
    pairs, lmk = head.mirror_mediapipe478, head.landmarks["mediapipe478"]
    np.testing.assert_array_equal(pairs[pairs], np.arange(478))
    p = np.einsum("lk,lkc->lc", lmk.bary, head.v_template[head.faces[lmk.faces]])
    assert np.linalg.norm(p * [-1, 1, 1] - p[pairs], axis=1).max() < 0.5 * MM


def test_upper_lid_blinks_and_lips_open(head):
    """Known landmarks carry the motions they should."""
    lmk = head.landmarks["mediapipe478"]
    corners = head.faces[lmk.faces]
    column = head.n_shape + head.expression_index("eyeBlinkLeft")
    motion = np.einsum("lk,lkc->lc", lmk.bary, head.shapedirs[corners][..., column])
    assert motion[386, 1] < -7 * MM
    assert abs(motion[374, 1]) < 1.5 * MM
    jaw = np.einsum("lk,lk->l", lmk.bary, head.weights[corners][..., 2])
    # Inner lips from corner to corner: no point of one lip may sit on the other.
    assert jaw[[80, 81, 82, 13, 312, 311, 310]].max() < 0.35
    assert jaw[[88, 178, 87, 14, 317, 402, 318]].min() > 0.65


def test_albedo_is_a_colour(head):
    assert head.albedo_mean.min() >= 0
    assert head.albedo_mean.max() <= 1
    skin, lips = vertices_of(head, "skin"), vertices_of(head, "lips")
    ratio = head.albedo_mean[:, 0] / head.albedo_mean[:, 1]
    assert ratio[lips].mean() > ratio[skin].mean()
    assert head.albedo_mean[vertices_of(head, "teeth_upper")].min() > 0.6


def test_file_survives_a_round_trip(head, tmp_path):
    head.save(tmp_path / "again.npz")
    again = HeadModel.load(tmp_path / "again.npz")
    np.testing.assert_array_equal(again.shapedirs, head.shapedirs)
    np.testing.assert_array_equal(again.landmarks["ibug68"].faces, head.landmarks["ibug68"].faces)
