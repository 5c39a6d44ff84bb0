"""Forced alignment with pocketsphinx: where within its word a phone sounds (optional)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facegen._optional import require
from facegen.data.speech.grid import Word
from facegen.data.speech.phones import Segment, from_arpabet, spread, tidy

_FRAME = 0.01
# A word whose place differs by more was not found where the corpus has it.
_TRUST = 0.15


class Aligner:
    """Aligns known words to 16 kHz sound (CMU pocketsphinx, BSD; English model inside).

    Raises:
        MissingExtraError: pocketsphinx is not installed.
    """

    def __init__(self) -> None:
        sphinx = require("pocketsphinx", "align")
        self._decoder = sphinx.Decoder(lm=None, loglevel="FATAL")

    def __call__(self, samples: NDArray[np.float32], words: Sequence[Word]) -> list[Segment] | None:
        """Phones within the given word times; None where the sound does not match the words.

        The decoder places phones; its words are then stretched onto the given times, which were
        checked by people.

        Args:
            samples: ``(N,)`` at 16 kHz.
        """
        found = self._words(samples, [w.text for w in words])
        if found is None or [name for name, _ in found] != [w.text for w in words]:
            return None
        out: list[Segment] = []
        now = 0.0
        for (_, phones), word in zip(found, words, strict=True):
            start, stop = phones[0][1], phones[-1][2]
            # Leading silence is taken into the first word, so only its end can be judged.
            if abs(stop - word.stop) > _TRUST:
                return None
            if out == [] and start < word.start:
                phones = _cut(phones, word.start)
                start = phones[0][1]
            scale = (word.stop - word.start) / max(stop - start, _FRAME)
            out.append(Segment("sil", now, word.start))
            for symbol, a, b in phones:
                begin, end = (word.start + scale * (t - start) for t in (a, b))
                out += spread(from_arpabet(symbol), begin, end)
            now = word.stop
        out.append(Segment("sil", now, len(samples) / 16000))
        return tidy(out)

    def _words(
        self, samples: NDArray[np.float32], words: list[str]
    ) -> list[tuple[str, list[tuple[str, float, float]]]] | None:
        """Words in order with (symbol, start, stop) of their phones, silences left out."""
        pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16).tobytes()
        decoder = self._decoder
        try:
            decoder.set_align_text(" ".join(words))
            self._decode(pcm)
            if decoder.hyp() is None:
                return None
            # The second pass works on the states of the first.
            decoder.set_alignment()
            self._decode(pcm)
            alignment = decoder.get_alignment()
        except RuntimeError:
            return None
        out = []
        for word in alignment or ():
            if word.name.startswith(("<", "[", "(")):
                continue
            phones = [(p.name, p.start * _FRAME, (p.start + p.duration) * _FRAME) for p in word]
            out.append((word.name.split("(")[0], phones))
        return out

    def _decode(self, pcm: bytes) -> None:
        self._decoder.start_utt()
        self._decoder.process_raw(pcm, full_utt=True)
        self._decoder.end_utt()


def _cut(phones: list[tuple[str, float, float]], start: float) -> list[tuple[str, float, float]]:
    """Phones of a word that swallowed silence: nothing before ``start`` but at most one begun."""
    kept = [(symbol, max(a, start), b) for symbol, a, b in phones if b > start + _FRAME]
    return kept or phones[-1:]
