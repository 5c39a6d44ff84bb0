"""The speech cache on disk: safetensors shards and a manifest that names every source."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen.arkit import ARKIT
from facegen.audio import FRAME, RATE
from facegen.data.speech.geometry import GEOMETRY
from facegen.data.speech.phones import PHONES
from facegen.data.speech.utterance import FRAME_RATE, Face, Utterance
from facegen.errors import ModelFileError
from facegen.media import atomic_path, file_sha256
from facegen.reading import inside, read_json

FORMAT = 1
MANIFEST = "manifest.json"
_SHARD_SECONDS = 600
_ARRAYS = ("samples", "phones", "curves", "geometry", "rotation", "face")


@dataclass(frozen=True)
class SourceCard:
    """Where sound comes from and what one may do with it.

    Attributes:
        name: short, unique. licence: of the sound or the voice. attribution: one line for a card.
        settings: what the utterances depend on; a cached source with the same ones is kept.
    """

    name: str
    licence: str
    attribution: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class Item:
    """Where one utterance lies.

    Attributes:
        source, name, speaker, language, text, split, sha256: as in :class:`Utterance`.
        shard: file name. sample, samples: first sample and count. frame, frames: the same at 50 Hz.
        has_phones, has_face: whether those labels are known.
    """

    source: str
    name: str
    speaker: str
    language: str
    text: str
    split: str
    sha256: str
    shard: str
    sample: int
    samples: int
    frame: int
    frames: int
    has_phones: bool
    has_face: bool


def write_source(folder: Path, card: SourceCard, utterances: Iterable[Utterance]) -> list[Item]:
    """Write one source's shards and its part of the manifest; skip what is there already."""
    part = folder / f"{card.name}.json"
    if (kept := _kept(part, card)) is not None:
        return kept
    items: list[Item] = []
    hashes: dict[str, str] = {}
    for number, group in enumerate(_grouped(utterances)):
        shard = folder / f"{card.name}-{number:03d}.safetensors"
        items += _write_shard(shard, card.name, group)
        hashes[shard.name] = file_sha256(shard)
    listing = {
        "card": asdict(card), "shards": hashes, "items": [asdict(item) for item in items],
    }  # fmt: skip
    with atomic_path(part) as path:
        path.write_text(json.dumps(listing, ensure_ascii=False, indent=1), encoding="utf-8")
    return items


def write_manifest(folder: Path, cards: Iterable[SourceCard]) -> Path:
    """Join the sources' parts: ``manifest.json``."""
    sources: list[dict[str, Any]] = []
    shards: dict[str, str] = {}
    items: list[dict[str, Any]] = []
    for card in cards:
        part = json.loads((folder / f"{card.name}.json").read_text(encoding="utf-8"))
        shards |= part["shards"]
        items += part["items"]
        minutes = sum(item["samples"] for item in part["items"]) / RATE / 60
        sources.append(part["card"] | {"minutes": round(minutes, 2)})
    manifest = {
        "format": FORMAT, "rate": RATE, "frame_rate": FRAME_RATE, "phones": PHONES,
        "curves": ARKIT, "geometry": GEOMETRY, "sources": sources, "shards": shards, "items": items,
    }  # fmt: skip
    with atomic_path(folder / MANIFEST) as path:
        path.write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")
    return folder / MANIFEST


@dataclass(frozen=True, eq=False)
class Window:
    """T frames of an utterance and their 320 T samples; zeros beyond its end.

    Attributes:
        samples: ``(320 T,)`` float32. phones: ``(T,)`` int64.
        curves: ``(T, 52)``, geometry: ``(T, 8)``, rotation: ``(T, 3)`` float32.
        face: ``(T,)`` bool, where the three are known. inside: ``(T,)`` bool, before the end.
    """

    samples: NDArray[np.float32]
    phones: NDArray[np.int64]
    curves: NDArray[np.float32]
    geometry: NDArray[np.float32]
    rotation: NDArray[np.float32]
    face: NDArray[np.bool_]
    inside: NDArray[np.bool_]


class SpeechSet:
    """Reads a cache; shards stay on disk and only what is asked for is mapped in.

    Attributes:
        items: what there is. phones, curves, geometry: names of classes and columns.
        sources: cards as dictionaries, with minutes.

    Raises:
        ModelFileError: no such cache, or of another format.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        path = self.folder / MANIFEST
        try:
            manifest = read_json(path)
            if manifest["format"] != FORMAT:
                raise ModelFileError(
                    f"{path}: format {manifest['format']}, this facegen reads {FORMAT}"
                )
            self.items = [Item(**item) for item in manifest["items"]]
            for item in self.items:
                inside(self.folder, item.shard)
            self.phones = tuple(manifest["phones"])
            self.curves = tuple(manifest["curves"])
            self.geometry = tuple(manifest["geometry"])
            self.sources: list[dict[str, Any]] = manifest["sources"]
        except FileNotFoundError:
            raise ModelFileError(
                f"no speech cache at {self.folder}; make one with: facegen data speech -o FOLDER"
            ) from None
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ModelFileError(f"{path} is not a speech cache ({error})") from error
        self._shards: dict[str, Any] = {}

    def select(self, *, split: str | None = None, source: str | None = None) -> list[Item]:
        """Items of a split and a source."""
        return [
            item
            for item in self.items
            if split in (None, item.split) and source in (None, item.source)
        ]

    def window(self, item: Item, start: int = 0, frames: int | None = None) -> Window:
        """Frames ``start`` to ``start + frames`` of an item, by default all from ``start``."""
        frames = item.frames - start if frames is None else frames
        have = max(0, min(frames, item.frames - start))
        at = item.frame + start

        def rows(name: str) -> NDArray[Any]:
            data = self._slice(item.shard, name, at, have)
            return np.pad(data, [(0, frames - have)] + [(0, 0)] * (data.ndim - 1))

        sound = self._slice(
            item.shard,
            "samples",
            item.sample + start * FRAME,
            max(0, min(frames * FRAME, item.samples - start * FRAME)),
        )
        samples = np.zeros(frames * FRAME, np.float32)
        samples[: len(sound)] = sound.astype(np.float32) / 32767
        return Window(
            samples=samples,
            phones=rows("phones").astype(np.int64),
            curves=rows("curves").astype(np.float32),
            geometry=rows("geometry").astype(np.float32),
            rotation=rows("rotation").astype(np.float32),
            face=rows("face").astype(bool),
            inside=np.arange(frames) < have,
        )

    def _slice(self, shard: str, name: str, start: int, count: int) -> NDArray[Any]:
        if shard not in self._shards:
            from safetensors import safe_open

            try:
                self._shards[shard] = safe_open(str(self.folder / shard), framework="numpy")
            except (OSError, ValueError) as error:
                raise ModelFileError(f"cannot read {self.folder / shard}: {error}") from error
        if count == 0:  # a slice at the very end of a shard is refused
            start = 0
        return self._shards[shard].get_slice(name)[start : start + count]


def _kept(part: Path, card: SourceCard) -> list[Item] | None:
    """Items of a finished source with the same settings, else None."""
    try:
        listing = read_json(part)
        same = listing["card"] == json.loads(json.dumps(asdict(card)))
        if not same or not all((part.parent / name).is_file() for name in listing["shards"]):
            return None
        return [Item(**item) for item in listing["items"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _grouped(utterances: Iterable[Utterance]) -> Iterator[list[Utterance]]:
    """About ten minutes at a time: what is held in memory."""
    group: list[Utterance] = []
    held = 0
    for utterance in utterances:
        group.append(utterance)
        held += len(utterance.samples)
        if held > _SHARD_SECONDS * RATE:
            yield group
            group, held = [], 0
    if group:
        yield group


def _write_shard(path: Path, source: str, group: list[Utterance]) -> list[Item]:
    from safetensors.numpy import save_file

    items: list[Item] = []
    columns: dict[str, list[NDArray[Any]]] = {name: [] for name in _ARRAYS}
    sample = frame = 0
    for u in group:
        for name, values in _arrays(u).items():
            columns[name].append(values)
        items.append(
            Item(
                source=source,
                name=u.name,
                speaker=u.speaker,
                language=u.language,
                text=u.text,
                split=u.split,
                sha256=u.sha256,
                shard=path.name,
                sample=sample,
                samples=len(u.samples),
                frame=frame,
                frames=u.frames,
                has_phones=u.segments is not None,
                has_face=u.face is not None,
            )  # fmt: skip
        )
        sample, frame = sample + len(u.samples), frame + u.frames
    with atomic_path(path) as part:
        save_file({name: np.concatenate(parts) for name, parts in columns.items()}, str(part))
    return items


def _arrays(u: Utterance) -> dict[str, NDArray[Any]]:
    face = u.face or Face.unseen(u.frames)
    return {
        "samples": np.round(np.clip(u.samples, -1, 1) * 32767).astype(np.int16),
        "phones": u.phones(),
        "curves": face.curves.astype(np.float16),
        "geometry": np.nan_to_num(face.geometry),
        "rotation": face.rotation,
        "face": face.valid.astype(np.uint8),
    }
