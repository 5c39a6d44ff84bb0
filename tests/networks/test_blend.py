"""Blending a painted window: kept detail, and frames at rest."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from facegen.networks.blend import Trust, departure, detailed


def test_detail_is_kept_where_it_is_asked_for() -> None:
    warped, known, painted = torch.rand(3, 2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    keep = torch.zeros(2, 1, 16, 16)
    keep[..., :8] = 1
    same = detailed(known, known, warped, keep)
    torch.testing.assert_close(same[..., :8], warped[..., :8])
    torch.testing.assert_close(same[..., 8:], known[..., 8:])
    change = detailed(painted, known, warped, keep) - same
    torch.testing.assert_close(change, painted - known)


def test_a_frame_at_rest_is_not_painted() -> None:
    photo = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    assert not departure(photo.expand(2, -1, -1, -1), photo).any()


def test_what_changed_is_painted_and_no_more() -> None:
    photo = torch.zeros(1, 3, 64, 64)
    warped = photo.clone()
    warped[..., 24:40, 24:40] = 0.5
    left = departure(warped, photo)
    assert left.shape == (1, 1, 64, 64) and left.max() > 0.95
    assert left[..., 30:34, 30:34].min() > 0.9 and left[..., :16, :].max() == 0
    assert (departure(2 * warped, photo) >= left).all()
    # One step of 8 bit values is no change.
    assert departure(photo + 2 / 255, photo).max() < 0.05


def test_trust_leaves_regions_and_weakens_the_rest() -> None:
    region = torch.zeros(1, 32, 32, dtype=torch.long)
    region[:, 8:24, 8:24] = 7
    factor = Trust(0.6, (7, 9))(region)
    torch.testing.assert_close(factor[..., 12:20, 12:20], torch.zeros(1, 1, 8, 8))
    torch.testing.assert_close(factor[..., :5, :], torch.full((1, 1, 5, 32), 0.6))
    assert torch.equal(Trust()(region), torch.ones(1, 1, 32, 32))


def test_departure_looks_around_like_a_square_mean() -> None:
    generator = torch.Generator().manual_seed(2)
    warped, photo = torch.rand(2, 1, 3, 50, 70, generator=generator)
    change = (warped - photo).abs().mean(1, keepdim=True).square()
    side = round(0.13 * 70) // 2 * 2 + 1
    mean = F.avg_pool2d(change, side, stride=1, padding=side // 2, count_include_pad=False)
    torch.testing.assert_close(departure(warped, photo), mean / (mean + 0.04**2))
