"""A second look at a tracked clip: the picture itself says what landmarks leave open.

Landmarks err by about one per cent of the inter-ocular distance, which is what blurs a mouth most.
One frame of the clip, moved by the tracked head to another, should look like that other frame.
Where optical flow between the two is left over, points of the skin are asked to follow it in one
more Gauss-Newton step of the fitter (analysis by synthesis, as Thies et al. 2016, "Face2Face", but
through flow, which is nearly linear where brightness is not).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from facegen.compose import Reference, Warper
from facegen.compose.warp import WarpResult
from facegen.flame.fitting import HeadFit, LandmarkFitter
from facegen.flame.landmark_model import LandmarkModel
from facegen.flame.model import HeadModel, LandmarkEmbedding
from facegen.flame.priors import Priors
from facegen.motion import Motion
from facegen.posing import pose_vertices

Image = NDArray[np.uint8]
Array = NDArray[np.float64]

_WINDOW = 512
# Longer side of the face while flow is sought, pixels.
_FACE = 256
_POINTS = 500
_NEAR = 0.1  # of the inter-ocular distance: points stand denser about mouth and eyes
_REGIONS = ("skin", "lips")
# Flow there and back must meet within this, and more flow than that is no leftover (pixels).
_MEET, _FAR = 1.0, 6.0
_FEWEST = 0.3  # share of points that must be told
_DOUBTED = 0.02  # weight of the others, which stay where they are
_PRIORS = Priors(noise=0.01, independent=0.3, temporal_expression=0.3)
# Closed lids have no source in an open-eyed photo: their own measure stays.
_HELD, _HOLD = "eyeBlink", 1e4
# MediaPipe's inner lips. Teeth and shadow between them fool the flow, so they keep their opening:
# they only go where the face about them goes, and weigh this much each.
_INNER = (13, 14, 78, 80, 81, 82, 87, 88, 95, 178, 191, 308, 310, 311, 312, 317, 318, 324, 402, 415)
_FIRM = 10.0
_NAMES = ("expression", "neck_pose", "jaw_pose", "transl")


class Refiner:
    """Corrects frames of one clip.

    Args:
        head: the model. reference: ``(H, W, 3)`` uint8, a frame with a face at rest.
        fit: the tracked head of that frame, one frame.
    """

    def __init__(self, head: HeadModel, reference: Image, fit: Motion) -> None:
        self._head = head
        self._reference = Reference.build(reference, fit, head, window_size=_WINDOW)
        self._warper = Warper(self._reference)
        self._points = skin_points(head)
        inner = head.landmarks["mediapipe478"]
        rows = list(_INNER)
        self._lips = LandmarkEmbedding(inner.faces[rows], inner.bary[rows])
        both = LandmarkEmbedding(
            np.concatenate([self._points.faces, self._lips.faces]),
            np.concatenate([self._points.bary, self._lips.bary]),
        )
        marked = replace(head, landmarks={"skin": both})
        model = LandmarkModel.from_head(marked, "skin", n_shape=head.n_shape)
        model = model.with_identity(fit.betas.astype(np.float64))
        self._fitter = LandmarkFitter(model, np.ones(len(both.faces)), _PRIORS)
        held = np.array([head.expression_names[i].startswith(_HELD) for i in model.free])
        self._fitter.sluggish = np.where(held, _HOLD, 1.0)
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    @cached_property
    def _grey(self) -> NDArray[np.uint8]:
        return _to_grey(self._reference.image)

    def __call__(self, rgb: Image, tracked: Motion) -> Motion:
        """The frame's head, moved to where the picture shows it; as it was where nothing is told.

        Args:
            rgb: ``(H, W, 3)`` uint8. tracked: one frame.
        """
        vertices = pose_vertices(self._head, tracked)
        places = tracked.camera.project(self._points.on(vertices, self._head.faces))[:, :2]
        window = self._reference.window
        inside = (places - (window.x0, window.y0)) * window.scale
        moves, told = self._leftover(rgb, self._warper.render(vertices), inside)
        if told.mean() < _FEWEST:
            return tracked
        lips = tracked.camera.project(self._lips.on(vertices, self._head.faces))[:, :2]
        weights = np.where(told, 1.0, _DOUBTED)
        self._fitter.landmark_weights = np.append(weights, np.full(len(lips), _FIRM))
        moves = np.where(told[:, None], moves / window.scale, 0)
        goal = np.concatenate([places + moves, lips + np.median(moves[told], axis=0)])
        found = self._fitter.step(_as_fit(tracked), goal, iterations=1)
        return replace(tracked, **{name: getattr(found, name)[None] for name in _NAMES})

    def _leftover(
        self, rgb: Image, warp: WarpResult, places: Array
    ) -> tuple[Array, NDArray[np.bool_]]:
        """Flow ``(N, 2)`` from the moved photo to the frame, window pixels, and where to trust it.

        Args:
            places: ``(N, 2)`` points in the window.
        """
        size = self._reference.window.size
        low = np.clip(np.floor(places.min(0)) - 8, 0, size - 16).astype(int)
        high = np.clip(np.ceil(places.max(0)) + 8, low + 16, size).astype(int)
        box = slice(low[1], high[1]), slice(low[0], high[0])
        columns, rows = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
        source = np.dstack([columns, rows]).astype(np.float32) + warp.shift[box]
        moved = cv2.remap(self._grey, source, None, cv2.INTER_LINEAR)
        paint = cv2.cvtColor(warp.paint[box], cv2.COLOR_RGB2GRAY)
        moved = (moved * (1 - warp.cover[box]) + paint).clip(0, 255).astype(np.uint8)
        seen = np.ascontiguousarray(_to_grey(self._reference.window.crop(rgb))[box])
        scale = min(1.0, _FACE / max(seen.shape))
        if scale < 1:
            moved, seen = (
                cv2.resize(x, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
                for x in (moved, seen)
            )
        at = (places - low) * scale - 0.5
        there = _sample(self._flow.calc(moved, seen, None), at)
        back = _sample(self._flow.calc(seen, moved, None), at + there)
        told = np.linalg.norm(there + back, axis=1) < _MEET
        told &= np.linalg.norm(there, axis=1) < _FAR
        told &= _sample(warp.visibility[..., None], places - 0.5)[:, 0] > 0.5
        return there / scale, told


def refine(frames: Iterable[tuple[float, Image]], motion: Motion, refiner: Refiner) -> Motion:
    """Correct a clip in one streaming pass.

    Args:
        frames: time in seconds and ``(H, W, 3)`` uint8 of every frame, in order; those that the
            motion does not hold are passed over.
    """
    rows = {round(time, 6): i for i, time in enumerate(motion.timestamps.tolist())}
    changed = {name: getattr(motion, name).copy() for name in _NAMES}
    for time, rgb in frames:
        index = rows.get(round(time, 6))
        if index is not None and motion.valid[index]:
            one = refiner(rgb, motion[index : index + 1])
            for name in _NAMES:
                changed[name][index] = getattr(one, name)[0]
    return replace(motion, **changed)


def skin_points(head: HeadModel) -> LandmarkEmbedding:
    """Middles of triangles of the face's skin, denser about mouth and eyes; the same every time."""
    marks = head.landmarks["mediapipe478"].on(head.v_template, head.faces)[:468]
    middles = head.v_template[head.faces].mean(1)
    low, high = marks.min(0), marks.max(0)
    face = np.isin(head.face_regions, head.region_ids(*_REGIONS))
    face &= ((middles > low) & (middles < high)).all(1)
    chosen = np.flatnonzero(face)
    spots = [marks[list(rows)].mean(0) for rows in ((13, 14, 61, 291), (33, 133), (362, 263))]
    iod = float(np.linalg.norm(spots[1] - spots[2]))
    near = np.min([np.linalg.norm(middles[chosen] - spot, axis=1) for spot in spots], axis=0)
    chance = 1 / (_NEAR * iod + near)
    count = min(_POINTS, len(chosen))
    rows = np.random.default_rng(0).choice(
        chosen, size=count, replace=False, p=chance / chance.sum()
    )
    return LandmarkEmbedding(rows.astype(np.int32), np.full((count, 3), 1 / 3))


def _as_fit(one: Motion) -> HeadFit:
    names = ("expression", "global_orient", "neck_pose", "jaw_pose", "leye_pose", "reye_pose")
    values = {name: getattr(one, name)[0] for name in (*names, "transl")}
    return HeadFit(**values, betas=one.betas, camera=one.camera, residual=0.0, iod=0.0)


def _to_grey(rgb: Image) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)


def _sample(field: NDArray, places: Array) -> Array:
    """Values ``(N, C)`` of ``(h, w, C)`` at OpenCV positions ``(N, 2)``; edges repeat."""
    u, v = (places[None, :, i].astype(np.float32) for i in (0, 1))
    out = cv2.remap(field, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out, np.float64).reshape(len(places), -1)
