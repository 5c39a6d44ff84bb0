"""Painting: the path from warp to picture, guidance, files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor

from facegen.errors import ModelFileError, UsageError
from facegen.networks.autoencoder import FaceAutoencoder
from facegen.networks.blend import Trust
from facegen.networks.bridge import NOISE, BridgeScheduler, between, bridge_start
from facegen.networks.guidance import CHANNELS
from facegen.networks.precision import choose_precision
from facegen.networks.reenactor import Reenactor, load_reenactor, save_reenactor
from facegen.networks.unet import ReenactorUNet, adapted
from tests.networks.test_unet import maps


def networks() -> tuple[FaceAutoencoder, ReenactorUNet]:
    torch.manual_seed(0)
    autoencoder = FaceAutoencoder(widths=(8, 8), encoder_depth=(1, 1), decoder_depth=(1, 1))
    unet = ReenactorUNet(widths=(16, 32), attention=(1,), labels=12)
    for parameter in unet.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    return autoencoder, unet


@pytest.fixture(scope="module")
def painter() -> Reenactor:
    return Reenactor(*networks())


def noise(painter: Reenactor, count: int = 2, size: int = 64) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(count, *painter.noise_shape(size), generator=generator)


@settings(max_examples=10, deadline=None)
@given(steps=st.integers(1, 5), seed=st.integers(0, 99))
def test_the_true_velocity_leads_to_the_picture_in_any_number_of_steps(
    steps: int, seed: int
) -> None:
    picture, start = torch.randn(2, 3, 4, 8, 8, generator=torch.Generator().manual_seed(seed))
    scheduler = BridgeScheduler()
    sample = start
    sigmas = scheduler.set_steps(steps)
    torch.testing.assert_close(sigmas, torch.linspace(1, 1 / steps, steps))
    for sigma, time in zip(sigmas, scheduler.timesteps, strict=True):
        torch.testing.assert_close(
            sample, between(picture, start, sigma.expand(3)), atol=1e-5, rtol=1e-5
        )
        sample = scheduler.step(start - picture, time, sample, return_dict=False)[0]
    torch.testing.assert_close(sample, picture, atol=1e-5, rtol=1e-5)


def test_noise_falls_only_where_the_photo_shows_nothing() -> None:
    visibility = torch.ones(1, 1, 64, 64)
    visibility[..., 32:] = 0
    warped, chance = torch.randn(2, 1, 4, 8, 8)
    start = bridge_start(warped, visibility, chance)
    assert torch.equal(start[..., :4], warped[..., :4])
    torch.testing.assert_close(start[..., 4:], (warped + NOISE * chance)[..., 4:])


def test_a_start_from_noise_knows_nothing_of_the_warp() -> None:
    warped, chance = torch.randn(2, 1, 4, 8, 8)
    assert torch.equal(bridge_start(warped, torch.ones(1, 1, 64, 64), chance, "noise"), chance)
    autoencoder, unet = networks()
    blind = Reenactor(autoencoder, adapted(unet, tuple(CHANNELS), start="noise"))
    photo = blind.prepare(maps(1, 64)["warped"])
    first, other = (
        blind.paint(photo, maps(2, 64), noise=scale * noise(blind))["image"] for scale in (1, -1)
    )
    assert (first - other).abs().max() > 1e-2


def test_painting_is_repeatable_and_in_range(painter: Reenactor) -> None:
    photo = painter.prepare(maps(1, 64)["warped"])
    for steps in (1, 2):
        first = painter.paint(photo, maps(2, 64), noise=noise(painter), steps=steps)
        again = painter.paint(photo, maps(2, 64), noise=noise(painter), steps=steps)
        assert first["image"].shape == (2, 3, 64, 64) and first["image"].abs().max() <= 1
        for name in ("mask", "matte", "keep"):
            assert first[name].shape == (2, 1, 64, 64)
            assert first[name].min() >= 0 and first[name].max() <= 1
        assert all(torch.equal(first[name], again[name]) for name in first)


def test_a_compiled_painter_paints_the_same() -> None:
    plain, compiled = Reenactor(*networks()), Reenactor(*networks())
    compiled.compile(backend="eager")
    results = [
        p.paint(p.prepare(maps(1, 64)["warped"]), maps(2, 64), noise=noise(p))["image"]
        for p in (plain, compiled)
    ]
    torch.testing.assert_close(*results, atol=1e-4, rtol=0)


def test_one_frame_is_painted_as_in_a_batch(painter: Reenactor) -> None:
    photo = painter.prepare(maps(1, 64)["warped"])
    both = painter.paint(photo, maps(2, 64), noise=noise(painter))
    second = {name: value[1:] for name, value in maps(2, 64).items()}
    alone = painter.paint(photo, second, noise=noise(painter)[1:])
    torch.testing.assert_close(alone["image"], both["image"][1:], atol=1e-4, rtol=0)


def test_guidance_extrapolates(painter: Reenactor) -> None:
    photo = painter.prepare(maps(1, 64)["warped"])

    def image(**scales: float) -> Tensor:
        return painter.paint(photo, maps(2, 64), noise=noise(painter), **scales)["image"]

    # Scale 0 is the network without the photo: another photo changes nothing.
    other = painter.prepare(maps(1, 64)["render"])
    without = painter.paint(other, maps(2, 64), noise=noise(painter), identity=0.0)["image"]
    torch.testing.assert_close(image(identity=0.0), without, atol=1e-4, rtol=0)
    assert (image(motion=3.0) - image()).abs().max() > 1e-4


def test_files_bring_the_same_painter_back(tmp_path: Path) -> None:
    autoencoder, unet = networks()
    save_reenactor(tmp_path, autoencoder, unet, torch.float32)
    read = load_reenactor(tmp_path, precision="fp32")
    whole = Reenactor(autoencoder, unet)
    results = [
        p.paint(p.prepare(maps(1, 64)["warped"]), maps(2, 64), noise=noise(p))["image"]
        for p in (whole, read)
    ]
    torch.testing.assert_close(*results, atol=1e-4, rtol=0)
    save_reenactor(tmp_path / "half", autoencoder, unet, torch.float16)
    assert load_reenactor(tmp_path / "half", precision="fp32").dtype == torch.float32
    assert load_reenactor(tmp_path / "half", precision="bf16").dtype == torch.bfloat16


def test_trust_travels_with_the_weights(tmp_path: Path) -> None:
    autoencoder, unet = networks()
    save_reenactor(tmp_path, autoencoder, unet, torch.float32, Trust(0.5, (0, 3)))
    read = load_reenactor(tmp_path, precision="fp32")
    assert read.trust == Trust(0.5, (0, 3))
    given = maps(2, 64)
    masks = [
        p.paint(p.prepare(given["warped"][:1]), given, noise=noise(p))["mask"]
        for p in (read, Reenactor(autoencoder, unet))
    ]
    torch.testing.assert_close(masks[0], masks[1] * read.trust(given["region"]))


def test_wrong_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="no reenactor weights"):
        load_reenactor(tmp_path)
    save_reenactor(tmp_path, *networks(), torch.float32)
    (tmp_path / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelFileError, match="unet"):
        load_reenactor(tmp_path)


def test_weights_of_another_layout_are_named(tmp_path: Path) -> None:
    autoencoder, unet = networks()
    save_reenactor(tmp_path, autoencoder, unet, torch.float32)
    file = tmp_path / "unet" / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    save_file({k: v for k, v in weights.items() if k != "velocity.bias"}, file)
    with pytest.raises(ModelFileError, match="missing keys: velocity.bias"):
        load_reenactor(tmp_path)
    save_file(weights | {"velocity.scale": torch.ones(1)}, file)
    with pytest.raises(ModelFileError, match="unexpected keys: velocity.scale"):
        load_reenactor(tmp_path)


def test_nothing_to_change_leaves_the_warped_photo(painter: Reenactor) -> None:
    """The networks' first guess is the warp itself, however much the autoencoder loses."""
    fresh = Reenactor(painter.autoencoder, ReenactorUNet(widths=(16, 32), attention=(1,)))
    given = maps(2, 64) | {"visibility": torch.ones(2, 1, 64, 64)}
    photo = fresh.prepare(given["warped"][:1])
    out = fresh.paint(photo, given, noise=noise(fresh))
    shown = given["warped"].clamp(-1, 1)
    error = (out["image"] - shown).abs().mean()
    copy = painter.autoencoder(given["warped"]).sample.clamp(-1, 1)
    assert error < 0.2 * (copy - shown).abs().mean()


def test_wrong_requests_are_refused(painter: Reenactor) -> None:
    photo = painter.prepare(maps(1, 64)["warped"])
    with pytest.raises(UsageError, match="--steps"):
        painter.paint(photo, maps(2, 64), noise=noise(painter), steps=0)
    with pytest.raises(UsageError, match="multiple of 64"):
        painter.noise_shape(100)
    with pytest.raises(UsageError, match="fp16"):
        choose_precision("fp16", "cpu")
