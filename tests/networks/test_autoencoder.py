"""The autoencoder: JPEG-like before training, exact in tiles, whole after saving."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from facegen.networks.autoencoder import FaceAutoencoder
from facegen.networks.blocks import cosine_patches, zigzag
from facegen.training.losses import psnr


@pytest.fixture(scope="module")
def network() -> FaceAutoencoder:
    """Small, with every layer at work: fresh ones start at zero."""
    torch.manual_seed(0)
    small = FaceAutoencoder(widths=(8, 16), encoder_depth=(1, 1), decoder_depth=(1, 2))
    for parameter in small.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    return small.requires_grad_(False)


def smooth(height: int, width: int) -> Tensor:
    y, x = torch.linspace(0, 5, height)[:, None], torch.linspace(0, 4, width)
    return torch.stack([(x + y).sin(), (x - y).cos(), (x * 0.5).sin() * y.cos()])[None] * 0.8


def test_patches_are_orthonormal_and_low_frequencies_come_first() -> None:
    rows = cosine_patches(8, 10, 3).flatten(1)
    torch.testing.assert_close(rows @ rows.T, torch.eye(16), atol=1e-5, rtol=0)
    assert zigzag(8)[:3] == [(0, 0), (0, 1), (1, 0)]
    grey = cosine_patches(8, 1, 0).flatten()
    torch.testing.assert_close(grey, torch.full((192,), 192**-0.5))


def test_untrained_it_is_a_coarse_jpeg() -> None:
    picture = smooth(64, 64)
    with torch.inference_mode():
        assert float(psnr(FaceAutoencoder()(picture).sample, picture)) > 35


@settings(max_examples=8, deadline=None)
@given(height=st.integers(9, 40), width=st.integers(9, 40))
def test_any_size_comes_back(network: FaceAutoencoder, height: int, width: int) -> None:
    picture = smooth(height, width)
    latents = network.encode(picture).latents
    assert latents.shape == (1, 16, -(-height // 8), -(-width // 8))
    assert network(picture).sample.shape == picture.shape


@pytest.mark.parametrize("tile", [5, 16, 100])
def test_tiles_equal_the_whole(network: FaceAutoencoder, tile: int) -> None:
    latents = torch.randn(2, 16, 37, 22, generator=torch.Generator().manual_seed(1))
    whole = network.decode(latents).sample
    torch.testing.assert_close(network.decode_tiled(latents, tile), whole, atol=2e-5, rtol=0)


def test_half_precision_is_close(network: FaceAutoencoder) -> None:
    picture = smooth(64, 64)
    half = FaceAutoencoder.from_config(network.config)
    half.load_state_dict(network.state_dict())
    torch.nn.Module.to(half, torch.bfloat16)
    got = half(picture.bfloat16()).sample.float()
    assert float(psnr(got, network(picture).sample)) > 30


def test_statistics_normalise_and_travel_with_the_file(
    network: FaceAutoencoder, tmp_path: Path
) -> None:
    picture = smooth(64, 64)
    plain = network.encode(picture).latents
    copy = FaceAutoencoder.from_config(network.config)
    copy.load_state_dict(network.state_dict())
    copy.set_statistics([0.5] * 16, [2.0] * 16)
    copy.save_pretrained(tmp_path)
    read = FaceAutoencoder.from_pretrained(tmp_path)
    with torch.inference_mode():
        torch.testing.assert_close(read.encode(picture).latents, (plain - 0.5) / 2)
        torch.testing.assert_close(read(picture).sample, network(picture).sample, atol=1e-5, rtol=0)
