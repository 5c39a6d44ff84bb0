"""The UNet: begins as the warp, hears its switches, takes any size."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from facegen.errors import UsageError
from facegen.networks.attention import Attention
from facegen.networks.guidance import CHANNELS
from facegen.networks.unet import ReenactorUNet, Switches, UNetOutput

SMALL = {"latent_channels": 4, "widths": (16, 32, 32), "attention": (1, 2), "labels": 12}


def maps(count: int, size: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(size)

    def noise(channels: int) -> Tensor:
        return torch.rand(count, channels, size, size, generator=generator)

    return {
        "warped": 2 * noise(3) - 1, "visibility": noise(1), "moved": noise(1), "depth": noise(1),
        "normal": 2 * noise(3) - 1, "render": noise(3), "region": (noise(1)[:, 0] * 12).long(),
    }  # fmt: skip


def latent(count: int, size: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 4, size // 8, size // 8, generator=generator)


@pytest.fixture(scope="module")
def busy() -> ReenactorUNet:
    """A network whose every branch does something."""
    torch.manual_seed(0)
    network = ReenactorUNet(**SMALL)
    for parameter in network.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return network.requires_grad_(False)


def run(network: ReenactorUNet, count: int = 2, size: int = 64, **changes: object) -> UNetOutput:
    settings = {
        "sample": latent(count, size, 1), "sigma": torch.full((count,), 0.7),
        "warped": latent(count, size, 2), "maps": maps(count, size),
        "references": network.remember(latent(1, size, 3)), **changes,
    }  # fmt: skip
    return network(**settings)


def test_a_fresh_network_leaves_the_warp_as_it_is() -> None:
    out = run(ReenactorUNet(**SMALL))
    given = maps(2, 64)
    assert not out.velocity.any()
    torch.testing.assert_close(out.blend.sigmoid() > 0.5, given["visibility"] < 0.5)
    clipped = given["moved"].clamp(0.02, 0.98)
    torch.testing.assert_close(out.matte.sigmoid(), clipped, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [32, 64, 96])
def test_size_is_free(busy: ReenactorUNet, size: int) -> None:
    out = run(busy, size=size)
    assert out.velocity.shape == (2, 4, size // 8, size // 8)
    assert out.blend.shape == out.matte.shape == (2, 1, size, size)


def test_samples_of_a_batch_do_not_mix(busy: ReenactorUNet) -> None:
    whole = run(busy, count=2)
    first = run(
        busy, count=1, sample=latent(2, 64, 1)[:1], warped=latent(2, 64, 2)[:1],
        maps={name: value[:1] for name, value in maps(2, 64).items()},
    )  # fmt: skip
    torch.testing.assert_close(first.velocity, whole.velocity[:1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["depth", "normal", "render", "region"])
def test_hidden_motion_makes_the_heads_maps_silent(busy: ReenactorUNet, name: str) -> None:
    other = maps(2, 64)
    other[name] = other[name].flip(-1)
    assert (run(busy).velocity - run(busy, maps=other).velocity).abs().max() > 1e-4
    off = Switches(motion=torch.zeros(2))
    hidden = [run(busy, maps=m, switches=off).velocity for m in (maps(2, 64), other)]
    assert torch.equal(*hidden)


def test_hidden_identity_makes_the_photo_silent(busy: ReenactorUNet) -> None:
    other = busy.remember(latent(1, 64, 9))
    assert (run(busy).velocity - run(busy, references=other).velocity).abs().max() > 1e-4
    off = Switches(identity=torch.zeros(2))
    assert torch.equal(
        run(busy, switches=off).velocity, run(busy, references=other, switches=off).velocity
    )


def test_switches_are_per_sample(busy: ReenactorUNet) -> None:
    mixed = run(busy, switches=Switches(motion=torch.tensor([1.0, 0.0])))
    torch.testing.assert_close(mixed.velocity[0], run(busy).velocity[0], atol=1e-5, rtol=1e-4)
    off = run(busy, switches=Switches(motion=torch.zeros(2)))
    torch.testing.assert_close(mixed.velocity[1], off.velocity[1], atol=1e-5, rtol=1e-4)


def test_the_photo_speaks_where_the_warp_is_hidden() -> None:
    """With the gate's constant at zero, a fully visible window does not look at the photo."""
    torch.manual_seed(1)
    network = ReenactorUNet(**SMALL)
    for name, parameter in network.named_parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
        if name.endswith("gate"):
            parameter.data[0] = 0
    seen = maps(2, 64) | {"visibility": torch.ones(2, 1, 64, 64)}
    photos = [network.remember(latent(1, 64, seed)) for seed in (3, 9)]
    got = [run(network, maps=seen, references=photo).velocity for photo in photos]
    assert torch.equal(*got)


@pytest.mark.parametrize("name", list(CHANNELS))
def test_a_group_can_be_left_out(name: str) -> None:
    groups = tuple(group for group in CHANNELS if group != name)
    network = ReenactorUNet(**SMALL, groups=groups)
    assert name not in network.guidance.encoders
    assert run(network).velocity.shape == (2, 4, 8, 8)


def test_sliced_attention_equals_the_fused_one() -> None:
    query, key, value = torch.randn(3, 2, 2, 1500, 8).unbind(0)
    fused = Attention("sdpa")(query, key[:, :, :700], value[:, :, :700])
    sliced = Attention("sliced")(query, key[:, :, :700], value[:, :, :700])
    torch.testing.assert_close(sliced, fused, atol=1e-5, rtol=1e-4)


def test_short_memory_is_met_with_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    query, key, value = torch.randn(3, 1, 2, 1500, 8).unbind(0)
    whole = Attention("sdpa")(query, key, value)
    fused = F.scaled_dot_product_attention

    def small_only(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        if query.shape[2] > 1024:
            raise torch.OutOfMemoryError("no more")
        return fused(query, key, value)

    monkeypatch.setattr(F, "scaled_dot_product_attention", small_only)
    torch.testing.assert_close(Attention()(query, key, value), whole, atol=1e-5, rtol=1e-4)
    with pytest.raises(torch.OutOfMemoryError):
        Attention("sdpa")(query, key, value)


def test_an_unknown_kernel_is_refused() -> None:
    with pytest.raises(UsageError, match="choose from"):
        Attention("flash9")
