"""Soft silhouette."""

import numpy as np
import pytest
import torch

from facegen.flame.camera import Camera
from facegen.flame.raster import rasterize
from facegen.flame.silhouette import SoftSilhouette, mesh_edges
from tests.flame.meshes import plane, sphere

CAMERA = Camera.from_fov(48, 40)


def coverage(points: torch.Tensor, faces: torch.Tensor, width: float = 1.0) -> torch.Tensor:
    screen = CAMERA.project(points)
    drawn = rasterize(screen.detach(), faces, 40, 48)
    return SoftSilhouette(faces.numpy())(screen, drawn, width)


def test_edges_of_a_closed_mesh_have_two_sides() -> None:
    _, faces = sphere(6)
    edges, sides = mesh_edges(faces.numpy())
    assert len(edges) == len(faces) * 3 // 2
    assert (sides >= 0).all() and (sides[:, 0] != sides[:, 1]).all()
    corners = faces.numpy()[sides]
    assert (corners[:, 0, :, None] == edges[:, None]).any(1).all()
    assert (corners[:, 1, :, None] == edges[:, None]).any(1).all()
    _, square = plane(cells=2)
    assert (mesh_edges(square.numpy())[1] < 0).any(1).sum() == 8


def test_coverage_is_a_sigmoid_of_the_distance_to_a_circle() -> None:
    vertices, faces = sphere(64)
    soft = coverage(vertices[None] + torch.tensor([0, 0, -0.9]), faces)[0]
    v, u = torch.meshgrid(torch.arange(40) + 0.5, torch.arange(48) + 0.5, indexing="ij")
    radius = CAMERA.focal * 0.1 / (0.9**2 - 0.1**2) ** 0.5
    distance = radius - ((u - 24) ** 2 + (v - 20) ** 2).sqrt()
    near = distance.abs() < 3
    assert (soft - torch.sigmoid(distance))[near].abs().max() < 0.02
    assert (soft[distance > 6] == 1).all() and (soft[distance < -6] == 0).all()


def test_a_shifted_sphere_moves_back() -> None:
    vertices, faces = sphere(16)
    depth = torch.tensor([0, 0, -0.9])
    target = coverage(vertices[None] + depth, faces)
    shift = torch.tensor([0.012, -0.008, 0.03], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([shift], lr=2e-3)
    for _ in range(80):
        optimiser.zero_grad()
        loss = ((coverage(vertices[None] + depth + shift, faces) - target) ** 2).sum()
        loss.backward()
        optimiser.step()
    # A tenth of a pixel is 0.7 mm here; depth shows in the radius only.
    assert shift[:2].abs().max() < 7e-4
    assert shift[2].abs() < 6e-3


def test_gradient_matches_differences() -> None:
    vertices, faces = sphere(5)
    points = vertices[None] + torch.tensor([0.0023, 0.0041, -0.9])
    loss_weights = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 40, 48)))

    def loss(shift: torch.Tensor) -> torch.Tensor:
        return (coverage(points + shift, faces, 2.0) * loss_weights).sum()

    shift = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(loss, shift, eps=1e-7, rtol=1e-3)


@pytest.mark.parametrize("offset", [(0, 0, 0.5), (5.0, 0, -0.9)])
def test_nothing_to_see(offset: tuple[float, float, float]) -> None:
    vertices, faces = sphere(5)
    assert (coverage(vertices[None] + torch.tensor(offset), faces) == 0).all()
