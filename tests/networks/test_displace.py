"""The displacement of the warped photo: bounded, nothing at first, true to its direction."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from facegen.errors import UsageError
from facegen.networks.blend import Trust
from facegen.networks.displace import REACH, DisplacementHead, displaced, enlarged, unevenness
from facegen.networks.guidance import CHANNELS
from facegen.networks.reenactor import Reenactor, load_reenactor, save_reenactor
from facegen.networks.unet import ReenactorUNet, adapted
from tests.networks.test_reenactor import networks, noise
from tests.networks.test_unet import SMALL, maps, run

ALL = tuple(CHANNELS)


def picture(size: int = 24) -> Tensor:
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1


def moving(seed: int = 3) -> ReenactorUNet:
    """A network whose displacement head does something."""
    _, unet = networks()
    unet = adapted(unet, ALL, displace=True)
    torch.manual_seed(seed)
    for parameter in unet.displacer.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return unet


def test_no_displacement_gives_the_picture_back() -> None:
    torch.testing.assert_close(displaced(picture(), torch.zeros(2, 2, 24, 24)), picture())


@settings(max_examples=10, deadline=None)
@given(x=st.integers(-3, 3), y=st.integers(-3, 3))
def test_whole_pixels_are_fetched_from_where_the_field_points(x: int, y: int) -> None:
    shift = torch.tensor([x, y], dtype=torch.float32).view(1, 2, 1, 1).expand(2, 2, 24, 24)
    moved = displaced(picture(), shift)
    expected = picture().roll((-y, -x), (2, 3))
    torch.testing.assert_close(moved[..., 4:-4, 4:-4], expected[..., 4:-4, 4:-4], atol=1e-4, rtol=0)


def test_the_field_is_bounded_however_loud_the_features() -> None:
    head = DisplacementHead(16)
    for parameter in head.parameters():
        parameter.data += 5 * torch.randn(
            parameter.shape, generator=torch.Generator().manual_seed(1)
        )
    shift = head(100 * torch.randn(2, 16, 8, 8))
    assert shift.shape == (2, 2, 16, 16)
    assert 0.9 * REACH < shift.abs().max() <= REACH
    assert enlarged(shift, 64).shape == (2, 2, 64, 64) and enlarged(shift, 64).abs().max() <= REACH


def test_gradients_reach_the_head_from_its_first_step() -> None:
    head = DisplacementHead(8)
    shift = 24 * enlarged(head(torch.randn(2, 8, 6, 6)), 24)
    assert not shift.any()
    (displaced(picture(), shift) - picture().roll(1, -1)).square().mean().backward()
    assert head.layers[2].weight.grad.abs().max() > 0


def test_a_shift_is_learned_from_pictures_alone() -> None:
    """Smooth pictures a pixel apart: descent finds the pixel."""
    smooth = torch.nn.functional.avg_pool2d(picture(32), 5, 1, 2)
    target = smooth.roll(1, -1)
    field = torch.zeros(2, 2, 1, 1, requires_grad=True)
    descent = torch.optim.Adam([field], lr=0.05)
    for _ in range(80):
        descent.zero_grad()
        moved = displaced(smooth, field.expand(2, 2, 32, 32))
        (moved - target)[..., 4:-4].square().mean().backward()
        descent.step()
    torch.testing.assert_close(field[:, 0], -torch.ones(2, 1, 1), atol=0.1, rtol=0)
    torch.testing.assert_close(field[:, 1], torch.zeros(2, 1, 1), atol=0.1, rtol=0)


def test_a_constant_field_is_even_and_a_rough_one_is_not() -> None:
    assert float(unevenness(torch.full((1, 2, 8, 8), 0.01))) == 0
    ramp = torch.linspace(0, 0.01, 8).expand(1, 2, 8, 8)
    step = torch.zeros(1, 2, 8, 8)
    step[..., 4:] = 0.01
    assert 0 < float(unevenness(ramp)) < float(unevenness(step))


def test_a_new_head_leaves_trained_weights_as_they_were() -> None:
    """Old weights in the new layout: every output is the old one, and the picture too."""
    autoencoder, old = networks()
    new = adapted(old, ALL, displace=True)
    assert old.displacer is None and new.displacer is not None
    given_maps = maps(2, 64)
    results = []
    for unet in (old, new):
        painter = Reenactor(autoencoder, unet)
        photo = painter.prepare(given_maps["warped"][:1])
        results.append(painter.paint(photo, given_maps, noise=noise(painter)))
    assert "shift" not in results[0] and not results[1]["shift"].any()
    for name, value in results[0].items():
        torch.testing.assert_close(results[1][name], value, atol=1e-5, rtol=0)


def test_hidden_groups_leave_and_the_rest_stays_trained() -> None:
    _, old = networks()
    new = adapted(old, tuple(g for g in ALL if g != "depth"), start="noise")
    assert "depth" not in new.guidance.encoders and new.config["start"] == "noise"
    known = old.state_dict()
    assert all(torch.equal(value, known[name]) for name, value in new.state_dict().items())


def test_a_layout_that_lacks_weights_is_refused() -> None:
    few = ReenactorUNet(**SMALL, groups=("warp",))
    with pytest.raises(UsageError, match=r"another layout \(guidance\.encoders\.depth"):
        adapted(few, ALL)


def test_files_bring_the_head_back(tmp_path: Path) -> None:
    autoencoder, _ = networks()
    unet = moving()
    save_reenactor(tmp_path, autoencoder, unet, torch.float32, Trust(move=0.5))
    read = load_reenactor(tmp_path, precision="fp32")
    whole, given_maps = Reenactor(autoencoder, unet), maps(2, 64)
    shifts = [
        p.paint(p.prepare(given_maps["warped"][:1]), given_maps, noise=noise(p))["shift"]
        for p in (read, whole)
    ]
    assert shifts[1].shape == (2, 2, 64, 64) and shifts[1].abs().max() > 0.1 * REACH
    torch.testing.assert_close(shifts[0], 0.5 * shifts[1], atol=1e-6, rtol=1e-4)


def test_a_photo_at_rest_is_not_displaced() -> None:
    painter = Reenactor(networks()[0], moving())
    one = {name: value[:1] for name, value in maps(2, 64).items()}
    out = painter.paint(painter.prepare(one["warped"]), one, noise=noise(painter, count=1))
    assert not out["shift"].any()


def test_a_network_without_the_warps_maps_does_not_see_it() -> None:
    torch.manual_seed(0)
    blind = ReenactorUNet(**SMALL, groups=tuple(g for g in ALL if g != "warp"))
    for parameter in blind.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    given_maps = maps(2, 64)
    other = given_maps | {"warped": given_maps["warped"].flip(-1)}
    shown = [run(blind, maps=m, warped=w) for m, w in (
        (given_maps, torch.zeros(2, 4, 8, 8)), (other, torch.ones(2, 4, 8, 8)),
    )]  # fmt: skip
    assert torch.equal(shown[0].velocity, shown[1].velocity)
