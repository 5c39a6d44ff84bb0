"""The denoising UNet: velocity of the latent, blend mask, person matte, kept detail, displacement.

It starts as the identity on the warped photo: the velocity, the corrections of the masks, the
displacement, and every residual branch begin at zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from facegen.errors import UsageError
from facegen.networks.attention import Attention
from facegen.networks.blocks import conv3, zeroed
from facegen.networks.displace import DisplacementHead
from facegen.networks.guidance import CHANNELS, Guidance

_TIME_WIDTH, _WAVES = 256, 64
_HEAD_WIDTH = 32
# Steepness of the first guess of the blend mask: paint where the photo shows nothing. Steeper, its
# gradient vanishes where the photo is seen, and what is painted there stays unused.
_BLEND_GAIN = 4.0
# The same of the detail that is kept where the photo is seen.
_KEEP_GAIN = 6.0
# Blend, matte and kept detail.
_MASKS = 3
_MATTE_EDGE = 0.02
# Names of the weights that a layout may have or lack.
_NEW, _ENCODERS = "displacer.", "guidance.encoders."

References = list[Tensor]


class UNetOutput(NamedTuple):
    """Velocity ``(B, C, h, w)``; logits of blend mask, matte and kept detail ``(B, 1, 8h, 8w)``.

    ``shift (B, 2, 2h, 2w)`` is the warped photo's displacement in window sides, None without head.
    """

    velocity: Tensor
    blend: Tensor
    matte: Tensor
    keep: Tensor
    shift: Tensor | None = None


@dataclass(frozen=True)
class Switches:
    """Per sample, 1 shows and 0 hides: the photo's own features, and the driven head's maps."""

    identity: Tensor | None = None
    motion: Tensor | None = None


class ReenactorUNet(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Paints what geometry cannot know; sizes are free, multiples of 8 latents.

    Args:
        latent_channels, factor: of the autoencoder.
        widths: channels of the levels; each halves the size.
        attention: levels with attention to the window itself and to the photo.
        groups: map groups of :class:`~facegen.networks.guidance.Guidance`; without ``warp`` the
            warped photo's latent is hidden too.
        labels: number of region labels of the head model.
        displace: whether there is a head for the displacement of the warped photo.
        start: where the path begins, see :func:`~facegen.networks.bridge.bridge_start`.
    """

    @register_to_config
    def __init__(
        self,
        latent_channels: int = 16,
        factor: int = 8,
        widths: tuple[int, ...] = (64, 128, 192, 256),
        attention: tuple[int, ...] = (1, 2, 3),
        groups: tuple[str, ...] = tuple(CHANNELS),
        labels: int = 64,
        displace: bool = False,
        start: str = "warp",
    ) -> None:
        super().__init__()
        self.guidance = Guidance(tuple(groups), widths[0], factor, labels)
        self.reference = _ReferenceEncoder(latent_channels, tuple(widths), tuple(attention))
        self.time = nn.Sequential(
            nn.Linear(_WAVES, _TIME_WIDTH), nn.SiLU(), nn.Linear(_TIME_WIDTH, _TIME_WIDTH)
        )
        self.enter = conv3(2 * latent_channels + 1, widths[0])
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for level, width in enumerate(widths):
            below = widths[max(level - 1, 0)]
            shrink = conv3(below, below, stride=2) if level else nn.Identity()
            attend = level in attention
            # The way up, which paints, looks at the photo; the way down at the window only.
            self.down.append(_Level(shrink, below, width, _attention(width, attend, photo=False)))
            deeper = widths[min(level + 1, len(widths) - 1)]
            join = width if level == len(widths) - 1 else width + deeper
            self.up.append(
                _Level(nn.Identity(), join, width, _attention(width, attend, photo=True))
            )
        self.leave = nn.GroupNorm(_groups(widths[0]), widths[0])
        self.velocity = zeroed(conv3(widths[0], latent_channels))
        self.masks = nn.Sequential(
            conv3(widths[0], _HEAD_WIDTH),
            nn.SiLU(),
            zeroed(conv3(_HEAD_WIDTH, _MASKS * factor * factor)),
            nn.PixelShuffle(factor),
        )
        self.displacer = DisplacementHead(widths[0]) if displace else None
        self._kernel = Attention()

    def use_attention(self, backend: str) -> None:
        """Choose how attention is computed; see :class:`Attention`."""
        self._kernel = Attention(backend)

    def remember(self, latent: Tensor) -> References:
        """Features of the photo's latent ``(B, C, h, w)``, one ``(B, C', h', w')`` a level."""
        return self.reference(latent)

    def forward(
        self,
        sample: Tensor,
        sigma: Tensor,
        warped: Tensor,
        maps: dict[str, Tensor],
        references: References,
        switches: Switches | None = None,
    ) -> UNetOutput:
        """One evaluation.

        Args:
            sample: latent ``(B, C, h, w)`` between the start (``sigma`` 1) and the picture (0).
            sigma: ``(B,)``.
            warped: latent of the warped photo, like ``sample``.
            maps: see :meth:`Guidance.forward`.
            references: of :meth:`remember`, for B photos or for one.
            switches: what is hidden, for guidance without a classifier.
        """
        switches = switches or Switches()
        hidden = 1 - F.avg_pool2d(maps["visibility"], self.config["factor"]).to(sample.dtype)
        time = self.time(_waves(sigma).to(sample.dtype))
        known = torch.cat([warped, 2 * hidden - 1], 1)
        if "warp" not in self.config["groups"]:
            known = torch.zeros_like(known)
        x = self.enter(torch.cat([sample, known], 1))
        x = x + self.guidance(maps, switches.motion)
        context = _Context(time, hidden, switches.identity, self._kernel)
        memory = dict(zip(sorted(self.config["attention"]), references, strict=True))
        skips: list[Tensor] = []
        for level in self.down:
            x = level(x, context, None)
            skips.append(x)
        for index in reversed(range(len(self.up))):
            if index < len(self.up) - 1:
                x = F.interpolate(x, scale_factor=2.0, mode="nearest")
                x = torch.cat([x, skips[index]], 1)
            x = self.up[index](x, context, memory.get(index))
        features = F.silu(self.leave(x))
        blend, matte, keep = self.masks(features).chunk(_MASKS, 1)
        unseen = (0.5 - maps["visibility"]).to(blend.dtype)
        return UNetOutput(
            self.velocity(features),
            blend + _BLEND_GAIN * unseen,
            matte + _logit(maps["moved"]).to(matte.dtype),
            keep - _KEEP_GAIN * unseen,
            None if self.displacer is None else self.displacer(features),
        )


def adapted(trained: ReenactorUNet, groups: tuple[str, ...], **changes: Any) -> ReenactorUNet:
    """Trained weights in another layout: fewer map groups, or a displacement head that is new.

    Every other weight is the trained one; a new head begins at zero, so the result stays the same.

    Args:
        groups: of the new network. changes: ``displace`` and ``start`` of the new network.

    Raises:
        UsageError: the new layout has other parts that the trained one lacks.
    """
    # Its private entries say which values were defaults; here they would undo the changes.
    layout = {name: value for name, value in trained.config.items() if not name.startswith("_")}
    network: Any = ReenactorUNet(**{**layout, "groups": groups, **changes})
    known, fresh = trained.state_dict(), network.state_dict()
    lacking = [n for n in fresh if n not in known and not n.startswith(_NEW)]
    hidden = tuple(f"{_ENCODERS}{group}." for group in CHANNELS if group not in groups)
    left = [name for name in known if name not in fresh and not name.startswith((*hidden, _NEW))]
    if lacking or left:
        raise UsageError(f"these weights have another layout ({(lacking + left)[0]})")
    network.load_state_dict({name: known.get(name, value) for name, value in fresh.items()})
    return network


@dataclass(frozen=True)
class _Context:
    """What every block is told: time features, hidden parts, switch, attention kernel."""

    time: Tensor
    hidden: Tensor
    identity: Tensor | None
    kernel: Attention


class _Level(nn.Module):
    def __init__(
        self, before: nn.Module, inputs: int, width: int, attention: _WindowAttention | None
    ) -> None:
        super().__init__()
        self.before = before
        self.block = _TimedBlock(inputs, width)
        self.attention = attention

    def forward(self, x: Tensor, context: _Context, reference: Tensor | None) -> Tensor:
        x = self.block(self.before(x), context.time)
        return x if self.attention is None else self.attention(x, context, reference)


class _TimedBlock(nn.Module):
    """Residual block whose second norm is scaled and shifted by the time."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(_groups(inputs), inputs)
        self.first = conv3(inputs, width)
        self.time = nn.Linear(_TIME_WIDTH, 2 * width)
        self.norm2 = nn.GroupNorm(_groups(width), width)
        self.second = zeroed(conv3(width, width))
        self.skip = nn.Identity() if inputs == width else nn.Conv2d(inputs, width, 1)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        scale, shift = self.time(F.silu(time))[..., None, None].chunk(2, 1)
        h = self.first(F.silu(self.norm1(x)))
        h = self.norm2(h) * (1 + scale) + shift
        return self.skip(x) + self.second(F.silu(h))


class _WindowAttention(nn.Module):
    """Attention within the window, and to the photo as far as a place is hidden in the warp.

    Both windows follow their heads, so a shared position code tells which places correspond.
    """

    def __init__(self, width: int, *, photo: bool, head_width: int = 32) -> None:
        super().__init__()
        self._heads = max(1, width // head_width)
        self.norm = nn.GroupNorm(_groups(width), width)
        self.query = nn.Linear(width, width)
        self.own = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        if photo:
            self.photo = nn.Linear(width, 2 * width)
            # How much is taken from the photo: a + b * hidden, per channel.
            self.gate = nn.Parameter(torch.stack([torch.full((width,), 0.2), torch.ones(width)]))

    def forward(self, x: Tensor, context: _Context, reference: Tensor | None) -> Tensor:
        tokens = _tokens(self.norm(x))
        query = self._split(self.query(tokens))
        seen = self._attend(query, self.own(tokens), context.kernel)
        if reference is not None:
            keys = self.photo(_tokens(reference)).expand(len(x), -1, -1)
            photo = self._attend(query, keys, context.kernel)
            hidden = F.adaptive_max_pool2d(context.hidden, x.shape[-2:])
            photo = photo * (self.gate[0] + self.gate[1] * hidden.flatten(2).transpose(1, 2))
            if context.identity is not None:
                photo = photo * context.identity.to(photo.dtype).view(-1, 1, 1)
            seen = seen + photo
        return x + self.out(seen).transpose(1, 2).reshape(x.shape)

    def _attend(self, query: Tensor, keys_values: Tensor, kernel: Attention) -> Tensor:
        key, value = (self._split(part) for part in keys_values.chunk(2, -1))
        return kernel(query, key, value).transpose(1, 2).flatten(2)

    def _split(self, tokens: Tensor) -> Tensor:
        return tokens.unflatten(-1, (self._heads, -1)).transpose(1, 2)


def _attention(width: int, wanted: bool, *, photo: bool) -> _WindowAttention | None:
    return _WindowAttention(width, photo=photo) if wanted else None


class _ReferenceEncoder(nn.Module):
    """The photo's latent, level by level; run once a clip."""

    def __init__(self, latents: int, widths: tuple[int, ...], attention: tuple[int, ...]) -> None:
        super().__init__()
        self._attention = attention
        self.enter = conv3(latents, widths[0])
        self.levels = nn.ModuleList(
            nn.Sequential(
                conv3(before, width, stride=2),
                nn.SiLU(),
                conv3(width, width),
                nn.GroupNorm(_groups(width), width),
                nn.SiLU(),
            )
            for before, width in zip(widths, widths[1:], strict=False)
        )

    def forward(self, latent: Tensor) -> References:
        x, out = self.enter(latent), []
        if 0 in self._attention:
            out.append(x)
        for index, level in enumerate(self.levels, start=1):
            x = level(x)
            if index in self._attention:
                out.append(x)
        return out


def _groups(width: int) -> int:
    return math.gcd(width, 16)


def _tokens(x: Tensor) -> Tensor:
    """``(B, C, h, w)`` to ``(B, h*w, C)`` with the position in the window added."""
    code = _position(x.shape[1], x.shape[2], x.shape[3], x.device, x.dtype)
    return (x + code).flatten(2).transpose(1, 2)


def _position(
    channels: int, height: int, width: int, device: torch.device, dtype: torch.dtype
) -> Tensor:
    """Sines and cosines of the place in units of the window, ``(channels, height, width)``."""
    count = channels // 4
    waves = torch.pi * 2.0 ** torch.linspace(-1, 5, count, device=device)
    rows = torch.linspace(-1, 1, height, device=device)[:, None] * waves
    cols = torch.linspace(-1, 1, width, device=device)[:, None] * waves
    parts = [torch.cat([f.sin(), f.cos()], 1).T for f in (rows, cols)]
    grid = [parts[0][:, :, None].expand(-1, -1, width), parts[1][:, None].expand(-1, height, -1)]
    return (0.5 * torch.cat(grid)).to(dtype)


def _waves(sigma: Tensor) -> Tensor:
    """Time as ``(B, _WAVES)`` sines and cosines."""
    angles = sigma.float()[:, None] * torch.exp(
        torch.linspace(0, math.log(1000), _WAVES // 2, device=sigma.device)
    )
    return torch.cat([angles.sin(), angles.cos()], 1)


def _logit(matte: Tensor) -> Tensor:
    return torch.logit(matte.clamp(_MATTE_EDGE, 1 - _MATTE_EDGE))
