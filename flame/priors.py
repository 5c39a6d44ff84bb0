"""How stiff a fit is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Priors:
    """How far to trust landmarks and how stiff the unknowns are; spreads in natural units.

    Attributes:
        noise: landmark spread in inter-ocular distances.
        independent: share of landmarks that count as independent observations.
        huber: residual, in ``noise``, beyond which a landmark counts as an outlier.
        shape, expression: factors on the model's ``shape_sigma`` and ``expression_sigma``.
        anchor_noise, anchor_independent: the same for points of the skull.
        jaw: spread of the jaw's x and y turn. eyes: of the eyes' turns, radians.
        temporal_expression: spread of the change since the previous frame while tracking, as a
            factor on that of the expression. ``eyeBlink*`` is free: lids close in two frames.
        temporal_jaw, temporal_eyes: the same in radians.
    """

    noise: float = 0.02
    independent: float = 0.25
    huber: float = 3.0
    anchor_noise: float = 0.01
    anchor_independent: float = 0.5
    shape: float = 1.4
    expression: float = 1.4
    jaw: tuple[float, float] = (1 / 12, 1 / 25)
    eyes: float = 1 / 3
    temporal_expression: float = 0.5
    temporal_jaw: float = 0.04
    temporal_eyes: float = 0.16
