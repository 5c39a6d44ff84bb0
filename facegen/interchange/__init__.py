"""Motions and meshes of other programs: read by content, written for other tools."""

from facegen.interchange.read import is_motion, open_motion

__all__ = ["is_motion", "open_motion"]
