"""A first look at a plan: labelled samples of many people on one picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facegen.errors import FacegenError, UsageError
from facegen.media import contact_sheet
from facegen.progress import progress
from facegen.synthesis.build import Job, painter_of
from facegen.synthesis.identities import identities
from facegen.synthesis.lens import seen_through
from facegen.synthesis.samples import identity_samples

_COLUMNS, _SIDE = 6, 192


def preview(job: Job, count: int) -> NDArray[np.uint8]:
    """``count`` samples, people in turn and each with another one of its faces.

    They are those that a run would make, before the gates; a photo that cannot be used is passed
    by.

    Raises:
        UsageError: there is nobody with stills, or nobody's photo can be used.
    """
    people = [one for one in identities(job.plan, job.data) if one.group.samples]
    if not people:
        raise UsageError("plan: identities: nobody has samples to show; set samples above 0")
    bench = job.bench()
    chosen = [people[i % len(people)] for i in _spread(len(people), count)]
    cells, labels = [], []
    for turn, person in enumerate(progress(chosen, len(chosen), "preview")):
        try:
            painter = painter_of(job, bench, person)
        except FacegenError:
            continue
        samples = [s for s in identity_samples(job.plan, person, painter.suits) if s is not None]
        sample = samples[_face_of(turn, len(chosen), len(people), len(samples))]
        rng = np.random.default_rng((sample.seed, 1))
        rgb = painter.paint(sample).rgb
        cells.append(job.mark(seen_through(rgb, job.plan.lens, job.plan.scene, rng)))
        labels.append(f"{sample.face.label} {sample.face.levels.max():.1f} {person.name}")
    if not cells:
        raise UsageError("plan: identities: no photo can be used; are there faces to be seen?")
    return contact_sheet(cells, _COLUMNS, labels, cell=(_SIDE, _SIDE))


def _spread(people: int, count: int) -> list[int]:
    """Positions of ``count`` people, evenly over all of them, again from the start if too few."""
    if count <= people:
        return [i * people // count for i in range(count)]
    return list(range(count))


def _face_of(turn: int, turns: int, people: int, samples: int) -> int:
    """Which of a person's samples to show: another one each time the person comes up."""
    again = turn // people if turns > people else turn
    return again % samples
