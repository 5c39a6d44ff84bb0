"""What a run will need, found by running the networks on shapes without numbers."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from facegen.errors import UsageError
from facegen.networks.attention import Attention as Backend
from facegen.networks.sd15.config import MotionConfig, UNetConfig
from facegen.networks.sd15.guider import GuidanceEncoder
from facegen.networks.sd15.unet import UNet

GIB = 2**30
# Kernels' workspaces and the allocator's gaps, on top of the tensors themselves.
_SLACK = 1.2


class PeakMemory(TorchDispatchMode):
    """Counts the bytes of tensors that live at once while it is active.

    Attributes:
        peak: bytes; tensors that were there before do not count.
    """

    def __init__(self) -> None:
        super().__init__()
        self.peak = self._now = 0
        self._owners: dict[int, int] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        before = {
            _storage(t) for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)
        } - self._owners.keys()
        for tensor in tree_leaves(out):
            if isinstance(tensor, Tensor) and _storage(tensor) not in before:
                self._add(tensor)
        return out

    def _add(self, tensor: Tensor) -> None:
        key, size = _storage(tensor), tensor.untyped_storage().nbytes()
        if key not in self._owners:
            self._now += size
            self.peak = max(self.peak, self._now)
        self._owners[key] = self._owners.get(key, 0) + 1
        weakref.finalize(tensor, self._remove, key, size)

    def _remove(self, key: int, size: int) -> None:
        self._owners[key] -= 1
        if not self._owners[key]:
            del self._owners[key]
            self._now -= size


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


class ShapesOnly(Backend):
    """Fused attention as far as memory goes: a result, and no scores."""

    def __call__(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return torch.empty_like(query)


@dataclass(frozen=True)
class Need:
    """Bytes.

    Attributes:
        weights: of each network. layers: of the largest layer of each.
        working: largest of what lives at once beside the weights, by stage.
    """

    weights: Mapping[str, int]
    layers: Mapping[str, int]
    working: Mapping[str, int]

    def peak(self, *, offload: bool = False) -> int:
        """Of the device's memory. The reference network leaves before denoising begins."""
        size = self.layers if offload else self.weights
        shared = sum(size[name] for name in size if not name.endswith("UNet"))
        remembering = size["reference UNet"] + self.working["remembering"]
        others = [self.working[name] for name in ("denoising", "guidance", "decoding")]
        return int(_SLACK * (shared + max(remembering, size["denoising UNet"] + max(others))))


def place(need: Need, limit: int | None, free: int | None, what: str) -> bool:
    """Whether layers must be fetched one by one (slow) for a run to fit.

    Args:
        limit: bytes the user allows, None for all that is free.
        free: bytes of the device now, None where it is not known. what: the device.

    Raises:
        UsageError: not even then.
    """
    room = min([size for size in (limit, free) if size is not None], default=None)
    if room is None or need.peak() <= room:
        return False
    if need.peak(offload=True) <= room:
        return True
    how = "--max-vram" if limit is not None and room == limit else f"free memory of {what}"
    raise UsageError(
        f"this run needs about {need.peak() / GIB:.1f} GB of memory, "
        f"{need.peak(offload=True) / GIB:.1f} GB with layers fetched one by one; {how} is "
        f"{room / GIB:.1f} GB: take a smaller --size or --window"
    )


@torch.no_grad()
def estimate(
    networks: Mapping[str, nn.Module],
    config: UNetConfig,
    motion: MotionConfig,
    guider_widths: tuple[int, ...],
    *,
    size: int,
    window: int,
    chunk: int,
    dtype: torch.dtype,
) -> Need:
    """What a run on windows of pictures will need.

    Args:
        networks: the system's, by name. config, motion, guider_widths: of its networks.
        size: pixels. window: frames. chunk: frames encoded at once.
    """
    vae: Any = networks["autoencoder"]
    scale = 2 ** (len(vae.config["block_out_channels"]) - 1)
    latent = (config.channels, size // scale, size // scale)

    def empty(*shape: int) -> Tensor:
        return torch.empty(shape, device="meta", dtype=dtype)

    with torch.device("meta"):
        unet = UNet(config, motion, backend=ShapesOnly()).to(dtype)
        reference = UNet(config, output=False, backend=ShapesOnly()).to(dtype)
        guider = GuidanceEncoder(config.widths[0], guider_widths, backend=ShapesOnly()).to(dtype)
        shapes = nn.Module.to(type(vae).from_config(vae.config), dtype)
    tokens, time = empty(1, 77, config.tokens), torch.empty((), device="meta")
    x = empty(window, *latent)
    maps = empty(window, config.widths[0], *latent[1:])
    memory = reference.remember(x[:1], tokens)
    stages: dict[str, Callable[[], Any]] = {
        "remembering": lambda: reference.remember(x[:1], tokens),
        "denoising": lambda: unet(x, time, tokens, guidance=maps, memory=memory),
        "guidance": lambda: guider(empty(chunk, 3, size, size)),
        "decoding": lambda: shapes.decode(empty(1, *latent)).sample,
    }
    return Need(
        weights={name: sum(map(_bytes, n.parameters())) for name, n in networks.items()},
        layers={
            name: max(sum(map(_bytes, m.parameters(recurse=False))) for m in n.modules())
            for name, n in networks.items()
        },
        working={name: _peak(stage) for name, stage in stages.items()},
    )


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _peak(stage: Callable[[], Any]) -> int:
    with PeakMemory() as counted:
        stage()
    return counted.peak
