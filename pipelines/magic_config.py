"""Settings of generators with published weights, light enough for ``--help``."""

from __future__ import annotations

from dataclasses import dataclass

from facegen.errors import UsageError

MAX_STEPS = 1000


@dataclass(frozen=True, kw_only=True)
class MagicConfig:
    """How the ``magicportrait`` generator samples.

    Attributes:
        size: side of the painted window in pixels, a multiple of 64.
        steps: evaluations of the network per window.
        identity: strength of the photo's features (classifier-free guidance); 1 is off, and saves
            half the time.
        motion: strength of the maps; 1 is what the weights were trained for.
        window, overlap: frames denoised together, and shared by neighbours.
        seed: of the noise.
        compat: do as the published programs do, faults included: their windows and noise, single
            precision, JPEG maps, the crop by the face's width. The whole clip is held in memory.
    """

    size: int = 512
    steps: int = 20
    identity: float = 3.5
    motion: float = 1.0
    window: int = 12
    overlap: int = 4
    seed: int = 42
    compat: bool = False

    def validate(self) -> None:
        """Check what types cannot.

        Raises:
            UsageError: a value outside its range.
        """
        if self.size < 64 or self.size % 64:
            raise UsageError(f"--size {self.size}: choose a multiple of 64")
        if not 1 <= self.steps <= MAX_STEPS:
            raise UsageError(f"--steps {self.steps}: choose from 1 to {MAX_STEPS}")
        if not 0 <= self.overlap <= self.window // 2:
            raise UsageError(
                f"--overlap {self.overlap}: at most half of --window {self.window}, at least 0"
            )
        if min(self.identity, self.motion) < 0:
            raise UsageError("--identity and --motion-guidance are at least 0")


@dataclass(frozen=True, kw_only=True)
class PublishedParts:
    """How published weights are opened.

    Attributes:
        base, vae: Stable Diffusion 1.5 and its autoencoder: folders, or names on the Hugging Face
            hub, which are then fetched; by default beside the weights or among the assets.
        precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.
        attention: ``auto``, ``sdpa``, ``xformers`` or ``sliced``.
        max_vram: gigabytes of the device's memory to keep below, None for all that is free.
    """

    base: str | None = None
    vae: str | None = None
    precision: str = "auto"
    attention: str = "auto"
    max_vram: float | None = None
