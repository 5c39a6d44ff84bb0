"""A photo's window and maps of the driven head in, windows of frames out."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count, islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facegen._optional import require
from facegen.errors import UsageError
from facegen.networks.sd15 import memory
from facegen.networks.sd15.family import Family
from facegen.networks.sd15.prompts import EXTRA, image_tokens, text_tokens
from facegen.networks.sd15.sampling import (
    Denoiser,
    Frame,
    Person,
    Strengths,
    check_windows,
    clip_noise,
    denoise,
    denoise_wrapping,
    frame_noise,
)
from facegen.networks.sd15.schedule import Schedule
from facegen.networks.sd15.windows import Windows

_SIDE = 64
# The published programs keep the reference's features in half precision, whatever the rest is in.
_COMPAT_MEMORY = torch.float16

Maps = Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How frames are sampled.

    Attributes:
        steps: evaluations of the network per window.
        strengths: of identity and motion.
        windows: length and overlap.
        seed: of the noise.
        compat: sample as the published programs do: their windows, which wrap around and share
            few frames, one draw of noise for the whole clip, reference features in half precision.
            The whole clip is then held in memory.
    """

    steps: int = 20
    strengths: Strengths = field(default_factory=Strengths)
    windows: Windows = field(default_factory=Windows)
    seed: int = 42
    compat: bool = False

    @property
    def lead(self) -> int:
        """Frames that must be made before a frame for it to be what it is in the whole clip.

        A step carries what a missing neighbour would have said one window further.
        """
        return self.steps * self.windows.stride


class Animator:
    """A system on a device.

    Args:
        family: the networks. device: where they run.
        max_memory: bytes of the device's memory to keep below, None for all that is free.
    """

    def __init__(
        self, family: Family, device: torch.device | str = "cpu", max_memory: int | None = None
    ) -> None:
        self.family, self.device, self._limit = family, torch.device(device), max_memory
        self._offloaded = False

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the networks."""
        return self.family.denoising.dtype

    def need(self, size: int, window: int) -> memory.Need:
        """Memory of a run on windows of ``size`` pixels and ``window`` frames."""
        denoising, guider = self.family.denoising, next(iter(self.family.guiders.values()))
        if denoising.motion is None:
            raise UsageError("this network has no motion modules")
        return memory.estimate(
            self.family.networks,
            denoising.config,
            denoising.motion,
            guider.widths,
            size=size,
            window=window,
            chunk=window,
            dtype=self.dtype,
        )

    @torch.inference_mode()
    def prepare(self, photo: NDArray[np.uint8], sampling: Sampling) -> Person:
        """Look at the photo's window ``(S, S, 3)``; call it before :meth:`animate`.

        Raises:
            UsageError: a side that the network cannot halve, or not enough memory.
            ModelFileError: parts that make the tokens are absent.
        """
        size = photo.shape[0]
        if photo.shape[:2] != (size, size) or size % _SIDE:
            raise UsageError(f"--size {size}: choose a multiple of {_SIDE}")
        check_windows(self.family.denoising, sampling.windows.length)
        self._place(size, sampling.windows.length)
        family, layout = self.family, self.family.layout
        if family.profile.prompt is not None:
            tokens = text_tokens(layout.base, family.profile.prompt)
            # The same sentence on both sides: guidance then changes the identity alone.
            no_tokens = tokens
        elif layout.image_encoder is not None:
            tokens = image_tokens(layout.image_encoder, photo)
            no_tokens = torch.zeros_like(tokens)
        tokens, no_tokens = (t.to(self.device, self.dtype) for t in (tokens, no_tokens))
        vae = family.vae
        picture = _pixels(photo).mul(2).sub(1)[None].to(self.device, self.dtype)
        latent = vae.encode(picture).latent_dist.mean * vae.config["scaling_factor"]
        network = family.reference.to(self.device)
        remembered = network.remember(latent, tokens)
        if self.device.type != "cpu":
            network.to("cpu")  # its work is done
        seen = remembered.to(_COMPAT_MEMORY) if sampling.compat else remembered
        return Person(seen, tokens, no_tokens)

    def animate(
        self, person: Person, maps: Iterable[Maps], sampling: Sampling, *, start: int = 0
    ) -> Generator[NDArray[np.uint8], None, None]:
        """Windows ``(S, S, 3)`` uint8 of consecutive frames, streamed.

        Args:
            maps: of every frame, ``(3, S, S)`` in 0..1 by the profile's names.
            start: number of the first frame in the whole clip, a multiple of the windows' stride.

        Raises:
            UsageError: windows that the motion modules cannot place, or a start between windows.
        """
        if start % sampling.windows.stride:
            raise UsageError(f"frame {start} does not begin a window of {sampling.windows}")
        predict = Denoiser(self.family.denoising, person, sampling.strengths, self.device)
        schedule = Schedule(sampling.steps, self.device)
        if sampling.compat:
            yield from self._whole(predict, schedule, maps, sampling, start)
            return
        frames = self._frames(maps, sampling, start)
        for latent in denoise(frames, predict, schedule, sampling.windows):
            yield self._decode(latent)

    def _whole(
        self,
        predict: Denoiser,
        schedule: Schedule,
        maps: Iterable[Maps],
        sampling: Sampling,
        start: int,
    ) -> Iterator[NDArray[np.uint8]]:
        if start:
            raise UsageError("the published programs' way cannot begin inside a clip")
        frames = list(self._frames(maps, sampling, 0))
        channels, height, width = frames[0].latent.shape
        noise = clip_noise(len(frames), (channels, height, width), sampling.seed, self.device.type)
        frames = [Frame(z, frame.guidance) for z, frame in zip(noise, frames, strict=True)]
        windows = sampling.windows
        for latent in denoise_wrapping(frames, predict, schedule, windows.length, windows.overlap):
            yield self._decode(latent)

    def _frames(self, maps: Iterable[Maps], sampling: Sampling, start: int) -> Iterator[Frame]:
        """Noise and guidance; they wait for their turn in the computer's memory.

        Maps are encoded by windows' strides: batches of the same frames give the same bits.
        """
        stream, numbers = iter(maps), count(start)
        while chunk := list(islice(stream, sampling.windows.stride)):
            guidance = self.guide(chunk).cpu()
            for features in guidance:
                shape = (self.family.denoising.config.channels, *features.shape[1:])
                yield Frame(frame_noise(next(numbers), shape, sampling.seed), features)

    @torch.inference_mode()
    def guide(self, chunk: list[Maps]) -> Tensor:
        """Sum of the encoded maps ``(F, W, h, w)``."""
        total: Tensor | None = None
        for name, guider in self.family.guiders.items():
            pixels = torch.stack([maps[name] for maps in chunk]).to(self.device, self.dtype)
            encoded = guider(pixels)
            total = encoded if total is None else total + encoded
        if total is None:
            raise UsageError("this system has no guidance encoders")
        return total

    @torch.inference_mode()
    def _decode(self, latent: Tensor) -> NDArray[np.uint8]:
        vae = self.family.vae
        z = latent[None].to(self.device, self.dtype) / vae.config["scaling_factor"]
        picture = vae.decode(z).sample[0].float().clamp(-1, 1)
        return ((picture + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()

    def _place(self, size: int, window: int) -> None:
        """Bring the networks to the device, all at once or layer by layer.

        Raises:
            UsageError: they do not fit.
        """
        need, free, family = self.need(size, window), _free(self.device), self.family
        if free is not None:  # what lies on the device already needs no more room
            networks = family.networks.items()
            free += sum(need.weights[name] for name, n in networks if _lies_on(n, self.device))
        offload = memory.place(need, self._limit, free, str(self.device))
        family.vae.to(self.device)
        for guider in family.guiders.values():
            guider.to(self.device)
        if offload and not self._offloaded:
            accelerate = require("accelerate", EXTRA)
            accelerate.cpu_offload(family.denoising, execution_device=self.device)
            self._offloaded = True
        elif not self._offloaded:
            family.denoising.to(self.device)


def _lies_on(network: nn.Module, device: torch.device) -> bool:
    return next(network.parameters()).device.type == device.type


def _free(device: torch.device) -> int | None:
    """Bytes of memory that are free now, None where nobody tells."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type == "cpu":
        import psutil

        return int(psutil.virtual_memory().available)
    return None


def _pixels(rgb: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(rgb.transpose(2, 0, 1).astype(np.float32) / 255)
