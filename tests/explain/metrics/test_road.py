"""ROAD: its equations by hand and by a dense solver, and the scores of both orders."""

import numpy as np
import pytest

from live_cam import UsageError
from live_cam.explain.metrics.road import NOISE, impute, road

RNG = np.random.default_rng(0)


def grey(levels):
    return np.repeat(np.array(levels, np.uint8)[..., np.newaxis], 3, axis=-1)


def filled(levels, removed):
    """Returns what is filled in, without noise, of the first channel."""
    removed = np.array(removed, bool)
    return impute(grey(levels), removed, RNG, noise=0.0)[removed][:, 0].tolist()


def test_a_pixel_is_the_mean_of_its_neighbours_those_at_the_sides_twice():
    # 4 x 60 x 1/6 + (0 + 12 + 24 + 36) x 1/12
    assert filled([[0, 60, 12], [60, 255, 60], [24, 60, 36]], [[0, 0, 0], [0, 1, 0], [0, 0, 0]]) == [46]


def test_at_a_corner_three_neighbours_share_the_weight():
    # (50 x 1/6 + 100 x 1/6 + 200 x 1/12) / (5/12)
    assert filled([[9, 50], [100, 200]], [[1, 0], [0, 0]]) == [100]


def test_pixels_that_are_removed_together_are_solved_together():
    # a = (0 + b) / 2 and b = (a + 90) / 2
    assert filled([[0, 255, 255, 90]], [[0, 1, 1, 0]]) == [30, 60]


def test_equations_are_those_of_a_dense_solver():
    image = RNG.integers(0, 256, (9, 11, 3), np.uint8)
    removed = RNG.random((9, 11)) < 0.6
    matrix, right = np.zeros((99, 99)), np.zeros((99, 3))
    for row, column in np.ndindex(9, 11):
        here = row * 11 + column
        if not removed[row, column]:
            matrix[here, here], right[here] = 1.0, image[row, column]
            continue
        for y in range(max(0, row - 1), min(9, row + 2)):
            for x in range(max(0, column - 1), min(11, column + 2)):
                distance = abs(y - row) + abs(x - column)
                if distance:
                    matrix[here, here] += 1.0 / distance
                    matrix[here, y * 11 + x] -= 1.0 / distance
    expected = np.linalg.solve(matrix, right).reshape(9, 11, 3)
    assert np.abs(impute(image, removed, RNG, noise=0.0) - expected).max() <= 0.51


def test_noise_hides_how_smooth_what_is_filled_in_is_and_nothing_else_changes():
    image, removed = np.full((60, 60, 3), 128, np.uint8), np.zeros((60, 60), bool)
    removed[5:55, 5:55] = True
    imputed = impute(image, removed, np.random.default_rng(0))
    assert imputed[removed].std() == pytest.approx(NOISE, rel=0.1)
    assert imputed[removed].mean() == pytest.approx(128, abs=0.2)
    assert (imputed[~removed] == 128).all()


def brightness(images):
    return images.mean(axis=(1, 2, 3))[:, np.newaxis]


def test_scores_fall_where_the_most_relevant_pixels_are_removed():
    image = np.full((20, 20, 3), 100, np.uint8)
    image[:, 10:] = 200
    found = road(image, image[..., 0].astype(np.float32), brightness, 0, fractions=[0.25, 0.5])
    # Half of the pixels is all of one side, which is filled from the other.
    assert found.most_relevant_first[1] == pytest.approx(100, abs=0.5)
    assert found.least_relevant_first[1] == pytest.approx(200, abs=0.5)
    assert 100.5 < found.most_relevant_first[0] <= 150.5
    assert 149.5 <= found.least_relevant_first[0] < 199.5
    assert found.combined == pytest.approx(np.mean(found.least_relevant_first - found.most_relevant_first) / 2)


@pytest.mark.parametrize("fractions", [[], [0.5, 1.0], [0.0]])
def test_fractions_leave_pixels_to_fill_in_from(fractions):
    with pytest.raises(UsageError, match="over 0 and under 1"):
        road(np.zeros((4, 4, 3), np.uint8), np.ones((4, 4), np.float32), brightness, 0, fractions=fractions)


def test_of_two_pixels_never_both_are_removed():
    found = road(grey([[10, 20]]), np.array([[1, 2]], np.float32), brightness, 0, fractions=[0.1, 0.9])
    assert found.most_relevant_first == pytest.approx([15.0, 10.0], abs=4)  # noise
    assert found.least_relevant_first == pytest.approx([15.0, 20.0], abs=4)


def test_results_repeat_with_the_seed():
    image = RNG.integers(0, 256, (12, 12, 3), np.uint8)
    first, again, other = (road(image, np.zeros((3, 3), np.float32), brightness, 0, seed=seed) for seed in (3, 3, 4))
    assert first.most_relevant_first.tolist() == again.most_relevant_first.tolist()
    assert first.most_relevant_first.tolist() != other.most_relevant_first.tolist()
