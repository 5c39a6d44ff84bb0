"""Published systems of the family: what their folders hold and how they were run."""

from __future__ import annotations

from dataclasses import dataclass

# Parts of the files that no result of the published programs depends on.
GUIDER_DEAD = (
    # The forward pass uses the last attention only; those between the convolutions are bypassed.
    r"attentions\.[0-4]\.",
    # Built by the constructor, never called.
    r"guidance_attention\.",
)
REFERENCE_DEAD = (
    # The reference network ends before Stable Diffusion's last layers; some files keep them.
    r"conv_norm_out\.",
    r"conv_out\.",
)


@dataclass(frozen=True)
class Profile:
    """One published system.

    Attributes:
        name: of its weights. title: for messages.
        guiders: maps it is told, in the order of its programs.
        prompt: the sentence its tokens come from, or None: then they come from the photo.
        window, overlap: of its programs, in frames.
    """

    name: str
    title: str
    guiders: tuple[str, ...]
    prompt: str | None
    window: int
    overlap: int


MAGICPORTRAIT = Profile(
    name="magicportrait",
    title="MagicPortrait",
    guiders=("depth", "normal", "render"),
    prompt="A close up of a person.",
    window=12,
    overlap=1,
)
CHAMP = Profile(
    name="champ",
    title="Champ",
    guiders=("depth", "normal", "semantic_map", "dwpose"),
    prompt=None,
    window=24,
    overlap=4,
)
PROFILES = {profile.name: profile for profile in (MAGICPORTRAIT, CHAMP)}
