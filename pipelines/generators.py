"""Generators: what paints the frames of a driven head.

``warp`` moves the photo's own pixels. ``open`` lets a network repaint what moving cannot know; its
weights lie in ``facegen.checkpoints`` or in any folder that ``facegen train reenactor`` wrote.
``magicportrait`` paints the face's window with the published weights of that name.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facegen.checkpoints import OPEN_REENACTOR
from facegen.compose import Reference, Warper, compose
from facegen.errors import ModelFileError, UsageError
from facegen.flame.camera import Camera
from facegen.parallel import ordered_map
from facegen.pipelines.config import ReenactConfig
from facegen.pipelines.magic_config import PublishedParts
from facegen.recognizer.registry import Use
from facegen.weights.ledger import touch, touch_folder
from facegen.weights.table import table

GENERATORS = ("warp", "open", "magicportrait")
DEFAULT = "warp"
GEOMETRY_SIZE = 512
"""Pixels of the window in which the head is drawn and the photo's motion found."""

Frames = Iterator[NDArray[np.uint8]]


class Generator(Protocol):
    """Paints frames of one photo.

    Attributes:
        name: tells generators, and weights, apart: it is part of what a resumed run must match.
        licence: of its weights, "" where it has none.
    """

    name: str

    def begin(self, start: int, config: ReenactConfig) -> int:
        """Frame, not after ``start``, with which work begins for ``start`` to come out the same.

        Frames are made in groups, and what stands before a frame may tell in it.
        """

    @property
    def licence(self) -> str: ...

    @property
    def guides(self) -> tuple[Use, ...]:
        """Recognizers that shaped its weights; they cannot judge what it makes."""

    def geometry_size(self, config: ReenactConfig) -> int:
        """Pixels of the window a reference is to be prepared with."""

    def paint(
        self,
        reference: Reference,
        camera: Camera,
        posed: Iterator[NDArray[np.float32]],
        config: ReenactConfig,
        *,
        start: int = 0,
        workers: int = 2,
    ) -> Frames:
        """Frames ``(H, W, 3)`` uint8, in order, streamed.

        Args:
            reference: the prepared photo. camera: the photo's.
            posed: vertices ``(V, 3)`` of every frame, camera space.
            start: number of the first frame, one that :meth:`begin` gave.
            workers: threads, 0 for the caller's own.
        """

    def save(self, folder: Path) -> str:
        """Write what it needs into a pipeline's folder; by the answer it is loaded from there."""


class WarpGenerator:
    """Moves the photo's own pixels."""

    name = "warp"
    licence = ""
    guides: tuple[Use, ...] = ()

    def begin(self, start: int, config: ReenactConfig) -> int:
        """Every frame stands alone."""
        return start

    def save(self, folder: Path) -> str:
        """Its name is all there is to it."""
        return self.name

    def geometry_size(self, config: ReenactConfig) -> int:
        """The configured window."""
        return config.size or GEOMETRY_SIZE

    def paint(
        self,
        reference: Reference,
        camera: Camera,
        posed: Iterator[NDArray[np.float32]],
        config: ReenactConfig,
        *,
        start: int = 0,
        workers: int = 2,
    ) -> Frames:
        """See :class:`Generator`; a frame depends on its pose alone."""
        warper = Warper(reference)

        def frame(vertices: NDArray[np.float32]) -> NDArray[np.uint8]:
            return compose(reference, warper.render(vertices))

        return ordered_map(frame, posed, workers=workers)


def load_generator(
    name: str = DEFAULT,
    *,
    weights: Path | None = None,
    device: str = "auto",
    parts: PublishedParts | None = None,
) -> Generator:
    """A generator by name.

    Args:
        name: one of ``GENERATORS``, or a folder with weights.
        weights: folder with weights instead of the embedded ones.
        device: ``auto``, ``cpu``, ``cuda`` ...; of networks.
        parts: how published weights are opened; of the embedded ones only ``attention``.

    Raises:
        UsageError: no such generator, or weights for one that has none.
        ModelFileError: the weights are absent or cannot be read.
    """
    from facegen.networks.precision import pick_device

    pick_device(device)  # told even where nothing will run on it
    if name not in GENERATORS and Path(name).is_dir():
        name, weights = "open", Path(name)
    if name == "warp":
        if weights is not None:
            raise UsageError("--weights: the warp has none; add --generator open")
        return WarpGenerator()
    if name == "magicportrait":
        from facegen.pipelines.magic_generator import MagicGenerator

        for part in ("magicportrait", *table()["magicportrait"].needs):
            touch(part)
        return MagicGenerator.load(weights, parts, device=device)
    if name != "open":
        raise UsageError(f"--generator {name}: choose from {', '.join(GENERATORS)}, or a folder")
    folder = weights or OPEN_REENACTOR
    if not (folder / "model_index.json").is_file():
        raise ModelFileError(
            f"no weights of the open generator in {folder}; name their folder with --weights "
            "(facegen train reenactor makes one), or use --generator warp"
        )
    from facegen.pipelines.open_generator import OpenGenerator

    touch_folder(folder)
    attention = parts.attention if parts else "auto"
    return OpenGenerator.load(folder, device=device, embedded=weights is None, attention=attention)
