"""The ``HeadModel`` contract: a FLAME-layout head as plain arrays, and its ``.npz`` file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen.errors import ModelFileError
from facegen.flame.archive import read_npz

FORMAT = 1
JOINT_NAMES = ("root", "neck", "jaw", "left_eye", "right_eye")
PARENTS = (-1, 0, 1, 1, 1)

_ARRAYS = (
    "v_template",
    "shapedirs",
    "posedirs",
    "J_regressor",
    "weights",
    "faces",
    "face_regions",
    "expression_bounds",
    "expression_sigma",
    "expression_free",
    "shape_sigma",
    "joint_bounds",
)
_OPTIONAL = ("uv", "uv_faces", "albedo_mean", "albedo_dirs", "mirror_mediapipe478")
# Large and smooth: half precision moves no vertex by more than a hundredth of a millimetre.
_HALF = ("shapedirs", "posedirs", "weights", "albedo_mean", "albedo_dirs", "uv")


@dataclass(frozen=True)
class LandmarkEmbedding:
    """Landmarks as points on the mesh surface.

    Attributes:
        faces: ``(L,)`` int32 triangle indices.
        bary: ``(L, 3)`` float64 barycentric weights, rows sum to 1.
    """

    faces: NDArray[np.int32]
    bary: NDArray[np.float64]

    def on(self, vertices: NDArray, faces: NDArray[np.int32]) -> NDArray[np.float64]:
        """The points ``(..., L, C)`` of vertices ``(..., V, C)`` of a mesh with these triangles."""
        corners = vertices[..., faces[self.faces], :].astype(np.float64)
        return np.asarray((corners * self.bary[..., None]).sum(-2))


@dataclass(frozen=True, eq=False)
class HeadModel:
    """A head in FLAME's layout (Li et al. 2017, "Learning a model of facial shape and expression").

    V vertices, F triangles, S identity and E expression coefficients, 5 joints.

    Attributes:
        version: ``open-1``, ``flame2020``, ``flame2023`` or ``flame2023-open``.
        v_template: ``(V, 3)`` float32 metres.
        shapedirs: ``(V, 3, S + E)`` metres per unit coefficient, identity first.
        posedirs: ``(V, 3, 36)`` metres; see conventions ("pose-correctives").
        J_regressor: ``(5, V)``; applied to the shaped *and* expressed vertices, as in FLAME.
        weights: ``(V, 5)`` skinning weights, rows sum to 1.
        faces: ``(F, 3)`` int32.
        face_regions: ``(F,)`` uint8 index into ``region_names``.
        region_names: label names; index 0 is ``none``.
        expression_names: E names (the open head: 52 ARKit names, then ``mh:`` units).
        expression_bounds: ``(E, 2)`` lowest and highest plausible coefficient.
        expression_sigma: ``(E,)`` prior spread of each expression coefficient.
        expression_free: ``(E,)`` bool; False where a joint already makes the motion.
        shape_sigma: ``(S,)`` prior spread of each identity coefficient.
        joint_bounds: ``(5, 3, 2)`` radians per joint and axis.
        landmarks: embeddings by name (``mediapipe478``, ``ibug68``).
        masks: soft vertex masks ``(V,)`` float32 in 0..1 by name.
        uv, uv_faces: ``(T, 2)`` in 0..1 and ``(F, 3)``, or None.
        albedo_mean, albedo_dirs: ``(V, 3)`` and ``(V, 3, A)`` sRGB 0..1 per unit, or None.
        mirror_mediapipe478: ``(478,)`` index of each landmark's mirror image, or None.
        licence: of the file; ``source``: where it came from.
    """

    version: str
    v_template: NDArray[np.float32]
    shapedirs: NDArray[np.float32]
    posedirs: NDArray[np.float32]
    J_regressor: NDArray[np.float32]
    weights: NDArray[np.float32]
    faces: NDArray[np.int32]
    face_regions: NDArray[np.uint8]
    region_names: tuple[str, ...]
    expression_names: tuple[str, ...]
    expression_bounds: NDArray[np.float32]
    expression_sigma: NDArray[np.float32]
    expression_free: NDArray[np.bool_]
    shape_sigma: NDArray[np.float32]
    joint_bounds: NDArray[np.float32]
    landmarks: dict[str, LandmarkEmbedding] = field(default_factory=dict)
    masks: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    uv: NDArray[np.float32] | None = None
    uv_faces: NDArray[np.int32] | None = None
    albedo_mean: NDArray[np.float32] | None = None
    albedo_dirs: NDArray[np.float32] | None = None
    mirror_mediapipe478: NDArray[np.int32] | None = None
    licence: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        v, f, e, s = self.n_vertices, len(self.faces), self.n_expression, self.n_shape
        expected = {
            "v_template": (v, 3),
            "shapedirs": (v, 3, s + e),
            "posedirs": (v, 3, 36),
            "J_regressor": (5, v),
            "weights": (v, 5),
            "faces": (f, 3),
            "face_regions": (f,),
            "expression_bounds": (e, 2),
            "expression_sigma": (e,),
            "expression_free": (e,),
            "shape_sigma": (s,),
            "joint_bounds": (5, 3, 2),
        }
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise ModelFileError(
                    f"head model: {name} has shape {getattr(self, name).shape}, expected {shape}"
                )

    def _check_content(self) -> None:
        """Refuse numbers that are not finite and indices beyond their arrays.

        Compiled code looks up those indices without asking.

        Raises:
            ValueError: names the array.
        """
        arrays = {k: v for k, v in vars(self).items() if isinstance(v, np.ndarray)}
        for name, value in arrays.items():
            if value.dtype.kind not in "biuf" or not np.isfinite(value).all():
                raise ValueError(f"{name} holds something that is no number")
        corners = 0 if self.uv is None else len(self.uv)
        below = {"faces": self.n_vertices, "face_regions": len(self.region_names)}
        below |= {"uv_faces": corners, "mirror_mediapipe478": 478}
        indices = [(name, arrays[name], limit) for name, limit in below.items() if name in arrays]
        indices += [(name, mark.faces, len(self.faces)) for name, mark in self.landmarks.items()]
        for name, value, limit in indices:
            if value.size and not (
                value.dtype.kind in "iu" and 0 <= value.min() <= value.max() < limit
            ):
                raise ValueError(f"{name} points beyond the {limit} there are")

    @property
    def n_vertices(self) -> int:
        return len(self.v_template)

    @property
    def n_expression(self) -> int:
        return len(self.expression_names)

    @property
    def n_shape(self) -> int:
        return self.shapedirs.shape[2] - len(self.expression_names)

    def expression_index(self, name: str) -> int:
        """Column of a named expression.

        Raises:
            ModelFileError: the basis has no such expression.
        """
        try:
            return self.expression_names.index(name)
        except ValueError:
            raise ModelFileError(
                f"{self.version} has no expression {name!r}; it has {self.expression_names[:3]}..."
            ) from None

    def region_ids(self, *names: str) -> tuple[int, ...]:
        """Label indices of the named regions that this model has."""
        return tuple(self.region_names.index(n) for n in names if n in self.region_names)

    def save(self, path: Path) -> None:
        """Write the ``.npz`` (no pickles inside); the file appears whole or not at all."""
        data: dict[str, NDArray] = {}
        for name in (*_ARRAYS, *_OPTIONAL):
            value = getattr(self, name)
            if value is not None:
                data[name] = value.astype(np.float16) if name in _HALF else value
        for name, lmk in self.landmarks.items():
            data[f"landmark/{name}/faces"], data[f"landmark/{name}/bary"] = lmk.faces, lmk.bary
        for name, mask in self.masks.items():
            data[f"mask/{name}"] = mask.astype(np.float16)
        meta = {
            "format": FORMAT,
            "version": self.version,
            "region_names": self.region_names,
            "expression_names": self.expression_names,
            "licence": self.licence,
            "source": self.source,
        }
        data["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
        part = path.with_suffix(".part.npz")
        try:
            np.savez_compressed(part, **data)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path | str) -> HeadModel:
        """Read a ``.npz`` written by :meth:`save`.

        Raises:
            ModelFileError: not such a file, or of a newer format.
        """
        path = Path(path)
        try:
            data = read_npz(path)
            meta = json.loads(bytes(data.pop("meta")).decode())
            if meta.get("format") != FORMAT:
                raise ModelFileError(f"format {meta.get('format')}, this facegen reads {FORMAT}")
            model = cls._from_arrays(data, meta)
            model._check_content()
            return model
        except FileNotFoundError:
            raise ModelFileError(f"no head model at {path}") from None
        except ModelFileError as error:
            raise ModelFileError(f"{path}: {error}") from None
        except (
            OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError,
        ) as error:  # fmt: skip
            raise ModelFileError(
                f"{path} is not a facegen head model ({error}); official FLAME files are "
                "converted with: facegen assets import FILE"
            ) from error

    @classmethod
    def _from_arrays(cls, data: dict[str, NDArray], meta: dict) -> HeadModel:
        missing = [name for name in _ARRAYS if name not in data]
        if missing:
            raise ModelFileError(f"missing arrays {', '.join(missing)}")
        arrays: dict[str, Any] = {
            name: data[name].astype(np.float32) if data[name].dtype.kind == "f" else data[name]
            for name in (*_ARRAYS, *_OPTIONAL)
            if name in data
        }
        names = {key.split("/")[1] for key in data if key.startswith("landmark/")}
        landmarks = {
            n: LandmarkEmbedding(
                data[f"landmark/{n}/faces"].astype(np.int32),
                data[f"landmark/{n}/bary"].astype(np.float64),
            )
            for n in sorted(names)
        }
        masks = {k[5:]: v.astype(np.float32) for k, v in data.items() if k.startswith("mask/")}
        weights = arrays["weights"]
        with np.errstate(invalid="ignore", divide="ignore"):  # told by the look at the content
            arrays["weights"] = weights / weights.sum(1, keepdims=True)
        return cls(
            version=meta["version"],
            region_names=tuple(meta["region_names"]),
            expression_names=tuple(meta["expression_names"]),
            licence=meta.get("licence", ""),
            source=meta.get("source", ""),
            landmarks=landmarks,
            masks=masks,
            **arrays,
        )
