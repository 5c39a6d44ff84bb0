"""FaceFrame as a CSV of py-feat (1 and 2) or OpenFace 2, and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from facegen.errors import MediaError, UsageError
from facegen.recognizer import columns as col
from facegen.recognizer.au_sets import INTENSITY_MAX, au_set
from facegen.recognizer.frame import STYLES, FaceFrame, pd
from facegen.recognizer.labels import canonical_key, label_space

PRESENT = 0.5
# py-feat 1 has nouns in small letters, 2 has AffectNet's names.
_V1, _V2 = label_space("pyfeat_v1"), label_space("pyfeat_v2_8")
# OpenFace looks along +z with y down, facegen along -z with y up.
_FLIP = np.diag([1.0, -1.0, -1.0])


def styled(frame: FaceFrame, style: str) -> pd.DataFrame:
    """The columns of a style, in its order.

    Raises:
        UsageError: no such style.
    """
    if style == "facegen":
        return pd.DataFrame(frame[[c for c in frame.columns if c not in col.LANDMARKS]])
    if style == "pyfeat":
        return to_pyfeat(frame)
    if style == "openface2":
        return to_openface(frame)
    raise UsageError(f"no table style {style!r}; choose from {', '.join(STYLES)}")


def to_pyfeat(frame: FaceFrame) -> pd.DataFrame:
    """Names of py-feat 1 (``Fex``): box, 68 landmarks, pose in degrees, 20 units, emotions.

    Units py-feat 1 has no column for follow theirs; so do valence, arousal and the curves, by the
    names that py-feat 2 gives them.
    """
    units = [*au_set("pyfeat20"), *(n for n in frame.aus.columns if n not in au_set("pyfeat20"))]
    out = {own: _get(frame, name) for own, name in zip(col.PYFEAT_BOX, col.BOX, strict=True)}
    out |= {name: _get(frame, name) for name in col.LANDMARKS}
    out |= {name: _get(frame, name.lower()) for name in col.PYFEAT_POSE}
    out |= {name: _get(frame, name) for name in units}
    out |= {name: _get(frame, key) for name, key in zip(_V1.classes, _V1.keys, strict=True)}
    extra = [name for name in (*col.AFFECT, *col.BLENDSHAPES) if name in frame.columns]
    out |= {name: frame[name] for name in ("input", "frame", *extra) if name in frame.columns}
    for name, own in (("face_id", "Identity"), ("timestamp", "approx_time")):
        if name in frame.columns:
            out[own] = frame[name]
    return pd.DataFrame(out, index=frame.index)


def to_openface(frame: FaceFrame) -> pd.DataFrame:
    """Names of OpenFace 2.2 ``FeatureExtraction``; what is not told stays empty.

    Intensity is ``AU12_r`` where told, else five times the presence; presence is the unit above
    one half. Angles are radians of ``R = Rx Ry Rz`` in OpenFace's camera (y down, z away). Frames
    count from 1. Blinks, which are FACS unit 45, are taken from unit 43 where only that is told.
    """
    count = len(frame)
    seen = _get(frame, "face_x").notna()
    out: dict[str, object] = {
        "frame": _get(frame, "frame") + 1,
        "face_id": _get(frame, "face_id"),
        "timestamp": _get(frame, "timestamp"),
        "confidence": _get(frame, "face_score"),
        "success": seen.astype(int),
    }
    empty = np.full(count, np.nan)
    out |= dict.fromkeys((*col.OPENFACE_GAZE, *col.OPENFACE_POSE[:3]), empty)
    angles = _turned(np.stack([_get(frame, n) for n in col.POSE], 1), to_openface=True)
    out |= {name: angles[:, k] for k, name in enumerate(col.OPENFACE_POSE[3:])}
    out |= {name: _get(frame, name) for name in col.LANDMARKS}
    out |= {name: _intensity(frame, name[:-2]) for name in col.OPENFACE_R}
    for name in col.OPENFACE_C:
        level = _presence(frame, name[:-2])
        out[name] = (level > PRESENT).astype(float).where(level.notna())
    return pd.DataFrame(out, index=frame.index)


def read_table(path: Path | str) -> FaceFrame:
    """A CSV of py-feat, OpenFace 2 or facegen as a FaceFrame; by its header.

    Raises:
        MediaError: it cannot be read. UsageError: another kind of table.
    """
    try:
        given = pd.read_csv(path, skipinitialspace=True)
    except FileNotFoundError:
        raise MediaError(f"no table at {path}") from None
    except (OSError, ValueError) as error:
        raise MediaError(f"cannot read {path}: {str(error).splitlines()[0]}") from error
    given = given.rename(columns=str.strip)
    names = set(given.columns)
    if {"success", "confidence"} <= names:
        return from_openface(given)
    if {"FaceRectX", "FaceScore"} <= names:
        return from_pyfeat(given)
    if {"frame", "face_id"} <= names:
        return FaceFrame(given)
    raise UsageError(
        f"{path} is no table of faces: expected facegen, py-feat or OpenFace 2 columns"
    )


def from_pyfeat(given: pd.DataFrame) -> FaceFrame:
    """A table of py-feat 1 or 2; landmark meshes and embeddings are left out."""
    names = dict(zip(col.PYFEAT_BOX, col.BOX, strict=True))
    names |= {name: name.lower() for name in col.PYFEAT_POSE}
    names |= {"approx_time": "timestamp", "Identity": "face_id"}
    emotions = {*_V1.classes, *_V2.classes} & set(given.columns)
    names |= {name: canonical_key(name) for name in emotions}
    kept = [n for n in given.columns if n in names or _known(n)]
    out = FaceFrame(given[kept].rename(columns=names))
    return out[[name for name in _order(out) if name in out.columns]]


def from_openface(given: pd.DataFrame) -> FaceFrame:
    """A table of OpenFace 2; presence is 0 or 1 as OpenFace gives it. Failed frames are NaN."""
    out = pd.DataFrame(index=given.index)
    out["frame"] = given["frame"].astype(int) - 1
    out["timestamp"] = given["timestamp"]
    out["face_id"] = given["face_id"].astype(int) if "face_id" in given else 0
    out["face_score"] = given["confidence"]
    told = {name: given[name] for name in col.LANDMARKS if name in given}
    if told:
        for axis, own in zip(
            "xy", (("face_x", "face_width"), ("face_y", "face_height")), strict=True
        ):
            points = given[[f"{axis}_{i}" for i in range(68)]]
            told[own[0]], told[own[1]] = points.min(axis=1), points.max(axis=1) - points.min(axis=1)
    angles = given.reindex(columns=list(col.OPENFACE_POSE[3:])).to_numpy(float)
    turned = _turned(angles, to_openface=False)
    told |= {name: pd.Series(turned[:, k], given.index) for k, name in enumerate(col.POSE)}
    told |= {name: given[name] for name in col.OPENFACE_R if name in given}
    told |= {name[:-2]: given[name].astype(float) for name in col.OPENFACE_C if name in given}
    failed = given["success"] == 0
    values = pd.DataFrame(told, index=given.index).mask(failed)
    joined = FaceFrame(pd.concat([out, values], axis=1))
    return joined[[name for name in _order(joined) if name in joined.columns]]


def _get(frame: pd.DataFrame, name: str) -> pd.Series:
    if name in frame.columns:
        return frame[name].astype(float)
    return pd.Series(np.nan, index=frame.index)


def _presence(frame: FaceFrame, unit: str) -> pd.Series:
    level = _get(frame, unit)
    if level.isna().all() and unit == "AU45":
        level = _get(frame, "AU43")
    return level


def _intensity(frame: FaceFrame, unit: str) -> pd.Series:
    told = _get(frame, f"{unit}_r")
    return told.where(told.notna(), INTENSITY_MAX * _presence(frame, unit))


def _turned(angles: NDArray[np.float64], *, to_openface: bool) -> NDArray[np.float64]:
    """Degrees of ``Rz Ry Rx`` here to radians of ``Rx Ry Rz`` there, or back; NaN stays NaN."""
    out = np.full(angles.shape, np.nan)
    good = np.isfinite(angles).all(1)
    if good.any():
        given, wanted = ("xyz", "XYZ") if to_openface else ("XYZ", "xyz")
        turn = Rotation.from_euler(given, angles[good], degrees=to_openface).as_matrix()
        flipped = Rotation.from_matrix(_FLIP @ turn @ _FLIP)
        out[good] = flipped.as_euler(wanted, degrees=not to_openface)
    return out


def _known(name: str) -> bool:
    plain = (*col.WHERE, *col.AFFECT, *col.BLENDSHAPES, *col.LANDMARKS)
    return name in plain or col.is_unit(name)


def _order(frame: pd.DataFrame) -> list[str]:
    """The columns' order in a FaceFrame."""
    units = [n for n in frame.columns if col.is_unit(n)]
    strengths = [n for n in frame.columns if col.is_intensity(n)]
    return [
        *col.WHERE, *col.BOX, *col.EMOTIONS, *col.AFFECT, *units, *strengths,
        *col.BLENDSHAPES, *col.POSE, "unknown", *col.LANDMARKS,
    ]  # fmt: skip
