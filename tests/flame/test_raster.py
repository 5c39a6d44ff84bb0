"""Rasteriser: hand-made triangles, closed surfaces against their formulas, edge cases."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.errors import MissingExtraError, UsageError
from facegen.flame import raster
from facegen.flame.camera import Camera
from facegen.flame.normals import frame_normals, vertex_normals
from facegen.flame.raster import (
    Fragments,
    available_backends,
    interpolate,
    numba_backend,
    rasterize,
)
from tests.flame.meshes import sphere

BACKENDS = pytest.mark.parametrize("backend", available_backends())
TRIANGLE = torch.tensor([[0, 1, 2]])


def triangle(*corners: tuple[float, float, float]) -> torch.Tensor:
    return torch.tensor([corners], dtype=torch.float64)


@BACKENDS
def test_hand_computed_triangle(backend: str) -> None:
    # Front-facing: counter-clockwise with y up is (0, 4), (4, 4), (0, 0) with v down.
    screen = triangle((0, 4, 1.0), (4, 4, 1.0), (0, 0, 2.0))
    drawn = rasterize(screen, TRIANGLE, 4, 4, backend=backend)
    # Pixel centres with v >= u; the hypotenuse belongs to it, only pytorch3d leaves edges out.
    expected = torch.tril(torch.ones(4, 4), diagonal=-(backend == "pytorch3d")).bool()
    assert torch.equal(drawn.mask[0], expected)
    # At (0.5, 3.5) image weights are 0.75, 0.125, 0.125; 1/z blends linearly.
    inverse = 0.75 + 0.125 + 0.125 / 2
    assert drawn.depth[0, 3, 0] == pytest.approx(1 / inverse, rel=1e-6)
    wanted = [0.75 / inverse, 0.125 / inverse, 0.0625 / inverse]
    assert drawn.bary[0, 3, 0].tolist() == pytest.approx(wanted, rel=1e-6)
    flat = rasterize(screen, TRIANGLE, 4, 4, backend=backend, perspective=False)
    assert flat.depth[0, 3, 0] == pytest.approx(1.125)
    assert flat.bary[0, 3, 0].tolist() == pytest.approx([0.75, 0.125, 0.125])
    assert drawn.depth[0, 0, 3] == 0 and drawn.face[0, 0, 3] == -1
    assert drawn.face.dtype == torch.int32 and drawn.bary.dtype == torch.float32


@BACKENDS
def test_back_faces_are_culled_unless_asked_for(backend: str) -> None:
    screen = triangle((0, 0, 1.0), (4, 4, 1.0), (0, 4, 1.0))
    assert not rasterize(screen, TRIANGLE, 4, 4, backend=backend).mask.any()
    drawn = rasterize(screen, TRIANGLE, 4, 4, backend=backend, cull=False)
    assert drawn.mask.sum() == (6 if backend == "pytorch3d" else 10)
    assert torch.allclose(drawn.bary[drawn.mask].sum(-1), torch.tensor(1.0))


@BACKENDS
@pytest.mark.parametrize("kind", ["perspective", "orthographic"])
def test_sphere_area_depth_and_normal(backend: str, kind: str) -> None:
    radius, distance, width, height = 0.1, 0.8, 131, 97
    vertices, faces = sphere(96, radius)
    vertices = vertices + torch.tensor([0.01, -0.02, -distance])
    focal = 450.0 if kind == "perspective" else 400.0
    camera = Camera(focal, 61.3, 50.2, width, height, kind)
    perspective = kind == "perspective"
    drawn = rasterize(
        camera.project(vertices[None]),
        faces,
        height,
        width,
        backend=backend,
        perspective=perspective,
    )
    v, u = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    x, y = (u - camera.cx) / focal, (camera.cy - v) / focal
    if perspective:
        ray = torch.stack([x, y, -torch.ones_like(x)], -1).double()
        origin = torch.zeros_like(ray)
    else:
        ray = torch.tensor([0.0, 0.0, -1.0], dtype=torch.float64).expand(height, width, 3)
        origin = torch.stack([x, y, torch.zeros_like(x)], -1).double()
    centre = torch.tensor([0.01, -0.02, -distance], dtype=torch.float64)
    a, b = (ray * ray).sum(-1), (ray * (centre - origin)).sum(-1)
    inner = b * b - a * (((centre - origin) ** 2).sum(-1) - radius**2)
    depth = (b - inner.clamp_min(0).sqrt()) / a
    hit = inner > 0
    assert drawn.mask[0].sum().item() == pytest.approx(hit.sum().item(), rel=3e-3)
    # Off the rim, where a facet seen edge-on is far from the round surface.
    core = inner > 0.2 * inner.max()
    assert (drawn.depth[0] - depth)[core].abs().max() < 1e-4
    normal = interpolate(drawn, faces, vertex_normals(vertices[None], faces))[0]
    exact = (origin + ray * depth[..., None] - centre) / radius
    assert (normal - exact)[core].abs().max() < 1e-2
    # Watertight: seen from outside no back face and no gap.
    assert drawn.mask[0][inner > 0.02 * inner.max()].all()


@BACKENDS
def test_triangles_without_pixels(backend: str) -> None:
    nan, inf = math.nan, math.inf
    for screen in (
        triangle((-9, 4, 1.0), (-5, 4, 1.0), (-9, 0, 1.0)),  # left of the image
        triangle((0, 40, 1.0), (4, 40, 1.0), (0, 36, 1.0)),  # below
        triangle((0, 4, 1.0), (4, 4, -1.0), (0, 0, 2.0)),  # through the camera plane
        triangle((0, 4, 0.0), (4, 4, 1.0), (0, 0, 2.0)),
        triangle((nan, 4, 1.0), (4, 4, 1.0), (0, 0, 2.0)),
        triangle((0, 4, 1.0), (inf, 4, 1.0), (0, 0, 2.0)),
        triangle((0, 4, 1.0), (4, 4, nan), (0, 0, 2.0)),
        triangle((1, 1, 1.0), (2, 2, 1.0), (3, 3, 1.0)),  # edge-on
        triangle((0.6, 0.9, 1.0), (0.9, 0.9, 1.0), (0.6, 0.6, 1.0)),  # between pixel centres
    ):
        drawn = rasterize(screen, TRIANGLE, 4, 4, backend=backend)
        assert (drawn.face == -1).all() and (drawn.depth == 0).all() and (drawn.bary == 0).all()
    empty = rasterize(
        triangle((0, 4, 1.0), (4, 4, 1.0), (0, 0, 2.0)), TRIANGLE[:0], 3, 5, backend=backend
    )
    assert empty.face.shape == (1, 3, 5) and (empty.face == -1).all()


@BACKENDS
def test_huge_triangle_fills_the_image(backend: str) -> None:
    screen = triangle((-1e9, 1e9, 2.0), (1e9, 1e9, 2.0), (0, -3e9, 2.0))
    drawn = rasterize(screen, TRIANGLE, 65, 33, backend=backend)
    assert drawn.mask.all() and torch.allclose(drawn.depth, torch.tensor(2.0))


@BACKENDS
def test_nearer_wins_and_ties_go_to_the_lower_index(backend: str) -> None:
    if backend == "pytorch3d":
        pytest.skip("pytorch3d settles ties its own way")
    near, far = [(0, 4, 1.0), (4, 4, 1.0), (0, 0, 1.0)], [(0, 4, 2.0), (4, 4, 2.0), (0, 0, 2.0)]
    screen = torch.tensor([far + near + near])
    drawn = rasterize(screen, torch.arange(9).reshape(3, 3), 4, 4, backend=backend)
    assert set(drawn.face.unique().tolist()) == {-1, 1}


@BACKENDS
def test_batch_equals_singles(backend: str) -> None:
    vertices, faces = sphere(12)
    camera = Camera.from_fov(41, 23)
    offset = torch.tensor([[0, 0, -0.9], [0.05, 0.02, -0.6], [0, -0.1, -1.5]], dtype=torch.float64)
    screen = camera.project(vertices + offset[:, None])
    batch = rasterize(screen, faces, 23, 41, backend=backend)
    for i in range(3):
        single = rasterize(screen[i : i + 1], faces, 23, 41, backend=backend)
        for one, many in zip(single, batch, strict=True):
            assert torch.equal(one[0], many[i])


def test_threads_do_not_change_the_picture() -> None:
    vertices, faces = sphere(24)
    screen = Camera.from_fov(65, 51).project(vertices[None] + torch.tensor([0, 0, -0.7]))
    alone = rasterize(screen, faces, 51, 65, backend="numba")
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        together = rasterize(screen, faces, 51, 65, backend="numba")
    finally:
        torch.set_num_threads(before)
    for a, b in zip(alone, together, strict=True):
        assert torch.equal(a, b)


def test_a_band_of_rows_leaves_the_others_alone() -> None:
    """What makes threads safe: no task writes into the rows of another."""
    vertices, faces = sphere(8)
    screen = Camera.from_fov(20, 20).project(vertices.numpy() + np.array([0, 0, -0.6]))
    face, depth = np.full((20, 20), 7, np.int32), np.full((20, 20), np.inf, np.float32)
    numba_backend._draw(screen, faces.int().numpy(), True, True, 8, 12, face, depth)
    assert (np.delete(face, range(8, 12), 0) == 7).all() and (face[8:12] != 7).any()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 40))
def test_back_ends_agree_on_random_soups(seed: int, height: int, width: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    screen = torch.rand(1, 30, 3, generator=rng, dtype=torch.float64)
    screen = screen * torch.tensor([width * 2, height * 2, 1.0]) - torch.tensor(
        [width / 2, height / 2, 0.2]
    )
    faces = torch.randint(0, 30, (40, 3), generator=rng)
    a = rasterize(screen, faces, height, width, backend="numba")
    b = rasterize(screen, faces, height, width, backend="torch")
    assert (a.face != b.face).float().mean() <= 1e-3
    same = a.face == b.face
    assert torch.allclose(a.depth[same], b.depth[same], atol=1e-5)
    assert torch.allclose(a.bary[same], b.bary[same], atol=1e-4)


@BACKENDS
def test_gradients_reach_the_vertices(backend: str) -> None:
    vertices, faces = sphere(6)
    camera = Camera.from_fov(13, 11)
    # Off centre, so that no pixel lies on an edge, where a small step changes its triangle.
    offset = torch.tensor([0.0123, 0.0071, -0.8])
    screen = camera.project(vertices[None] + offset).requires_grad_()
    attributes = torch.rand(1, len(vertices), 2, dtype=torch.float64, requires_grad=True)
    for perspective in (True, False):

        def blended(s: torch.Tensor, a: torch.Tensor, flag: bool = perspective) -> tuple:
            drawn = rasterize(s, faces, 11, 13, backend=backend, perspective=flag)
            return interpolate(drawn, faces, a), drawn.depth

        assert torch.autograd.gradcheck(
            blended, (screen, attributes), eps=1e-7, atol=1e-5, fast_mode=True
        )


def test_interpolated_position_is_the_pixel_centre() -> None:
    vertices, faces = sphere(10)
    camera = Camera.from_fov(32, 32)
    points = vertices[None] + torch.tensor([0.01, 0, -0.5])
    drawn = rasterize(camera.project(points), faces, 32, 32)
    u, v, z = camera.project(interpolate(drawn, faces, points)[drawn.mask]).unbind(-1)
    _, row, column = torch.nonzero(drawn.mask, as_tuple=True)
    assert (u - column - 0.5).abs().max() < 1e-4 and (v - row - 0.5).abs().max() < 1e-4
    assert torch.allclose(z.float(), drawn.depth[drawn.mask], atol=1e-6)


def test_fused_path_equals_fragments_and_interpolation() -> None:
    vertices, faces = sphere(10)
    camera = Camera.from_fov(37, 29)
    screen = camera.project(vertices[None] + torch.tensor([0.01, 0, -0.6]))
    values = torch.rand(len(vertices), 5, generator=torch.Generator().manual_seed(1))
    drawn = rasterize(screen, faces, 29, 37)
    fused, face, depth = raster.rasterize_attributes(
        screen[0].numpy(), faces.numpy(), values.numpy(), 29, 37
    )
    assert np.array_equal(face, drawn.face[0].numpy())
    assert np.array_equal(depth, drawn.depth[0].numpy())
    expected = interpolate(drawn, faces, values[None])[0].numpy()
    assert np.allclose(fused, expected, atol=1e-6)


def test_normals_in_both_forms_and_their_gradient() -> None:
    vertices, faces = sphere(24)
    both = vertex_normals(vertices[None], faces)[0]
    assert np.allclose(both, frame_normals(vertices.numpy(), faces.numpy()), atol=1e-12)
    assert torch.allclose(both, vertices / 0.1, atol=0.03)
    alone = vertex_normals(torch.cat([vertices, torch.ones(1, 3)])[None], faces)[0, -1]
    assert (alone == 0).all()
    few, triangles = sphere(3)
    few = few[None].requires_grad_()
    assert torch.autograd.gradcheck(lambda p: vertex_normals(p, triangles), few)


def test_wrong_arguments_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = triangle((0, 4, 1.0), (4, 4, 1.0), (0, 0, 1.0))
    with pytest.raises(UsageError, match="no rasteriser 'opengl'"):
        rasterize(screen, TRIANGLE, 4, 4, backend="opengl")
    with pytest.raises(ValueError, match=r"expected \(B, V, 3\)"):
        rasterize(screen[0], TRIANGLE, 4, 4)
    monkeypatch.setattr(raster, "available_backends", lambda: ("torch",))
    with pytest.raises(MissingExtraError, match=r"facegen\[cuda\]"):
        rasterize(screen, TRIANGLE, 4, 4, backend="warp")


def test_mask_is_where_a_face_is() -> None:
    face = torch.tensor([[[-1, 0]]], dtype=torch.int32)
    assert Fragments(face, face, face).mask.tolist() == [[[False, True]]]


@pytest.mark.slow
def test_compiles_where_nothing_can_be_cached() -> None:
    """A folder below a file can never be made, whoever asks."""
    code = (
        "import torch; from facegen.flame.raster import rasterize as r;"
        "s = torch.tensor([[[0, 4, 1.], [4, 4, 1.], [0, 0, 1.]]]);"
        "assert r(s, torch.tensor([[0, 1, 2]]), 4, 4).mask.sum() == 10"
    )
    env = {**os.environ, "NUMBA_CACHE_DIR": os.devnull + "/none", "PYTHONPATH": os.getcwd()}  # noqa: PTH109
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
