"""What a network is told: window, visibility, moved matte, light."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.compose import Reference, displace_window, paste_window
from facegen.compose.conditions import WindowCutter, head_maps, reference_light
from facegen.compose.light import estimate_light
from facegen.compose.window import HeadWindow
from facegen.flame.lighting import default_light, shade


@pytest.fixture(scope="module")
def cut(reference, scene):
    return WindowCutter(reference, scene.fit.camera, 128)


def test_at_rest_all_is_seen_and_nothing_moved(cut, warper, drive, scene):
    vertices = drive()
    view = cut(warper.render(vertices), vertices)
    assert np.abs(view.rgb.astype(int) - view.window.crop(scene.photo)).max() <= 1
    assert view.visibility.mean() > 0.99
    own = view.window.crop(scene.matte)
    assert np.abs(view.matte - own).mean() < 0.02


def test_what_the_turn_reveals_is_not_visible(cut, warper, drive, head):
    """The subject turns to the left: the right side of the head comes into sight."""
    vertices = drive(neck_pose=(0, 0.5, 0))
    view = cut(warper.render(vertices), vertices)
    camera = view.window.camera(cut._camera)
    ear = [v[head.masks["ears"] > 0.5] for v in (head.v_template, vertices)]
    right = ear[1][ear[0][:, 0] < 0]
    u, v = np.rint(camera.project(right)[:, :2].mean(0)).astype(int)
    assert view.visibility[v - 2 : v + 3, u - 2 : u + 3].mean() < 0.5


def test_the_wall_is_known_where_nobody_stood(cut, warper, drive):
    vertices = drive(transl=(0.05, 0, 0))
    view = cut(warper.render(vertices), vertices)
    window, person = view.window, cut._reference.person
    before = window.crop(person) > 0.99
    uncovered = before & (view.matte < 0.01)
    fresh = (window.crop(person) < 0.01) & (view.matte < 0.01)
    assert uncovered.sum() > 50
    assert view.visibility[uncovered].mean() < 0.35 < 0.95 < view.visibility[fresh].mean()


def test_the_matte_moves_with_the_head(cut, warper, drive):
    shift = 0.04
    vertices = drive(transl=(shift, 0, 0))
    view, rest = cut(warper.render(vertices), vertices), cut(warper.render(drive()), drive())
    # The window moves along, so in it the head hardly does.
    rows = slice(20, 80)
    assert np.abs(view.matte[rows] - rest.matte[rows]).mean() < 0.03


def test_beyond_the_warps_window_the_photo_stands(cut, reference):
    far = HeadWindow(reference.window.x0 - 40, reference.window.y0, reference.window.side, 64)
    from facegen.compose.conditions import _carry

    inside = np.zeros((reference.window.size,) * 2, np.float32)
    carried = _carry(inside, reference.window, far, np.ones((64, 64), np.float32))
    edge = 40 * far.scale
    assert (carried[:, : int(edge) - 1] == 1).all() and not carried[:, int(edge) + 1 :].any()


def test_maps_follow_the_window_camera(head, drive, scene):
    vertices = torch.from_numpy(drive())
    whole = head_maps(head, vertices, scene.fit.camera)
    half = head_maps(head, vertices, scene.fit.camera.cropped(0, 0, 0.5, 192, 192))
    small = whole["region"][::2, ::2]
    assert (small == half["region"]).float().mean() > 0.97
    assert whole["mouth"].mean() == pytest.approx(half["mouth"].mean().item(), rel=0.2)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_light_is_found_again(seed):
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=(40, 40, 3))
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    normal = normal.astype(np.float32)
    albedo = rng.uniform(0.4, 0.6, (40, 40, 3)).astype(np.float32)
    light = default_light() + torch.from_numpy(rng.normal(0, 0.02, (9, 3))).float()
    picture = shade(torch.from_numpy(normal), torch.from_numpy(albedo), light).numpy()
    image = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    usable = (picture > 0.02).all(-1) & (picture < 0.98).all(-1)
    found = estimate_light(image, normal, albedo, usable)
    again = shade(torch.from_numpy(normal), torch.from_numpy(albedo), torch.from_numpy(found))
    assert np.abs(again.numpy() - picture)[usable].mean() < 0.02


def test_a_few_pixels_of_hat_do_not_tint_the_light():
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(60, 60, 3)).astype(np.float32)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    albedo = np.full((60, 60, 3), 0.5, np.float32)
    picture = shade(torch.from_numpy(normal), torch.from_numpy(albedo), default_light()).numpy()
    image = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    image[:8] = (0, 0, 255)
    found = estimate_light(image, normal, albedo, np.ones((60, 60), bool))
    assert np.abs(found[0] - default_light()[0].numpy()).max() < 0.1


def test_no_skin_no_judgement(reference, scene):
    nothing = np.zeros((4, 4), bool)
    zeros = np.zeros((4, 4, 3), np.float32)
    light = estimate_light(zeros.astype(np.uint8), zeros, zeros, nothing)
    assert np.array_equal(light, default_light().numpy())
    assert reference_light(reference, scene.fit.camera).shape == (9, 3)


def test_detail_that_is_not_true_goes_where_it_is_painted(head, scene):
    """Fine stripes of the frame survive paint, unless they are said to be lost."""
    reference = Reference.build(scene.photo, scene.fit, head, matte=scene.matte, window_size=64)
    frame = scene.photo.copy()
    frame[::2] = 255 - frame[::2]
    shown = reference.window.crop(frame)
    mask = np.zeros((64, 64), np.float32)
    mask[24:40, 24:40] = 1

    def roughness(lost):
        out = paste_window(reference, frame, shown, mask, lost=lost).astype(int)
        window = reference.window
        y, x = window.y0 + window.side // 2, window.x0 + window.side // 2
        return np.abs(np.diff(out[y - 9 : y + 9, x - 9 : x + 9], axis=0)).mean()

    assert roughness(None) > 40
    assert roughness(np.ones_like(mask)) < 0.25 * roughness(None)


def test_paint_lands_in_the_window_it_was_made_for(reference, scene):
    window = HeadWindow(reference.window.x0 + 60, reference.window.y0 + 30, 100, 50)
    green = np.zeros((50, 50, 3), np.uint8)
    green[..., 1] = 255
    mask = np.zeros((50, 50), np.float32)
    mask[10:20, 30:40] = 1
    out = paste_window(reference, scene.photo, green, mask, window=window)
    changed = (out != scene.photo).any(-1)
    rows, cols = np.nonzero(changed)
    assert rows.min() >= window.y0 + 2 * 9 and rows.max() <= window.y0 + 2 * 21
    assert cols.min() >= window.x0 + 2 * 29 and cols.max() <= window.x0 + 2 * 41
    middle = out[window.y0 + 30, window.x0 + 70]
    assert tuple(middle) == (0, 255, 0)


def test_a_displaced_window_moves_its_own_pixels_and_no_others(reference, scene):
    window = HeadWindow(reference.window.x0 + 60, reference.window.y0 + 30, 100, 50)
    shift = np.zeros((50, 50, 2), np.float32)
    assert displace_window(scene.photo, shift, window) is scene.photo
    # Three pixels to the right and one down, fetched from there.
    shift[10:40, 10:40] = np.array([3, 1], np.float32) / window.side
    out = displace_window(scene.photo, shift, window)
    y, x = window.y0 + 50, window.x0 + 50
    inner = (slice(y - 20, y + 20), slice(x - 20, x + 20))
    fetched = np.roll(scene.photo, (-1, -3), (0, 1))[inner]
    assert np.abs(out[inner].astype(int) - fetched).max() <= 1
    changed = np.nonzero((out != scene.photo).any(-1))
    assert changed[0].min() >= window.y0 + 18 and changed[0].max() <= window.y0 + 82
    assert changed[1].min() >= window.x0 + 18 and changed[1].max() <= window.x0 + 82


def test_a_window_beyond_the_photos_edge_is_displaced_within_it(scene):
    window = HeadWindow(-40, -30, 90, 45)
    shift = np.full((45, 45, 2), 2 / 90, np.float32)
    out = displace_window(scene.photo, shift, window)
    fetched = np.roll(scene.photo, (-2, -2), (0, 1))
    assert np.abs(out[5:50, 5:40].astype(int) - fetched[5:50, 5:40]).max() <= 1
    assert np.array_equal(out[62:], scene.photo[62:])
