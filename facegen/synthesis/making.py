"""Makes one sample: paints it, looks at it, writes its files, and gives its row."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen.flame.maps import DEPTH_PNG_UNIT, render_maps
from facegen.flame.model import HeadModel
from facegen.synthesis.gates import Embedder, FaceFinder, check
from facegen.synthesis.judging import Panel, key_of, unit_agreement, vote_table
from facegen.synthesis.labels import CLASSES
from facegen.synthesis.lens import seen_through
from facegen.synthesis.marks import Mark, NoMark
from facegen.synthesis.plan import Plan
from facegen.synthesis.policies import Options, single_policy
from facegen.synthesis.record import Row, bytes_hash, head_arrays, picture_hash, sample_row
from facegen.synthesis.samples import Sample
from facegen.synthesis.shot import Painter, Shot

Rgb = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Bench:
    """What a process keeps between samples.

    Attributes:
        plan, head: of the set. data: folder that the plan's files are below.
        mark: puts the invisible mark into finished pictures.
    """

    plan: Plan
    head: HeadModel
    data: Path
    mark: Mark = field(default_factory=NoMark)

    @cached_property
    def finder(self) -> FaceFinder:
        """The face mesh of the gates."""
        return FaceFinder()

    @cached_property
    def panel(self) -> Panel:
        """The plan's judges."""
        return Panel.open(self.plan.judges)

    @cached_property
    def embedder(self) -> Embedder | None:
        """The plan's identity network."""
        if not self.plan.identity_net:
            return None
        from facegen.evaluation.judges.mobileface import MobileFace
        from facegen.evaluation.metric import Face

        net = MobileFace(self.data / self.plan.identity_net)

        def embed(rgb: Rgb, points: NDArray[np.floating]) -> NDArray[np.float64]:
            flat = np.column_stack([points, np.zeros(len(points))])
            return net(rgb, Face(flat))

        return embed

    def own_vector(self, painter: Painter) -> NDArray[np.float64] | None:
        """The person's identity vector, from the photo."""
        if self.embedder is None or painter.portrait is None:
            return None
        rgb, points = painter.portrait
        return self.embedder(rgb, points)


def make_still(
    bench: Bench,
    painter: Painter,
    sample: Sample,
    out: Path,
    own: NDArray[np.float64] | None = None,
) -> Row:
    """Paint one still, write its files below ``out`` and return its row.

    Args:
        own: the person's identity vector (see :meth:`Bench.own_vector`).
    """
    plan, head = bench.plan, bench.head
    shot = painter.paint(sample)
    row = sample_row(plan, sample, shot, head) | painter.facts
    row = looked_at(bench, shot, row, own)
    rng = np.random.default_rng((sample.seed, 1))
    rgb = bench.mark(seen_through(shot.rgb, plan.lens, plan.scene, rng))
    data = encoded(rgb, plan)
    file = Path(row["split"]) / row["label"] / f"{sample.name}.{plan.format}"
    write_bytes(out / file, data)
    write_bytes(out / "params" / f"{sample.name}.npz", packed(head_arrays(shot, head)))
    if plan.maps:
        write_maps(out / "maps", sample.name, shot, plan.maps, head)
    return row | {
        "file": file.as_posix(),
        "sha256": bytes_hash(data),
        "phash": picture_hash(rgb),
        "watermark_scheme": bench.mark.scheme,
        "watermark_payload": bench.mark.payload,
    }


def looked_at(bench: Bench, shot: Shot, row: Row, own: NDArray[np.float64] | None) -> Row:
    """The row with what judges and gates say of a picture, and the label that follows."""
    points = shot.landmarks(bench.head, "mediapipe478")
    row = row | bench.panel(shot.rgb, points)
    judged = row.pop("judged_units", None)
    if judged is not None:
        row["unit_agreement"] = unit_agreement(row["target_au"], judged)
    row |= check(bench.plan.gates, shot.rgb, points[:468], row, bench.finder, bench.embedder, own)
    return relabelled(bench, row) if bench.plan.relabel != "none" else row


def relabelled(bench: Bench, row: Row) -> Row:
    """The row after the plan's policy; a closed gate stays closed."""
    keys = [key_of(judge) for judge in bench.panel.judges]
    target = np.array([row["soft_label"]])
    verdict = single_policy(bench.plan.relabel)(target, vote_table([row], keys), Options())
    changes: Row = {
        "label": CLASSES[int(verdict.label[0])],
        "soft_label": [round(float(p), 4) for p in verdict.soft[0]],
        "candidate_set": [CLASSES[k] for k in np.flatnonzero(verdict.candidates[0])],
        "weight": round(float(verdict.weight[0]), 4),
        "label_source": bench.plan.relabel,
        "decision_rule": f"{row['decision_rule']}; {verdict.rule}",
    }
    if row["decision"] == "keep" and not verdict.keep[0]:
        changes["decision"] = "reject"
        changes["decision_rule"] += f" -> closed: {bench.plan.relabel}"
    return row | changes


def write_maps(
    folder: Path, name: str, shot: Shot, wanted: tuple[str, ...], head: HeadModel
) -> None:
    """``maps/ID_depth.png`` (16 bit, ``DEPTH_PNG_UNIT`` metres a step), ``_normal``, ``_regions``
    (labels) and ``_render`` of the exact head."""
    import torch
    from PIL import Image

    vertices = torch.from_numpy(np.ascontiguousarray(shot.vertices))[None]
    maps = render_maps(head, vertices, shot.head.camera)
    for kind in wanted:
        if kind == "depth":
            steps = maps.depth[0].numpy() / DEPTH_PNG_UNIT
            picture = Image.fromarray(np.rint(np.clip(steps, 0, 65535)).astype(np.uint16))
        elif kind == "regions":
            picture = Image.fromarray(maps.regions[0].numpy())
        else:
            picture = Image.fromarray(maps.picture(kind))
        stream = io.BytesIO()
        picture.save(stream, "PNG")
        write_bytes(folder / f"{name}_{kind}.png", stream.getvalue())


def encoded(rgb: Rgb, plan: Plan) -> bytes:
    """The picture as a file of the plan's format: one policy for all sources.

    Its own comment says what it is, wherever it goes.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    note = "Synthetic media made with facegen"
    stream = io.BytesIO()
    if plan.format == "png":
        text = PngInfo()
        text.add_text("Comment", note)
        Image.fromarray(rgb).save(stream, "PNG", compress_level=6, pnginfo=text)
    else:
        image = Image.fromarray(rgb)
        image.save(stream, "JPEG", quality=plan.quality, subsampling=0, comment=note)
    return stream.getvalue()


def packed(arrays: dict[str, NDArray[Any]]) -> bytes:
    """Bytes of an ``.npz``; the same arrays give the same bytes."""
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all, folders too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
