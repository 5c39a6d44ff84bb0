"""Rules on known phone times as rows of the talk evaluation: what speech costs without learning."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegen.arkit import ARKIT
from facegen.data.speech.grid import Symbol, classes_of, read_align, read_words, symbols_by_rule
from facegen.errors import UsageError
from facegen.evaluation.performance import Performance, performance_from_motion
from facegen.evaluation.roles import Origin
from facegen.evaluation.talk_clip import TalkClip
from facegen.evaluation.talk_methods import Clock, TalkMethod
from facegen.flame.model import HeadModel
from facegen.speech.assemble import curves_of, speaker_motion
from facegen.speech.lip_names import SYMMETRIC, arkit_names, both_sides
from facegen.speech.lip_rules import rule_curves
from facegen.speech.lip_track import RATE

Rules = Callable[[Sequence[Symbol], int], NDArray[np.float32]]


class AlignedRules:
    """A rule model that is told what is said when; it hears nothing.

    Args:
        rules: curves ``(T, 52)`` at 50 Hz of timed symbols and T.
    """

    clock: Clock = "sound"
    of_other = False

    def __init__(self, name: str, rules: Rules, head: HeadModel) -> None:
        self.origin, self._rules, self._head = Origin(name), rules, head

    def perform(self, clip: TalkClip, other: TalkClip) -> Performance:
        symbols = symbols_beside(clip.file)
        if not symbols:
            raise UsageError(f"no words or phones with their times beside {clip.file.name}")
        frames = max(1, round(float(clip.truth.times[-1] + 1 / clip.truth.fps) * RATE))
        curves = self._rules(symbols, frames)
        still = np.zeros((frames, 3))
        motion = speaker_motion(curves, still, still[:, :2], self._head, fps=Fraction(RATE))
        # A frame of curves stands for the middle of its time.
        times = motion.timestamps + 0.5 / RATE
        return performance_from_motion(replace(motion, timestamps=times), self._head)


def rule_methods(clips: Sequence[Path], head: HeadModel) -> list[TalkMethod]:
    """facegen's own rules and, where it is installed, openfacefx; none if no clip has words."""
    if not any(map(symbols_beside, clips)):
        return []
    methods: list[TalkMethod] = [AlignedRules("rules", dominance, head)]
    if find_spec("openfacefx") is not None:
        methods.append(AlignedRules("openfacefx", openfacefx, head))
    return methods


def symbols_beside(clip: Path) -> list[Symbol]:
    """ARPABET symbols of ``CLIP.phones.csv`` (start_s, end_s, phone), ``CLIP.align`` or
    ``words.csv`` (GRID's words); none where no such file is or knows the clip.

    Raises:
        UsageError: such a file is there and cannot be read.
    """
    phones, align = clip.with_suffix(".phones.csv"), clip.with_suffix(".align")
    if phones.is_file():
        return _phones(phones)
    if align.is_file():
        return symbols_by_rule(read_align(align))
    table = clip.with_name("words.csv")
    return symbols_by_rule(read_words(table).get(clip.stem, [])) if table.is_file() else []


def _phones(path: Path) -> list[Symbol]:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return [
                Symbol(row["phone"], float(row["start_s"]), float(row["end_s"]))
                for row in csv.DictReader(stream)
            ]
    except (KeyError, ValueError, TypeError) as error:
        raise UsageError(f"{path}: columns start_s, end_s, phone wanted") from error


def dominance(symbols: Sequence[Symbol], frames: int) -> NDArray[np.float32]:
    """facegen's hand-written shapes with coarticulation: ``(frames, 52)``."""
    curves = rule_curves(classes_of(symbols, frames / RATE), frames)
    return curves_of(both_sides(curves, SYMMETRIC), arkit_names(SYMMETRIC))


def openfacefx(symbols: Sequence[Symbol], frames: int) -> NDArray[np.float32]:
    """openfacefx (MIT) with its own settings: visemes to ARKit curves, ``(frames, 52)``."""
    import openfacefx as fx

    timed = [fx.PhonemeSegment(*symbol) for symbol in _with_pauses(symbols, frames / RATE)]
    track = fx.generate_from_alignment(timed, fps=float(RATE))
    track = fx.retarget(track, fx.PRESETS["arkit"])
    middles = (np.arange(frames) + 0.5) / RATE
    out = np.zeros((frames, len(ARKIT)), np.float32)
    for channel in track.channels:
        if channel.name in ARKIT and channel.keys:
            times, values = zip(*((key.time, key.value) for key in channel.keys), strict=True)
            out[:, ARKIT.index(channel.name)] = np.interp(middles, times, values)
    return np.clip(out, 0, 1)


def _with_pauses(symbols: Sequence[Symbol], duration: float) -> list[Symbol]:
    """In CMUdict's alphabet, which writes the neutral vowel as AH, silence in between."""
    out: list[Symbol] = []
    now = 0.0
    for name, start, stop in symbols:
        if start > now:
            out.append(Symbol("sil", now, start))
        out.append(Symbol("AH" if name == "AX" else name, start, stop))
        now = stop
    return [*out, Symbol("sil", now, duration)] if duration > now else out
