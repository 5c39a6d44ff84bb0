"""Builds the speech cache from what engines and corpora there are on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from facegen.assets import load_head
from facegen.data.speech import sources
from facegen.data.speech.cache import SpeechSet, write_manifest, write_source
from facegen.data.speech.faces import track_clips
from facegen.data.speech.grid_source import grid, grid_clips
from facegen.data.speech.sentences import SENTENCES, read_texts
from facegen.data.speech.sources import Source
from facegen.errors import MissingExtraError
from facegen.progress import progress


@dataclass(frozen=True, kw_only=True)
class SpeechBuild:
    """What goes into a speech cache.

    Attributes:
        out: folder of the cache. data: folder with corpora, or None for engines alone.
        tracked: folder of tracked clips, or None for ``out / "tracked"``.
        texts: file of texts for the engines, or None for facegen's own.
        espeak, flite, festival, kokoro, negatives: minutes of each.
    """

    out: Path
    data: Path | None = None
    tracked: Path | None = None
    texts: Path | None = None
    espeak: float = 45.0
    flite: float = 14.0
    festival: float = 10.0
    kokoro: float = 0.0
    negatives: float = 4.0


def build(plan: SpeechBuild) -> tuple[SpeechSet, list[str]]:
    """Make or complete a cache; finished sources with the same settings are kept.

    Returns:
        The cache, and one line for everything that was left out.
    """
    texts = SENTENCES if plan.texts is None else read_texts(plan.texts)
    plan.out.mkdir(parents=True, exist_ok=True)
    left_out: list[str] = []
    cards = []
    for card, utterances in _sources(plan, texts, left_out):
        try:
            write_source(plan.out, card, progress(utterances(), None, card.name))
        except MissingExtraError as error:
            left_out.append(f"{card.name}: {error}")
            continue
        cards.append(card)
    write_manifest(plan.out, cards)
    return SpeechSet(plan.out), left_out


def _sources(
    plan: SpeechBuild, texts: dict[str, tuple[str, ...]], left_out: list[str]
) -> Sequence[Source]:
    out = [
        sources.espeak(texts, plan.espeak),
        sources.flite(texts, plan.flite),
        sources.festival(texts, plan.festival),
        sources.negatives(plan.negatives),
    ]
    if plan.kokoro:
        out.append(sources.kokoro(texts, plan.kokoro))
    if plan.data is None:
        return out
    head = load_head("open")
    tracked = plan.tracked or plan.out / "tracked"
    left_out += track_clips(grid_clips(plan.data), head, tracked)
    out.append(grid(plan.data, tracked, head))
    if (plan.data / "audio_emotion" / "emodb").is_dir():
        out.append(sources.emodb(plan.data / "audio_emotion" / "emodb"))
    return out
