"""The card that goes with trained weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from facegen.fer.evaluation import Report
from facegen.fer.source import Source
from facegen.fer.tables import markdown
from facegen.recognizer.network import RecognizerNet


def write_card(
    folder: Path, net: RecognizerNet, taught: Sequence[Source], reports: Sequence[Report]
) -> None:
    """Write ``README.md`` (model card, after Mitchell et al. 2019) into a network's folder."""
    spec, size = net.spec, sum(p.numel() for p in net.parameters())
    crop = spec.crop
    tells = [f"categories {spec.labels}"] if spec.labels else []
    tells += ["valence and arousal"] if spec.valence_arousal else []
    tells += [f"action units {spec.aus}"] if spec.aus else []
    tells += ["52 ARKit curves"] if spec.blendshapes else []
    lines = [
        "---",
        f"license: {spec.weights_licence}",
        "---",
        "",
        f"# {spec.name}",
        "",
        f"Face crops of {crop.size} pixels ({crop.channels}, rule {crop.rule}, margin "
        f"{crop.margin:g}) in; {', '.join(tells)} out. {size:,} parameters; probabilities "
        f"calibrated with temperature {net.config.temperature:.2f}.",
        "",
        "## Learned from",
        "",
        "| set | faces | people |",
        "|---|---|---|",
        *(f"| {s.name} | {len(s)} | {len(set(s.subjects))} |" for s in taught),
        "",
        "## Held-out people of the same sets",
        "",
        "Of the same source as the training: optimistic. Measure on a set of another source.",
        "",
        *(markdown({spec.name: report}) for report in reports),
    ]
    (folder / "README.md").write_text("\n".join(lines), encoding="utf-8")
