"""espeak-ng through its C library: sound with exact phone times in a hundred languages.

Needs the library of the Debian package ``libespeak-ng1`` or of ``pip install espeakng-loader``.
It is a tool for making data; nothing of it (GPL-3) is linked or shipped.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegen.data.speech.phones import Segment, from_ipa, spread, tidy
from facegen.errors import MissingExtraError, UsageError

# From speak_lib.h.
_SYNCHRONOUS = 2
_PHONEME_EVENTS, _PHONEME_IPA, _DONT_EXIT = 1 << 0, 1 << 1, 1 << 15
_EVENT_END, _EVENT_PHONEME = 0, 7
_RATE, _PITCH, _RANGE = 1, 3, 4
_UTF8, _IPA = 1, 2
# An event without a name that is shorter belongs to the phone before it.
_GAP = 0.06


class _Name(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Name),
    ]


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass(frozen=True, kw_only=True)
class Voice:
    """How espeak-ng speaks.

    Attributes:
        name: language and variant, e.g. ``en-us+f3``. words_per_minute: 80..450.
        pitch, pitch_range: 0..100, 50 is plain.
    """

    name: str
    words_per_minute: int = 175
    pitch: int = 50
    pitch_range: int = 50


class Espeak:
    """The library, loaded once per process (it keeps its state in globals: not thread-safe).

    Raises:
        MissingExtraError: the library is not on this machine.
    """

    def __init__(self) -> None:
        path, data = _library()
        self._lib = ctypes.CDLL(path)
        flags = _PHONEME_EVENTS | _PHONEME_IPA | _DONT_EXIT
        self.rate: int = self._lib.espeak_Initialize(_SYNCHRONOUS, 0, data, flags)
        if self.rate <= 0:
            raise MissingExtraError("espeak-ng does not start; reinstall libespeak-ng1")

    def __call__(self, text: str, voice: Voice) -> tuple[NDArray[np.float32], list[Segment]]:
        """Say a text.

        Returns:
            samples ``(N,)`` float32 in -1..1 at ``rate``, and what sounds when.

        Raises:
            UsageError: no such voice.
        """
        self._choose(voice.name)
        settings = {
            _RATE: voice.words_per_minute,
            _PITCH: voice.pitch,
            _RANGE: voice.pitch_range,
        }
        for parameter, value in settings.items():
            self._lib.espeak_SetParameter(parameter, value, 0)
        with self._listening() as (sound, events):
            raw = text.encode()
            self._lib.espeak_Synth(raw, len(raw) + 1, 0, 0, 0, _UTF8, None, None)
            self._lib.espeak_Synchronize()
        samples = np.concatenate([np.zeros(0, np.int16), *sound]).astype(np.float32) / 32768
        return samples, _segments(events, len(samples) / self.rate)

    def spell(self, text: str, language: str) -> str:
        """A text in the International Phonetic Alphabet, its clauses parted by commas.

        Raises:
            UsageError: no such language.
        """
        self._choose(language)
        self._lib.espeak_TextToPhonemes.restype = ctypes.c_char_p
        rest = ctypes.c_char_p(text.encode())
        clauses = []
        while rest.value:
            spelt = self._lib.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, _IPA) or b""
            clauses.append(spelt.decode("utf8", "ignore").strip())
        return ", ".join(clause for clause in clauses if clause)

    def _choose(self, voice: str) -> None:
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise UsageError(f"espeak-ng has no voice {voice}; see: espeak-ng --voices")

    @contextmanager
    def _listening(
        self,
    ) -> Iterator[tuple[list[NDArray[np.int16]], list[tuple[str, float]]]]:
        """Sound blocks and (symbol, seconds) of the synthesis within the block."""
        sound: list[NDArray[np.int16]] = []
        events: list[tuple[str, float]] = []

        def heard(wave: ctypes._Pointer, count: int, queue: ctypes._Pointer) -> int:
            if wave and count:
                sound.append(np.ctypeslib.as_array(wave, (count,)).copy())
            k = 0
            while queue[k].type != _EVENT_END:
                if queue[k].type == _EVENT_PHONEME:
                    symbol = queue[k].id.string.decode("utf8", "ignore")
                    events.append((symbol, queue[k].audio_position / 1000))
                k += 1
            return 0

        callback = _CALLBACK(heard)
        self._lib.espeak_SetSynthCallback(callback)
        yield sound, events


def _segments(events: list[tuple[str, float]], duration: float) -> list[Segment]:
    """Phone events are starts; the next one ends each."""
    out: list[Segment] = []
    if events and events[0][1] > 0:
        out.append(Segment("sil", 0.0, events[0][1]))
    stops = [start for _, start in events[1:]] + [duration]
    for (symbol, start), stop in zip(events, stops, strict=True):
        names = from_ipa(symbol)
        if names:
            out += spread(names, start, stop)
        elif out and (symbol or stop - start < _GAP):
            out[-1] = out[-1]._replace(stop=stop)
        else:
            out.append(Segment("sil", start, stop))
    return tidy(out)


def _library() -> tuple[str, bytes | None]:
    """Path of the library and of its data (None: where the library looks itself)."""
    try:
        import espeakng_loader
    except ImportError:
        path = ctypes.util.find_library("espeak-ng")
        if path is None:
            raise MissingExtraError(
                "espeak-ng is not installed; add it with: apt install libespeak-ng1, "
                "or pip install espeakng-loader"
            ) from None
        return path, None
    return str(espeakng_loader.get_library_path()), str(espeakng_loader.get_data_path()).encode()
