"""How drawn head motion compares with real motion to the same voices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance

from facegen.speech.head_channels import RATE, Clip, splice
from facegen.speech.head_net import HeadMotionNet
from facegen.speech.head_sample import draw_channels, neutral

Array = NDArray[np.floating]

_CLIPS, _GROUPS = 6, 6


def report(net: HeadMotionNet, clips: Sequence[Clip], seed: int = 0) -> dict[str, object]:
    """Statistics by channel, drawn and real, in units of the channel's spread.

    ``speed`` per second; ``speed_distance``: earth mover's distance of speeds, as a share of the
    real mean; ``real_correlation``: with the real motion (little is wanted: the voice does not
    tell which way a head turns), ``other_seed``: of two draws for one voice.
    """
    stretches = [
        splice(list(clips[k : k + _CLIPS])) for k in range(0, len(clips) - _CLIPS + 1, _CLIPS)
    ][:_GROUPS]
    scale = net.scale.numpy()
    real = [s.channels / scale for s in stretches]
    drawn = [draw_channels(net, [s.samples], neutral(len(s.samples)), seed=seed) for s in stretches]
    other = [
        draw_channels(net, [s.samples], neutral(len(s.samples)), seed=seed + 1) for s in stretches
    ]
    return {
        name: _figures(*([x[:, c] for x in xs] for xs in (drawn, other, real)))
        for c, name in enumerate(net.config.channels)
    }


def _figures(drawn: list[Array], other: list[Array], real: list[Array]) -> dict[str, object]:
    """Figures of one channel, a series per stretch."""
    speeds = [np.concatenate([np.abs(np.diff(x)) * RATE for x in xs]) for xs in (drawn, real)]
    return {
        "spread": [_round(np.std(np.concatenate(x))) for x in (drawn, real)],
        "speed": [_round(s.mean()) for s in speeds],
        "speed_distance": _round(wasserstein_distance(*speeds) / speeds[1].mean()),
        "real_correlation": _round(np.mean(list(map(_correlation, drawn, real)))),
        "other_seed": _round(np.mean(list(map(_correlation, drawn, other)))),
    }


def _correlation(a: Array, b: Array) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def _round(value: np.floating | float) -> float:
    return round(float(value), 3)
