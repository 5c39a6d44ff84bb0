"""Picture distances to train with; all compare ``(B, C, H, W)`` and may be weighted per pixel."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# Stabilisers of SSIM for values in 0..1 (Wang et al. 2004, equation 13).
_C1, _C2 = 0.01**2, 0.03**2
_SSIM_SIDE = 7


def weighted_mean(error: Tensor, weight: Tensor | None) -> Tensor:
    """Mean of ``error (B, C, H, W)``, by ``weight (B, 1, H, W)`` where given."""
    if weight is None:
        return error.mean()
    return (error * weight).sum() / (weight.sum() * error.shape[1]).clamp_min(1e-6)


def charbonnier(a: Tensor, b: Tensor, weight: Tensor | None = None, eps: float = 1e-3) -> Tensor:
    """Smooth absolute difference ``sqrt((a - b)^2 + eps^2)``."""
    return weighted_mean(((a - b).square() + eps * eps).sqrt(), weight)


def log_error(a: Tensor, b: Tensor, weight: Tensor | None = None, floor: float = 1e-4) -> Tensor:
    """Mean over the batch of the natural logarithm of each picture's squared error: minus PSNR.

    Every picture counts alike, however well it is shown already.
    """
    rows = zip(a, b, [None] * len(a) if weight is None else weight, strict=True)
    errors = [
        weighted_mean((x - y)[None].square(), None if w is None else w[None]) for x, y, w in rows
    ]
    return (torch.stack(errors) + floor).log().mean()


def laplacian(a: Tensor, b: Tensor, levels: int = 3, weight: Tensor | None = None) -> Tensor:
    """Absolute difference of Laplacian pyramids: edges and texture at every scale alike.

    The difference of the pyramids is the pyramid of the difference (it is linear); after
    Bojanowski et al. 2018, "Optimizing the latent space of generative networks", without their
    growing weight of coarse levels.
    """
    difference, total = a - b, a.new_zeros(())
    for _ in range(levels):
        small = F.avg_pool2d(difference, 2)
        detail = difference - F.interpolate(small, scale_factor=2, mode="bilinear")
        total = total + weighted_mean(detail.abs(), weight)
        difference = small
        weight = None if weight is None else F.avg_pool2d(weight, 2)
    return total / levels


def dissimilarity(a: Tensor, b: Tensor, weight: Tensor | None = None) -> Tensor:
    """1 - SSIM of pictures in -1..1, over flat 7 by 7 windows (Wang et al. 2004)."""
    x, y = a.float() / 2, b.float() / 2

    def local(value: Tensor) -> Tensor:
        return F.avg_pool2d(value, _SSIM_SIDE, stride=1, padding=_SSIM_SIDE // 2)

    # Moments about 0 of values in -0.5..0.5 stay exact enough in single precision.
    mx, my = local(x), local(y)
    vx, vy, cov = local(x * x) - mx * mx, local(y * y) - my * my, local(x * y) - mx * my
    light = (2 * (mx + 0.5) * (my + 0.5) + _C1) / ((mx + 0.5) ** 2 + (my + 0.5) ** 2 + _C1)
    structure = (2 * cov + _C2) / (vx + vy + _C2)
    return weighted_mean(1 - light * structure, weight)


def psnr(a: Tensor, b: Tensor, weight: Tensor | None = None) -> Tensor:
    """Peak signal-to-noise ratio in dB of pictures in -1..1 (clipped); one value a picture."""
    error = (a.clamp(-1, 1) - b.clamp(-1, 1)).square() / 4
    values = [
        weighted_mean(error[i : i + 1], None if weight is None else weight[i : i + 1])
        for i in range(len(error))
    ]
    return -10 * torch.stack(values).clamp_min(1e-10).log10()
