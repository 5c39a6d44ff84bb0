"""Picture distances against other implementations and their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from facegen.training.losses import charbonnier, dissimilarity, laplacian, log_error, psnr


def pictures(size: int = 32) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    a = torch.nn.functional.avg_pool2d(torch.rand(2, 3, size, size, generator=generator), 3, 1, 1)
    return 2 * a - 1, (2 * a - 1 + 0.2 * torch.randn(a.shape, generator=generator)).clamp(-1, 1)


def test_structure_agrees_with_scikit_image() -> None:
    skimage = pytest.importorskip("skimage.metrics")
    a, b = pictures()
    theirs = []
    for x, y in zip(a, b, strict=True):
        _, full = skimage.structural_similarity(
            (x.numpy() + 1) / 2, (y.numpy() + 1) / 2, channel_axis=0, data_range=1.0,
            use_sample_covariance=False, win_size=7, full=True,
        )  # fmt: skip
        theirs.append(full[:, 3:-3, 3:-3].mean())
    inner = torch.zeros(2, 1, 32, 32)
    inner[..., 3:-3, 3:-3] = 1
    assert 1 - float(dissimilarity(a, b, inner)) == pytest.approx(np.mean(theirs), abs=2e-4)


def test_distances_vanish_for_equal_pictures() -> None:
    a, b = pictures()
    assert float(laplacian(a, a)) == 0
    assert float(dissimilarity(a, a)) == pytest.approx(0, abs=1e-5)
    assert float(charbonnier(a, a)) == pytest.approx(1e-3)
    assert min(float(f(a, b)) for f in (laplacian, dissimilarity, charbonnier)) > 0.01


def test_the_pyramid_ignores_a_constant_and_sees_edges() -> None:
    a, _ = pictures()
    assert float(laplacian(a + 0.3, a)) == pytest.approx(0, abs=1e-6)
    edge = torch.zeros_like(a)
    edge[..., 15:] = 0.3
    assert float(laplacian(a + edge, a)) > 1e-3


def test_psnr_by_hand_and_by_region() -> None:
    a = torch.zeros(1, 3, 8, 8)
    b = a.clone()
    b[..., :4] = 0.2  # mean square 0.01 of the range 0..1 on the left half
    assert float(psnr(a, b)) == pytest.approx(-10 * np.log10(0.005), abs=1e-4)
    left = torch.zeros(1, 1, 8, 8)
    left[..., :4] = 1
    assert float(psnr(a, b, left)) == pytest.approx(20, abs=1e-4)
    assert float(psnr(a, b, 1 - left)) == pytest.approx(100)


def test_weights_choose_pixels() -> None:
    a, b = pictures()
    half = torch.zeros(2, 1, 32, 32)
    half[..., :16] = 1
    mixed = torch.where(half.bool(), a, b)
    assert float(charbonnier(a, mixed, half)) == pytest.approx(1e-3)
    assert float(charbonnier(a, mixed, 1 - half)) > 0.05


def test_the_logarithm_counts_pictures_alike() -> None:
    a = torch.zeros(2, 3, 8, 8)
    b = a.clone()
    b[0], b[1] = 0.1, 0.4
    by_hand = (np.log(0.01 + 1e-4) + np.log(0.16 + 1e-4)) / 2
    assert float(log_error(a, b)) == pytest.approx(by_hand, abs=1e-5)
    left = torch.zeros(2, 1, 8, 8)
    left[..., :4] = 1
    b[..., 4:] = 0.9
    assert float(log_error(a, b, left)) == pytest.approx(by_hand, abs=1e-5)
