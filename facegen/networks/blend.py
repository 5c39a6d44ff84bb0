"""What becomes of a painted window: whose detail it has, and where it is taken."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

# Change of the photo, in its range -1..1, at which half of the paint is taken. The network's own
# error is of this size: where the warp changes less, it is the better guess of the two.
_CALM = 0.04
# Side of the square over which the change is judged, share of the window: a mouth and its corners.
_AROUND = 0.13
# Side of the square that softens the border of what is left to the warp, pixels; odd.
_SOFT = 5


@dataclass(frozen=True)
class Trust:
    """How far trained weights are believed, measured on clips of people they have not seen.

    Attributes:
        strength: 0..1, factor of the blend mask: less keeps more of the photo's sharpness.
        leave: region labels of the head where the warp's own drawing stays, such as an open mouth
            for weights that have seen few.
    """

    strength: float = 1.0
    leave: tuple[int, ...] = ()

    def __call__(self, region: Tensor) -> Tensor:
        """Factor ``(B, 1, S, S)`` of the blend mask for labels ``(B, S, S)``."""
        labels = torch.tensor(self.leave, dtype=torch.long, device=region.device)
        left = torch.isin(region.long(), labels).float()[:, None]
        soft = F.avg_pool2d(left, _SOFT, stride=1, padding=_SOFT // 2, count_include_pad=False)
        return self.strength * (1 - soft)


def detailed(painted: Tensor, known: Tensor, warped: Tensor, keep: Tensor) -> Tensor:
    """The painted picture with the fine detail that the autoencoder cannot carry.

    Where nothing is to be changed this is the warped photo itself, not a copy of a copy.

    Args:
        painted: decoded ``(B, 3, S, S)``. warped: the warped photo. known: that, encoded and
            decoded. keep: ``(B, 1, S, S)`` 0..1, where its detail holds.
    """
    return painted + keep * (warped - known)


def departure(warped: Tensor, photo: Tensor) -> Tensor:
    """How far a window has left the photo: 0 where it shows the same, near 1 where it changed.

    Both windows follow the head, so turning and expression count and travelling does not. A frame
    at rest is the photo, which no network draws as well.

    Args:
        warped: ``(B, 3, S, S)`` in -1..1. photo: the same, or one for all.

    Returns:
        ``(B, 1, S, S)`` in 0..1.
    """
    side = round(_AROUND * warped.shape[-1]) // 2 * 2 + 1
    change = (warped.float() - photo.float()).abs().mean(1, keepdim=True).square()
    change = _line_mean(_line_mean(change, side).mT, side).mT
    return change / (change + _CALM * _CALM)


def _line_mean(values: Tensor, side: int) -> Tensor:
    """Mean over ``side`` (odd) neighbours along the last axis, over fewer at its ends.

    From running sums: the cost does not grow with ``side``, as pooling's does.
    """
    count, reach = values.shape[-1], side // 2
    sums = F.pad(values, (reach + 1, reach)).cumsum(-1)
    total = sums[..., side:] - sums[..., :count]
    place = torch.arange(count, device=values.device)
    seen = (place + reach + 1).clamp(max=count) - (place - reach).clamp(min=0)
    return total / seen
