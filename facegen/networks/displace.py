"""A small displacement of the warped photo: texture goes where it belongs and stays sharp.

What a network repaints is an average of what it thinks possible. Where the fit was off by a pixel
or two, moving what is there loses nothing.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facegen.networks.blocks import conv3, zeroed

# No pixel is moved farther, share of the window's side: 4 pixels of 256.
REACH = 1 / 64
_WIDTH = 32
# Places of the field per latent and axis.
_FINE = 2


class DisplacementHead(nn.Module):
    """Features ``(B, width, h, w)`` to a backward displacement ``(B, 2, 2h, 2w)``; zero at first.

    Its unit is the window's side, x before y, and it lies within ``REACH``.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            conv3(width, _WIDTH),
            nn.SiLU(),
            zeroed(conv3(_WIDTH, 2 * _FINE * _FINE)),
            nn.PixelShuffle(_FINE),
        )

    def forward(self, features: Tensor) -> Tensor:
        return REACH * self.layers(features).tanh()


def enlarged(shift: Tensor, size: int) -> Tensor:
    """A field ``(B, 2, s, s)`` at every pixel of a window, ``(B, 2, size, size)`` float32."""
    wanted = (size, size)
    return F.interpolate(shift.float(), size=wanted, mode="bilinear", align_corners=False)


def displaced(picture: Tensor, shift: Tensor) -> Tensor:
    """A picture whose pixels were fetched from a little beside; edges repeat.

    Args:
        picture: ``(B, C, h, w)``, a window or a part of one.
        shift: ``(B, 2, h, w)`` in pixels, x before y. Zero gives the picture back.
    """
    height, width = picture.shape[-2:]
    rows = torch.arange(height, device=picture.device, dtype=torch.float32)
    cols = torch.arange(width, device=picture.device, dtype=torch.float32)
    x = (2 * (cols + shift[:, 0].float()) + 1) / width - 1
    y = (2 * (rows[:, None] + shift[:, 1].float()) + 1) / height - 1
    grid = torch.stack([x, y], -1)
    fetched = F.grid_sample(
        picture.float(), grid, mode="bicubic", padding_mode="border", align_corners=False
    )
    return fetched.to(picture.dtype)


def unevenness(shift: Tensor) -> Tensor:
    """Mean squared difference of neighbours of a field ``(B, 2, s, s)``, in its unit per window."""
    side = shift.shape[-1]
    across = (shift[..., 1:] - shift[..., :-1]).square().mean()
    down = (shift[..., 1:, :] - shift[..., :-1, :]).square().mean()
    return (across + down) * side * side
