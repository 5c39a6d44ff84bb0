"""A published system, opened: networks of one folder, every weight accounted for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor, nn

from facegen.errors import ModelFileError
from facegen.networks.attention import Attention as Backend
from facegen.networks.sd15.config import MotionConfig, UNetConfig
from facegen.networks.sd15.guider import GuidanceEncoder
from facegen.networks.sd15.layout import Layout
from facegen.networks.sd15.profiles import GUIDER_DEAD, REFERENCE_DEAD, Profile
from facegen.networks.sd15.prompts import check_report
from facegen.networks.sd15.unet import UNet
from facegen.networks.statedict import load_exactly, read_state_dict

_TEMPORAL = re.compile(r".*\bmotion_modules\.")


@dataclass(frozen=True, eq=False)
class Family:
    """The networks of one system, frozen.

    Attributes:
        profile: which system. layout: where it came from.
        reference, denoising: UNets. guiders: by map, in the profile's order. vae: autoencoder.
    """

    profile: Profile
    layout: Layout
    reference: UNet
    denoising: UNet
    guiders: dict[str, GuidanceEncoder]
    vae: Any

    @property
    def networks(self) -> dict[str, nn.Module]:
        """By name."""
        guiders = {f"guider {name}": guider for name, guider in self.guiders.items()}
        return {
            "reference UNet": self.reference,
            "denoising UNet": self.denoising,
            **guiders,
            "autoencoder": self.vae,
        }

    @property
    def scale(self) -> int:
        """Pixels per latent, along a side."""
        return 2 ** (len(self.vae.config["block_out_channels"]) - 1)


def open_family(
    layout: Layout,
    profile: Profile,
    *,
    dtype: torch.dtype = torch.float32,
    attention: str = "auto",
) -> Family:
    """Read a system's networks; they lie in the computer's memory.

    Args:
        attention: see ``facegen.networks.attention``.

    Raises:
        ModelFileError: a weight is missing, left over, of another shape, or not finite.
    """
    backend = Backend(attention)
    described = layout.base / "unet" / "config.json"
    config = UNetConfig.read(described) if described.is_file() else UNetConfig()
    return Family(
        profile=profile,
        layout=layout,
        reference=_reference(layout, config, backend, dtype),
        denoising=_denoising(layout, config, backend, dtype),
        guiders={
            name: _guider(path, config.widths[0], backend, dtype)
            for name, path in layout.guiders.items()
        },
        vae=_autoencoder(layout.vae, dtype),
    )


def _frozen(network: nn.Module, dtype: torch.dtype) -> Any:
    # diffusers' own cast warns of parts kept in single precision where there are none.
    return nn.Module.to(network, dtype).requires_grad_(False).train(False)


def _reference(layout: Layout, config: UNetConfig, backend: Backend, dtype: torch.dtype) -> UNet:
    with torch.device("meta"):
        network = UNet(config, output=False, backend=backend)
    state = read_state_dict(layout.reference)
    load_exactly(network, state, what=str(layout.reference), dead=REFERENCE_DEAD)
    return _frozen(network, dtype)


def _denoising(layout: Layout, config: UNetConfig, backend: Backend, dtype: torch.dtype) -> UNet:
    spatial = read_state_dict(layout.denoising)
    inside = temporal_part(spatial)
    motion = {} if layout.motion is None else read_state_dict(layout.motion)
    if layout.motion is not None:
        _only_temporal(motion, layout.motion)
    # As in the published programs, the network's own file wins where both have the modules.
    temporal = motion | inside
    if not temporal:
        raise ModelFileError(
            f"no motion modules: neither {layout.denoising.name} has them, nor is there a "
            f"motion_module file beside it"
        )
    with torch.device("meta"):
        network = UNet(config, _motion_config(temporal), backend=backend)
    names = [layout.denoising.name] + ([] if layout.motion is None else [layout.motion.name])
    what = f"{layout.denoising.parent}: {' and '.join(names)}"
    own = set(temporal_part(network.state_dict()))
    for part, path in ((motion, layout.motion), (inside, layout.denoising)):
        lacking = sorted(own - set(part))
        if part and lacking:
            raise ModelFileError(
                f"{path}: {len(lacking)} missing ({lacking[0]}, ...) of {len(own)} weights of the "
                "motion modules"
            )
    load_exactly(network, spatial | temporal, what=what)
    return _frozen(network, dtype)


def temporal_part(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of the motion modules."""
    return {key: value for key, value in state.items() if _TEMPORAL.match(key)}


def _only_temporal(state: Mapping[str, Tensor], path: Path) -> None:
    other = [key for key in state if not _TEMPORAL.match(key)]
    if other:
        raise ModelFileError(
            f"{path}: {len(other)} unexpected ({other[0]}, ...): not of motion modules"
        )


def _motion_config(state: Mapping[str, Tensor]) -> MotionConfig:
    """How many positions the modules know is written in their position code ``(1, N, C)``."""
    codes = [value for key, value in state.items() if key.endswith("pos_encoder.pe")]
    if not codes or codes[0].ndim != 3:
        raise ModelFileError("the motion modules have no position code (pos_encoder.pe)")
    return MotionConfig(frames=codes[0].shape[1])


def _guider(path: Path, outputs: int, backend: Backend, dtype: torch.dtype) -> GuidanceEncoder:
    state = read_state_dict(path)
    with torch.device("meta"):
        network = GuidanceEncoder(outputs, _guider_widths(state, path), backend=backend)
    load_exactly(network, state, what=str(path), dead=GUIDER_DEAD)
    return _frozen(network, dtype)


def _guider_widths(state: Mapping[str, Tensor], path: Path) -> tuple[int, ...]:
    """Channels at each size: outputs of the first layer and of every second one after it."""
    names = ["conv_in.weight", *(f"blocks.{i}.weight" for i in (1, 3, 5))]
    try:
        return tuple(int(state[name].shape[0]) for name in names)
    except KeyError as error:
        raise ModelFileError(f"{path}: 1 missing ({error.args[0]}): no guidance encoder") from error


def _autoencoder(folder: Path, dtype: torch.dtype) -> Any:
    try:
        network, report = AutoencoderKL.from_pretrained(
            folder, local_files_only=True, output_loading_info=True, torch_dtype=dtype
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = (str(error).splitlines() or ["?"])[0]
        raise ModelFileError(f"{folder} cannot be loaded: {reason}") from error
    check_report(report, folder)
    return _frozen(network, dtype)
