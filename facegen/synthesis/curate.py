"""Curation: which samples to learn from and what to call them; decisions only, nothing deleted."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facegen import __version__
from facegen.errors import UsageError
from facegen.synthesis.judging import Panel
from facegen.synthesis.labels import CLASSES
from facegen.synthesis.making import write_bytes
from facegen.synthesis.material import Labelled, Material
from facegen.synthesis.policies import SINGLE, Array, Options, Verdict
from facegen.synthesis.record import Row
from facegen.synthesis.rounds import noisy_pll, openset

JOINT = {"noisy_pll": noisy_pll, "openset": openset}
POLICIES = (*SINGLE, *JOINT)


@dataclass(frozen=True)
class Curated:
    """What a policy decided.

    Attributes:
        file: the list. kept, relabelled, total: counts.
    """

    file: Path
    kept: int
    relabelled: int
    total: int


def curate(
    path: Path,
    *,
    judges: tuple[str, ...],
    policy: str,
    options: Options | None = None,
    name: str | None = None,
) -> Curated:
    """Apply a policy to a set and write its decisions below ``curated/``.

    ``curated/NAME.jsonl`` has a line for every sample: label, soft label, candidates, weight,
    decision, rule and the judges' columns; ``curated/NAME.json`` who judged and by which rule;
    ``curated/NAME_SPLIT.csv`` the kept files and labels. Read it with
    ``SyntheticDataset(path, curated=NAME)``.

    Args:
        judges: recognizers by name or folder. name: of the list, the policy's by default.

    Raises:
        UsageError: no such policy, or it needs judges and has none.
    """
    options = options or Options()
    if policy not in POLICIES:
        raise UsageError(f"no policy {policy!r}; choose from {', '.join(POLICIES)}")
    if policy in SINGLE and not judges:
        raise UsageError(f"--policy {policy} needs judges; name them with --judges fer:FOLDER,...")
    panel = Panel.open(judges)
    material = Material.gather(Labelled.open(path), panel)
    verdict = decide(material, material.labelled.target, policy, options)
    return _write(material, panel, verdict, policy, options, name or policy)


def decide(material: Material, target: Array, policy: str, options: Options) -> Verdict:
    """A policy's verdict.

    Args:
        target: ``(N, 8)`` labels to be judged.
    """
    if policy in SINGLE:
        return SINGLE[policy](target, material.votes, options)
    return JOINT[policy](target, material.votes, options, material.evidence(options.seed))


def _write(
    material: Material, panel: Panel, verdict: Verdict, policy: str, options: Options, name: str
) -> Curated:
    labelled = material.labelled
    folder = labelled.path / "curated"
    before = labelled.target.argmax(1)
    lines = [
        _line(sample, material.rows[n], verdict, n, policy)
        for n, sample in enumerate(labelled.names)
    ]
    write_bytes(folder / f"{name}.jsonl", "".join(json.dumps(x) + "\n" for x in lines).encode())
    for split, files in _lists(labelled, verdict).items():
        write_bytes(folder / f"{name}_{split}.csv", "".join(files).encode())
    kept, changed = int(verdict.keep.sum()), int((verdict.label != before).sum())
    about = {
        "facegen": __version__,
        "policy": policy,
        "rule": verdict.rule,
        "options": asdict(options),
        "judges": [judge.spec.to_dict() for judge in panel.judges],
        "role": "filter",
        "samples": len(before),
        "kept": kept,
        "relabelled": changed,
        "labels": dict(Counter(CLASSES[k] for k in verdict.label[verdict.keep])),
    }
    write_bytes(folder / f"{name}.json", json.dumps(about, indent=1).encode())
    return Curated(folder / f"{name}.jsonl", kept, changed, len(before))


def _line(sample: str, votes: Row, verdict: Verdict, n: int, policy: str) -> dict[str, Any]:
    return {
        "sample_id": sample,
        "label": CLASSES[verdict.label[n]],
        "soft_label": [round(float(p), 4) for p in verdict.soft[n]],
        "candidate_set": [CLASSES[k] for k in np.flatnonzero(verdict.candidates[n])],
        "label_source": policy,
        "weight": round(float(verdict.weight[n]), 4),
        "decision": "keep" if verdict.keep[n] else "reject",
        "decision_rule": verdict.rule,
    } | votes


def _lists(labelled: Labelled, verdict: Verdict) -> dict[str, list[str]]:
    """``path label`` of what is kept, by split."""
    splits = ["all"] * len(labelled.names)
    if labelled.made is not None:
        known = {row["sample_id"]: row["split"] for row in labelled.made.rows}
        splits = [known[name] for name in labelled.names]
    out: dict[str, list[str]] = {split: [] for split in dict.fromkeys(splits)}
    for n, (split, file) in enumerate(zip(splits, labelled.files, strict=True)):
        if verdict.keep[n]:
            out[split].append(f"{file.relative_to(labelled.path).as_posix()} {verdict.label[n]}\n")
    return out
