"""One photo in, a face that moves, speaks and feels out.

Names are loaded on first use, so that ``import facegen`` and ``facegen --help`` stay quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facegen.assets import load_head as load_head
    from facegen.flame.maps import ConditionMaps as ConditionMaps
    from facegen.flame.maps import render_maps as render_maps
    from facegen.flame.model import HeadModel as HeadModel
    from facegen.motion import Motion as Motion
    from facegen.pipelines.config import ReenactConfig as ReenactConfig
    from facegen.pipelines.fit import FittingPipeline as FittingPipeline
    from facegen.pipelines.fit import fit as fit
    from facegen.pipelines.recognize import RecognitionPipeline as RecognitionPipeline
    from facegen.pipelines.reenact import ReenactmentPipeline as ReenactmentPipeline
    from facegen.pipelines.talk import TalkingHeadPipeline as TalkingHeadPipeline
    from facegen.pipelines.talk_config import TalkConfig as TalkConfig

__version__ = "0.1.0"

_HOME = {
    "ConditionMaps": "facegen.flame.maps",
    "FittingPipeline": "facegen.pipelines.fit",
    "HeadModel": "facegen.flame.model",
    "Motion": "facegen.motion",
    "RecognitionPipeline": "facegen.pipelines.recognize",
    "ReenactConfig": "facegen.pipelines.config",
    "ReenactmentPipeline": "facegen.pipelines.reenact",
    "TalkConfig": "facegen.pipelines.talk_config",
    "TalkingHeadPipeline": "facegen.pipelines.talk",
    "fit": "facegen.pipelines.fit",
    "load_head": "facegen.assets",
    "render_maps": "facegen.flame.maps",
}
__all__ = [*_HOME, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'facegen' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
