"""What the speech cache is made of: engines, corpora, and sounds that are no speech."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from facegen.audio import RATE, load_speech
from facegen.data.speech.augment import BACKGROUNDS
from facegen.data.speech.cache import SourceCard
from facegen.data.speech.commands import (
    FLITE_VOICES,
    festival_voices,
    say_with_festival,
    say_with_flite,
)
from facegen.data.speech.emodb import read_lablaut
from facegen.data.speech.espeak import Espeak, Voice
from facegen.data.speech.kokoro import RATE as KOKORO_RATE
from facegen.data.speech.phones import Segment
from facegen.data.speech.sentences import HELD_SENTENCES, draw
from facegen.data.speech.utterance import Utterance, split_of
from facegen.errors import FacegenError

Texts = dict[str, tuple[str, ...]]
Source = tuple[SourceCard, Callable[[], Iterator[Utterance]]]

_OWN_TEXT = "texts: own"
_PEAK = 0.7
# Voices of a language, and variants of any voice (formants, breath, pitch).
_ACCENTS = {
    "en": ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp"), "de": ("de",),
    "es": ("es", "es-419"), "fr": ("fr",), "it": ("it",), "pt": ("pt", "pt-br"), "ru": ("ru",),
    "pl": ("pl",), "tr": ("tr",), "nl": ("nl",), "sv": ("sv",), "cs": ("cs",), "fi": ("fi",),
    "el": ("el",), "id": ("id",),
}  # fmt: skip
_VARIANTS = (
    "", "+f1", "+f2", "+f3", "+f4", "+f5", "+m1", "+m2", "+m4", "+m5", "+m6", "+m7", "+m8",
    "+klatt", "+klatt2", "+klatt3", "+klatt5", "+klatt6", "+croak", "+whisper", "+whisperf",
    "+anika", "+max", "+Alex", "+Alicia", "+Andrea", "+Andy", "+Annie", "+AnxiousAndy", "+Denis",
    "+Diogo", "+Gene", "+Henrique", "+Hugo", "+Jacky", "+Lee", "+Marco", "+Mario", "+Michael",
    "+Mike", "+Storm", "+adam", "+antonio", "+aunty", "+belinda", "+benjamin", "+boris", "+caleb",
    "+david", "+ed", "+edward", "+grandma", "+grandpa", "+gustave", "+iven", "+john", "+marcelo",
    "+michel", "+miguel", "+norbert", "+pablo", "+paul", "+pedro", "+rob", "+robert", "+sandro",
    "+shelby", "+steph", "+steph2", "+travis", "+victor", "+zac",
)  # fmt: skip
_KOKORO_LANGUAGES = ("en", "es", "it", "de", "fr", "pt")
# Nobody hears these in training.
_HELD_VARIANTS = ("+klatt4", "+quincy", "+linda", "+m3")
_HELD_FLITE = "awb"
_HELD_FESTIVAL = ("ked_diphone", "cmu_us_awb_arctic_clunits")
_HELD_KOKORO = "jf_nezumi"
_HELD_EMODB = ("10", "09")
_HELD_SHARE = 0.1


def espeak(texts: Texts, minutes: float, seed: int = 0) -> Source:
    """Formant speech of espeak-ng in fifteen languages, about 45 per cent English."""

    def utterances() -> Iterator[Utterance]:
        engine, rng = Espeak(), np.random.default_rng(seed)
        languages = [name for name in texts if name in _ACCENTS]
        share = np.array([len(languages) if name == "en" else 1.3 for name in languages])
        said, number = 0.0, 0
        while said < minutes * 60:
            number += 1
            language = str(rng.choice(languages, p=share / share.sum()))
            held = rng.random() < _HELD_SHARE
            variant = rng.choice(_HELD_VARIANTS if held else _VARIANTS)
            voice = Voice(
                name=f"{rng.choice(_ACCENTS[language])}{variant}",
                words_per_minute=int(rng.integers(115, 215)),
                pitch=int(rng.integers(20, 80)),
                pitch_range=int(rng.integers(25, 85)),
            )
            text = draw(_said(texts, language, held), rng)
            try:
                samples, segments = engine(text, voice)
            except FacegenError:
                continue  # this build lacks an accent or a variant
            said += len(samples) / engine.rate
            name = f"espeak_{number:05d}"
            split = "test" if held else split_of(name)
            yield spoken(name, voice.name, language, text, split, samples, engine.rate, segments)

    attribution = "Synthetic speech: espeak-ng (GPL-3.0 program; its output is free to use)"
    card = SourceCard("espeak", _OWN_TEXT, attribution, _settings(texts, minutes, seed))
    return card, utterances


def flite(texts: Texts, minutes: float, seed: int = 1) -> Source:
    """English speech of flite's four voices."""

    def utterances() -> Iterator[Utterance]:
        rng = np.random.default_rng(seed)
        said, number = 0.0, 0
        while said < minutes * 60:
            number += 1
            voice = str(rng.choice(FLITE_VOICES))
            held = voice == _HELD_FLITE
            text = draw(_said(texts, "en", held), rng)
            samples, segments = say_with_flite(text, voice, float(rng.uniform(0.8, 1.3)))
            said += len(samples) / RATE
            name = f"flite_{number:05d}"
            split = "test" if held else split_of(name)
            yield spoken(name, f"flite:{voice}", "en", text, split, samples, RATE, segments)

    attribution = "Synthetic speech: CMU Flite with the voices slt, rms, awb (CMU ARCTIC), kal16"
    return SourceCard(
        "flite", "BSD-like voices", attribution, _settings(texts, minutes, seed)
    ), utterances


def festival(texts: Texts, minutes: float, seed: int = 2) -> Source:
    """English speech of the festival voices on this machine."""
    voices = festival_voices()

    def utterances() -> Iterator[Utterance]:
        rng = np.random.default_rng(seed)
        said, number = 0.0, 0
        while voices and said < minutes * 60:
            voice = str(rng.choice(voices))
            held = voice in _HELD_FESTIVAL
            chosen = [draw(_said(texts, "en", held), rng) for _ in range(20)]
            for text, (samples, segments) in zip(
                chosen,
                say_with_festival(chosen, voice, float(rng.uniform(0.85, 1.25))),
                strict=True,
            ):
                number += 1
                said += len(samples) / RATE
                name = f"festival_{number:05d}"
                split = "test" if held else split_of(name)
                yield spoken(name, f"festival:{voice}", "en", text, split, samples, RATE, segments)

    attribution = f"Synthetic speech: Festival with the voices {', '.join(voices) or 'none'}"
    settings = _settings(texts, minutes, seed) | {"voices": list(voices)}
    return SourceCard("festival", "Festival voices, free", attribution, settings), utterances


def kokoro(texts: Texts, minutes: float, seed: int = 4) -> Source:
    """Natural speech of Kokoro's voices and of mixtures of them."""

    def utterances() -> Iterator[Utterance]:
        from facegen.data.speech.kokoro import Kokoro

        engine, speller, rng = Kokoro(), Espeak(), np.random.default_rng(seed)
        mixed = [name for name in engine.styles if name != _HELD_KOKORO]
        languages = [name for name in texts if name in _KOKORO_LANGUAGES]
        share = np.array([2.0 * len(languages) if name == "en" else 1.0 for name in languages])
        said, number = 0.0, 0
        while said < minutes * 60:
            number += 1
            language = str(rng.choice(languages, p=share / share.sum()))
            held = rng.random() < _HELD_SHARE
            # Sparse mixtures, a little beyond the voices they are made of.
            parts = rng.dirichlet(np.full(len(mixed), 0.4)) * 1.3 - 0.3 / len(mixed)
            style = sum(w * engine.styles[name] for w, name in zip(parts, mixed, strict=True))
            text = draw(_said(texts, language, held), rng)
            samples, segments = engine(
                speller.spell(text, _ACCENTS[language][0]),
                engine.styles[_HELD_KOKORO] if held else np.asarray(style),
                float(rng.uniform(0.8, 1.25)),
            )
            said += len(samples) / KOKORO_RATE
            name = f"kokoro_{number:05d}"
            speaker = f"kokoro:{_HELD_KOKORO if held else 'mixed'}"
            split = "test" if held else split_of(name)
            yield spoken(name, speaker, language, text, split, samples, KOKORO_RATE, segments)

    attribution = "Synthetic speech: Kokoro-82M (hexgrad, Apache-2.0), spelt by espeak-ng"
    card = SourceCard("kokoro", "Apache-2.0", attribution, _settings(texts, minutes, seed))
    return card, utterances


def negatives(minutes: float, seed: int = 3) -> Source:
    """Silence, noise, made-up music, hum and clatter: nobody speaks."""

    def utterances() -> Iterator[Utterance]:
        rng = np.random.default_rng(seed)
        for number in range(round(minutes * 60 / 6)):
            kind = number % (len(BACKGROUNDS) + 1)
            samples = np.zeros(6 * RATE, np.float32)
            speaker = "silence"
            if kind < len(BACKGROUNDS):
                make = BACKGROUNDS[kind]
                samples = make(len(samples), rng)
                speaker = make.__name__
            level = 10 ** rng.uniform(-4, -0.7)
            samples = np.clip(level * samples, -1, 1).astype(np.float32)
            name = f"{speaker}_{number:04d}"
            silence = [Segment("sil", 0.0, len(samples) / RATE)]
            yield Utterance(name, speaker, "", "", split_of(name, val=0.1), samples, silence)

    settings = {"minutes": minutes, "seed": seed}
    return SourceCard("negatives", "own", "Noise and music made by facegen", settings), utterances


def emodb(folder: Path) -> Source:
    """Emo-DB: ten German actors, phones labelled by hand. Two actors are held out."""

    def utterances() -> Iterator[Utterance]:
        for path in sorted(folder.glob("*.lablaut")):
            sound = next(
                (p for s in (".flac", ".wav") if (p := path.with_suffix(s)).is_file()), None
            )
            if sound is None:
                continue
            samples = load_speech(sound).samples
            try:
                segments = read_lablaut(path, len(samples) / RATE)
            except FacegenError:
                continue
            actor = path.stem[:2]
            split = "test" if actor in _HELD_EMODB else split_of(path.stem)
            yield spoken(path.stem, f"emodb:{actor}", "de", "", split, samples, RATE, segments)

    attribution = (
        "Burkhardt, Paeschke, Rolfes, Sendlmeier and Weiss 2005: A Database of German Emotional "
        "Speech (Emo-DB)"
    )
    settings = {"files": digest(sorted(p.name for p in folder.glob("*.lablaut")))}
    return SourceCard("emodb", "commonly listed CC0-1.0", attribution, settings), utterances


def _said(texts: Texts, language: str, held: bool) -> tuple[str, ...]:
    """Sentences of a language: for voices that training does not hear others than for the rest."""
    return HELD_SENTENCES.get(language, texts[language]) if held else texts[language]


def digest(lines: Iterable[str]) -> str:
    """SHA-256 of a list of names or texts."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _settings(texts: Texts, minutes: float, seed: int) -> dict[str, object]:
    lines = [
        f"{language}\t{text}"
        for spoken_by in (texts, HELD_SENTENCES)
        for language in sorted(spoken_by)
        for text in spoken_by[language]
    ]
    return {"minutes": minutes, "seed": seed, "texts_sha256": digest(lines)}


def spoken(
    name: str,
    speaker: str,
    language: str,
    text: str,
    split: str,
    samples: np.ndarray,
    rate: int,
    segments: list[Segment],
) -> Utterance:
    """Speech at 16 kHz and a common level."""
    if rate != RATE:
        import librosa

        samples = librosa.resample(samples, orig_sr=rate, target_sr=RATE)
    samples = samples * (_PEAK / max(float(np.abs(samples).max(initial=0)), 1e-3))
    return Utterance(name, speaker, language, text, split, samples.astype(np.float32), segments)
