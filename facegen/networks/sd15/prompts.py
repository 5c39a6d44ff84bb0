"""Tokens the networks are told: of a sentence, or of the photo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facegen._optional import require
from facegen.errors import ModelFileError

EXTRA = "published"
# Old files keep a table of positions that newer versions compute.
_COMPUTED = "position_ids"


@torch.inference_mode()
def text_tokens(base: Path, prompt: str) -> Tensor:
    """Tokens ``(1, T, C)`` float32 of a sentence, by the base model's CLIP (Radford et al. 2021).

    Args:
        base: folder with ``tokenizer`` and ``text_encoder``.

    Raises:
        ModelFileError: they are absent or not whole. MissingExtraError: no transformers.
    """
    transformers = require("transformers", EXTRA)
    encoder = load_clip(transformers.CLIPTextModel, base / "text_encoder")
    folder = base / "tokenizer"
    try:
        tokenizer = transformers.CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelFileError(f"no tokenizer in {folder} ({_first_line(error)})") from error
    words = tokenizer(
        [prompt],
        padding="max_length",
        max_length=encoder.config.max_position_embeddings,
        truncation=True,
        return_tensors="pt",
    )
    return encoder(words.input_ids)[0].float()


@torch.inference_mode()
def image_tokens(folder: Path, photo: NDArray[np.uint8]) -> Tensor:
    """The one token ``(1, 1, C)`` float32 of a picture ``(H, W, 3)``, by CLIP's image encoder.

    Raises:
        ModelFileError: the encoder is absent or not whole. MissingExtraError: no transformers.
    """
    transformers = require("transformers", EXTRA)
    from PIL import Image

    encoder = load_clip(transformers.CLIPVisionModelWithProjection, folder)
    side = encoder.config.image_size
    processor = transformers.CLIPImageProcessor(
        size={"shortest_edge": side}, crop_size={"height": side, "width": side}
    )
    picture = Image.fromarray(photo).resize((side, side))
    pixels = processor(picture, return_tensors="pt").pixel_values
    return encoder(pixels).image_embeds[:, None].float()


def load_clip(kind: Any, folder: Path) -> Any:
    """A CLIP network of transformers' layout, all weights accounted for.

    Raises:
        ModelFileError: absent, damaged, or weights missing or left over.
    """
    # Its bar would run even where nobody looks.
    require("transformers.utils.logging", EXTRA).disable_progress_bar()
    try:
        network, report = kind.from_pretrained(
            folder, local_files_only=True, output_loading_info=True, dtype=torch.float32
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelFileError(f"{folder} cannot be loaded ({_first_line(error)})") from error
    check_report(report, folder, ignored=_COMPUTED)
    return network.train(False).requires_grad_(False)


def check_report(report: dict[str, Any], folder: Path, *, ignored: str = "\n") -> None:
    """Refuse a network that a library loaded in part.

    Raises:
        ModelFileError: keys were missing, left over or of another shape.
    """
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        odd = [str(key) for key in report.get(what, ()) if ignored not in str(key)]
        if odd:
            label = what.removesuffix("_keys")
            raise ModelFileError(f"{folder}: {len(odd)} {label} weights ({odd[0]}, ...)")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
