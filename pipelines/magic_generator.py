"""The generator with MagicPortrait's published weights.

A window around the photo's face is painted whole, frame after frame, from the photo's features and
from maps of the driven head, and laid over the photo.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from facegen.assets import search_folders, user_folder
from facegen.compose import Reference, paste_window
from facegen.compose.conditions import reference_light
from facegen.compose.reference import landmark_pixels
from facegen.compose.window import HeadWindow, edge_fade
from facegen.errors import ModelFileError, UsageError
from facegen.flame.camera import Camera
from facegen.media import file_sha256
from facegen.networks.precision import DTYPES, choose_precision, pick_device
from facegen.networks.sd15.animate import Animator, Sampling
from facegen.networks.sd15.family import open_family
from facegen.networks.sd15.layout import find_layout
from facegen.networks.sd15.maps import portrait_maps
from facegen.networks.sd15.profiles import MAGICPORTRAIT
from facegen.networks.sd15.sampling import Strengths
from facegen.networks.sd15.windows import Windows
from facegen.parallel import ordered_map, prefetch
from facegen.pipelines.config import ReenactConfig
from facegen.pipelines.generators import GEOMETRY_SIZE
from facegen.pipelines.magic_config import MagicConfig, PublishedParts
from facegen.recognizer.registry import Use
from facegen.weights.ledger import touch

NAME = MAGICPORTRAIT.name
# The weights were trained on squares of this many face widths around the face.
_SIDE_PER_WIDTH = 1.5
# The face's landmarks are this much higher than wide (1.14 on the open head at rest); a face that
# is turned away looks narrower than it is.
_HEIGHT_PER_WIDTH = 1.15


class MagicGenerator:
    """Paints with MagicPortrait's networks.

    Args:
        animator: the networks on their device. name: see ``Generator``.
    """

    licence = "the weights' publishers (not named in the files)"
    guides: tuple[Use, ...] = ()

    def __init__(self, animator: Animator, name: str = NAME) -> None:
        self.animator, self.name = animator, name

    @classmethod
    def load(
        cls,
        folder: Path | None = None,
        parts: PublishedParts | None = None,
        *,
        device: str = "auto",
    ) -> MagicGenerator:
        """Open a folder of the published layout.

        Args:
            folder: by default ``magicportrait`` of the user's assets.

        Raises:
            ModelFileError: a file is absent, or not what it should be.
            UsageError: no such device, precision or attention.
        """
        parts, chosen = parts or PublishedParts(), pick_device(device)
        dtype = DTYPES[choose_precision(parts.precision, chosen)]
        where = folder or _installed()
        elsewhere = [path for path in search_folders() if path.is_dir()]
        layout = find_layout(
            where, MAGICPORTRAIT, base=parts.base, vae=parts.vae, elsewhere=elsewhere
        )
        family = open_family(layout, MAGICPORTRAIT, dtype=dtype, attention=parts.attention)
        for part in (NAME, "sd15", "sd-vae-ft-mse"):
            touch(part)
        limit = None if parts.max_vram is None else int(parts.max_vram * 2**30)
        label = "-".join(file_sha256(file)[:8] for file in layout.files)
        return cls(Animator(family, chosen, limit), f"{NAME}-{label}")

    def save(self, folder: Path) -> str:
        """Weights of others are not copied: the pipeline finds them where they are installed."""
        return NAME

    def geometry_size(self, config: ReenactConfig) -> int:
        """The window the photo's light is judged in."""
        return GEOMETRY_SIZE

    def begin(self, start: int, config: ReenactConfig) -> int:
        """See ``Generator``: a whole number of windows earlier, one for each step."""
        sampling = sampling_of(config.magic)
        if sampling.compat:
            return 0
        first = max(0, start - sampling.lead)
        return first - first % sampling.windows.stride

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
        magic = replace(config.magic, size=config.size or config.magic.size)
        magic.validate()
        if magic.compat and self.animator.dtype != torch.float32:
            raise UsageError("the published programs compute in fp32: open the weights with it")
        animator, sampling = self.animator, sampling_of(magic)
        window = face_window(reference, camera, magic)
        person = animator.prepare(window.crop(reference.photo), sampling)
        lens = window.camera(camera)
        light = torch.from_numpy(reference_light(reference, camera))
        model = reference.model

        def drawn(vertices: NDArray[np.float32]) -> dict[str, torch.Tensor]:
            head = torch.from_numpy(vertices)
            return portrait_maps(model, head, lens, light, compat=magic.compat)

        work = ordered_map(drawn, posed, workers=workers)
        maps = prefetch(work, ahead=magic.window) if workers else work
        mask = edge_fade(window.size)
        everything = np.ones_like(mask)

        def paste(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
            return paste_window(
                reference, reference.photo, rgb, mask, window=window, lost=everything
            )

        frames = animator.animate(person, maps, sampling, start=start)
        with closing(frames):
            yield from ordered_map(paste, frames, workers=workers)


def sampling_of(magic: MagicConfig) -> Sampling:
    """The networks' settings; the published programs' own windows with ``compat``."""
    length, overlap = magic.window, magic.overlap
    if magic.compat:
        length, overlap = MAGICPORTRAIT.window, MAGICPORTRAIT.overlap
    return Sampling(
        steps=magic.steps,
        strengths=Strengths(magic.identity, magic.motion),
        windows=Windows(length, overlap),
        seed=magic.seed,
        compat=magic.compat,
    )


def face_window(reference: Reference, camera: Camera, magic: MagicConfig) -> HeadWindow:
    """The square of the photo that is painted.

    Its side follows the face's width, as in the training crops. The published programs take the
    width as it looks, which is too narrow where a face is turned; otherwise the height has a say.
    """
    points = landmark_pixels(reference.model, reference.geometry.vertices, camera)
    low, high = points.min(0), points.max(0)
    width, height = high - low
    if not magic.compat:
        width = max(width, height / _HEIGHT_PER_WIDTH)
    side = max(8, round(_SIDE_PER_WIDTH * float(width)))
    x, y = (low + high) / 2
    return HeadWindow(round(x - side / 2), round(y - side / 2), side, magic.size)


def _installed() -> Path:
    """Where the assets put the weights.

    Raises:
        ModelFileError: they are nowhere.
    """
    for folder in search_folders():
        if (folder / NAME).is_dir():
            return folder / NAME
    raise ModelFileError(
        f"no weights of {MAGICPORTRAIT.title} in {user_folder() / NAME}; get them with: "
        f"facegen assets download {NAME} sd15 sd-vae-ft-mse, or name their folder with --weights"
    )
