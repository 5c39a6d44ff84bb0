"""What a made picture must pass; decisions are written beside it and nothing is thrown away."""

from __future__ import annotations

from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.faces.quiet import native_quiet
from facegen.synthesis.plan import Gates
from facegen.synthesis.record import Row

Rgb = NDArray[np.uint8]
Points = NDArray[np.float64]

# The detector wants room about the face, and not too few pixels.
_ROOM, _FINDABLE = 1 / 3, 256
# Mean distance of found from painted landmarks in inter-ocular distances: another face, or a
# picture that fell apart.
_ASTRAY = 0.22
# RMS contrast and mean Laplacian of a plain sharp face, 0..1.
_CONTRAST, _SHARPNESS = 0.10, 0.010
_EYES = ((33, 133), (362, 263))


class Embedder(Protocol):
    """Identity network: a unit vector for a picture and its landmarks."""

    def __call__(self, rgb: Rgb, points: Points) -> NDArray[np.float64]: ...


class FaceFinder:
    """MediaPipe's face mesh on single pictures; the same picture always gives the same answer.

    Kartynnik et al. 2019, "Real-time facial surface geometry". Not thread-safe.
    """

    def __init__(self) -> None:
        with native_quiet():
            from mediapipe.python.solutions.face_mesh import FaceMesh

            self._mesh: Any = FaceMesh(
                static_image_mode=True, max_num_faces=2, min_detection_confidence=0.3
            )
            self._mesh.process(np.zeros((64, 64, 3), np.uint8))

    def __call__(self, rgb: Rgb) -> list[Points]:
        """Landmarks ``(468, 2)`` in pixels of each face found."""
        height, width = rgb.shape[:2]
        pad = round(_ROOM * max(height, width))
        scale = max(1.0, _FINDABLE / (max(height, width) + 2 * pad))
        large = cv2.copyMakeBorder(rgb, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
        if scale > 1:
            large = cv2.resize(large, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
        found = self._mesh.process(np.ascontiguousarray(large)).multi_face_landmarks or ()
        size = np.array([width + 2 * pad, height + 2 * pad])
        return [np.array([(p.x, p.y) for p in face.landmark]) * size - pad for face in found]


def upright_square(points: Points) -> tuple[float, float, float, float]:
    """Middle x, y, side and turn (degrees) of the square about a face mesh, eyes level."""
    right, left = (points[list(eye)].mean(0) for eye in _EYES)
    x, y = (left - right) / max(float(np.linalg.norm(left - right)), 1e-9)
    turn = np.array([[x, y], [-y, x]])
    mesh = points[:468] @ turn.T
    low, high = mesh.min(0), mesh.max(0)
    middle = turn.T @ ((low + high) / 2)
    side = float((high - low).max())
    return float(middle[0]), float(middle[1]), side, float(np.degrees(np.arctan2(y, x)))


def quality(rgb: Rgb, box: list[float]) -> float:
    """Sharpness and contrast of a face, 0..1; 0 is a flat or empty picture.

    Args:
        box: x, y, width, height of the face.
    """
    x, y, width, height = (round(v) for v in box)
    part = rgb[max(y, 0) : max(y + height, 1), max(x, 0) : max(x + width, 1)]
    if part.size == 0:
        return 0.0
    grey = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    sharp = float(np.abs(cv2.Laplacian(grey, cv2.CV_32F)).mean())
    return min(float(grey.std()) / _CONTRAST, 1.0) * min(sharp / _SHARPNESS, 1.0)


def check(
    gates: Gates,
    rgb: Rgb,
    painted: Points,
    row: Row,
    finder: FaceFinder,
    embedder: Embedder | None = None,
    own: NDArray[np.float64] | None = None,
) -> Row:
    """What the gates measure and decide of one picture.

    Args:
        painted: ``(468, 2)`` where the landmarks truly are.
        row: of the sample, with ``crop_box``.
        embedder, own: identity network and the person's own vector, where there are any.
    """
    faces = finder(rgb)
    iod = np.linalg.norm(painted[list(_EYES[0])].mean(0) - painted[list(_EYES[1])].mean(0))
    errors = [float(np.linalg.norm(f[:468] - painted, axis=1).mean() / iod) for f in faces]
    nearest = int(np.argmin(errors)) if errors else -1
    points = faces[nearest] if errors and errors[nearest] < _ASTRAY else painted
    cosine = None
    if embedder is not None and own is not None:
        cosine = float(embedder(rgb, points) @ own)
    measured: Row = {
        "n_faces": len(faces),
        "landmark_error": round(errors[nearest], 4) if errors else None,
        "face_square": [round(v, 2) for v in upright_square(points)],
        "id_cosine": None if cosine is None else round(cosine, 4),
        "iqa": round(quality(rgb, row["crop_box"]), 4),
    }
    return measured | decide(gates, measured)


def decide(gates: Gates, measured: Row) -> Row:
    """``decision`` and ``decision_rule``: the gates, and the one that closed."""
    rules: list[tuple[str, bool]] = []
    if gates.face:
        error = measured["landmark_error"]
        found = error is not None and error < _ASTRAY
        rules.append((f"face within {_ASTRAY} iod", found))
    cosine = measured["id_cosine"]
    if gates.identity > 0 and cosine is not None:
        rules.append((f"identity >= {gates.identity:g}", cosine >= gates.identity))
    agreement = measured.get("unit_agreement")
    if gates.units > 0 and agreement is not None:
        rules.append((f"units >= {gates.units:g}", agreement >= gates.units))
    if gates.quality > 0:
        rules.append((f"quality >= {gates.quality:g}", measured["iqa"] >= gates.quality))
    closed = [text for text, passed in rules if not passed]
    text = "; ".join(text for text, _ in rules) or "none"
    if closed:
        text += f" -> closed: {closed[0]}"
    return {"decision": "reject" if closed else "keep", "decision_rule": text}
