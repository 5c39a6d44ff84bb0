"""Warp and compose: the photo's own pixels, moved with the driven head.

reference = Reference.build(photo, fit, model)   # once a photo
warper = Warper(reference)
frame = compose(reference, warper.render(vertices))
"""

from facegen.compose.cutout import compose_alpha
from facegen.compose.paste import displace_window, paste_window
from facegen.compose.reference import Reference
from facegen.compose.warp import Warper, WarpResult, compose

__all__ = [
    "Reference",
    "WarpResult",
    "Warper",
    "compose",
    "compose_alpha",
    "displace_window",
    "paste_window",
]
