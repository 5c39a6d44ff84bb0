"""Where the files of a published system lie."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from facegen.errors import ModelFileError
from facegen.networks.sd15.profiles import PROFILES, Profile

SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt", ".bin")
BASE_NAMES = ("stable-diffusion-v1-5", "sd15")
VAE_NAMES = ("sd-vae-ft-mse",)
IMAGE_ENCODER_NAMES = ("image_encoder", "clip/image_encoder", "clip")
_GUIDER = "guidance_encoder_"
_MOTION = "motion_module"
# What is fetched of a repository: weights in the safe format, and what describes them.
_BASE_FILES = ("unet/config.json", "text_encoder/*.json", "text_encoder/model.safetensors")
_TOKENIZER_FILES = ("tokenizer/*",)
_PLAIN_FILES = ("*.json", "*.safetensors")


@dataclass(frozen=True)
class Layout:
    """Files of one system.

    Attributes:
        reference, denoising: UNets. motion: the modules' own file, None where there is none.
        guiders: by map. base: folder of Stable Diffusion 1.5. vae: folder of the autoencoder.
        image_encoder: folder, for systems without a prompt.
    """

    reference: Path
    denoising: Path
    motion: Path | None
    guiders: dict[str, Path]
    base: Path
    vae: Path
    image_encoder: Path | None

    @property
    def files(self) -> list[Path]:
        """The weight files, without the folders."""
        motion = [] if self.motion is None else [self.motion]
        return [self.reference, self.denoising, *motion, *self.guiders.values()]


def find_layout(
    folder: Path,
    profile: Profile,
    *,
    base: str | None = None,
    vae: str | None = None,
    elsewhere: Sequence[Path] = (),
) -> Layout:
    """Find every file of a system.

    Args:
        folder: holds the files, or their folder ``ckpts``.
        base, vae: a folder, or the name of a repository on the Hugging Face hub, which is then
            fetched; by default folders of the usual names in ``folder``, beside it or
            ``elsewhere``.

    Raises:
        ModelFileError: a file is missing, or the folder holds another system.
    """
    places = [folder, folder / "ckpts", folder / profile.name]
    checked = [place for place in places if place.is_dir()]
    if not checked:
        raise ModelFileError(f"no folder {folder}; {_fetch(profile.name)}")
    _refuse_other_system(checked, folder, profile)
    around = [*checked, folder.absolute().parent, *elsewhere]
    needs_picture = profile.prompt is None
    return Layout(
        reference=_file(checked, "reference_unet", folder, profile),
        denoising=_file(checked, "denoising_unet", folder, profile),
        motion=_motion(checked),
        guiders={name: _file(checked, _GUIDER + name, folder, profile) for name in profile.guiders},
        base=_folder(base, around, BASE_NAMES, "--base-model", (*_BASE_FILES, *_TOKENIZER_FILES)),
        vae=_folder(vae, around, VAE_NAMES, "--vae", _PLAIN_FILES),
        image_encoder=(
            _folder(None, around, IMAGE_ENCODER_NAMES, "", _PLAIN_FILES) if needs_picture else None
        ),
    )


def _fetch(*names: str) -> str:
    return f"get it with: facegen assets download {' '.join(names)}"


def _candidates(places: Iterable[Path], stem: str) -> list[Path]:
    return [
        path
        for place in places
        for path in sorted(place.glob(f"{stem}*"))
        if path.suffix in SUFFIXES and path.is_file()
    ]


def _file(places: list[Path], stem: str, folder: Path, profile: Profile) -> Path:
    found = [path for path in _candidates(places, stem) if path.stem == stem]
    if not found:
        raise ModelFileError(
            f"no {stem}.pth or .safetensors of {profile.title} in {folder}; {_fetch(profile.name)}"
        )
    return found[0]


def _motion(places: list[Path]) -> Path | None:
    """The modules' file carries its training step in its name: ``motion_module-47360.pth``."""
    found = _candidates(places, _MOTION)
    stems = {path.stem for path in found}
    if len(stems) > 1:
        raise ModelFileError(f"{', '.join(sorted(stems))}: keep one of these motion modules")
    return found[0] if found else None


def _refuse_other_system(places: list[Path], folder: Path, profile: Profile) -> None:
    present = {path.stem.removeprefix(_GUIDER) for path in _candidates(places, _GUIDER)}
    for other in PROFILES.values():
        own = set(other.guiders) - set(profile.guiders)
        if own & present and not set(profile.guiders) <= present:
            raise ModelFileError(
                f"{folder} holds {other.title}'s weights (maps {', '.join(sorted(present))}), not "
                f"{profile.title}'s ({', '.join(profile.guiders)}); {_fetch(profile.name)}"
            )


def _folder(
    given: str | None,
    around: list[Path],
    names: tuple[str, ...],
    option: str,
    files: tuple[str, ...],
) -> Path:
    if given is not None:
        path = Path(given)
        return path if path.is_dir() else _from_hub(given, option, files)
    for place in around:
        for name in names:
            if (place / name).is_dir():
                return place / name
    which = f", or name it with {option}" if option else ""
    raise ModelFileError(
        f"no folder {' or '.join(names)} in {around[0]}; {_fetch(names[-1])}{which}"
    )


def _from_hub(name: str, option: str, files: tuple[str, ...]) -> Path:
    """A repository that the user named.

    Raises:
        ModelFileError: no such repository, or no way to it.
    """
    if name.count("/") != 1:
        raise ModelFileError(f"{option} {name}: no such folder, nor a name like OWNER/MODEL")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=list(files)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ModelFileError(f"{option} {name}: cannot be fetched ({reason})") from error
