"""From noise and guidance to latents, as a stream.

Each denoising step is a stage that takes frames in and gives frames out, and the stages stand in a
row. A stage holds one window, so memory depends on the window and the number of steps, not on the
clip; the result equals that of denoising the whole clip step by step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from facegen.errors import UsageError
from facegen.networks.sd15.layers import Memory
from facegen.networks.sd15.schedule import Schedule
from facegen.networks.sd15.unet import UNet
from facegen.networks.sd15.windows import Windows, wrapping_windows


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame on its way.

    Attributes:
        latent: ``(C, h, w)`` float32. guidance: ``(W, h, w)``, sum of the encoded maps.
    """

    latent: Tensor
    guidance: Tensor


@dataclass(frozen=True)
class Strengths:
    """Classifier-free guidance (Ho and Salimans 2022), one strength for each signal.

    Attributes:
        identity: of the reference network's memory; the published programs use 3.5.
        motion: of the maps. The weights were not trained without maps, so other values than 1 are
            an extrapolation.
    """

    identity: float = 3.5
    motion: float = 1.0

    @property
    def passes(self) -> int:
        """Evaluations of the network per window and step."""
        return 1 + (self.identity != 1) + (self.motion != 1)


@dataclass(frozen=True, eq=False)
class Person:
    """What is known of the photo, once a clip.

    Attributes:
        memory: of the reference network. tokens, no_tokens: ``(1, T, C)`` of the prompt, and what
            stands for it where identity is switched off.
    """

    memory: Memory
    tokens: Tensor
    no_tokens: Tensor


class Denoiser:
    """Predicts windows.

    Args:
        unet: with motion modules. person: of the photo.
        device: where it computes; frames may lie elsewhere.
    """

    def __init__(
        self, unet: UNet, person: Person, strengths: Strengths, device: torch.device | str = "cpu"
    ) -> None:
        self.unet, self.person, self.strengths = unet, person, strengths
        self.device = torch.device(device)

    def __call__(self, frames: list[Frame], time: Tensor) -> Tensor:
        """Velocities ``(F, C, h, w)`` float32 of one window at ``time ()``."""
        dtype, who = self.unet.dtype, self.person
        x = torch.stack([frame.latent for frame in frames]).to(self.device, dtype)
        maps = torch.stack([frame.guidance for frame in frames]).to(self.device, dtype)

        def predict(tokens: Tensor, guidance: Tensor | None, memory: Memory | None) -> Tensor:
            return self.unet(x, time, tokens, guidance=guidance, memory=memory).float()

        full = predict(who.tokens, maps, who.memory)
        velocity = full
        if self.strengths.identity != 1:
            anyone = predict(who.no_tokens, maps, None)
            velocity = velocity + (self.strengths.identity - 1) * (full - anyone)
        if self.strengths.motion != 1:
            still = predict(who.tokens, None, who.memory)
            velocity = velocity + (self.strengths.motion - 1) * (full - still)
        return velocity


@torch.inference_mode()
def _stage(
    frames: Iterable[Frame],
    predict: Denoiser,
    schedule: Schedule,
    time: Tensor,
    windows: Windows,
) -> Iterator[Frame]:
    """One denoising step of a stream."""
    tail: Tensor | None = None
    shared = windows.overlap
    for window, last in windows.cut(frames):
        velocity = predict(window, time)
        if tail is not None:
            velocity[:shared] = windows.crossfade(tail, velocity[:shared])
        done = len(window) if last else windows.stride
        tail = velocity[done:]
        x = torch.stack([frame.latent for frame in window[:done]]).to(velocity)
        latents = schedule.step(velocity[:done], time, x)
        yield from (replace(f, latent=z) for f, z in zip(window, latents, strict=False))


def denoise(
    frames: Iterable[Frame], predict: Denoiser, schedule: Schedule, windows: Windows
) -> Iterator[Tensor]:
    """Finished latents ``(C, h, w)`` float32, streamed in order.

    Args:
        frames: noise and guidance of consecutive frames; the first one begins a window.

    Raises:
        UsageError: windows longer than the motion modules know positions.
    """
    check_windows(predict.unet, windows.length)
    stream: Iterable[Frame] = frames
    for time in schedule.times:
        stream = _stage(stream, predict, schedule, time, windows)
    for frame in stream:
        yield frame.latent


@torch.inference_mode()
def denoise_wrapping(
    frames: list[Frame], predict: Denoiser, schedule: Schedule, length: int, overlap: int
) -> Tensor:
    """The published programs' way: the whole clip at once, windows wrap around, plain averages.

    Returns:
        ``(F, C, h, w)`` float32.
    """
    check_windows(predict.unet, length)
    x = torch.stack([frame.latent for frame in frames]).to(predict.device)
    for time in schedule.times:
        total, count = torch.zeros_like(x), torch.zeros(len(x), device=x.device)
        for indices in wrapping_windows(len(x), length, overlap):
            window = [Frame(x[i], frames[i].guidance) for i in indices]
            total[indices] += predict(window, time)
            count[indices] += 1
        x = schedule.step(total / count.view(-1, 1, 1, 1), time, x)
    return x


def check_windows(unet: UNet, length: int) -> None:
    """Refuse what the motion modules cannot place.

    Raises:
        UsageError: a window that is too long.
    """
    known = unet.motion.frames if unet.motion else 1
    if length > known:
        raise UsageError(f"windows of {length} frames: these weights know {known} positions")


def frame_noise(number: int, shape: tuple[int, ...], seed: int) -> Tensor:
    """Standard normal numbers of a frame by its absolute number; float32."""
    rng = np.random.default_rng((seed, number))
    return torch.from_numpy(rng.standard_normal(shape, np.float32))


def clip_noise(frames: int, shape: tuple[int, int, int], seed: int, device: str = "cpu") -> Tensor:
    """The published programs' noise: one draw for a whole clip, ``(F, *shape)`` float32."""
    generator = torch.Generator(device).manual_seed(seed)
    channels, *size = shape
    drawn = torch.randn((channels, frames, *size), generator=generator, device=device)
    return drawn.transpose(0, 1)
