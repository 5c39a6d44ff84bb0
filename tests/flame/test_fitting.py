"""Landmark fitting: derivatives, recovery of known heads, boxes, several frames, other bases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.checkpoints import OPEN_HEAD
from facegen.errors import ModelFileError, UsageError
from facegen.flame.box_solver import solve_box, solve_cholesky
from facegen.flame.camera import Camera
from facegen.flame.fitting import HeadFit, LandmarkFitter, _shared_steps
from facegen.flame.landmark_model import HeadState, LandmarkModel, PosedLandmarks
from facegen.flame.model import HeadModel
from facegen.flame.normal_equations import Step, System, apply_step
from facegen.flame.rotations import rotation_matrix, rotation_vector
from facegen.flame.skinning import HeadLayer

CAMERA = Camera.from_fov(640, 360)


@pytest.fixture(scope="module")
def model(head: HeadModel) -> LandmarkModel:
    return LandmarkModel.from_head(head, n_shape=40)


def random_state(model: LandmarkModel, seed: int, yaw: float = 0.3) -> HeadState:
    rng = np.random.default_rng(seed)
    expression = np.where(rng.random(model.n_expression) < 0.1, rng.random(model.n_expression), 0)
    return HeadState(
        rng.normal(size=model.n_shape) * 0.5,
        expression * 0.7,
        rotation_matrix(np.array([0.1, yaw, 0.05]) * rng.normal(size=3)),
        np.array([rng.random() * 0.2, 0.02]),
        rng.normal(size=4) * 0.1,
        np.array([0.1, -0.03, -1.3]),
    )


def fitted(model: LandmarkModel, state: HeadState, camera: Camera = CAMERA) -> HeadFit:
    points = camera.project(model.pose(state))
    return LandmarkFitter(model).fit(points, camera)


def test_jacobian_is_the_derivative(model: LandmarkModel) -> None:
    state = random_state(model, 1)
    jacobian = PosedLandmarks(model, state).jacobian()
    groups = ("rotation", "transl", "jaw", "eyes", "expression", "shape")
    for name in groups:
        analytic = getattr(jacobian, name)
        for column in range(0, analytic.shape[2], 1 if analytic.shape[2] < 8 else 9):
            both = []
            for sign in (1, -1):
                zero = {n: np.zeros(getattr(jacobian, n).shape[2]) for n in groups}
                zero[name][column] = sign * 1e-5
                both.append(model.pose(apply_step(state, Step(**zero))))
            numeric = (both[0] - both[1]) / 2e-5
            np.testing.assert_allclose(analytic[:, :, column], numeric, atol=2e-7, err_msg=name)


def test_pose_agrees_with_skinning_of_the_whole_mesh(head: HeadModel, model: LandmarkModel) -> None:
    fit = fitted(model, random_state(model, 2))
    names = ("betas", "expression", "neck_pose", "jaw_pose", "leye_pose", "reye_pose", "transl")
    posed = HeadLayer(head)(**{n: torch.from_numpy(getattr(fit, n))[None] for n in names})
    lmk = head.landmarks["mediapipe478"]
    corners = posed.vertices[0].numpy()[head.faces[lmk.faces]]
    exact = CAMERA.project(np.einsum("lk,lkc->lc", lmk.bary, corners))[:, :2]
    assert np.abs(LandmarkFitter(model).landmarks(fit) - exact).max() < 0.1


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), yaw=st.floats(-0.6, 0.6))
def test_exact_landmarks_are_recovered(seed: int, yaw: float) -> None:
    model = LandmarkModel.from_head(_cached_head(), n_shape=40)
    state = random_state(model, seed, yaw)
    fit = fitted(model, state)
    turn = rotation_matrix(fit.neck_pose).T @ state.rotation
    assert fit.residual < 0.6
    assert np.linalg.norm(rotation_vector(turn)) < np.radians(3)


_heads: list[HeadModel] = []


def _cached_head() -> HeadModel:
    if not _heads:
        _heads.append(HeadModel.load(OPEN_HEAD))
    return _heads[0]


def test_fit_stays_inside_the_boxes(model: LandmarkModel) -> None:
    state = replace(random_state(model, 3), expression=np.full(model.n_expression, -0.4))
    fit = fitted(model, state)
    bounds = model.head.expression_bounds
    assert (fit.expression >= bounds[:, 0] - 1e-6).all()
    assert (fit.expression <= bounds[:, 1] + 1e-6).all()
    jaw = model.head.joint_bounds[2]
    assert (fit.jaw_pose >= jaw[:, 0] - 1e-6).all() and (fit.jaw_pose <= jaw[:, 1] + 1e-6).all()


@pytest.mark.parametrize("size", [(360, 640), (1920, 1080), (512, 512)])
def test_faces_anywhere_in_any_frame(model: LandmarkModel, size: tuple[int, int]) -> None:
    camera = Camera.from_fov(*size)
    for x, y in ((-0.12, 0.06), (0.1, -0.08)):
        state = replace(random_state(model, 4), transl=np.array([x, y, -1.5]))
        fit = fitted(model, state, camera)
        assert fit.residual < 0.6
        assert abs(fit.transl[0] - x) < 0.02


def test_several_frames_share_one_identity(model: LandmarkModel) -> None:
    shape = random_state(model, 5).shape
    states = [replace(random_state(model, 10 + i), shape=shape) for i in range(6)]
    frames = [CAMERA.project(model.pose(s)) for s in states]
    fits = LandmarkFitter(model).fit_shared(frames, CAMERA)
    assert all(np.array_equal(f.betas, fits[0].betas) for f in fits)
    assert max(f.residual for f in fits) < 0.8

    def distance(betas: np.ndarray) -> float:
        offsets = model.shape_basis @ (betas[: model.n_shape] - shape)
        return float(np.sqrt((offsets**2).mean()))

    alone = [distance(fitted(model, s).betas) for s in states]
    assert distance(fits[0].betas) < np.mean(alone)


def test_tracking_follows_and_restarts(model: LandmarkModel) -> None:
    shape = random_state(model, 6).shape
    states = [
        replace(random_state(model, 6), jaw=np.array([0.02 * i, 0.0]), shape=shape)
        for i in range(8)
    ]
    frames = [CAMERA.project(model.pose(s)) for s in states]
    fitter = LandmarkFitter(model).for_identity(shape)
    fits = list(fitter.track([*frames[:4], None, *frames[4:]], CAMERA))
    assert fits[4] is None
    found = [f for f in fits if f is not None]
    assert max(f.residual for f in found) < 0.6
    assert found[-1].jaw_pose[0] > 0.08


def test_a_basis_without_names_and_with_wide_boxes_fits_too(head: HeadModel) -> None:
    count = head.n_expression
    plain = replace(
        head,
        version="flame2020",
        expression_names=tuple(f"expression_{i}" for i in range(count)),
        expression_bounds=np.tile(np.float32([-10, 10]), (count, 1)),
        expression_sigma=np.ones(count, np.float32),
        expression_free=np.ones(count, bool),
    )
    model = LandmarkModel.from_head(plain, n_shape=20)
    assert fitted(model, random_state(model, 7)).residual < 0.6


def test_user_errors_name_the_fix(model: LandmarkModel) -> None:
    fitter, flat = LandmarkFitter(model), Camera(100, 50, 50, 100, 100, kind="orthographic")
    with pytest.raises(UsageError, match="from_fov"):
        fitter.fit(np.zeros((478, 2)), flat)
    with pytest.raises(UsageError, match="478"):
        fitter.fit(np.zeros((68, 2)), CAMERA)
    with pytest.raises(UsageError, match="at least one"):
        fitter.fit_shared([], CAMERA)
    with pytest.raises(ModelFileError, match="mediapipe478"):
        LandmarkModel.from_head(model.head, "nowhere")


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_box_solver_meets_the_optimality_conditions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(12, 6))
    hessian, gradient = root.T @ root + 0.1 * np.eye(6), rng.normal(size=6) * 3
    lower, upper = -rng.random(6) * 0.5, rng.random(6) * 0.5
    step = solve_box(hessian, gradient, lower, upper)
    slope = gradient - hessian @ step
    inside = (step > lower + 1e-9) & (step < upper - 1e-9)
    assert (step >= lower - 1e-9).all() and (step <= upper + 1e-9).all()
    assert np.abs(slope[inside]).max(initial=0) < 1e-6
    assert (slope[step <= lower + 1e-9] < 1e-6).all()
    assert (slope[step >= upper - 1e-9] > -1e-6).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1.8, 1.8), min_size=3, max_size=3))
def test_rotation_vector_inverts_rotation_matrix(vector: list[float]) -> None:
    r = np.array(vector)
    if np.linalg.norm(r) < np.pi:
        np.testing.assert_allclose(rotation_vector(rotation_matrix(r)), r, atol=1e-7)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 40))
def test_cholesky_solves(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size + 2, size))
    matrix, right = root.T @ root + 0.01 * np.eye(size), rng.normal(size=size)
    np.testing.assert_allclose(matrix @ solve_cholesky(matrix, right), right, atol=1e-8)


def test_shared_step_solves_the_whole_system() -> None:
    rng = np.random.default_rng(0)
    own, common, frames = 14, 3, 4
    stiffness, shape = np.array([1.0, 2.0, 3.0]), rng.normal(size=common)
    systems = []
    whole = np.zeros((frames * own + common, frames * own + common))
    right = np.zeros(len(whole))
    whole[-common:, -common:] = np.diag(stiffness)
    right[-common:] = -stiffness * shape
    for i in range(frames):
        root = rng.normal(size=(30, own + common))
        hessian, gradient = root.T @ root, rng.normal(size=own + common)
        rows = np.r_[i * own : (i + 1) * own, frames * own : frames * own + common]
        whole[np.ix_(rows, rows)] += hessian
        right[rows] += gradient
        system = System(hessian.copy(), gradient.copy())
        system.hessian[own:, own:] += np.diag(stiffness)
        system.gradient[own:] -= stiffness * shape
        systems.append(system)
    solution = np.linalg.solve(whole, right)
    steps = _shared_steps(systems, stiffness, shape)
    np.testing.assert_allclose(steps[0].shape, solution[-common:], atol=1e-9)
    for i, step in enumerate(steps):
        mine = np.concatenate([step.rotation, step.transl, step.jaw, step.eyes, step.expression])
        np.testing.assert_allclose(mine, solution[i * own : (i + 1) * own], atol=1e-9)
