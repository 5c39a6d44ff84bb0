"""Cached training sets: one builder and one reader per kind of sample."""

from pathlib import Path

TINY = Path(__file__).parent / "tiny"
"""A packaged cache of a few training windows (128 px); see its README."""
