"""What a recognizer is: weights, licences, training data, crop, and what it may be used for."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from facegen.errors import UsageError
from facegen.evaluation.roles import UNKNOWN, Component
from facegen.recognizer.au_sets import au_set
from facegen.recognizer.crop import CropSpec
from facegen.recognizer.labels import LabelSpace, label_space


class Role(str, Enum):
    """What a recognizer does to samples or models.

    GUIDE: its gradient shaped them. TEACHER: its outputs were training targets. FILTER: it kept,
    dropped or relabelled samples. JUDGE: it measures. STUDENT: it is what is trained.
    """

    GUIDE = "guide"
    TEACHER = "teacher"
    FILTER = "filter"
    JUDGE = "judge"
    STUDENT = "student"


@dataclass(frozen=True)
class RecognizerSpec:
    """The identity card of a recognizer.

    Attributes:
        name, version: as published.
        crop: its input.
        weights_sha256: of the file the weights came from, "" where there are none.
        code_licence, weights_licence: SPDX names, or what the authors say.
        trained_on: names of data sets; ``("unknown",)`` never counts as independent.
        teachers: SHA-256 of the recognizers whose outputs it learned from.
        labels: name of its label space, or None without categories.
        aus: name of its set of action units, or None.
        valence_arousal, blendshapes: whether it tells them.
        clip_len: frames of one input, 0 for pictures.
        differentiable: gradients reach the input.
        roles: what it may be used for.
        source: where it is had, and a reference.
    """

    name: str
    crop: CropSpec
    version: str = "1"
    weights_sha256: str = ""
    code_licence: str = "Apache-2.0"
    weights_licence: str = "unknown"
    trained_on: tuple[str, ...] = (UNKNOWN,)
    teachers: tuple[str, ...] = ()
    labels: str | None = None
    aus: str | None = None
    valence_arousal: bool = False
    blendshapes: bool = False
    clip_len: int = 0
    differentiable: bool = True
    roles: frozenset[Role] = field(default=frozenset(Role))
    source: str = ""

    def __post_init__(self) -> None:
        if self.labels is not None:
            label_space(self.labels)
        if self.aus is not None:
            au_set(self.aus)

    @property
    def label_space(self) -> LabelSpace | None:
        """The label space itself."""
        return None if self.labels is None else label_space(self.labels)

    @property
    def au_names(self) -> tuple[str, ...]:
        """Names of its action units, ``AU01`` and so on."""
        return () if self.aus is None else au_set(self.aus)

    @property
    def component(self) -> Component:
        """As the evaluator records it."""
        return Component(self.name, self.weights_sha256, self.trained_on, self.teachers)

    def licence_line(self) -> str:
        """One line for people: whose weights these are and what they may be used for."""
        data = ", ".join(self.trained_on)
        return (
            f"{self.name} {self.version}: weights {self.weights_licence}, "
            f"code {self.code_licence}, trained on {data}"
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        roles = sorted(role.value for role in self.roles)
        return {**asdict(self), "crop": self.crop.to_dict(), "roles": roles}

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> RecognizerSpec:
        """The inverse of :meth:`to_dict`.

        Raises:
            UsageError: not such a dictionary.
        """
        try:
            return cls(
                **{
                    **given,
                    "crop": CropSpec.from_dict(given["crop"]),
                    "trained_on": tuple(given["trained_on"]),
                    "teachers": tuple(given.get("teachers", ())),
                    "roles": frozenset(Role(name) for name in given["roles"]),
                }
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(f"not a recognizer's card: {error}") from error
