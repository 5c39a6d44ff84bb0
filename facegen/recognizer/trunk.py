"""Trunks of the recognizer: the small own one, and any vision model of transformers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from facegen._optional import require
from facegen.errors import UsageError

# Added to the contrast, so that an empty picture does not become noise.
_DARK = 0.05


class OwnTrunk(nn.Module):
    """Residual convolutions at 1/4, 1/8 and, for larger pictures, 1/16 of the side.

    Dense 3 x 3 kernels on few channels: on a CPU with matrix units they are quicker than the
    depthwise ones of mobile networks.

    Args:
        channels: of the input. width: channels at 1/2 of the side.
        stages: number of halvings after the first, each doubling the channels up to 4 x width.
    """

    def __init__(self, channels: int, width: int, stages: int = 2) -> None:
        super().__init__()
        layers: list[nn.Module] = [_convolution(channels, width, stride=2, kernel=5)]
        have = width
        for _ in range(stages):
            want = min(2 * have, 4 * width)
            layers += [_convolution(have, want, stride=2), _Residual(want)]
            have = want
        self.layers = nn.Sequential(*layers)
        self.out = have

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, out, h, w)`` of pictures ``(B, C, S, S)``; each is brought to one light."""
        spread, middle = torch.std_mean(x, (1, 2, 3), keepdim=True)
        x = (x - middle) / (spread + _DARK)
        return self.layers(x.contiguous(memory_format=torch.channels_last))


class TransformersTrunk(nn.Module):
    """A vision model of transformers with fresh weights.

    Args:
        channels: of our crops; grey is repeated where the model wants colour.
        model_type: as in ``transformers.AutoConfig``. options: of its configuration.

    Raises:
        MissingExtraError: transformers is not installed.
        UsageError: no such model, or not one of pictures.
    """

    def __init__(self, channels: int, model_type: str, options: dict[str, Any]) -> None:
        super().__init__()
        transformers = require("transformers", "audio")
        try:
            config = transformers.AutoConfig.for_model(model_type, **options)
            self.model = transformers.AutoModel.from_config(config)
            wanted = int(getattr(config, "num_channels", 3))
            self._repeat = wanted // channels
            sizes = getattr(config, "hidden_sizes", None)
            self.out = int(sizes[-1] if sizes else config.hidden_size)
        except (ValueError, AttributeError, TypeError, KeyError) as error:
            raise UsageError(f"no trunk {model_type!r} with {options}: {error}") from error

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, out, h, w)``; tokens stand in one column."""
        told = self.model(pixel_values=x.repeat(1, self._repeat, 1, 1)).last_hidden_state
        return told if told.dim() == 4 else told.transpose(1, 2)[..., None]


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _convolution(channels, channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.norm(self.second(self.first(x))))


def _convolution(have: int, want: int, *, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(have, want, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(want),
        nn.ReLU(),
    )
