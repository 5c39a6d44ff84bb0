"""The head network's files."""

from __future__ import annotations

from functools import cache

from facegen.speech.head_net import HeadMotionNet, HeadNetConfig
from facegen.speech.network_file import EMBEDDED, NetworkFile

HEAD = NetworkFile("head", HeadMotionNet, HeadNetConfig, "facegen train head")
save_head_net = HEAD.save
load_head_net = HEAD.load


@cache
def open_head_net() -> HeadMotionNet:
    """The embedded network."""
    return load_head_net(EMBEDDED)
