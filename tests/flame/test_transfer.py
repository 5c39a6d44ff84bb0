"""Landmarks carried to a head of other shape and topology land where they belong."""

from dataclasses import replace

import numpy as np
import pytest

from facegen.errors import ModelFileError
from facegen.flame.transfer import (
    OUTSIDE,
    surface_points,
    transfer_landmarks,
    with_landmarks,
)


def remeshed(head, seed, scale):
    """Another person, turned and scaled, every third edge-fan flipped, teeth and mouth removed.

    Returns the head and the true places of the source's landmarks on it.
    """
    rng = np.random.default_rng(seed)
    betas = rng.normal(0, 0.7, head.n_shape) * head.shape_sigma
    shaped = head.v_template + head.shapedirs[:, :, : head.n_shape] @ betas
    a = 0.08
    turn = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    shaped = scale * shaped @ turn.T + (0.005, -0.01, 0.004)
    truth = {n: surface_points(e, head.faces, shaped) for n, e in head.landmarks.items()}
    keep = np.isin(head.face_regions, head.region_ids(*OUTSIDE, "eye_left", "eye_right"))
    faces, regions = head.faces[keep], head.face_regions[keep]
    # A vertex in the middle of every triangle: no vertex order or edge in common.
    centre = len(shaped) + np.arange(len(faces), dtype=np.int32)
    corners = (faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]])
    split = np.concatenate([np.column_stack([c, centre]) for c in corners])

    def extend(values):
        return np.concatenate([values, values[faces].mean(1)]).astype(np.float32)

    added = len(faces)
    target = replace(
        head,
        v_template=extend(shaped),
        shapedirs=extend(head.shapedirs),
        posedirs=extend(head.posedirs),
        weights=extend(head.weights),
        J_regressor=np.pad(head.J_regressor, ((0, 0), (0, added))),
        faces=split.astype(np.int32),
        face_regions=np.tile(regions, 3),
        landmarks={},
        masks={},
        uv=None,
        uv_faces=None,
    )
    return target, truth


@pytest.mark.parametrize(("seed", "scale"), [(0, 1.0), (1, 1.08)])
def test_landmarks_reach_their_places(head, seed, scale):
    target, truth = remeshed(head, seed, scale)
    transfer = transfer_landmarks(head, target)
    assert transfer.median_mm < 0.5
    for name, places in truth.items():
        found = surface_points(transfer.landmarks[name], target.faces, target.v_template)
        miss = 1000 * np.linalg.norm(found - places, axis=1)
        assert np.median(miss) < 0.6 and np.percentile(miss, 95) < 2.5


def test_iris_landmarks_stay_on_the_eyes(head):
    target, truth = remeshed(head, 0, 1.0)
    model, _ = with_landmarks(target, head)
    iris = model.landmarks["mediapipe478"].faces[468:]
    assert set(model.face_regions[iris]) == set(model.region_ids("eye_left", "eye_right"))
    for name in ("lips", "ears", "neck"):
        assert (model.face_regions == model.region_names.index(name)).any()
    assert model.masks.keys() == head.masks.keys()


def test_a_head_without_labels_or_landmarks_is_refused(head):
    with pytest.raises(ModelFileError, match="no landmarks"):
        transfer_landmarks(replace(head, landmarks={}), head)
    bare = replace(head, face_regions=np.zeros_like(head.face_regions))
    with pytest.raises(ModelFileError, match="labelled skin"):
        transfer_landmarks(head, bare)


def ict_face(dev_data, head):
    """ICT-FaceKit's neutral face (MIT) as a head: metres, skin and eyes labelled, no bases."""
    data = np.load(dev_data / "assets3d" / "ictfacekit_light_f16.npz", allow_pickle=False)
    vertices, quads = data["neutral"] / 100, data["faces"]
    material = np.tile(data["material_names"][data["face_material"]], 2)
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    label = np.zeros(len(faces), np.uint8)
    regions = {"M_Face": "skin", "M_BackHead": "skin"}
    regions |= {"M_ScleraLeft": "eye_left", "M_ScleraRight": "eye_right"}
    for name, region in regions.items():
        label[material == name] = head.region_names.index(region)
    keep = (faces >= 0).all(1) & (faces[:, 0] != faces[:, 2]) & (label > 0)
    faces, label = faces[keep].astype(np.int32), label[keep]
    eyes = [
        vertices[np.unique(faces[label == head.region_names.index(n)])].mean(0)
        for n in ("eye_left", "eye_right")
    ]
    joints = head.J_regressor @ head.v_template
    scale = np.linalg.norm(eyes[0] - eyes[1]) / np.linalg.norm(joints[3] - joints[4])
    joints = (joints - joints[3:].mean(0)) * scale + np.mean(eyes, 0)
    system = np.vstack([vertices.T, np.ones(len(vertices))])
    n = len(vertices)
    target = replace(
        head,
        v_template=vertices.astype(np.float32),
        shapedirs=np.zeros((n, 3, head.shapedirs.shape[2]), np.float32),
        posedirs=np.zeros((n, 3, 36), np.float32),
        weights=np.tile(np.eye(5, dtype=np.float32)[1], (n, 1)),
        J_regressor=np.hstack([joints, np.ones((5, 1))]) @ np.linalg.pinv(system).T,
        faces=faces,
        face_regions=label,
        landmarks={},
        masks={},
        uv=None,
        uv_faces=None,
    )
    return target, vertices[data["landmarks68"]]


def test_landmarks_agree_with_those_of_another_model(head, dev_data):
    """68 points that other people placed on another face: definitions differ by millimetres."""
    target, places = ict_face(dev_data, head)
    transfer = transfer_landmarks(head, target)
    found = surface_points(transfer.landmarks["ibug68"], target.faces, target.v_template)
    miss = 1000 * np.linalg.norm(found - places, axis=1)
    assert transfer.median_mm < 0.5
    # Not the jaw line: ICT's is a fixed curve, iBUG's the silhouette.
    assert np.median(miss[17:]) < 4
