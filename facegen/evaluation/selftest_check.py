"""An expectation of the self-test."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One expectation and what was found."""

    text: str
    passed: bool
