import numpy as np

from facegen.compose.matte import drop_fringe


def test_soft_pixels_of_the_walls_colour_leave_the_matte() -> None:
    wall = np.full((9, 30, 3), 200, np.uint8)
    photo = wall.copy()
    photo[:, :10] = (60, 40, 30)  # the person
    photo[:, 10:14] = (130, 120, 115)  # a real half-covered edge
    person = np.zeros((9, 30), np.float32)
    person[:, :10], person[:, 10:20] = 1, 0.5  # the matte reaches too far
    out = drop_fringe(person, photo, wall)
    np.testing.assert_array_equal(out[:, :10], 1)
    np.testing.assert_allclose(out[:, 10:13], 0.5)
    np.testing.assert_array_equal(out[:, 16:], 0)


def test_a_sure_person_of_the_walls_colour_stays() -> None:
    wall = np.full((5, 5, 3), 90, np.uint8)
    person = np.ones((5, 5), np.float32)
    np.testing.assert_array_equal(drop_fringe(person, wall, wall), person)
