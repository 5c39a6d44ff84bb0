"""The crop as part of the model."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.errors import UsageError
from facegen.recognizer.crop import CropSpec
from facegen.recognizer.predict import crop_of
from tests.recognizer.faces import mesh

RGB = CropSpec(16, "box")


def at(matrix: np.ndarray, point: tuple[float, float]) -> np.ndarray:
    return matrix[:, :2] @ point + matrix[:, 2]


@given(st.floats(20, 200), st.floats(-0.6, 0.6), st.floats(0.5, 2))
def test_the_upright_square_holds_the_mesh_with_the_eyes_level(
    size: float, roll: float, margin: float
) -> None:
    points = mesh((150, 120), size, roll)
    matrix = CropSpec(64, "upright", margin).matrix(points, 300, 300)
    inside = points[:468, :2] @ matrix[:, :2].T + matrix[:, 2]
    assert inside.min() == pytest.approx(32 - 32 / margin, abs=0.01)
    assert inside.max() == pytest.approx(32 + 32 / margin, abs=0.01)
    eyes = points[[33, 263], :2] @ matrix[:, :2].T + matrix[:, 2]
    assert eyes[0, 1] == pytest.approx(eyes[1, 1], abs=1e-3)


def test_whole_takes_the_picture_and_a_margin_below_one_its_middle() -> None:
    matrix = CropSpec(10, "whole").matrix(None, 20, 40)
    assert np.allclose(at(matrix, (0, 0)), 0)
    assert np.allclose(at(matrix, (40, 20)), 10)
    tight = CropSpec(10, "whole", 0.5).matrix(None, 20, 40)
    assert np.allclose(at(tight, (10, 5)), 0)
    with pytest.raises(UsageError, match="landmarks"):
        RGB.matrix(None, 20, 40)


@settings(max_examples=20, deadline=None)
@given(st.floats(-3, 3), st.floats(-3, 3), st.sampled_from([0.4, 1.0, 2.5, 5.3]))
def test_a_ramp_is_sampled_where_the_matrix_says(x: float, y: float, step: float) -> None:
    """Averages of a linear picture are exact, so this pins half-integer centres and the filter."""
    rows, columns = np.mgrid[0:128, 0:128] + 0.5
    ramp = np.stack([columns, rows, rows + columns]) / 256
    spec = CropSpec(8)
    matrix = np.array([[1 / step, 0, 4 - (64 + x) / step], [0, 1 / step, 4 - (64 + y) / step]])
    got = spec.apply(torch.tensor(ramp)[None], matrix[None])[0].numpy()
    where = (np.arange(8) + 0.5 - 4) * step
    assert np.allclose(got[0], (64 + x + where)[None] / 256)
    assert np.allclose(got[1], (64 + y + where)[:, None] / 256)


def test_fine_stripes_become_their_mean_and_no_moire() -> None:
    stripes = torch.zeros(1, 3, 96, 96)
    stripes[..., ::2] = 1
    out = CropSpec(12).apply(stripes, CropSpec(12, "whole").matrix(None, 96, 96)[None])
    assert torch.allclose(out, torch.full_like(out, 0.5), atol=1e-6)


def test_faces_of_a_batch_do_not_change_each_other() -> None:
    images = torch.rand(2, 3, 60, 60)
    matrices = np.stack([RGB.matrix(mesh((30, 30), s), 60, 60) for s in (12, 50)])
    both = RGB.apply(images, matrices)
    for k in range(2):
        assert torch.equal(both[k : k + 1], RGB.apply(images[k : k + 1], matrices[k : k + 1]))


def test_gradients_reach_pixels_and_matrix() -> None:
    image = torch.rand(1, 3, 40, 40, dtype=torch.float64, requires_grad=True)
    matrix = torch.tensor(RGB.matrix(mesh((20.3, 19.6), 17), 40, 40)[None], requires_grad=True)
    small = CropSpec(4, "box")
    assert torch.autograd.gradcheck(
        lambda m: small.apply(image.detach(), m), (matrix * 0.25,), eps=1e-7
    )
    RGB.apply(image, matrix).square().sum().backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0
    assert matrix.grad is not None


def test_colour_order_grey_and_range() -> None:
    picture = torch.tensor([0.2, 0.4, 0.6])[:, None, None].expand(3, 2, 2)
    grey = CropSpec(2, channels="grey", mean=(0.5,), std=(0.5,)).normalise(picture)
    assert grey[0, 0, 0] == pytest.approx((0.2 * 0.299 + 0.4 * 0.587 + 0.6 * 0.114 - 0.5) / 0.5)
    bgr = CropSpec(2, channels="bgr").normalise(picture)
    assert bgr[:, 0, 0].tolist() == pytest.approx([0.6, 0.4, 0.2])


def test_a_crop_of_a_large_picture_looks_only_where_it_must() -> None:
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (200, 300, 3), np.uint8)
    points = mesh((250, 150), 60)
    whole = torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255
    expected = RGB.apply(whole, RGB.matrix(points, 200, 300)[None])[0]
    assert torch.allclose(crop_of(RGB, rgb, points), expected, atol=1e-5)


def test_cards_of_crops_survive_json_and_bad_ones_are_refused() -> None:
    spec = CropSpec(64, "upright", 1.2, "grey", (0.5,), (0.5,))
    assert CropSpec.from_dict(spec.to_dict()) == spec
    for bad in ({"size": 0}, {"channels": "grey"}, {"rule": "round"}, {"std": (0.0, 1, 1)}):
        with pytest.raises(UsageError, match="crop"):
            CropSpec(**{"size": 8, **bad})  # type: ignore[arg-type]
