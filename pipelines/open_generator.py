"""The open generator: the warp's frame, repainted by a network where moving does not do."""

from __future__ import annotations

import shutil
from collections.abc import Generator as Stream
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facegen.assets import card_licence
from facegen.compose import Reference, Warper, paste_window
from facegen.compose.conditions import WindowCutter, head_maps, reference_light
from facegen.compose.window import HeadWindow, edge_fade
from facegen.errors import ModelFileError
from facegen.flame.camera import Camera
from facegen.media import file_sha256
from facegen.networks.precision import pick_device
from facegen.parallel import ordered_map, prefetch
from facegen.pipelines.config import ReenactConfig
from facegen.recognizer.guides import read_guides
from facegen.recognizer.registry import Use

# Frames a pass of the network: 2.5 times cheaper each than one by one (bf16, 2 cores).
BATCH = 8
GEOMETRY_PER_SIZE = 2
# A mask thinner than this, or that close to full, is the network's way of saying no and yes.
_DEAD = 0.04
# Share of a frame's noise that all frames have in common (Ge et al. 2023, "Preserve Your Own
# Correlation", mixed noise): what is invented then holds still from frame to frame.
_COMMON = 0.9
_SAVED = "generator"
_INPUTS = ("warped", "visibility", "moved", "depth", "normal", "render", "region")


class WindowPainter(Protocol):
    """The network, in evaluation mode on its device; windows of S by S pixels."""

    @property
    def device(self) -> torch.device:
        """Of its inputs."""

    @property
    def dtype(self) -> torch.dtype:
        """Of its inputs."""

    def noise_shape(self, size: int) -> tuple[int, ...]:
        """Shape of one window's noise."""

    def prepare(self, reference: Tensor) -> Any:
        """What it remembers of the photo ``(1, 3, S, S)``, -1..1; computed once."""

    def paint(
        self, prepared: Any, conditions: dict[str, Tensor], *, noise: Tensor, steps: int
    ) -> dict[str, Tensor]:
        """``image (B, 3, S, S)`` -1..1, and ``mask``, ``matte``, ``keep (B, 1, S, S)`` 0..1.

        Args:
            conditions: as ``facegen.data.windows.WindowSet.batch`` gives them, inputs only.
            noise: ``(B, *noise_shape)``, standard normal. steps: of the sampler, 1..4.
        """


@dataclass(frozen=True, eq=False)
class _Sheet:
    """One warped frame, waiting to be painted on."""

    number: int
    frame: NDArray[np.uint8]
    window: HeadWindow
    conditions: dict[str, Tensor]


# A sheet, its picture, its mask and where the frame's fine detail is lost.
_Painted = tuple[_Sheet, NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]


class OpenGenerator:
    """Warps as ``warp`` does, then paints the head's window.

    Frames that share a pass of the network may differ in their last bit from frames painted alone,
    so runs begin at whole passes (``begin``).

    Args:
        model: the network. name: see ``Generator``. folder: of its weights, where it has one.
    """

    def __init__(
        self, model: WindowPainter, name: str = "open", folder: Path | None = None
    ) -> None:
        self.model, self.name, self._folder = model, name, folder

    @property
    def licence(self) -> str:
        """What the card beside the weights says."""
        return "" if self._folder is None else card_licence(self._folder)

    @property
    def guides(self) -> tuple[Use, ...]:
        """See ``Generator``."""
        return () if self._folder is None else read_guides(self._folder)

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        device: str = "auto",
        embedded: bool = False,
        attention: str = "auto",
    ) -> OpenGenerator:
        """Weights from a folder onto a device.

        Args:
            attention: ``auto``, ``sdpa``, ``xformers`` or ``sliced``.

        Raises:
            ModelFileError: they cannot be read. UsageError: there is no such device.
        """
        from facegen.networks.reenactor import load_reenactor

        files = sorted(folder.rglob("*.safetensors"))
        label = "-".join(file_sha256(file)[:8] for file in files)
        model = load_reenactor(folder, device=pick_device(device), attention=attention)
        return cls(model, "open" if embedded else f"open-{label}", folder)

    def save(self, folder: Path) -> str:
        """Copy the weights.

        Raises:
            ModelFileError: they did not come from a folder.
        """
        if self._folder is None:
            raise ModelFileError("this generator's network was not loaded from a folder")
        target = folder / _SAVED
        shutil.copytree(self._folder, target, dirs_exist_ok=True)
        return _SAVED

    def begin(self, start: int, config: ReenactConfig) -> int:
        """See ``Generator``."""
        return start - start % BATCH

    def geometry_size(self, config: ReenactConfig) -> int:
        """Twice the network's window, which is cut out closer."""
        return GEOMETRY_PER_SIZE * config.painting[0]

    def paint(
        self,
        reference: Reference,
        camera: Camera,
        posed: Iterator[NDArray[np.float32]],
        config: ReenactConfig,
        *,
        start: int = 0,
        workers: int = 2,
    ) -> Iterator[NDArray[np.uint8]]:
        """See ``Generator``."""
        size, steps = config.painting
        sheets = self._sheets(reference, camera, posed, size, start, workers)
        with torch.inference_mode():
            prepared = self.model.prepare(self._reference(reference, camera, size))
        fade = edge_fade(size)

        def painted() -> Iterator[_Painted]:
            while batch := list(islice(sheets, BATCH)):
                images, masks, lost = self._run(prepared, batch, size, steps)
                yield from zip(batch, images, masks * fade, lost, strict=True)

        def paste(item: _Painted) -> NDArray[np.uint8]:
            sheet, image, mask, lost = item
            return paste_window(
                reference,
                sheet.frame,
                image,
                mask,
                window=sheet.window,
                lost=lost,
            )

        with closing(sheets):
            yield from ordered_map(paste, painted(), workers=workers)

    def _sheets(
        self,
        reference: Reference,
        camera: Camera,
        posed: Iterator[NDArray[np.float32]],
        size: int,
        start: int,
        workers: int,
    ) -> Stream[_Sheet, None, None]:
        """Warped frames and what the network is told about them."""
        warper, cut = Warper(reference), WindowCutter(reference, camera, size)
        light = torch.from_numpy(reference_light(reference, camera))
        model = reference.model

        def sheet(item: tuple[int, NDArray[np.float32]]) -> _Sheet:
            number, vertices = item
            result = warper.render(vertices)
            warped = cut(result, vertices)
            lens = warped.window.camera(camera)
            maps = head_maps(model, torch.from_numpy(vertices), lens, light)
            conditions = {
                "warped": _signed(warped.rgb),
                "visibility": torch.from_numpy(warped.visibility)[None],
                "moved": torch.from_numpy(warped.matte)[None],
                **maps,
            }
            return _Sheet(number, result.frame, warped.window, conditions)

        work = ordered_map(sheet, zip(count(start), posed), workers=workers)
        # The next frames are warped while the network paints these.
        yield from prefetch(work, ahead=BATCH) if workers else work

    def _reference(self, reference: Reference, camera: Camera, size: int) -> Tensor:
        window = WindowCutter(reference, camera, size).window(reference.geometry.vertices)
        return _signed(window.crop(reference.photo))[None].to(self.model.device, self.model.dtype)

    def _run(
        self, prepared: Any, batch: list[_Sheet], size: int, steps: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
        """Pictures ``(B, S, S, 3)``, masks and where fine detail is lost ``(B, S, S)``."""
        device, dtype = self.model.device, self.model.dtype
        conditions = {}
        for name in _INPUTS:
            value = torch.stack([sheet.conditions[name] for sheet in batch])
            floating = value.is_floating_point()
            conditions[name] = value.to(device, dtype if floating else torch.long)
        noise = np.stack([_noise(self.model.noise_shape(size), s.number) for s in batch])
        with torch.inference_mode():
            out = self.model.paint(
                prepared, conditions, noise=torch.from_numpy(noise).to(device, dtype), steps=steps
            )
        image = (out["image"].float().clamp(-1, 1) + 1) * 127.5
        pixels = image.round().byte().permute(0, 2, 3, 1).cpu().numpy()
        mask = (out["mask"].float()[:, 0] - _DEAD) / (1 - 2 * _DEAD)
        lost = 1 - out["keep"].float()[:, 0]
        return pixels, mask.clamp(0, 1).cpu().numpy(), lost.cpu().numpy()


def _noise(shape: tuple[int, ...], number: int) -> NDArray[np.float32]:
    """Noise of a frame by its absolute number: a part of a clip looks as it does in the whole."""
    common = np.random.default_rng(0).standard_normal(shape)
    own = np.random.default_rng((1, number)).standard_normal(shape)
    return (np.sqrt(_COMMON) * common + np.sqrt(1 - _COMMON) * own).astype(np.float32)


def _signed(rgb: NDArray[np.uint8]) -> Tensor:
    """``(S, S, 3)`` bytes as ``(3, S, S)`` in -1..1."""
    return torch.from_numpy(rgb.transpose(2, 0, 1).astype(np.float32) / 127.5 - 1)
