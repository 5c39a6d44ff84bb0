"""Condition maps and light."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from facegen.errors import UsageError
from facegen.flame.camera import Camera
from facegen.flame.flow import ReferenceGeometry
from facegen.flame.lighting import (
    SH_FACTORS,
    default_light,
    directional_light,
    sh_basis,
    shade,
)
from facegen.flame.maps import DEPTH_PNG_UNIT, DEPTH_WINDOW, PICTURES, ConditionMaps, render_maps
from facegen.flame.model import HeadModel
from facegen.flame.skinning import HeadLayer

CAMERA = Camera.from_fov(96, 80)
MOVE = torch.tensor([[0, -0.05, -0.9]])


@pytest.fixture(scope="module")
def posed(head: HeadModel) -> torch.Tensor:
    turn = torch.tensor([[0.0, 0, 0], [0.1, 0.4, 0]])
    with torch.no_grad():
        return HeadLayer(head)(neck_pose=turn, transl=MOVE).vertices


@pytest.fixture(scope="module")
def maps(head: HeadModel, posed: torch.Tensor) -> ConditionMaps:
    return render_maps(
        head, posed, CAMERA, reference=ReferenceGeometry.build(head, posed[0], CAMERA)
    )


def test_shapes_ranges_and_emptiness(maps: ConditionMaps) -> None:
    assert len(maps) == 2
    assert maps.depth.shape == maps.alpha.shape == (2, 80, 96)
    assert maps.normal.shape == maps.render.shape == (2, 80, 96, 3)
    assert maps.regions.dtype == torch.uint8
    seen = maps.alpha > 0
    assert 0.2 < seen.float().mean() < 0.7
    assert torch.equal(maps.alpha.unique(), torch.tensor([0.0, 1.0]))
    assert (maps.depth[seen] > 0.5).all() and (maps.regions[seen] > 0).all()
    assert torch.allclose(maps.normal[seen].norm(dim=-1), torch.tensor(1.0), atol=1e-5)
    assert maps.normal[seen][:, 2].mean() > 0.4
    assert maps.render.min() >= 0 and maps.render.max() <= 1
    for name in ("depth", "normal", "render", "regions", "flow", "visibility"):
        assert (getattr(maps, name)[~seen] == 0).all(), name


@pytest.mark.parametrize("with_albedo", [False, True])
@pytest.mark.parametrize("kind", ["perspective", "orthographic"])
def test_compiled_and_torch_maps_are_twins(
    head: HeadModel, posed: torch.Tensor, kind: str, with_albedo: bool
) -> None:
    camera = CAMERA
    if kind == "orthographic":
        camera = dataclasses.replace(CAMERA, focal=CAMERA.focal / 0.9, kind=kind)
    albedo = None
    if with_albedo:
        albedo = torch.rand(head.n_vertices, 3, generator=torch.Generator().manual_seed(3))
    reference = ReferenceGeometry.build(head, posed[0], camera)
    a, b = (
        render_maps(head, posed, camera, albedo=albedo, reference=reference, backend=name)
        for name in ("numba", "torch")
    )
    same = (a.regions == b.regions) & ((a.depth - b.depth).abs() < 1e-5)
    assert same.float().mean() > 0.999
    for name, atol in {"normal": 1e-3, "render": 1e-3, "flow": 1e-2}.items():
        gap = (getattr(a, name) - getattr(b, name)).abs()[same]
        assert gap.max() < atol, name
    assert a.visibility is not None and b.visibility is not None
    assert ((a.visibility - b.visibility).abs() < 1e-3).float().mean() > 0.998


def test_batch_equals_singles(head: HeadModel, posed: torch.Tensor, maps: ConditionMaps) -> None:
    second = render_maps(head, posed[1:], CAMERA)
    assert second.flow is None and second.visibility is None
    for name in ("depth", "normal", "render", "regions", "alpha", "depth_centre"):
        assert torch.equal(getattr(second, name)[0], getattr(maps, name)[1]), name


def test_gradients_reach_the_vertices(tiny_head: HeadModel) -> None:
    vertices = torch.from_numpy(tiny_head.v_template)[None] + torch.tensor([0, 0, -0.7])
    vertices.requires_grad_()
    maps = render_maps(tiny_head, vertices, Camera.from_fov(24, 24))
    (maps.depth.sum() + maps.render.sum() + maps.normal.sum()).backward()
    assert vertices.grad is not None and vertices.grad.abs().sum() > 0
    assert vertices.grad.isfinite().all()


def test_pictures(maps: ConditionMaps) -> None:
    for name in PICTURES:
        picture = maps.picture(name, 1)
        assert picture.shape == (80, 96, 3) and picture.dtype == np.uint8
        assert picture.max() > 60
    seen = maps.alpha[0].numpy() > 0
    normal = maps.picture("normal")[seen].astype(float) / 255 * 2 - 1
    assert np.abs(normal - maps.normal[0].numpy()[seen]).max() < 2 / 255
    # A step in metres is the same step of grey anywhere in the window.
    grey = maps.picture("depth")[seen][:, 0] / 255
    expected = 0.5 - (maps.depth[0].numpy()[seen] - float(maps.depth_centre[0])) / DEPTH_WINDOW
    assert np.abs(grey - np.clip(expected, 0, 1)).max() < 3 / 510
    with pytest.raises(UsageError, match="no map 'colour'"):
        maps.picture("colour")
    with pytest.raises(UsageError, match="without a reference"):
        dataclasses.replace(maps, flow=None).picture("flow")


def test_saved_maps_come_back(maps: ConditionMaps, tmp_path: Path) -> None:
    maps.save(tmp_path / "new", 41)
    names = sorted(p.name for p in (tmp_path / "new").iterdir())
    assert names[:5] == [
        "000041.npz",
        "000041_depth.png",
        "000041_normal.png",
        "000041_regions.png",
        "000041_render.png",
    ]
    assert len(names) == 10
    depth = np.array(Image.open(tmp_path / "new" / "000042_depth.png"))
    assert depth.dtype.itemsize >= 2 and depth.shape == (80, 96)
    assert np.abs(depth * DEPTH_PNG_UNIT - maps.depth[1].numpy()).max() <= DEPTH_PNG_UNIT / 2 + 1e-7
    with np.load(tmp_path / "new" / "000042.npz", allow_pickle=False) as arrays:
        assert maps.flow is not None
        assert np.array_equal(arrays["flow"], maps.flow[1].numpy())
        assert np.array_equal(arrays["regions"], maps.regions[1].numpy())
        assert arrays["depth_centre"] == pytest.approx(float(maps.depth_centre[1]))


def test_wrong_head_is_refused(head: HeadModel) -> None:
    with pytest.raises(ValueError, match=r"expected \(B, \d+, 3\)"):
        render_maps(head, torch.zeros(1, 7, 3), CAMERA)


def test_harmonics_are_orthonormal_before_the_lobe() -> None:
    count = 20_000
    k = torch.arange(count) + 0.5
    z, turn = 1 - 2 * k / count, math.pi * (1 + 5**0.5) * k
    ring = (1 - z * z).sqrt()
    normals = torch.stack([ring * turn.cos(), ring * turn.sin(), z], -1).double()
    lobe = torch.tensor([1.0, *(2 * math.pi / 3,) * 3, *(math.pi / 4,) * 5], dtype=torch.float64)
    harmonics = sh_basis(normals) / lobe
    gram = 4 * math.pi / count * harmonics.T @ harmonics
    assert torch.allclose(gram, torch.eye(9, dtype=torch.float64), atol=2e-3)
    assert SH_FACTORS[0] == pytest.approx(0.28209, abs=1e-5)
    assert SH_FACTORS[1:4] == pytest.approx([1.02333] * 3, abs=1e-5)
    assert SH_FACTORS[4:] == pytest.approx([0.85809] * 3 + [0.42904, 0.24771], abs=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda d: sum(x * x for x in d) > 0.01))
def test_directional_light_is_brightest_towards_it(direction: tuple[float, float, float]) -> None:
    light = directional_light(direction, intensity=0.75, ambient=0.25)
    towards = torch.nn.functional.normalize(torch.tensor([direction]), dim=-1)
    assert shade(towards, 1.0, light)[0].tolist() == pytest.approx([1.0] * 3, abs=1e-4)
    # The second order leaves a little light on the far side: (1/4 - 1/2 + 5/16) / 1.0625.
    assert shade(-towards, 1.0, light)[0, 0] == pytest.approx(0.25 + 0.75 * 0.0588, abs=1e-3)


def test_one_light_per_frame() -> None:
    normals = torch.nn.functional.normalize(torch.randn(2, 3, 4, 3), dim=-1)
    light = torch.stack([default_light(), directional_light((1, 0, 0))])
    both = shade(normals, 0.5, light)
    assert torch.allclose(both[1], shade(normals[1], 0.5, light[1]), atol=1e-6)
