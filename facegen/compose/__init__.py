"""Warp and compose: the photo's own pixels, moved with the driven head."""

from facegen.compose.reference import Reference
from facegen.compose.warp import Warper, WarpResult, compose

__all__ = ["Reference", "WarpResult", "Warper", "compose"]
