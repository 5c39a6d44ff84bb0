"""The whole way: photo in, moved photo out."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from facegen.compose import Reference, Warper, compose, compose_alpha, paste_window
from facegen.compose.field import HOLE, SEEN
from facegen.errors import UsageError
from tests.compose.scene import make_scene, psnr

TURNED = {"neck_pose": (0.05, 0.2, 0.0)}


def test_a_head_that_rests_is_the_photo(reference, warper, drive):
    result = warper.render(drive())
    assert np.abs(result.shift).max() < 0.05
    assert psnr(compose(reference, result), reference.photo) > 45


def test_layers_add_up_to_the_photo(reference):
    through = 1 - reference.layer[..., 3:]
    rows, cols = reference.window.patch(reference.photo.shape)
    sum_ = reference.layer[..., :3] + through * reference.background
    assert np.abs(sum_ - reference.photo[rows, cols]).max() < 0.01


def test_bytes_outside_the_window_and_behind_are_the_photos(head, drive):
    scene = make_scene(head)
    wide = cv2.copyMakeBorder(scene.photo, 60, 90, 200, 150, cv2.BORDER_REFLECT)
    matte = cv2.copyMakeBorder(scene.matte, 60, 90, 200, 150, cv2.BORDER_CONSTANT)
    camera = scene.fit.camera.cropped(-200, -60, 1, wide.shape[1], wide.shape[0])
    fit = replace(scene.fit, camera=camera)
    reference = Reference.build(wide, fit, head, matte=matte, window_size=256)
    frame = compose(reference, Warper(reference).render(drive(**TURNED)))
    changed = (frame != wide).any(-1)
    rows, cols = reference.window.patch(wide.shape)
    assert changed[rows, cols].any()
    changed[rows, cols] = False
    assert not changed.any()


def test_background_away_from_the_head_does_not_swim(reference, scene, warper, drive):
    frame = compose(reference, warper.render(drive(**TURNED, transl=(0.02, 0.01, 0))))
    changed = (frame != scene.photo).any(-1)
    reach = round(1.2 * reference.geometry.iod / reference.window.scale)
    near = cv2.dilate(scene.matte, np.ones((2 * reach + 1,) * 2, np.uint8)) > 0
    assert changed.any()
    assert not (changed & ~near).any()


def test_the_face_moves_by_what_the_head_moves(reference, scene, warper, drive):
    pixels = 12
    metres = pixels * 0.9 / scene.fit.camera.focal
    result = warper.render(drive(transl=(metres, 0, 0)))
    frame = compose(reference, result)
    face = np.s_[150:250, 150:230]
    moved = np.roll(scene.photo, pixels, 1)
    # One pixel off would be 40 dB.
    assert psnr(frame[face], moved[face]) > 43
    inside = result.state == SEEN
    assert abs(np.median(result.shift[inside, 0]) + pixels * reference.window.scale) < 2


def test_turning_beats_copying(head, reference, scene, warper, drive):
    truth = make_scene(head, **TURNED)
    frame = compose(reference, warper.render(drive(**TURNED)))
    face = np.s_[130:260, 140:240]
    assert psnr(frame[face], truth.photo[face]) > psnr(scene.photo[face], truth.photo[face]) + 4


def test_an_opening_mouth_shows_teeth_and_depth(reference, warper, drive):
    bared = {"mouthUpperUpLeft": 0.8, "mouthUpperUpRight": 0.8}
    result = warper.render(drive(jaw_pose=(0.3, 0, 0), expression=bared))
    holes = (result.state == HOLE) & (result.cover > 0.9)
    assert holes.sum() > 0.05 * reference.geometry.iod**2
    light = (result.paint[holes] / result.cover[holes][:, None]).mean(1)
    assert light.max() > 110 > 70 > light.min()


def test_closing_lids_cover_the_eye(reference, warper, drive):
    blink = {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}
    shut = warper.render(drive(expression=blink))
    ball = reference.geometry.kind == 3
    assert ball.any()
    assert shut.cover[ball].mean() > 0.5
    assert warper.render(drive()).cover[ball].mean() < 0.05


def test_flow_of_a_resting_head_is_the_pixel_itself(reference, warper, drive):
    field = warper.render(drive()).field
    window = reference.window
    axis = (np.arange(window.size) + 0.5) / window.scale
    assert np.abs(field[..., 0] - window.x0 - axis).max() < 0.1
    assert np.abs(field[..., 1] - window.y0 - axis[:, None]).max() < 0.1


def test_frames_repeat_exactly(reference, warper, drive):
    vertices = drive(jaw_pose=(0.2, 0, 0), **TURNED)
    first = compose(reference, warper.render(vertices))
    assert np.array_equal(first, compose(reference, warper.render(vertices)))


def test_leaving_out_the_wall_changes_no_byte(reference, warper, drive):
    # Every cell counts as person: all pixels are sampled.
    everywhere = replace(reference)
    everywhere.__dict__["cells"] = np.ones_like(reference.cells)
    assert not reference.cells.all()
    for turn in (0.02, 0.4):
        result = warper.render(drive(neck_pose=(0, turn, 0)))
        np.testing.assert_array_equal(compose(reference, result), compose(everywhere, result))


@pytest.mark.parametrize("size", [128, 640])
def test_any_photo_size(head, size):
    from facegen.posing import pose_vertices
    from tests.compose.scene import still

    scene = make_scene(head, size)
    reference = Reference.build(scene.photo, scene.fit, head, matte=scene.matte, window_size=256)
    driven = pose_vertices(head, still(head, scene.fit.camera, **TURNED))
    result = Warper(reference).render(driven)
    assert compose(reference, result).shape == scene.photo.shape
    assert result.rgb.shape == (256, 256, 3)
    rest = Warper(reference).render(pose_vertices(head, scene.fit))
    assert psnr(compose(reference, rest), scene.photo) > 40


def test_a_model_without_landmarks_and_masks_works(head, scene, drive):
    bare = replace(head, landmarks={}, masks={})
    reference = Reference.build(scene.photo, scene.fit, bare, matte=scene.matte, window_size=256)
    result = Warper(reference).render(drive(**TURNED))
    assert (compose(reference, result) != scene.photo).any()


def test_a_cut_out_keeps_its_transparency(head, scene, drive):
    alpha = np.rint(255 * scene.matte).astype(np.uint8)
    reference = Reference.build(scene.photo, scene.fit, head, alpha=alpha, window_size=256)
    moved = compose_alpha(reference, Warper(reference).render(drive(transl=(0.03, 0, 0))))
    assert moved is not None
    assert moved[:, :20].max() == 0
    columns = np.arange(alpha.shape[1])
    top = slice(100, 250)
    shift = [(a[top] * columns).sum() / a[top].sum() for a in (alpha.astype(float), moved)]
    assert shift[1] > shift[0] + 3


def test_wrong_input_is_named(head, scene):
    with pytest.raises(UsageError, match="uint8"):
        Reference.build(scene.photo.astype(np.float32), scene.fit, head, matte=scene.matte)
    with pytest.raises(UsageError, match="one frame"):
        Reference.build(scene.photo, scene.fit[:0], head, matte=scene.matte)


def test_the_far_half_of_a_turned_photo_comes_from_its_mirror_image(head):
    from facegen.posing import pose_vertices
    from tests.compose.scene import still

    turned = make_scene(head, neck_pose=(0, 0.6, 0))
    reference = Reference.build(turned.photo, turned.fit, head, matte=turned.matte, window_size=256)
    frontal = pose_vertices(head, still(head, turned.fit.camera))
    result = Warper(reference).render(frontal)
    assert result.cover[result.occluded].mean() > 0.4
    rest = compose(reference, Warper(reference).render(pose_vertices(head, turned.fit)))
    assert psnr(rest, turned.photo) > 45


def test_a_repainted_window_changes_only_what_its_mask_says(reference, scene):
    size = reference.window.size
    mask = np.zeros((size, size), np.float32)
    mask[100:140, 100:140] = 1
    red = np.full((size, size, 3), (200, 10, 10), np.uint8)
    frame = paste_window(reference, scene.photo, red, mask)
    scale = 1 / reference.window.scale
    middle = round(120 * scale)
    assert np.abs(frame[middle, middle].astype(int) - (200, 10, 10)).max() < 40
    changed = (frame != scene.photo).any(-1)
    low, high = round(98 * scale), round(143 * scale)
    changed[low:high, low:high] = False
    assert not changed.any()
