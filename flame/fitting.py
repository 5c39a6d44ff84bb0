"""Fits a head to 2-D landmarks: Gauss-Newton with priors and boxes taken from the model.

Residuals are robust (pseudo-Huber, Charbonnier et al. 1997), weighted by how much each landmark
faces the camera; expressions and joints stay inside the model's boxes. Matrices are small: one
BLAS thread is several times faster than two (set ``OMP_NUM_THREADS=1``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from facegen.errors import UsageError
from facegen.flame.anchors import Anchors
from facegen.flame.box_solver import solve_box
from facegen.flame.camera import Camera
from facegen.flame.landmark_model import Array, HeadState, LandmarkModel, PosedLandmarks
from facegen.flame.landmark_sets import mediapipe_weights
from facegen.flame.normal_equations import Step, System, apply_step, assemble
from facegen.flame.priors import Priors
from facegen.flame.rotations import rotation_matrix, rotation_vector

_FLOAT = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class HeadFit:
    """One fitted head (names of smplx; the head rotation is in ``neck_pose``).

    Attributes:
        betas: ``(S,)``. expression: ``(E,)``; columns the fit leaves alone are 0.
        global_orient, neck_pose, jaw_pose, leye_pose, reye_pose: ``(3,)`` radians.
        transl: ``(3,)`` metres.
        camera: the camera it was fitted with.
        residual: mean landmark error in per cent of the inter-ocular distance.
        iod: inter-ocular distance in pixels, corrected for pose.
    """

    betas: _FLOAT
    expression: _FLOAT
    global_orient: _FLOAT
    neck_pose: _FLOAT
    jaw_pose: _FLOAT
    leye_pose: _FLOAT
    reye_pose: _FLOAT
    transl: _FLOAT
    camera: Camera
    residual: float
    iod: float


class LandmarkFitter:
    """Fits ``LandmarkModel`` to landmarks in pixels.

    Args:
        model: landmarks of one head model.
        landmark_weights: ``(L,)`` trust in each; by default MediaPipe's, or equal ones.
        priors: stiffness.
    """

    def __init__(
        self,
        model: LandmarkModel,
        landmark_weights: Array | None = None,
        priors: Priors | None = None,
    ) -> None:
        self.model, self.priors = model, priors or Priors()
        count = len(model.points)
        if landmark_weights is None:
            landmark_weights = mediapipe_weights() if count == 478 else np.ones(count)
        self.landmark_weights = landmark_weights
        head, free = model.head, model.free
        self.expression_bounds = head.expression_bounds[free].astype(np.float64)
        self.expression_sigma = head.expression_sigma[free] * self.priors.expression
        self.shape_sigma = head.shape_sigma[: model.n_shape] * self.priors.shape
        self.jaw_bounds = head.joint_bounds[2, :2].astype(np.float64)
        self.eye_bounds = head.joint_bounds[3:, :2].reshape(4, 2).astype(np.float64)
        names = [head.expression_names[i] for i in free]
        self.sluggish = np.array([not n.startswith("eyeBlink") for n in names], float)

    def for_identity(self, betas: NDArray[np.floating]) -> LandmarkFitter:
        """The same fitter with the identity fixed: what tracking uses."""
        model = self.model.with_identity(np.asarray(betas, np.float64))
        return LandmarkFitter(model, self.landmark_weights, self.priors)

    def fit(
        self,
        landmarks: NDArray[np.floating],
        camera: Camera,
        *,
        rigid_iterations: int = 4,
        iterations: int = 8,
    ) -> HeadFit:
        """Fit one picture from scratch.

        Args:
            landmarks: ``(L, >= 2)`` pixels.
            camera: perspective camera of the whole picture.

        Raises:
            UsageError: an orthographic camera, or not L landmarks.
        """
        points = self._checked(landmarks, camera)
        return self._result(
            self._solve(points, camera, rigid_iterations, iterations), points, camera
        )

    def fit_shared(
        self,
        landmarks: Sequence[NDArray[np.floating]],
        cameras: Camera | Sequence[Camera],
        *,
        iterations: int = 6,
    ) -> list[HeadFit]:
        """Fit one identity to several pictures of a person.

        Pose and expression of each picture are eliminated by a Schur complement, so the cost is
        linear in the number of pictures.

        Args:
            landmarks: ``(L, >= 2)`` pixels each.
            cameras: of all pictures, or one each.

        Raises:
            UsageError: no pictures, or as :meth:`fit`.
        """
        if not len(landmarks):
            raise UsageError("fit_shared needs landmarks of at least one picture")
        if isinstance(cameras, Camera):
            cameras = [cameras] * len(landmarks)
        frames = [self._checked(p, c) for p, c in zip(landmarks, cameras, strict=True)]
        views = list(zip(frames, cameras, strict=True))
        states = [self._solve(points, camera, 4, 4) for points, camera in views]
        betas = np.mean([state.shape for state in states], axis=0)
        states = [replace(state, shape=betas) for state in states]
        stiffness = self.shape_sigma**-2
        for _ in range(iterations):
            systems = [self._system(s, *view) for s, view in zip(states, views, strict=True)]
            steps = _shared_steps(systems, stiffness, betas)
            states = [apply_step(s, d) for s, d in zip(states, steps, strict=True)]
            states = [replace(s, expression=self._boxed(s.expression)) for s in states]
            betas = states[0].shape
        # Boxes bind the frames' own unknowns; settle those with the identity held.
        fixed = self.for_identity(self._all_betas(betas))
        out = []
        for state, (points, camera) in zip(states, views, strict=True):
            own = fixed._refine(replace(state, shape=np.zeros(0)), points, camera, 3)
            out.append(fixed._result(own, points, camera))
        return out

    def step(
        self,
        previous: HeadFit,
        landmarks: NDArray[np.floating],
        *,
        anchors: Anchors | None = None,
        iterations: int = 2,
    ) -> HeadFit:
        """Fit the next frame of a clip, starting from and gently held to ``previous``.

        Use a fitter made by :meth:`for_identity`.

        Args:
            anchors: points of the skull seen in this frame.
        """
        points = self._checked(landmarks, previous.camera)
        start = self._state(previous)
        state = self._refine(
            start, points, previous.camera, iterations, anchor=start, skull=anchors
        )
        return self._result(state, points, previous.camera)

    def track(
        self, frames: Iterable[NDArray[np.floating] | None], camera: Camera
    ) -> Iterator[HeadFit | None]:
        """Fit a clip frame by frame; a frame without landmarks gives None and a fresh start."""
        previous: HeadFit | None = None
        for points in frames:
            if points is None:
                previous = None
            elif previous is None:
                previous = self.fit(points, camera)
            else:
                previous = self.step(previous, points)
            yield previous

    def head_rotation(self, landmarks: NDArray[np.floating], camera: Camera) -> Array:
        """Rotation ``(3, 3)`` of a mean head put on the landmarks: quick, good to a few degrees."""
        points = self._checked(landmarks, camera)
        return initial_state(self.model, points, camera, self.landmark_weights).rotation

    def landmarks(self, fit: HeadFit) -> Array:
        """Landmarks of a fit in the picture: ``(L, 2)`` pixels."""
        model = self.model.with_identity(fit.betas)
        fixed = self if not self.model.n_shape else LandmarkFitter(model, self.landmark_weights)
        return fit.camera.project(model.pose(fixed._state(fit)))[:, :2]

    def _checked(self, landmarks: NDArray[np.floating], camera: Camera) -> Array:
        if camera.kind != "perspective":
            raise UsageError("landmark fitting needs a perspective camera: Camera.from_fov(...)")
        points = np.asarray(landmarks, np.float64)[:, :2]
        if len(points) != len(self.model.points):
            raise UsageError(
                f"{len(points)} landmarks given, the model has {len(self.model.points)}"
            )
        return points

    def _solve(self, points: Array, camera: Camera, rigid: int, full: int) -> HeadState:
        state = initial_state(self.model, points, camera, self.landmark_weights)
        state = self._refine(state, points, camera, rigid, rigid=True)
        return self._refine(state, points, camera, full)

    def _refine(
        self,
        state: HeadState,
        points: Array,
        camera: Camera,
        iterations: int,
        *,
        rigid: bool = False,
        anchor: HeadState | None = None,
        skull: Anchors | None = None,
    ) -> HeadState:
        for _ in range(iterations):
            system = self._system(state, points, camera, rigid=rigid, anchor=anchor, skull=skull)
            lower, upper = self._walls(state, len(system.gradient))
            step = solve_box(system.hessian, system.gradient, lower, upper)
            state = apply_step(state, Step.split(step, state))
        return state

    def _system(
        self,
        state: HeadState,
        points: Array,
        camera: Camera,
        *,
        rigid: bool = False,
        anchor: HeadState | None = None,
        skull: Anchors | None = None,
    ) -> System:
        posed = PosedLandmarks(self.model, state)
        iod = self._iod(state, camera)
        scale = 1 / (self.priors.noise * iod)
        residual = (points - camera.project(posed.points)[:, :2]) * scale
        root = np.sqrt(self._weights(state, residual))[:, None]
        lens = camera.jacobian(posed.points) * (scale * root[:, None])
        system = assemble(posed.jacobian(lens), residual * root, rigid=rigid)
        if not rigid:
            system.add_prior(*self._prior(state, anchor))
        if skull is not None:
            skull.add_to(
                system,
                state.rotation,
                posed.joints[1] + state.transl,
                camera,
                noise=self.priors.anchor_noise * iod,
                independent=self.priors.anchor_independent,
                huber=self.priors.huber,
            )
        return system

    def _weights(self, state: HeadState, residual: Array) -> Array:
        towards = -state.transl / max(float(np.linalg.norm(state.transl)), 1e-9)
        facing = self.model.normals @ (state.rotation.T @ towards)
        visible = np.clip((facing + 0.25) / 0.5, 0.02, 1)
        if len(visible) == 478:
            visible[468:] = 1.0
        robust = 1 / np.sqrt(1 + np.sum(residual**2, 1) / self.priors.huber**2)
        return self.landmark_weights * visible * robust * self.priors.independent

    def _prior(self, state: HeadState, anchor: HeadState | None) -> tuple[Array, Array]:
        """Stiffness and pull ``(n,)`` on everything but rotation and translation."""
        p, count = self.priors, self.model.n_expression
        stiffness = np.concatenate(
            [
                np.asarray(p.jaw) ** -2,
                np.full(4, p.eyes**-2),
                self.expression_sigma**-2,
                self.shape_sigma**-2,
            ]
        )
        now = np.concatenate([state.jaw, state.eyes, state.expression, state.shape])
        pull = -stiffness * now
        if anchor is not None:
            hold = np.zeros_like(stiffness)
            hold[:2], hold[2:6] = p.temporal_jaw**-2, p.temporal_eyes**-2
            hold[6 : 6 + count] = (
                self.sluggish * (p.temporal_expression * self.expression_sigma) ** -2
            )
            before = np.concatenate([anchor.jaw, anchor.eyes, anchor.expression, anchor.shape])
            stiffness, pull = stiffness + hold, pull + hold * (before - now)
        return stiffness, pull

    def _walls(self, state: HeadState, size: int) -> tuple[Array, Array]:
        """Box of the step: half a radian of turn, and the model's limits."""
        lower, upper = np.full(size, -np.inf), np.full(size, np.inf)
        lower[:3], upper[:3] = -0.5, 0.5
        if size > 6:
            count = self.model.n_expression
            box = np.concatenate([self.jaw_bounds, self.eye_bounds, self.expression_bounds])
            now = np.concatenate([state.jaw, state.eyes, state.expression])
            lower[6 : 12 + count] = np.minimum(box[:, 0] - now, 0)
            upper[6 : 12 + count] = np.maximum(box[:, 1] - now, 0)
        return lower, upper

    def _boxed(self, expression: Array) -> Array:
        return np.clip(expression, self.expression_bounds[:, 0], self.expression_bounds[:, 1])

    def _iod(self, state: HeadState, camera: Camera) -> float:
        return camera.focal / max(-state.transl[2], 1e-6) * self.model.eye_distance

    def _all_betas(self, shape: Array) -> Array:
        betas = self.model.betas.copy()
        betas[: len(shape)] += shape
        return betas

    def _state(self, fit: HeadFit) -> HeadState:
        """Unknowns of a fit whose identity this fitter's model holds."""
        eyes = np.concatenate([fit.leye_pose[:2], fit.reye_pose[:2]])
        return HeadState(
            np.zeros(self.model.n_shape),
            fit.expression[self.model.free].astype(np.float64),
            rotation_matrix(fit.neck_pose),
            fit.jaw_pose[:2].astype(np.float64),
            eyes.astype(np.float64),
            fit.transl.astype(np.float64),
        )

    def _result(self, state: HeadState, points: Array, camera: Camera) -> HeadFit:
        iod = self._iod(state, camera)
        error = np.linalg.norm(camera.project(self.model.pose(state))[:, :2] - points, axis=1)
        expression = np.zeros(self.model.head.n_expression, np.float32)
        expression[self.model.free] = state.expression

        def padded(values: Array) -> _FLOAT:
            return np.concatenate([values, np.zeros(3 - len(values))]).astype(np.float32)

        return HeadFit(
            betas=self._all_betas(state.shape).astype(np.float32),
            expression=expression,
            global_orient=np.zeros(3, np.float32),
            neck_pose=rotation_vector(state.rotation).astype(np.float32),
            jaw_pose=padded(state.jaw),
            leye_pose=padded(state.eyes[:2]),
            reye_pose=padded(state.eyes[2:]),
            transl=state.transl.astype(np.float32),
            camera=camera,
            residual=float(100 * error.mean() / iod),
            iod=float(iod),
        )


def initial_state(model: LandmarkModel, points: Array, camera: Camera, weights: Array) -> HeadState:
    """Head pose from an affine camera (POSIT's first step, DeMenthon and Davis 1995)."""
    root = np.sqrt(weights)[:, None]
    design = np.column_stack([model.points, np.ones(len(points))])
    target = (points - [camera.cx, camera.cy]) * [1, -1]
    affine = np.linalg.lstsq(design * root, target * root, rcond=None)[0].T
    scale = np.linalg.norm(affine[:, :3], axis=1).mean()
    third = np.cross(affine[0, :3], affine[1, :3]) / scale
    u, _, vt = np.linalg.svd(np.stack([affine[0, :3], affine[1, :3], third]))
    rotation = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    # The affine origin is the model's; skinning turns the head about its neck joint.
    depth = camera.focal / scale
    neck = model.joints[1]
    origin = np.array([affine[0, 3] / scale, affine[1, 3] / scale, -depth])
    return replace(model.rest_state(), rotation=rotation, transl=origin + rotation @ neck - neck)


def _shared_steps(systems: list[System], stiffness: Array, shape: Array) -> list[Step]:
    """One Gauss-Newton step of a common shape and each frame's own unknowns."""
    count = len(stiffness)
    total, right = np.diag(stiffness), -stiffness * shape
    eliminated = []
    for system in systems:
        own = len(system.gradient) - count
        a, b, c = (
            system.hessian[:own, :own],
            system.hessian[:own, own:],
            # The prior on shape belongs to the person, not to each frame.
            system.hessian[own:, own:] - np.diag(stiffness),
        )
        solved = np.linalg.solve(a, np.column_stack([b, system.gradient[:own]]))
        total += c - b.T @ solved[:, :-1]
        right += system.gradient[own:] + stiffness * shape - b.T @ solved[:, -1]
        eliminated.append(solved)
    common = np.linalg.solve(total, right)
    return [Step.from_parts(y[:, -1] - y[:, :-1] @ common, common) for y in eliminated]
