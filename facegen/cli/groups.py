"""Options that belong together, as one dataclass for several commands."""

import inspect
from collections.abc import Callable
from dataclasses import is_dataclass
from functools import wraps
from typing import Any


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of every parameter whose annotation is a dataclass.

    The command receives them as one object; its own options stand first in the help.
    """
    signature = inspect.signature(command)
    groups = {p.name: p.annotation for p in signature.parameters.values() if is_group(p)}

    @wraps(command)
    def wrapped(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{key: given.pop(key) for key in options(group)})
        command(**given)

    own = [p for p in signature.parameters.values() if p.name not in groups]
    shared = [option for group in groups.values() for option in options(group).values()]
    merged = signature.replace(parameters=[*own, *shared])
    wrapped.__signature__ = merged  # type: ignore[attr-defined]
    wrapped.__annotations__ = {p.name: p.annotation for p in merged.parameters.values()}
    return wrapped


def is_group(parameter: inspect.Parameter) -> bool:
    """Whether a parameter stands for several options."""
    return isinstance(parameter.annotation, type) and is_dataclass(parameter.annotation)


def options(group: type) -> dict[str, inspect.Parameter]:
    """The options of a group by name."""
    return dict(inspect.signature(group).parameters)
