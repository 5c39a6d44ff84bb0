"""wav2vec 2.0, HuBERT and WavLM through ``transformers``: the one file that knows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen._optional import require
from facegen.audio.encoder import FRAME, frame_count
from facegen.audio.speech import RATE
from facegen.errors import ModelFileError

_KINDS = ("wav2vec2", "hubert", "wavlm")
# The convolutions see 400 samples at a stride of 320: 40 more at both ends give every frame one.
_EDGE = 40
# Attention is quadratic: long sound goes in windows, and what is near a cut is thrown away.
_WINDOW, _OVERLAP = 20 * RATE // FRAME, RATE // FRAME


class TransformerEncoder:
    """Hidden states of a self-supervised speech network as an ``AudioEncoder``.

    Baevski et al. 2020, "wav2vec 2.0"; Hsu et al. 2021, "HuBERT"; Chen et al. 2022, "WavLM".

    Args:
        model: folder of a model in the layout of the hub, or its hub id.
        layer: hidden layer whose states are the features; -1 is the last.
        download: whether the hub may be asked for what is not on this machine.
        device: where it runs, by torch's names.

    Raises:
        MissingExtraError: transformers is not installed.
        ModelFileError: no such model here, pickled weights, or not one of these networks.
    """

    rate = RATE // FRAME

    def __init__(
        self, model: Path | str, *, layer: int = -1, download: bool = False, device: str = "cpu"
    ) -> None:
        transformers = require("transformers", "audio")
        where: dict[str, Any] = {"local_files_only": not download}
        try:
            config = transformers.AutoConfig.from_pretrained(str(model), **where)
            self._check(str(model), config, layer)
            self._network = transformers.AutoModel.from_pretrained(
                str(model), use_safetensors=True, **where
            )
            self._prepare = transformers.Wav2Vec2FeatureExtractor.from_pretrained(
                str(model), **where
            )
        except (OSError, ValueError) as error:
            raise ModelFileError(_remedy(str(model), download, error)) from error
        self._network.train(False).to(device)
        self._layer, self._device = layer, device
        self.name = f"{config.model_type}:{Path(str(model)).name}:{layer}"
        self.dim = int(config.hidden_size)

    @staticmethod
    def _check(model: str, config: Any, layer: int) -> None:
        if config.model_type not in _KINDS:
            raise ModelFileError(
                f"{model} is a {config.model_type} model; choose one of {', '.join(_KINDS)}"
            )
        if int(np.prod(config.conv_stride)) != FRAME:
            raise ModelFileError(f"{model} does not give 50 features a second; choose another")
        count = config.num_hidden_layers
        if not -count <= layer <= count:
            raise ModelFileError(f"{model} has {count} layers; layer {layer} is not among them")

    def encode(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features of a whole recording (see ``AudioEncoder``)."""
        stream = self.stream()
        return np.concatenate([stream.push(samples), stream.finish()])

    def stream(self) -> TransformerStream:
        """Features in windows of 20 s with 1 s around them; memory does not grow."""
        return TransformerStream(self)

    def states(self, samples: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
        """Hidden states ``(frames, dim)`` of one window of sound."""
        import torch

        if self._prepare.do_normalize:
            samples = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
        after = frames * FRAME - len(samples) + _EDGE
        padded = np.pad(samples, (_EDGE, after)).astype(np.float32)
        with torch.inference_mode():
            values = torch.from_numpy(padded)[None].to(self._device)
            hidden = self._network(values, output_hidden_states=True).hidden_states
        return hidden[self._layer][0].float().cpu().numpy()


class TransformerStream:
    """Sound in pieces: windows as they are complete."""

    def __init__(self, encoder: TransformerEncoder) -> None:
        self._encoder = encoder
        self._held = np.zeros(0, np.float32)
        self._first = self._given = 0  # frame at which what is held begins; frames given out

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features ``(t, dim)`` that ``(n,)`` more samples complete; t may be 0."""
        self._held = np.concatenate([self._held, np.asarray(samples, np.float32)])
        parts = [np.zeros((0, self._encoder.dim), np.float32)]
        while self._end > self._given + _WINDOW + _OVERLAP:
            parts.append(self._window(self._given + _WINDOW))
        return np.concatenate(parts)

    def finish(self) -> NDArray[np.float32]:
        """The last frames."""
        parts = [np.zeros((0, self._encoder.dim), np.float32)]
        while self._given < self._end:
            parts.append(self._window(min(self._given + _WINDOW, self._end)))
        return np.concatenate(parts)

    @property
    def _end(self) -> int:
        return self._first + frame_count(len(self._held))

    def _window(self, stop: int) -> NDArray[np.float32]:
        """Frames up to ``stop``, heard with what is around them."""
        high = min(stop + _OVERLAP, self._end)
        sound = self._held[: (high - self._first) * FRAME]
        states = self._encoder.states(sound, high - self._first)
        out = states[self._given - self._first : stop - self._first]
        self._given, low = stop, max(stop - _OVERLAP, 0)
        self._held, self._first = self._held[(low - self._first) * FRAME :], low
        return out


def _remedy(model: str, download: bool, error: Exception) -> str:
    reason = str(error).splitlines()[0]
    if download or Path(model).exists():
        return f"cannot load the speech model {model}: {reason}"
    return (
        f"the speech model {model} is not on this machine; give the folder of a downloaded one "
        f"with safetensors weights, or allow the download ({reason})"
    )
