import numpy as np

from facegen.flame.model import HeadModel
from facegen.tracking import track_video
from facegen.tracking.live import LiveTracker
from tests.cli.media_zoo import moving_face


def test_live_tracking_follows_without_looking_ahead(head: HeadModel) -> None:
    frames = moving_face(14)
    with LiveTracker(head) as live:
        answers = [live(rgb, i / 25) for i, rgb in enumerate(frames)]
    offline = track_video(frames, head, smoothed=False)
    assert all(a is not None for a in answers)
    place = np.array([a.transl[0] for a in answers if a is not None])
    # The face drifts 14 px one way and jumps back; metres per pixel are depth over focal length.
    camera = offline.camera
    error = np.abs(place - offline.transl)[:, :2] * camera.focal / -offline.transl[:, 2:]
    assert np.median(error) < 3


def test_a_lost_face_is_none_and_found_again(head: HeadModel) -> None:
    face, nothing = moving_face(1)[0], np.zeros((256, 256, 3), np.uint8)
    with LiveTracker(head) as live:
        answers = [live(rgb, i / 25) for i, rgb in enumerate([face, nothing, face])]
    assert [a is not None for a in answers] == [True, False, True]
