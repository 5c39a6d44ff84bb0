"""Rectified flow from the warped photo to the picture, through diffusers' Euler scheduler."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import FlowMatchEulerDiscreteScheduler
from torch import Tensor

# Noise of places the photo says nothing about, in standard deviations of the latents. More of it
# stays visible after one step of a small network: at 0.5 hidden parts lose 0.3 dB.
NOISE = 0.1
STARTS = ("warp", "noise")


class BridgeScheduler(FlowMatchEulerDiscreteScheduler):  # type: ignore[misc]
    """Straight paths ``x(s) = (1 - s) picture + s start`` (Liu et al. 2022, rectified flow).

    The start is the warped photo's latent, with noise only as far as a place is hidden, so that
    one step is usable and more are better; after Liu et al. 2023, "I2SB", with straight paths.
    """

    def set_steps(self, count: int, device: torch.device | str = "cpu") -> Tensor:
        """Prepare ``count`` even steps from 1 to 0; returns the sigmas ``(count,)``."""
        euler: Any = super()
        euler.set_timesteps(sigmas=np.linspace(1, 1 / count, count).tolist(), device=device)
        sigmas: Tensor = self.__dict__["sigmas"]
        return sigmas[:-1]


def bridge_start(
    warped: Tensor, visibility: Tensor, noise: Tensor, start: str = STARTS[0]
) -> Tensor:
    """Where the path begins: ``(B, C, h, w)``.

    Args:
        warped: latent of the warped photo. visibility: ``(B, 1, S, S)`` 0..1.
        noise: standard normal, like ``warped``.
        start: ``warp``, or ``noise`` alone, which is there to be compared with.
    """
    if start == "noise":
        return noise
    factor = visibility.shape[-1] // warped.shape[-1]
    hidden = 1 - F.avg_pool2d(visibility, factor).to(warped.dtype)
    return warped + NOISE * hidden * noise


def between(picture: Tensor, start: Tensor, sigma: Tensor) -> Tensor:
    """The path's point at ``sigma (B,)``."""
    return torch.lerp(picture, start, sigma.to(picture.dtype).view(-1, 1, 1, 1))
