"""Sizes of the networks of the family."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facegen.errors import ModelFileError
from facegen.reading import read_json

# What this family never varies; a folder that says otherwise holds another network.
_FIXED = {
    "act_fn": "silu",
    "center_input_sample": False,
    "class_embed_type": None,
    "downsample_padding": 1,
    "dual_cross_attention": False,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "mid_block_scale_factor": 1,
    "only_cross_attention": False,
    "resnet_time_scale_shift": "default",
    "use_linear_projection": False,
}


@dataclass(frozen=True)
class UNetConfig:
    """The spatial network, Stable Diffusion 1.5's where not said otherwise.

    Attributes:
        channels: of the latents, in and out.
        widths: channels at each resolution; all but the last attend.
        layers: residual blocks on the way down at each resolution; one more on the way up.
        heads: of every attention. tokens: width of the prompt's tokens.
        groups, eps: of the group norms.
    """

    channels: int = 4
    widths: tuple[int, ...] = (320, 640, 1280, 1280)
    layers: int = 2
    heads: int = 8
    tokens: int = 768
    groups: int = 32
    eps: float = 1e-5

    @classmethod
    def read(cls, path: Path) -> UNetConfig:
        """From diffusers' ``unet/config.json``.

        Raises:
            ModelFileError: unreadable, or a network of another family.
        """
        try:
            raw: dict[str, Any] = read_json(path)
            config = cls(
                channels=int(raw["in_channels"]),
                widths=tuple(int(width) for width in raw["block_out_channels"]),
                layers=int(raw["layers_per_block"]),
                heads=int(raw["attention_head_dim"]),
                tokens=int(raw["cross_attention_dim"]),
                groups=int(raw["norm_num_groups"]),
                eps=float(raw["norm_eps"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelFileError(
                f"{path} is no UNet configuration of Stable Diffusion 1.5 "
                f"({type(error).__name__}: {error})"
            ) from error
        odd = [f"{k} {raw[k]}" for k, v in _FIXED.items() if k in raw and raw[k] != v]
        if odd or raw.get("out_channels", config.channels) != config.channels:
            what = odd[0] if odd else "out_channels"
            raise ModelFileError(f"{path}: {what} is not Stable Diffusion 1.5's")
        return config

    def as_dict(self) -> dict[str, Any]:
        """What :meth:`read` reads."""
        return {
            "_class_name": "UNet2DConditionModel",
            "in_channels": self.channels,
            "out_channels": self.channels,
            "block_out_channels": list(self.widths),
            "layers_per_block": self.layers,
            "attention_head_dim": self.heads,
            "cross_attention_dim": self.tokens,
            "norm_num_groups": self.groups,
            "norm_eps": self.eps,
        }


@dataclass(frozen=True)
class MotionConfig:
    """The temporal modules (AnimateDiff, Guo et al. 2023), at every resolution and in the middle.

    Attributes:
        heads: of every attention. attentions: over time, in each module.
        frames: positions that the modules know; no window may be longer.
    """

    heads: int = 8
    attentions: int = 2
    frames: int = 32
