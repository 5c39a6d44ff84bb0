"""One photo in, a face that moves, speaks and feels out."""

__version__ = "0.1.0"
