"""Alternatives that ``facegen bench --compare`` sets side by side: painter, threads, encoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np
import torch
from numpy.typing import NDArray

from facegen.checkpoints import OPEN_REENACTOR
from facegen.media.encode import Encoder, settings_for
from facegen.networks.precision import choose_precision
from facegen.networks.reenactor import INPUTS, Reenactor, load_reenactor
from facegen.pipelines.open_generator import BATCH
from facegen.pipelines.reenact import Reenactment
from facegen.timing import Timing, Variants

PRESETS = ("fast", "medium", "faster", "veryfast", "ultrafast")
_PAINTED = 16  # frames of a run with other threads
_SIDE = 64  # the network's windows are multiples of this
# Maps of the network's input and their channels; region labels have none.
_CHANNELS = {"visibility": 1, "moved": 1, "depth": 1, "region": 0}


class Compare(Protocol):
    """Times variants side by side; see :func:`facegen.timing.compare`."""

    def __call__(self, stage: str, variants: Variants, items: int = 1) -> list[Timing]: ...


def painter_row(compare: Compare, size: int) -> list[Timing]:
    """The open generator's network as it runs at ``--quality fast``: a batch, per frame."""
    small = _sides(size)[0]
    run = painting(load_reenactor(OPEN_REENACTOR), small, 1)
    return compare("paint", {f"{small} px": run}, BATCH)


def painter_rows(compare: Compare, size: int) -> Iterator[Timing]:
    """The same with other sizes, steps, numbers, attention and threads."""
    small, large = _sides(size)
    plain = load_reenactor(OPEN_REENACTOR)
    run = painting(plain, small, 1)
    sides: Variants = {f"{side} px": painting(plain, side, 1) for side in (small, large)}
    yield from compare("paint, size", sides, BATCH)
    steps: Variants = {str(count): painting(plain, small, count) for count in (1, 2, 4)}
    yield from compare("paint, steps", steps, BATCH)
    own = choose_precision("auto", plain.device)
    formats: dict[str, Callable[[], object]] = {own: run}
    for name in {"fp32", "bf16"} - {own}:
        formats[name] = painting(load_reenactor(OPEN_REENACTOR, precision=name), small, 1)
    yield from compare("paint, numbers", formats, BATCH)
    kernels = ("sdpa", "sliced", *(("xformers",) if plain.device.type == "cuda" else ()))
    networks = {name: load_reenactor(OPEN_REENACTOR, attention=name) for name in kernels}
    attention: Variants = {name: painting(model, large, 1) for name, model in networks.items()}
    yield from compare(f"paint, attention at {large} px", attention, BATCH)
    counts = dict.fromkeys((torch.get_num_threads(), 1, 2))
    threads: Variants = {str(count): _on_threads(run, count) for count in counts}
    yield from compare("paint, torch threads", threads, BATCH)


def _sides(size: int) -> tuple[int, int]:
    """Windows of ``fast`` and ``best`` for a geometry of ``size`` pixels."""
    small = max(1, size // (2 * _SIDE)) * _SIDE
    return small, 2 * small


def painting(model: Reenactor, size: int, steps: int) -> Callable[[], object]:
    """A call that paints ``BATCH`` windows of noise."""
    noise = torch.Generator().manual_seed(0)

    def picture(channels: int) -> torch.Tensor:
        if channels == 0:
            return torch.randint(0, 8, (BATCH, size, size), generator=noise).to(model.device)
        values = torch.rand(BATCH, channels, size, size, generator=noise)
        return values.to(model.device, model.dtype)

    conditions = {name: picture(_CHANNELS.get(name, 3)) for name in INPUTS}
    prepared = model.prepare(picture(3)[:1])
    start = torch.randn(BATCH, *model.noise_shape(size), generator=noise)
    start = start.to(model.device, model.dtype)

    def run() -> object:
        out = model.paint(prepared, conditions, noise=start, steps=steps)
        return out["image"].cpu()  # a GPU is waited for

    return run


def worker_rows(compare: Compare, result: Reenactment) -> Iterator[Timing]:
    """Frames of the warp with other numbers of threads; 0 is the caller's own."""

    def run(workers: int) -> Callable[[], object]:
        return lambda: list(islice(result.frames(workers=workers), _PAINTED))

    yield from compare("paint, workers of the warp", {str(n): run(n) for n in (2, 1, 0)}, _PAINTED)


def encoder_rows(
    compare: Compare, frames: Sequence[NDArray[np.uint8]], folder: Path
) -> Iterator[Timing]:
    """H.264 presets at the default quality, named with the bytes a frame that each needs."""
    variants = {}
    for preset in PRESETS:
        size = encode(frames, preset, folder / f"{preset}.mp4")
        name = f"{preset}, {size / len(frames) / 1e3:.1f} kB"
        variants[name] = _encoding(frames, preset, folder)
    yield from compare("encode, preset", variants, len(frames))


def encode(frames: Sequence[NDArray[np.uint8]], preset: str, path: Path) -> int:
    """Write pictures ``(H, W, 3)`` with a preset of x264; returns the file's bytes."""
    settings = settings_for("mp4")
    options = tuple((dict(settings.options) | {"preset": preset}).items())
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w") as output:
        encoder = Encoder(output, replace(settings, options=options), width, height, Fraction(25))
        for rgb in frames:
            output.mux(list(encoder.encode(rgb)))
        output.mux(list(encoder.flush()))
    return path.stat().st_size


def _encoding(
    frames: Sequence[NDArray[np.uint8]], preset: str, folder: Path
) -> Callable[[], object]:
    return lambda: encode(frames, preset, folder / f"{preset}.mp4")


def _on_threads(run: Callable[[], object], count: int) -> Callable[[], object]:
    def alone() -> object:
        with torch_threads(count):
            return run()

    return alone


@contextmanager
def torch_threads(count: int) -> Iterator[Any]:
    """Torch on so many threads for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
