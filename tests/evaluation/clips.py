"""Small written videos whose content is known."""

from fractions import Fraction

import numpy as np

from facegen.demo import PHOTO
from facegen.evaluation.crops import crop, crop_matrix
from facegen.faces import find_landmarks
from facegen.media import VideoWriter, read_image


def write_greys(path, count, fps=25, size=(64, 64)):
    """Frame ``k`` is evenly grey, of level ``4 * k``."""
    with VideoWriter(path, *size, Fraction(fps)) as sink:
        for k in range(count):
            sink.write(np.full((size[1], size[0], 3), 4 * k, np.uint8))


def face_picture():
    """The packaged face, ``(256, 256, 3)``."""
    photo = read_image(PHOTO).rgb
    return crop(photo, crop_matrix([find_landmarks(photo)]))


def sway(picture, count, fps=25.0):
    """The picture swaying sideways, by time."""
    return [np.roll(picture, round(4 * np.sin(k / fps * 17)), axis=1) for k in range(count)]


def write_frames(path, frames, fps=25):
    height, width = frames[0].shape[:2]
    with VideoWriter(path, width, height, Fraction(fps)) as sink:
        for frame in frames:
            sink.write(frame)
