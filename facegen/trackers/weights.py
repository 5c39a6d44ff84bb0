"""Opens published weight files of the regressors by exact accounting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from facegen.errors import ModelFileError, UsageError
from facegen.media import file_sha256
from facegen.networks.statedict import load_exactly, read_weights, tensors_of
from facegen.trackers.crops import FAN_BOX, MEDIAPIPE_BOX, Crop
from facegen.trackers.networks import Deca, Emoca, Smirk
from facegen.weights.ledger import touch

# Parts of the files that give no FLAME parameters: detail, texture, rendering, training losses.
_DECA_DEAD = (r"E_detail\.", r"D_detail\.", r"(opt|global_step|batch_size)(\.|$)")
_EMOCA_DEAD = (
    r"E_detail\.", r"D_detail\.", r"flame\.", r"flametex\.", r"render\.", r"E_mica\.",
    r"(uv_face_eye_mask|uv_face_mask|displacement_mask|fixed_uv_dis|mean_texture)$",
    r"(perceptual_loss|id_loss|vgg_loss|emonet_loss|au_loss|lipread_loss)\.",
)  # fmt: skip
_SMIRK_DEAD = (r"smirk_generator\.",)
_SHARED = "E_expression.resnet."


@dataclass(frozen=True, eq=False)
class FaceRegressor:
    """A network ready to look at crops.

    Attributes:
        name: ``deca``, ``emoca`` or ``smirk``. network: in evaluation mode.
        crop: what it wants to see. basis: of its coefficients. sha256: of the weight file.
    """

    name: str
    network: nn.Module
    crop: Crop
    basis: str
    sha256: str


def weights_of(name: str) -> Path:
    """The imported weight file of a tracker.

    Raises:
        UsageError: none was imported.
    """
    from facegen.assets import find_weights

    found = find_weights(name)
    if found is None:
        raise UsageError(
            f"--tracker {name} needs its weights: give --tracker {name}=FILE, or import them once "
            f"with: facegen assets import FILE --as {name}"
        )
    return found


def open_regressor(name: str, path: Path | str) -> FaceRegressor:
    """Load ``deca_model.tar``, EMOCA's ``.ckpt`` or ``SMIRK_em1.pt``.

    Nothing in the file is run; every tensor that the network reads is there once, and every other
    belongs to a part that is known and not needed.

    Raises:
        UsageError: no such tracker. ModelFileError: another file, or not exactly these weights.
    """
    try:
        opener = _OPENERS[name]
    except KeyError:
        raise UsageError(f"--tracker {name}: choose from {', '.join(TRACKERS)}") from None
    path = Path(path)
    data = read_weights(path)
    # Without memory of its own: the file's tensors become the network.
    with torch.device("meta"):
        network, crop = opener(data, f"{path.name} as {name}")
    network.float().eval().requires_grad_(False)
    sha256 = file_sha256(path)
    touch(name, sha256=sha256)
    return FaceRegressor(name, network, crop, "flame2020", sha256)


def _flat(data: Mapping[Any, Any], prefix: str = "") -> dict[str, Tensor]:
    """Nested dictionaries of tensors with dotted names."""
    out = {f"{prefix}{key}": value for key, value in tensors_of(data).items()}
    for key, value in data.items():
        if isinstance(value, Mapping):
            out |= _flat(value, f"{prefix}{key}.")
    return out


def _deca(data: dict[str, Any], what: str) -> tuple[nn.Module, Crop]:
    network = Deca()
    load_exactly(network, _flat(data), what=what, dead=_DECA_DEAD)
    return network, FAN_BOX


def _emoca(data: dict[str, Any], what: str) -> tuple[nn.Module, Crop]:
    state = tensors_of(data.get("state_dict", {})) or _flat(data)
    state = {name.removeprefix("deca."): value for name, value in state.items()}
    shared = any(name.startswith(_SHARED) for name in state)
    last = state.get("E_expression.layers.2.weight")
    if last is None:
        raise ModelFileError(f"{what}: no expression network inside; is it DECA's file?")
    network = Emoca(outputs=len(last), shared=shared)
    load_exactly(network, state, what=what, dead=(*_EMOCA_DEAD, r"E_expression\.resnet\."))
    return network, FAN_BOX


def _smirk(data: dict[str, Any], what: str) -> tuple[nn.Module, Crop]:
    state = tensors_of(data)
    state = {name.removeprefix("smirk_encoder."): value for name, value in state.items()}
    last = state.get("shape_encoder.shape_layers.0.weight")
    network = Smirk(identity=300 if last is None else len(last))
    load_exactly(network, state, what=what, dead=_SMIRK_DEAD)
    return network, MEDIAPIPE_BOX


_OPENERS = {"deca": _deca, "emoca": _emoca, "smirk": _smirk}
TRACKERS = tuple(_OPENERS)
