"""Dense flow: identity, known motions, and the rules of visibility."""

import dataclasses
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.flame.camera import Camera
from facegen.flame.flow import ReferenceGeometry, face_groups, inter_ocular_distance, reproject
from facegen.flame.maps import render_maps
from facegen.flame.model import HeadModel
from facegen.flame.normals import vertex_normals
from facegen.flame.raster import rasterize
from facegen.flame.skinning import HeadLayer, rotation_matrices
from tests.flame.meshes import plane

CAMERA = Camera.from_fov(128, 112)


def pixel_centres(height: int, width: int) -> torch.Tensor:
    v, u = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    return torch.stack([u, v], -1)


def posed(head: HeadModel, **pose: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return HeadLayer(head)(transl=torch.tensor([[0, -0.05, -0.9]]), **pose).vertices


def plane_reference(
    vertices: torch.Tensor, faces: torch.Tensor, camera: Camera
) -> ReferenceGeometry:
    drawn = rasterize(
        camera.project(vertices[None]),
        faces,
        camera.height,
        camera.width,
        perspective=camera.kind == "perspective",
    )
    return ReferenceGeometry(
        camera=camera,
        vertices=vertices,
        normals=vertex_normals(vertices[None], faces)[0],
        depth=drawn.depth[0],
        groups=drawn.mask[0].to(torch.uint8),
        face_groups=torch.ones(len(faces), dtype=torch.uint8),
        tolerance=0.004,
    )


@pytest.mark.parametrize("backend", ["numba", "torch"])
@pytest.mark.parametrize("size", [(128, 112), (512, 512)])
def test_flow_is_the_identity_when_nothing_moves(
    head: HeadModel, backend: str, size: tuple[int, int]
) -> None:
    camera = Camera.from_fov(*size)
    vertices = posed(head, jaw_pose=torch.tensor([[0.2, 0, 0]]))
    reference = ReferenceGeometry.build(head, vertices, camera)
    maps = render_maps(head, vertices, camera, reference=reference, backend=backend)
    assert maps.flow is not None and maps.visibility is not None
    seen = maps.alpha[0] > 0
    gap = (maps.flow[0] - pixel_centres(size[1], size[0]))[seen].abs()
    assert gap.max() < 1e-3
    facing = seen & (maps.normal[0, ..., 2] > 0.4)
    assert (maps.visibility[0][facing] > 0.99).float().mean() > 0.999


@settings(max_examples=20, deadline=None)
@given(
    st.tuples(*[st.floats(-0.5, 0.5)] * 3),
    st.tuples(st.floats(-0.04, 0.04), st.floats(-0.04, 0.04), st.floats(-0.2, 0.2)),
    st.sampled_from(["perspective", "orthographic"]),
)
def test_flow_of_a_moved_plane(
    turn: tuple[float, float, float], move: tuple[float, float, float], kind: str
) -> None:
    """Against the intersection of each pixel's ray with the moved plane."""
    vertices, faces = plane()
    focal = 180.0 if kind == "perspective" else 220.0
    camera = Camera(focal, 30.5, 28.0, 64, 56, kind)
    still = vertices + torch.tensor([0, 0, -0.8])
    rotation = rotation_matrices(torch.tensor(turn, dtype=torch.float64))
    centre = torch.tensor(move, dtype=torch.float64) + torch.tensor([0, 0, -0.8])
    moved = vertices @ rotation.T + centre
    drawn = rasterize(camera.project(moved[None]), faces, 56, 64, perspective=kind == "perspective")
    flow, _ = reproject(plane_reference(still, faces, camera), drawn, faces)
    u, v = pixel_centres(56, 64).double().unbind(-1)
    x, y = (u - camera.cx) / focal, (camera.cy - v) / focal
    if kind == "perspective":
        origin, ray = torch.zeros(56, 64, 3).double(), torch.stack([x, y, -torch.ones_like(x)], -1)
    else:
        origin, ray = torch.stack([x, y, 0 * x], -1), torch.tensor([0, 0, -1.0]).double()
    normal = rotation[:, 2]
    reach = ((centre - origin) @ normal) / (ray @ normal)
    on_plane = (origin + reach[..., None] * ray - centre) @ rotation
    expected = camera.project(on_plane + torch.tensor([0, 0, -0.8]))[..., :2]
    seen = drawn.mask[0]
    assert seen.any()
    assert (flow[0] - expected)[seen].abs().max() < 1e-3


def test_flow_in_double_precision_carries_gradients() -> None:
    vertices, faces = plane()
    camera = Camera.from_fov(16, 16)
    still = vertices + torch.tensor([0.0013, 0.0021, -0.8])
    reference = plane_reference(still, faces, camera)

    def flow(points: torch.Tensor) -> torch.Tensor:
        drawn = rasterize(camera.project(points), faces, 16, 16)
        return reproject(reference, drawn, faces)[0]

    moved = (still + torch.tensor([0.003, -0.002, 0.01]))[None].requires_grad_()
    assert torch.autograd.gradcheck(flow, moved, eps=1e-7, atol=1e-3, fast_mode=True)
    seen = reference.groups > 0
    gap = (flow(still[None].requires_grad_())[0] - pixel_centres(16, 16))[seen]
    assert seen.sum() > 50 and gap.abs().max() < 1e-9


def test_hidden_side_is_not_visible(head: HeadModel) -> None:
    """A reference turned to one side shows one half of the face."""
    reference = ReferenceGeometry.build(
        head, posed(head, neck_pose=torch.tensor([[0, math.radians(60), 0]])), CAMERA
    )
    maps = render_maps(head, posed(head), CAMERA, reference=reference)
    assert maps.visibility is not None
    face = (maps.regions[0] == head.region_names.index("skin")) & (maps.normal[0, ..., 2] > 0.3)
    columns = torch.arange(128).expand(112, 128)
    # Turned to the subject's left: the picture shows the subject's right cheek, on the left here.
    right_cheek = maps.visibility[0][face & (columns < 56)].mean()
    left_cheek = maps.visibility[0][face & (columns > 72)].mean()
    assert right_cheek > 0.7 and left_cheek < 0.3


def test_mouth_interior_comes_only_from_an_open_mouth(head: HeadModel) -> None:
    opened = posed(head, jaw_pose=torch.tensor([[0.35, 0, 0]]))
    inside = head.region_ids("mouth", "teeth_upper", "teeth_lower", "tongue")
    shares = []
    for source in (posed(head), opened):
        reference = ReferenceGeometry.build(head, source, CAMERA)
        maps = render_maps(head, opened, CAMERA, reference=reference)
        assert maps.visibility is not None
        mouth = torch.isin(maps.regions[0], torch.tensor(inside, dtype=torch.uint8))
        assert mouth.sum() > 20
        shares.append(float((maps.visibility[0][mouth] > 0).float().mean()))
    assert shares[0] < 0.05 and shares[1] > 0.6


@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_colour_stays_in_its_group(head: HeadModel, backend: str) -> None:
    """Where the reference shows an eye, only the same eye may take its colour."""
    vertices = posed(head)
    reference = ReferenceGeometry.build(head, vertices, CAMERA)
    eye = dataclasses.replace(reference, groups=torch.full_like(reference.groups, 3))
    maps = render_maps(head, vertices, CAMERA, reference=eye, backend=backend)
    assert maps.visibility is not None
    taken = maps.regions[maps.visibility > 0]
    assert taken.unique().tolist() == list(head.region_ids("eye_left"))


@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_source_outside_the_picture_is_not_visible(head: HeadModel, backend: str) -> None:
    vertices = posed(head)
    left_half = dataclasses.replace(CAMERA, width=64)
    reference = ReferenceGeometry.build(head, vertices, left_half)
    maps = render_maps(head, vertices, CAMERA, reference=reference, backend=backend)
    assert maps.visibility is not None and maps.flow is not None
    assert (maps.visibility[0, :, 64:] == 0).all()
    assert maps.visibility[0, :, :64].max() == 1
    assert maps.flow[0].max() > 64


def test_groups_and_eye_distance(head: HeadModel, tiny_head: HeadModel) -> None:
    groups = face_groups(head)
    for name, group in {"skin": 1, "lips": 1, "tongue": 2, "eye_left": 3, "eye_right": 4}.items():
        assert (groups[head.face_regions == head.region_names.index(name)] == group).all()
    assert groups.min() >= 1
    template = torch.from_numpy(head.v_template)
    assert 0.05 < inter_ocular_distance(head, template) < 0.075
    bare = dataclasses.replace(tiny_head, landmarks={})
    assert inter_ocular_distance(bare, torch.from_numpy(bare.v_template)) == 0.062
