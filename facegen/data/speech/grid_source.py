"""The GRID corpus as a source: real voices with real lips."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegen.audio import RATE, frame_count, load_speech
from facegen.data.speech.aligner import Aligner
from facegen.data.speech.cache import SourceCard
from facegen.data.speech.faces import Clip, load_face
from facegen.data.speech.grid import Word, phones_by_rule, read_align, read_words
from facegen.data.speech.phones import Segment
from facegen.data.speech.sources import Source, digest
from facegen.data.speech.utterance import Utterance, split_of
from facegen.errors import MissingExtraError
from facegen.flame.camera import Camera
from facegen.flame.model import HeadModel
from facegen.media import file_sha256
from facegen.speech.lip_targets import CurveFitter
from facegen.transfer.arkit import ArkitSolver

_ATTRIBUTION = (
    "Cooke, Barker, Cunningham and Shao 2006: The GRID audiovisual sentence corpus "
    "(doi:10.5281/zenodo.3625687)"
)
_LICENCE = "commonly listed CC-BY-4.0"
# The head crops were cut at this corner of the corpus's pictures.
_FULL, _CORNER, _CROP = (360, 288), (48, 48), (224, 224)


def grid_clips(data: Path) -> list[Clip]:
    """GRID clips in folders ``talking_grid_s1_head`` (head crops), ``talking_grid_s1`` (whole
    pictures) and ``driving`` (other speakers, ``grid_SPEAKER_*.mpg``).
    """
    whole = Camera.from_fov(*_FULL)
    crop = Camera(whole.focal, whole.cx - _CORNER[0], whole.cy - _CORNER[1], *_CROP)
    # Whole pictures first: they are held out, and some were cropped too.
    clips = [
        Clip(path, f"talking_grid_s1__{path.stem}", "grid_s1", whole)
        for path in sorted((data / "talking_grid_s1").glob("*.mpg"))
    ]
    clips += [
        Clip(path, f"talking_grid_s1_head__{path.stem}", "grid_s1", crop)
        for path in sorted((data / "talking_grid_s1_head").glob("*.mp4"))
    ]
    clips += [
        Clip(path, f"driving__{path.stem}", "_".join(path.stem.split("_")[:2]), whole)
        for path in sorted((data / "driving").glob("grid_*.mpg"))
    ]
    return clips


def grid(data: Path, tracked: Path, head: HeadModel) -> Source:
    """GRID clips with their tracked faces.

    Speaker 1's sentences in ``talking_grid_s1`` and all other speakers are the test split.
    """
    clips = grid_clips(data)

    def utterances() -> Iterator[Utterance]:
        solver, lips = ArkitSolver.of(head), CurveFitter.of(head)
        words = _words(data)
        phones = _Phones()
        seen: set[tuple[str, str]] = set()
        for clip in clips:
            name = clip.path.stem.rsplit("_", 1)[-1]
            if (clip.speaker, name) in seen:
                continue
            seen.add((clip.speaker, name))
            samples = load_speech(clip.path).samples
            frames = frame_count(len(samples))
            # The same sentence of another speaker has other times.
            said = words.get(name) if clip.speaker == "grid_s1" else None
            yield Utterance(
                name=f"{clip.speaker}_{name}",
                speaker=clip.speaker,
                language="en",
                text=" ".join(w.text for w in said or ()),
                split=split_of(name) if "s1_head" in clip.key else "test",
                samples=samples,
                segments=None if said is None else phones(samples, said),
                face=load_face(tracked, clip.key, frames, solver, lips),
                sha256=file_sha256(clip.path),
            )

    keys = [clip.key for clip in clips]
    settings = {"clips": len(keys), "keys": digest(keys), "tracked": _count(tracked, clips)}
    return SourceCard("grid", _LICENCE, _ATTRIBUTION, settings), utterances


class _Phones:
    """The aligner's phones where it is installed and finds the words, else phones by rule."""

    def __init__(self) -> None:
        try:
            self._aligner: Aligner | None = Aligner()
        except MissingExtraError:
            self._aligner = None

    def __call__(self, samples: NDArray[np.float32], words: list[Word]) -> list[Segment]:
        found = self._aligner(samples, words) if self._aligner else None
        return found or phones_by_rule(words, len(samples) / RATE)


def _words(data: Path) -> dict[str, list[Word]]:
    """Words by clip name."""
    table = data / "talking_grid_s1_head" / "words.csv"
    words = read_words(table) if table.is_file() else {}
    for path in sorted((data / "talking_grid_s1").glob("*.align")):
        words[path.stem] = read_align(path)
    return words


def _count(tracked: Path, clips: list[Clip]) -> int:
    return sum((tracked / f"{clip.key}.motion.npz").is_file() for clip in clips)
