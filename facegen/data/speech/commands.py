"""flite and festival through their commands: English voices with exact phone times."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegen.audio import load_speech
from facegen.data.speech.phones import Segment, from_arpabet, spread, tidy
from facegen.errors import MissingExtraError

Spoken = tuple[NDArray[np.float32], list[Segment]]

FLITE_VOICES = ("slt", "rms", "awb", "kal16")
FESTIVAL_VOICES = (
    "cmu_us_slt_arctic_hts", "cmu_us_awb_arctic_clunits", "ked_diphone", "kal_diphone",
)  # fmt: skip
_TIMEOUT = 60


def say_with_flite(text: str, voice: str, stretch: float = 1.0) -> Spoken:
    """Speech of flite at 16 kHz with its phone times.

    Args:
        text: English. voice: one of ``FLITE_VOICES``. stretch: of durations, larger is slower.

    Raises:
        MissingExtraError: flite is not installed.
    """
    _need("flite")
    with tempfile.TemporaryDirectory() as folder:
        wave = Path(folder) / "said.wav"
        options = ["-voice", voice, "--setf", f"duration_stretch={stretch:.3f}", "-psdur"]
        out = _run(["flite", *options, "-t", text, "-o", str(wave)])
        samples = load_speech(wave).samples
    ends = re.findall(r"(\S+):([\d.]+)", out)
    return samples, _segments([(symbol, float(stop)) for symbol, stop in ends])


def festival_voices() -> tuple[str, ...]:
    """Those of ``FESTIVAL_VOICES`` that festival has here; none where it is not installed."""
    if shutil.which("festival") is None:
        return ()
    out = _run(["festival", "-b", "(print (voice.list))"])
    return tuple(v for v in FESTIVAL_VOICES if re.search(rf"\b{v}\b", out))


def say_with_festival(texts: Sequence[str], voice: str, stretch: float = 1.0) -> list[Spoken]:
    """Speech of festival at 16 kHz with its phone times; one start of the program for all texts.

    Raises:
        MissingExtraError: festival is not installed.
    """
    _need("festival")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = [f"(voice_{voice})", f"(Parameter.set 'Duration_Stretch {stretch:.3f})"]
        for i, text in enumerate(texts):
            plain = re.sub(r'["\\]', "", text)
            lines.append(
                f'(set! said (SynthText "{plain}"))'
                f'(utt.save.wave said "{folder}/{i}.wav")(utt.save.segs said "{folder}/{i}.seg")'
            )
        script = folder / "say.scm"
        script.write_text("\n".join(lines), encoding="utf-8")
        _run(["festival", "-b", str(script)])
        return [_read_festival(folder / f"{i}.wav") for i in range(len(texts))]


def _read_festival(wave: Path) -> Spoken:
    """Sound and the label file next to it: lines of ``stop 100 symbol`` after ``#``."""
    rows = [line.split() for line in wave.with_suffix(".seg").read_text().splitlines()]
    ends = [(row[2], float(row[0])) for row in rows if len(row) == 3]
    return load_speech(wave).samples, _segments(ends)


def _segments(ends: list[tuple[str, float]]) -> list[Segment]:
    out: list[Segment] = []
    start = 0.0
    for symbol, stop in ends:
        out += spread(from_arpabet(symbol), start, stop)
        start = stop
    return tidy(out)


def _need(command: str) -> None:
    if shutil.which(command) is None:
        raise MissingExtraError(f"{command} is not installed; add it with: apt install {command}")


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    if done.returncode:
        raise MissingExtraError(f"{command[0]} failed: {done.stderr.strip()[:200]}")
    return done.stdout
