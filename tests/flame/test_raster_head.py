"""All installed back ends on the head, and a few pixels whose values are known otherwise."""

import numpy as np
import pytest
import torch

from facegen.flame.camera import Camera
from facegen.flame.model import HeadModel
from facegen.flame.raster import available_backends, interpolate, rasterize
from facegen.flame.skinning import HeadLayer

POSES = torch.tensor([[0.0, 0, 0], [0.2, 0.6, -0.1], [-0.3, -1.2, 0.4]])

# (row, column): triangle, depth in metres, barycentrics; drawn once and checked by eye.
GOLDEN_AREA = 443
GOLDEN = {
    (16, 16): (57, 0.6113944, (0.01578, 0.08357, 0.90066)),
    (6, 15): (49, 0.6309481, (0.23275, 0.04307, 0.72418)),
    (20, 11): (57, 0.6258134, (0.87588, 0.05641, 0.0677)),
    (26, 19): (43, 0.6453391, (0.6819, 0.10086, 0.21724)),
}
GOLDEN_POSITION = [0.003369, -0.003369, -0.611394]


@pytest.fixture(scope="module")
def posed(head: HeadModel) -> torch.Tensor:
    """(3, V, 3): straight, half turned with an open mouth, profile."""
    jaw = torch.tensor([[0.0, 0, 0], [0.3, 0, 0], [0, 0, 0]])
    move = torch.tensor([[0, -0.05, -0.9]])
    with torch.no_grad():
        return HeadLayer(head)(neck_pose=POSES, jaw_pose=jaw, transl=move).vertices


@pytest.mark.parametrize("kind", ["perspective", "orthographic"])
@pytest.mark.parametrize("size", [(64, 64), (131, 97), (256, 320)])
def test_back_ends_agree(
    head: HeadModel, posed: torch.Tensor, size: tuple[int, int], kind: str
) -> None:
    height, width = size
    camera = Camera.from_fov(width, height)
    if kind == "orthographic":
        camera = Camera(camera.focal / 0.9, width / 2, height / 2, width, height, kind)
    screen, faces = camera.project(posed), torch.from_numpy(head.faces)
    perspective = kind == "perspective"
    base = rasterize(screen, faces, height, width, backend="torch", perspective=perspective)
    assert 0.2 < base.mask.float().mean() < 0.7
    for backend in available_backends():
        if backend == "pytorch3d" and height > 64:
            continue  # minutes on a CPU
        drawn = rasterize(screen, faces, height, width, backend=backend, perspective=perspective)
        same = drawn.face == base.face
        assert same.float().mean() >= 0.999, backend
        both = drawn.mask & base.mask
        assert (drawn.depth - base.depth)[both].abs().max() < 1e-4, backend
        assert (drawn.bary - base.bary)[same].abs().max() < 1e-3, backend


def test_landmarks_stand_where_the_camera_puts_them(head: HeadModel, posed: torch.Tensor) -> None:
    """The depth at a landmark's pixel is the landmark's, unless something nearer covers it."""
    camera = Camera.from_fov(512, 512)
    faces = torch.from_numpy(head.faces)
    drawn = rasterize(camera.project(posed[:1]), faces, 512, 512)
    marks = head.landmarks["mediapipe478"]
    corners = posed[0].numpy()[head.faces[marks.faces]]
    points = camera.project((corners * marks.bary[..., None]).sum(1))
    column, row = points[:, 0].astype(int), points[:, 1].astype(int)
    gap = points[:, 2] - drawn.depth[0].numpy()[row, column]
    # At the rim the pixel's centre may lie well behind the landmark.
    assert np.mean(gap < -2e-3) < 0.02
    assert np.mean(np.abs(gap) < 1e-3) > 0.9
    nose, iris = drawn.face[0, row[1], column[1]], drawn.face[0, row[468], column[468]]
    names = head.region_names
    assert names[head.face_regions[nose]] == "skin"
    assert names[head.face_regions[iris]] == "eye_right"
    assert points[1, 2] < drawn.depth[drawn.mask].mean()


def test_golden_pixels(tiny_head: HeadModel) -> None:
    camera = Camera.from_fov(32, 32)
    points = torch.from_numpy(tiny_head.v_template)[None] + torch.tensor([0.004, 0.002, -0.7])
    faces = torch.from_numpy(tiny_head.faces)
    drawn = rasterize(camera.project(points), faces, 32, 32)
    assert int(drawn.mask.sum()) == GOLDEN_AREA
    for (row, column), (face, depth, bary) in GOLDEN.items():
        assert int(drawn.face[0, row, column]) == face
        assert float(drawn.depth[0, row, column]) == pytest.approx(depth, abs=1e-6)
        assert drawn.bary[0, row, column].tolist() == pytest.approx(bary, abs=1e-4)
    position = interpolate(drawn, faces, points)[0, 16, 16]
    assert position.tolist() == pytest.approx(GOLDEN_POSITION, abs=1e-5)
