"""Maps as the published weights know them."""

import pytest
import torch

from facegen.flame.camera import Camera
from facegen.flame.model import HeadModel
from facegen.networks.sd15.maps import portrait_maps, through_jpeg

SIZE = 64


@pytest.fixture(scope="module")
def maps(head: HeadModel) -> dict[str, torch.Tensor]:
    return portrait_maps(head, at_rest(head), Camera.from_fov(SIZE, SIZE))


def at_rest(head: HeadModel) -> torch.Tensor:
    centre = head.v_template.mean(0)
    return torch.from_numpy(head.v_template - centre).float() + torch.tensor([0.0, 0.0, -1.0])


def test_ranges_and_background(maps):
    for value in maps.values():
        assert value.shape == (3, SIZE, SIZE) and value.dtype == torch.float32
        assert value.min() >= 0 and value.max() <= 1
        assert not value[:, 0, 0].any(), "background"


def test_depth_is_stretched_over_all_vertices(head, maps):
    depth = maps["depth"]
    assert torch.equal(depth[0], depth[1]) and torch.equal(depth[0], depth[2])
    # The nose is nearest; the back of the head is the farthest, and never seen.
    assert 0.97 < depth.max() <= 1 and depth[depth > 0].min() > 0.2
    points = at_rest(head)
    u, v, _ = Camera.from_fov(SIZE, SIZE).project(points)[points[:, 2].argmax()].tolist()
    row, column = divmod(int(depth[0].argmax()), SIZE)
    assert abs(column + 0.5 - u) <= 1.5 and abs(row + 0.5 - v) <= 1.5


def test_distance_does_not_change_a_parallel_view(head):
    lens = Camera(250.0, SIZE / 2, SIZE / 2, SIZE, SIZE, kind="orthographic")
    points = at_rest(head)
    near, far = (portrait_maps(head, p, lens) for p in (points, points - torch.tensor([0, 0, 1.0])))
    for name, value in near.items():
        torch.testing.assert_close(value, far[name], rtol=0, atol=1e-4)


def test_normals_point_to_the_viewer_and_lose_their_negative_parts(maps):
    normal, seen = maps["normal"], maps["depth"][0] > 0
    assert normal[2][seen].mean() > 0.5
    columns = torch.arange(SIZE).expand(SIZE, SIZE)
    left, right = seen & (columns < SIZE // 2 - 8), seen & (columns > SIZE // 2 + 8)
    # x points to the picture's right: the picture's left half has lost it.
    assert normal[0][right].mean() > 10 * normal[0][left].mean()
    top = seen & (columns.T < SIZE // 2 - 16)
    assert normal[1][top].mean() > normal[1][seen & (columns.T > SIZE // 2 + 8)].mean()


def test_jpeg_is_lossy_but_near(maps):
    for value in maps.values():
        read = through_jpeg(value)
        assert read.shape == value.shape and not torch.equal(read, value)
        assert (read - value).abs().mean() < 0.03
