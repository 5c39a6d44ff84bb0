"""Who did what to a set of samples or a model, and who may therefore not judge it.

One recognizer must not shape samples and then mark them. Every use is recorded by weights and
training data; :func:`facegen.evaluation.roles.conflicts` decides, here as in the evaluator.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from facegen.errors import UsageError
from facegen.evaluation.roles import Component, Origin, conflicts
from facegen.recognizer.spec import RecognizerSpec, Role

# Whoever plays one of these parts has left its mark on the samples.
_MARKING = frozenset({Role.GUIDE, Role.TEACHER, Role.FILTER})


@dataclass(frozen=True)
class Use:
    """One recognizer in one role, as provenance records it."""

    role: Role
    component: Component

    @classmethod
    def of(cls, spec: RecognizerSpec, role: Role) -> Use:
        """The use of a recognizer.

        Raises:
            UsageError: it may not be used so.
        """
        if role not in spec.roles:
            allowed = ", ".join(sorted(r.value for r in spec.roles))
            raise UsageError(f"{spec.name} cannot be a {role.value}; it may be: {allowed}")
        return cls(role, spec.component)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        part = self.component
        return {
            "role": self.role.value, "name": part.name, "weights_sha256": part.sha256,
            "trained_on": list(part.trained_on), "teachers": list(part.teachers),
        }  # fmt: skip

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Use:
        """The inverse of :meth:`to_dict`.

        Raises:
            UsageError: not such a dictionary.
        """
        try:
            part = Component(
                str(given["name"]),
                str(given["weights_sha256"]),
                tuple(given["trained_on"]),
                tuple(given.get("teachers", ())),
            )
            return cls(Role(given["role"]), part)
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(f"not a record of a recognizer's use: {error}") from error


def origin_of(name: str, uses: Iterable[Use], trained_on: Iterable[str] = ()) -> Origin:
    """Samples or a model by what marked them.

    Args:
        name: of the samples or model. uses: judges and students among them mark nothing.
        trained_on: data sets the generator, or the model itself, learned from.
    """
    marks = tuple(use.component for use in uses if use.role in _MARKING)
    return Origin(name, losses=marks, trained_on=tuple(trained_on))


def check_judges(
    judges: Iterable[RecognizerSpec], origin: Origin, *, allow_circular: bool = False
) -> list[str]:
    """Refuse judges that are not independent of what they judge.

    Returns:
        A line for every circular use that was allowed, to be shown with the result.

    Raises:
        UsageError: a judge shares weights, teachers or training data with a guide, teacher or
            filter, learned from the samples, or its or their training data is unknown; or it may
            not judge at all.
    """
    parts = [Use.of(spec, Role.JUDGE).component for spec in judges]
    reasons = conflicts(parts, origin)
    if reasons and not allow_circular:
        raise UsageError(
            f"circular evaluation: {reasons[0]}; choose another judge, or say so with "
            "--allow-circular"
        )
    return [f"circular: {reason}" for reason in reasons]
