"""Which metrics run, and why others do not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from facegen.evaluation.coherence import Seam, WarpingError
from facegen.evaluation.emotion import EmotionAgreement
from facegen.evaluation.expression import Aed, Apd
from facegen.evaluation.identity import Identity
from facegen.evaluation.judges import Judges
from facegen.evaluation.landmarks import Akd, EyeClosure, Gaze, MouthCorrelation, MouthOpening
from facegen.evaluation.metric import Measure, Metric
from facegen.evaluation.pixels import Psnr, Ssim
from facegen.evaluation.recall import Recall
from facegen.evaluation.roles import Component, Origin, conflicts
from facegen.evaluation.sets import FeatureSet, GradientHistograms
from facegen.evaluation.structure import Structure
from facegen.evaluation.temporal import Flicker, Jerk, Jitter

M = TypeVar("M", bound=Measure)


@dataclass(frozen=True)
class Catalogue(Generic[M]):
    """The measures of one run.

    Attributes:
        metrics: per clip, in the order of the report. sets: features for distances of sets.
        absent: one line for each measure that is not there, with the reason.
    """

    metrics: tuple[M, ...]
    sets: tuple[FeatureSet, ...] = ()
    absent: tuple[str, ...] = field(default=())

    @property
    def components(self) -> tuple[Component, ...]:
        """All networks that judge."""
        found = [c for m in self.metrics for c in m.spec.components]
        return tuple(dict.fromkeys([*found, *(s.part for s in self.sets)]))


def embedded_metrics() -> list[Metric]:
    """Metrics that run everywhere: no download, no optional package."""
    return [
        Psnr(), Ssim(), Structure(), Akd(), MouthOpening(), MouthCorrelation(), EyeClosure(),
        Gaze(), WarpingError(), Seam(), Jerk(), Jitter(), Flicker(),
    ]  # fmt: skip


def catalogue(judges: Judges | None = None, lpips: Sequence[Path] = ()) -> Catalogue[Metric]:
    """Embedded metrics and those that the user's networks allow.

    Args:
        judges: networks; None for none. lpips: files of the LPIPS network, before the judges'.

    Raises:
        ModelFileError: the LPIPS files lack or exceed what the network needs.
    """
    judges = judges or Judges()
    metrics, absent = embedded_metrics(), []
    hog = GradientHistograms()
    sets = [FeatureSet(hog.part, hog.width, Recall(hog))]
    if lpips or judges.lpips:
        from facegen.evaluation.lpips import PerceptualLpips

        metrics.insert(3, PerceptualLpips(*(lpips or judges.lpips)))
    else:
        absent.append("lpips_alex: no weights (--lpips); ms_gmsd is there, another measure")
    if judges.identity is not None:
        part, embed = judges.identity.component, Recall(judges.identity)
        metrics.append(Identity(embed, part))
        sets.append(FeatureSet(part, judges.identity.width, embed))
    else:
        absent.append("identity: no face recognition network (--judges)")
    for estimator in judges.estimators:
        # One estimate per picture for both.
        estimate = Recall(estimator)
        metrics += [Aed(estimate, estimator.component), Apd(estimate, estimator.component)]
    if not judges.estimators:
        absent.append("aed, apd: no estimator but the one that makes the motion (--judges)")
    if judges.emotion is not None:
        metrics.append(EmotionAgreement(judges.emotion))
    else:
        absent.append("emotion: no expression classifier (--judges)")
    return Catalogue(tuple(metrics), tuple(sets), tuple(absent))


def independent(
    found: Catalogue[M], origins: Iterable[Origin], *, allow_circular: bool = False
) -> tuple[Catalogue[M], list[str]]:
    """Leave out what shares weights or training data with a method; such use in words.

    Args:
        allow_circular: leave nothing out, only say so.

    Returns:
        What may run, and a line for each circular use that was allowed.
    """
    by_part = {c: [r for o in origins for r in conflicts([c], o)] for c in found.components}

    def reasons(parts: Iterable[Component]) -> list[str]:
        return [reason for part in parts for reason in by_part[part]]

    if allow_circular:
        return found, sorted({f"circular: {r}" for r in reasons(by_part)})
    refused = {m.spec.name: reasons(m.spec.components) for m in found.metrics}
    refused |= {f"distances by {s.name}": reasons([s.part]) for s in found.sets}
    lines = [
        f"{name}: {why[0]} (--allow-circular keeps it)" for name, why in refused.items() if why
    ]
    kept = Catalogue(
        tuple(m for m in found.metrics if not reasons(m.spec.components)),
        tuple(s for s in found.sets if not reasons([s.part])),
        (*found.absent, *lines),
    )
    return kept, []
