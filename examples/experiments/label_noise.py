"""What curation recovers when labels are wrong: noise is put in, policies try to take it out.

    python examples/experiments/label_noise.py FOLDER \\
        --judges fer:DIR,faceapi:DIR --rates 0.2,0.4,0.6

FOLDER holds a folder of pictures for every class. For every rate of symmetric noise and every
policy the table says how much is kept, how often a kept label is right, how many of the wrong
labels were found (dropped or changed) and restored (changed to the truth), how many right ones
were lost, and the mean recall over classes (UAR) of a plain classifier trained on the result and
tested on clean labels of faces it has not seen. Only ``curated/.seen`` is written, so that a second
run does not look again. The judges must not have learned from the faces.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegen.synthesis.curate import POLICIES, decide
from facegen.synthesis.judging import Panel
from facegen.synthesis.labels import CLASSES
from facegen.synthesis.material import Labelled, Material
from facegen.synthesis.policies import Options, Verdict, mean_vote, untouched
from facegen.synthesis.probe import out_of_fold

Labels = NDArray[np.int64]


def with_noise(truth: Labels, rate: float, seed: int) -> Labels:
    """A share of the labels replaced by another class of the set, all alike."""
    rng = np.random.default_rng(seed)
    present = np.unique(truth)
    noisy = truth.copy()
    for row in rng.permutation(len(truth))[: round(rate * len(truth))]:
        noisy[row] = rng.choice(present[present != truth[row]])
    return noisy


def uar(truth: Labels, told: Labels) -> float:
    """Mean recall over the classes that occur."""
    return float(np.mean([(told[truth == k] == k).mean() for k in np.unique(truth)]))


def student(material: Material, verdict: Verdict, truth: Labels) -> float:
    """UAR of a classifier trained on the verdict, on clean labels of faces it never saw."""
    evidence = material.evidence(1)
    weight = verdict.weight * verdict.keep
    present = np.unique(truth)
    told = out_of_fold(evidence.features, verdict.soft, weight, evidence.groups)[0]
    return uar(truth, present[told[:, present].argmax(1)])


def line(name: str, material: Material, verdict: Verdict, truth: Labels, noisy: Labels) -> list:
    """One row of the table."""
    wrong, keep, label = noisy != truth, verdict.keep, verdict.label
    found = wrong & (~keep | (label != noisy))
    lost = ~wrong & (~keep | (label != truth))
    return [
        name,
        keep.mean(),
        (label == truth)[keep].mean(),
        found.sum() / max(wrong.sum(), 1),
        (wrong & keep & (label == truth)).sum() / max(wrong.sum(), 1),
        lost.sum() / max((~wrong).sum(), 1),
        student(material, verdict, truth),
    ]


def verdicts(material: Material, noisy: Labels, options: Options) -> dict[str, Verdict]:
    """Every policy, and the two ways of not curating: as labelled, and as judged."""
    target = np.eye(len(CLASSES))[noisy]
    judged = untouched(mean_vote(target, material.votes, 0.0))
    out = {"as labelled": untouched(target), "as judged": judged}
    return out | {name: decide(material, target, name, options) for name in POLICIES}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--judges", default="fer")
    parser.add_argument("--rates", default="0.2,0.4,0.6")
    parser.add_argument("--classes", default="neutral,happy,sad,surprise,anger")
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    panel = Panel.open(given.judges.split(","))
    material = Material.gather(Labelled.open(given.folder), panel)
    wanted = [CLASSES.index(name) for name in given.classes.split(",")]
    material = material.of_classes(wanted)
    truth = material.labelled.target.argmax(1)
    clean = untouched(material.labelled.target)
    print(f"{len(truth)} faces; clean labels: UAR {student(material, clean, truth):.3f}")
    print("rate policy        kept  right found restored lost  UAR (std over seeds)")
    for rate in map(float, given.rates.split(",")):
        rows: dict[str, list] = {}
        for seed in range(given.seeds):
            noisy = with_noise(truth, rate, seed)
            for name, verdict in verdicts(material, noisy, Options(seed=seed)).items():
                rows.setdefault(name, []).append(line(name, material, verdict, truth, noisy)[1:])
        for name, values in rows.items():
            mean, spread = np.mean(values, 0), np.std(values, 0)[-1]
            numbers = "  ".join(f"{v:.3f}" for v in mean)
            print(f"{rate:.1f}  {name:12s}  {numbers} ({spread:.3f})", flush=True)


if __name__ == "__main__":
    main()
