"""The lip network's files."""

from __future__ import annotations

from functools import cache

from facegen.speech.lip_net import LipNet, LipNetConfig
from facegen.speech.network_file import EMBEDDED, NetworkFile

LIPS = NetworkFile("lips", LipNet, LipNetConfig, "facegen train motion")
save_lip_net = LIPS.save
load_lip_net = LIPS.load


@cache
def open_lip_net() -> LipNet:
    """The embedded network."""
    return load_lip_net(EMBEDDED)
