"""Rows of a set: everything known about a sample, in plain JSON values."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen import __version__
from facegen.arkit import ARKIT
from facegen.flame.model import HeadModel
from facegen.flame.rotations import rotation_matrix
from facegen.media import file_sha256
from facegen.motion import POSES, Motion
from facegen.recognizer.au_sets import INTENSITY_MAX, au_set, units_of_curves
from facegen.synthesis.labels import LABEL_SPACE
from facegen.synthesis.plan import Plan
from facegen.synthesis.samples import Sample
from facegen.synthesis.shot import Shot

Row = dict[str, Any]

UNITS = au_set("arkit23")
"""Action units that a made face is labelled with, 0..5."""

# iBUG landmarks of a face's five points: eyes (mean of six), nose, corners of the mouth.
_FIVE = (tuple(range(36, 42)), tuple(range(42, 48)), (30,), (48,), (54,))


def sample_row(plan: Plan, sample: Sample, shot: Shot, head: HeadModel) -> Row:
    """The row of a still, without what judges and files add later."""
    face, person = sample.face, sample.identity
    units = INTENSITY_MAX * units_of_curves(shot.curves)
    row: Row = {
        "sample_id": sample.name,
        "split": person.split,
        "identity_id": person.name,
        "subject_split_key": person.name,
        "kind": "still",
        "label": face.label,
        "label_space": LABEL_SPACE,
        "target_label": face.label,
        "target_valence": _short(face.affect[0]),
        "target_arousal": _short(face.affect[1]),
        "target_au": {au: _short(v, 3) for au, v in zip(UNITS, units, strict=True)},
        "soft_label": [_short(v) for v in face.soft],
        "candidate_set": [face.label],
        "label_source": face.source,
        "weight": 1.0,
        "blendshapes": {n: _short(v) for n, v in zip(ARKIT, shot.curves, strict=True)},
        "decision": "keep",
        "decision_rule": "none",
    }
    row |= _geometry(shot, head)
    row |= _generator(plan, sample)
    row |= _reference(sample)
    return row | {"synthetic": True, "watermark_scheme": "", "watermark_payload": "",
                  "c2pa_manifest": ""}  # fmt: skip


def _geometry(shot: Shot, head: HeadModel) -> Row:
    points = shot.landmarks(head, "ibug68")
    mesh = shot.landmarks(head, "mediapipe478")[:468]
    low, high = mesh.min(0), mesh.max(0)
    five = [points[list(group)].mean(0) for group in _FIVE]
    pitch, yaw, roll = head_angles(shot.head)
    return {
        "crop_box": [_short(v, 2) for v in (*low, *(high - low))],
        "keypoints": [[_short(v, 2) for v in point] for point in five],
        "pitch": _short(pitch, 2),
        "yaw": _short(yaw, 2),
        "roll": _short(roll, 2),
    }


def head_angles(motion: Motion) -> NDArray[np.float64]:
    """Pitch, yaw and roll of a one-frame motion in degrees, as ``Rz(roll) Ry(yaw) Rx(pitch)``."""
    turn = rotation_matrix(motion.global_orient[0]) @ rotation_matrix(motion.neck_pose[0])
    pitch = np.arctan2(turn[2, 1], turn[2, 2])
    yaw = np.arcsin(np.clip(-turn[2, 0], -1, 1))
    roll = np.arctan2(turn[1, 0], turn[0, 0])
    return np.degrees([pitch, yaw, roll])


def _generator(plan: Plan, sample: Sample) -> Row:
    return {
        "generator": sample.identity.generator,
        "generator_version": __version__,
        "weights_sha256": "",
        "base_model": "open-1",
        "base_model_licence": "CC0-1.0",
        "generator_trained_on": [],
        "guide_sha256": "",
        "seed": sample.seed,
        "plan": plan.name,
    }


def _reference(sample: Sample) -> Row:
    person = sample.identity
    return {
        "reference_id": person.path.name if person.path else "",
        "reference_sha256": _hash(str(person.path)) if person.path else "",
        "reference_licence": person.licence,
        "reference_consent": person.consent,
        "driver_id": "",
        "driver_licence": "",
        "driver_consent": "synthetic",
        "audio_id": "",
    }


@lru_cache(maxsize=64)
def _hash(path: str) -> str:
    return file_sha256(path)


def head_arrays(shot: Shot, head: HeadModel) -> dict[str, NDArray]:
    """What ``params/ID.npz`` holds: the exact head, camera, light, landmarks and curves."""
    lens = shot.head.camera
    arrays: dict[str, NDArray] = {
        name: getattr(shot.head, name)[0] for name in ("expression", *POSES, "transl")
    }
    arrays |= {
        "betas": shot.head.betas,
        "camera": np.array([lens.focal, lens.cx, lens.cy, lens.width, lens.height], np.float32),
        "blendshapes52": shot.curves.astype(np.float32),
        "landmarks68": shot.landmarks(head, "ibug68").astype(np.float32),
        "landmarks478": shot.landmarks(head, "mediapipe478").astype(np.float16),
    }
    if shot.light is not None:
        arrays["light"] = shot.light
    return arrays


def picture_hash(rgb: NDArray[np.uint8]) -> str:
    """Perceptual hash, 64 bits in hex: signs of the lowest frequencies about their median.

    C. Zauner, "Implementation and benchmarking of perceptual image hash functions" (2010).
    """
    import cv2

    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:8, :8].ravel()
    bits = low > np.median(low[1:])
    return f"{int(''.join('1' if b else '0' for b in bits), 2):016x}"


def bytes_hash(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def _short(value: float, digits: int = 4) -> float:
    return round(float(value), digits)
