"""Options of generators with published weights, for the commands that paint."""

from dataclasses import dataclass
from typing import Annotated, Any, Optional

import typer

from facegen.pipelines.magic_config import MagicConfig, PublishedParts

GENERATOR = "magicportrait"
_SAMPLER, _PARTS = MagicConfig(), PublishedParts()


def _option(help: str, *names: str, **limits: Any) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=GENERATOR, **limits)  # type: ignore[call-overload]


@dataclass(kw_only=True)
class Published:
    """What the user asked of published weights; each field is an option of the command."""

    identity: Annotated[
        float, _option("Strength of the photo's features; 1 takes half the time.", min=0)
    ] = _SAMPLER.identity
    motion_guidance: Annotated[
        float, _option("Strength of the head's maps; trained for 1.", min=0)
    ] = _SAMPLER.motion
    window: Annotated[int, _option("Frames denoised together.", min=1)] = _SAMPLER.window
    overlap: Annotated[int, _option("Frames that windows share.", min=0)] = _SAMPLER.overlap
    seed: Annotated[int, _option("Of the noise.", min=0)] = _SAMPLER.seed
    compat: Annotated[
        bool, _option("As the published programs do, faults included.", "--compat")
    ] = False
    base_model: Annotated[
        Optional[str], _option("Stable Diffusion 1.5: a folder, or OWNER/MODEL on the hub.")
    ] = _PARTS.base
    vae: Annotated[
        Optional[str], _option("sd-vae-ft-mse: a folder, or OWNER/MODEL on the hub.")
    ] = _PARTS.vae
    precision: Annotated[str, _option("auto, fp32, bf16 or fp16.")] = _PARTS.precision
    attention: Annotated[str, _option("auto, sdpa, xformers or sliced.")] = _PARTS.attention
    max_vram: Annotated[
        Optional[float], _option("Gigabytes of the device's memory to keep below.", min=0.1)
    ] = _PARTS.max_vram

    def sampler(self, generator: str | None, size: int | None, steps: int | None) -> MagicConfig:
        """The settings, with the size and steps that all generators share if they are its own."""
        if generator != GENERATOR:
            size, steps = None, None
        return MagicConfig(
            size=size or _SAMPLER.size,
            steps=steps or _SAMPLER.steps,
            identity=self.identity,
            motion=self.motion_guidance,
            window=self.window,
            overlap=self.overlap,
            seed=self.seed,
            compat=self.compat,
        )

    @property
    def parts(self) -> PublishedParts:
        """How the weights are opened."""
        return PublishedParts(
            base=self.base_model,
            vae=self.vae,
            precision="fp32" if self.compat else self.precision,
            attention=self.attention,
            max_vram=self.max_vram,
        )
