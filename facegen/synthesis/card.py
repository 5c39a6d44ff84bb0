"""The data card: what a set is, who is in it, and what it must not be used for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from facegen.synthesis.labels import CLASSES
from facegen.synthesis.plan import SPLITS
from facegen.synthesis.record import Row


@dataclass
class Summary:
    """Counts over all rows, and every column that occurs."""

    samples: int = 0
    labels: dict[str, Counter[str]] = field(default_factory=dict)
    people: dict[str, set[str]] = field(default_factory=dict)
    sources: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    decisions: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    closed: Counter[str] = field(default_factory=Counter)

    def add(self, row: Row) -> None:
        """One more row."""
        self.samples += 1
        self.labels.setdefault(row["split"], Counter())[row["label"]] += 1
        self.people.setdefault(row["split"], set()).add(row["identity_id"])
        source = (row["generator"], row["reference_licence"], row["reference_consent"])
        self.sources[source] += 1
        self.decisions[row["decision"]] += 1
        self.kinds[row["kind"]] += 1
        if row["decision"] != "keep":
            self.closed[row["decision_rule"].split("closed: ")[-1]] += 1

    @property
    def splits(self) -> list[str]:
        """Splits that have samples."""
        return [split for split in SPLITS if split in self.labels]


def data_card(about: dict[str, Any], summary: Summary) -> str:
    """``README.md`` of a set, with the header that dataset hubs read."""
    splits = summary.splits
    table = ["| class | " + " | ".join(splits) + " |", "|---|" + "---|" * len(splits)]
    for name in CLASSES:
        counts = " | ".join(str(summary.labels[split][name]) for split in splits)
        table.append(f"| {name} | {counts} |")
    people = ", ".join(f"{len(summary.people[s])} in {s}" for s in splits)
    sources = [
        f"- {count} samples: generator `{generator}`, people under {licence}, consent: {consent}"
        for (generator, licence, consent), count in sorted(summary.sources.items())
    ]
    closed = [f"- {count}: {rule}" for rule, count in summary.closed.most_common()] or ["- none"]
    licences = sorted({licence for _, licence, _ in summary.sources})
    return _CARD.format(
        name=about["name"], version=about["facegen"], created=about["created_utc"],
        samples=summary.samples, people=people, table="\n".join(table),
        sources="\n".join(sources), kept=summary.decisions["keep"], closed="\n".join(closed),
        kinds=", ".join(f"{n} {kind}s" for kind, n in sorted(summary.kinds.items())),
        licences=", ".join(licences), judges=", ".join(about["judges"]) or "none",
        tags="\n".join(f"- {tag}" for tag in ("synthetic", "face", "facial-expression")),
    )  # fmt: skip


_CARD = """---
pretty_name: {name}
tags:
{tags}
task_categories:
- image-classification
---
# {name}

Synthetic faces with labels, made by facegen {version} ({created}): {kinds}. **Every sample is
synthetic** (`synthetic: true` in its row).

## What is in it

{samples} samples; people: {people}. Splits are by person.

{table}

{kept} samples passed every gate; the others are kept with `decision: reject`:

{closed}

## Where it comes from

{sources}

Licences of the sources: {licences}. Networks that looked at the samples: {judges}. The generators
have seen no labelled expression data: faces follow from action units (FACS) on the open head model
(CC0). The head model's own licence and sources are in its card.

## Labels

`target_label` is what was asked for, `label` what the sample is filed under, `soft_label` the
distribution over {{neutral, happy, sad, surprise, fear, disgust, anger, contempt}}. Intensities of
action units (0 to 5), valence and arousal (-1 to 1) and the 52 ARKit curves follow from the
geometry that was painted, not from a network. **Intended is not perceived**: what people, or a
judge, see in a face can differ from what was asked.

## Layout

`SPLIT/CLASS/ID.*` with `SPLIT/metadata.jsonl` (image folder), `clips/SPLIT/CLASS/ID.mp4` with their
`metadata.jsonl`, `params/ID.npz` (exact head, camera, light, landmarks), `index.csv` or
`index.parquet`, `shards/*.tar` (WebDataset), `lists/` (RAF-DB, AffectNet, FERPlus, FMAE, VideoMAE,
OpenFace 2, py-feat), `annotations/` (COCO). `dataset.json` has the SHA-256 of every shard.

## Known failures

- A photo's own folds and teeth stay: a neutral mouth opened wide shows painted teeth, deep frowns
  do not fold the skin as real ones do.
- Rendered people have smooth skin and hair as a cap.
- Strong turns away from a photo's own pose tear at ears and hair.

Not for: telling who somebody is, inferring how a person truly feels, training a generator on its
own output without real anchors.
"""
