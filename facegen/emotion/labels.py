"""Names of emotions and what people call them."""

from __future__ import annotations

from difflib import get_close_matches

from facegen.errors import UsageError

EMOTIONS = (
    "neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised", "contempt",
)  # fmt: skip
_SYNONYMS = {
    "neutral": ("calm", "none", "neutrality"),
    "happy": ("happiness", "joy", "joyful", "smile", "amused", "glad"),
    "sad": ("sadness", "sorrow", "unhappy"),
    "angry": ("anger", "mad", "furious"),
    "fearful": ("fear", "afraid", "scared", "anxious"),
    "disgusted": ("disgust",),
    "surprised": ("surprise", "astonished", "amazed"),
    "contempt": ("contemptuous", "scorn", "scornful"),
}
_NAMES = {name: name for name in EMOTIONS} | {
    other: name for name, others in _SYNONYMS.items() for other in others
}


def emotion_name(text: str) -> str:
    """The emotion meant by a word.

    Raises:
        UsageError: none; the nearest or all are named.
    """
    word = text.strip().lower()
    if word in _NAMES:
        return _NAMES[word]
    near = get_close_matches(word, _NAMES, 1)
    hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(EMOTIONS)}"
    raise UsageError(f"unknown emotion {text.strip()!r}: {hint}")
