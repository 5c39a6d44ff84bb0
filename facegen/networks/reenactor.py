"""The trained painter: autoencoder, UNet and scheduler, as one folder in diffusers' layout."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from facegen.errors import ModelFileError, UsageError
from facegen.networks.autoencoder import FACTOR, FaceAutoencoder
from facegen.networks.blend import Trust, departure, detailed
from facegen.networks.bridge import BridgeScheduler, bridge_start
from facegen.networks.precision import DTYPES, choose_precision
from facegen.networks.unet import ReenactorUNet, References, Switches, UNetOutput
from facegen.reading import read_json

INDEX = "model_index.json"
CLASS = "FacegenReenactor"
# Maps a painter is given, besides the warped photo's own.
INPUTS = ("warped", "visibility", "moved", "depth", "normal", "render", "region")
_SIDE = 64
# Pixels decoded at once: what is larger leaves the processor's cache, and the system hands out and
# clears its memory anew every time (a fifth of the decoder's time at 512 px).
_DECODED = 2**20


@dataclass(frozen=True)
class Prepared:
    """What the painter remembers of a photo ``(1, 3, S, S)``; made once a clip."""

    photo: Tensor
    references: References


class Reenactor:
    """Paints windows of a driven head. Built by :func:`load_reenactor`."""

    def __init__(
        self, autoencoder: FaceAutoencoder, unet: ReenactorUNet, trust: Trust | None = None
    ) -> None:
        self.autoencoder = autoencoder.requires_grad_(False)
        self.unet = unet
        self.trust = trust or Trust()

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return self.unet.device

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the networks."""
        return self.unet.dtype

    def noise_shape(self, size: int) -> tuple[int, int, int]:
        """Shape of one window's noise.

        Raises:
            UsageError: a side the network cannot halve often enough.
        """
        if size % _SIDE:
            raise UsageError(f"a window of {size} pixels: its side must be a multiple of {_SIDE}")
        return (int(self.autoencoder.config["latent_channels"]), size // FACTOR, size // FACTOR)

    def compile(self, backend: str = "inductor") -> None:
        """Let ``torch.compile`` make kernels of the networks: worth it for many frames of one size.

        Args:
            backend: of ``torch.compile``; the default needs a C++ compiler.
        """
        self.unet.compile(backend=backend)
        self.autoencoder.decoder.compile(backend=backend)

    @torch.inference_mode()
    def prepare(self, reference: Tensor) -> Prepared:
        """Remember a photo ``(1, 3, S, S)`` in -1..1, in the window of its own head."""
        photo = reference.to(self.device)
        return Prepared(photo, self.unet.remember(self._encode(photo)))

    @torch.inference_mode()
    def paint(
        self,
        prepared: Prepared,
        conditions: dict[str, Tensor],
        *,
        noise: Tensor,
        steps: int = 1,
        identity: float = 1.0,
        motion: float = 1.0,
    ) -> dict[str, Tensor]:
        """Paint B windows of S by S pixels.

        Args:
            prepared: of the photo.
            conditions: ``INPUTS`` of ``WindowSet.batch``, float, in its ranges.
            noise: standard normal ``(B, *noise_shape(S))``.
            steps: evaluations of the network, 1 to 4 are useful.
            identity, motion: strength of the photo's features and of the driven head's maps;
                1 is the trained one, others extrapolate from the network without them (Ho and
                Salimans 2022), at the price of one more evaluation each.

        Returns:
            ``image (B, 3, S, S)`` in -1..1, ``mask``, ``matte`` and ``keep (B, 1, S, S)`` in 0..1,
            float32: the image belongs where the mask is 1, the warped photo where it is 0; it has
            the warped photo's finest detail where ``keep`` is 1.

        Raises:
            UsageError: no steps, or a size the network cannot halve.
        """
        if steps < 1:
            raise UsageError("--steps must be at least 1")
        self.noise_shape(conditions["warped"].shape[-1])
        maps = {name: conditions[name].to(self.device) for name in INPUTS}
        warped = self._encode(maps["warped"])
        sample = bridge_start(warped, maps["visibility"], noise.to(warped))
        scheduler: Any = BridgeScheduler()
        sigmas = scheduler.set_steps(steps, self.device)
        for sigma, time in zip(sigmas, scheduler.timesteps, strict=True):
            out = self._guided(sample, float(sigma), warped, maps, prepared, identity, motion)
            sample = scheduler.step(out.velocity, time, sample, return_dict=False)[0]
        painted, known = self._decode(torch.cat([sample, warped])).chunk(2)
        keep = out.keep.float().sigmoid()
        changed = departure(maps["warped"], prepared.photo) * self.trust(maps["region"])
        return {
            "image": detailed(painted, known, maps["warped"].float(), keep).clamp(-1, 1),
            "mask": out.blend.float().sigmoid() * changed,
            "matte": out.matte.float().sigmoid(),
            "keep": keep,
        }

    def _guided(
        self,
        sample: Tensor,
        sigma: float,
        warped: Tensor,
        maps: dict[str, Tensor],
        prepared: Prepared,
        identity: float,
        motion: float,
    ) -> UNetOutput:
        count = len(sample)
        sigmas = torch.full((count,), sigma, device=sample.device)
        full = self.unet(sample, sigmas, warped, maps, prepared.references)
        velocity, keep = full.velocity, full.keep
        none = torch.zeros(count, device=sample.device)
        for scale, switches in (
            (identity, Switches(identity=none)),
            (motion, Switches(motion=none)),
        ):
            if scale != 1:
                part = self.unet(sample, sigmas, warped, maps, prepared.references, switches)
                velocity = velocity + (scale - 1) * (full.velocity - part.velocity)
                keep = keep + (scale - 1) * (full.keep - part.keep)
        return full._replace(velocity=velocity, keep=keep)

    def _encode(self, pictures: Tensor) -> Tensor:
        pictures = pictures.to(self.device, self.dtype, memory_format=torch.channels_last)
        return self.autoencoder.encode(pictures).latents

    def _decode(self, latents: Tensor) -> Tensor:
        """Pictures, float32."""
        few = max(1, _DECODED // (FACTOR**2 * latents[0, 0].numel()))
        parts = latents.to(self.dtype).split(few if latents.device.type == "cpu" else len(latents))
        return torch.cat([self.autoencoder.decode(part).sample.float() for part in parts])


def save_reenactor(
    folder: Path,
    autoencoder: FaceAutoencoder,
    unet: ReenactorUNet,
    dtype: torch.dtype,
    trust: Trust | None = None,
) -> None:
    """Write ``autoencoder/``, ``unet/`` and ``model_index.json`` below ``folder``."""
    networks: dict[str, Any] = {"autoencoder": autoencoder, "unet": unet}
    for name, network in networks.items():
        copy = type(network).from_config(network.config)
        copy.load_state_dict(network.state_dict())
        torch.nn.Module.to(copy, dtype).save_pretrained(folder / name)
    index = {
        "_class_name": CLASS,
        "trust": asdict(trust or Trust()),
        "autoencoder": ["facegen.networks.autoencoder", "FaceAutoencoder"],
        "unet": ["facegen.networks.unet", "ReenactorUNet"],
    }
    (folder / INDEX).write_text(json.dumps(index, indent=1))


def load_reenactor(
    folder: Path | str,
    device: torch.device | str = "cpu",
    precision: str = "auto",
    attention: str = "auto",
) -> Reenactor:
    """The painter in a folder of :func:`save_reenactor`.

    Args:
        precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.
        attention: ``auto``, ``sdpa``, ``xformers`` or ``sliced``.

    Raises:
        ModelFileError: not such a folder, or damaged files.
        UsageError: a precision the device does not have, or no such attention.
    """
    folder = Path(folder)
    dtype = DTYPES[choose_precision(precision, device)]
    try:
        index = read_json(folder / INDEX)
        known = index["_class_name"] == CLASS
        given = index.get("trust", {})
        trust = Trust(float(given.get("strength", 1)), tuple(map(int, given.get("leave", ()))))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(f"{folder} holds no reenactor weights ({error})") from error
    if not known:
        raise ModelFileError(f"{folder} holds weights of another pipeline, not of {CLASS}")
    autoencoder = load_network(FaceAutoencoder, folder / "autoencoder", device, dtype)
    unet = load_network(ReenactorUNet, folder / "unet", device, dtype)
    unet.use_attention(attention)
    return Reenactor(autoencoder, unet, trust)


def load_network(
    kind: Any, folder: Path, device: torch.device | str, dtype: torch.dtype = torch.float32
) -> Any:
    """A frozen network of diffusers' layout, ready for pictures.

    Raises:
        ModelFileError: absent or damaged files, or weights of another layout.
    """
    try:
        network, found = kind.from_pretrained(
            folder,
            torch_dtype=dtype,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise ModelFileError(f"{folder} cannot be loaded: {reason}") from error
    # Parts without weights would be drawn at random, with no more than a warning.
    for problem, names in found.items():
        if names:
            raise ModelFileError(
                f"{folder} holds weights of another layout ({problem.replace('_', ' ')}: "
                f"{next(iter(names))}, ...); export them anew with this facegen"
            )
    network = network.requires_grad_(False).train(False).to(device)
    return network.to(memory_format=torch.channels_last)
