"""Sparseness, max-sensitivity, and the maps to compare with."""

import math

import numpy as np
import pytest

from live_cam.explain.metrics.baselines import centre_map, random_map
from live_cam.explain.metrics.properties import max_sensitivity, sparseness

IMAGE = np.full((4, 5, 3), 100, np.uint8)


def first_red(images):
    """Returns maps of one cell."""
    return images[:, :1, :1, 0].astype(np.float32)


def test_sparseness_of_one_cell_of_four():
    # 1 - 2 x (1 / 1) x (4 - 4 + 0.5) / 4
    assert sparseness(np.array([[0, 0], [0, 3]], np.float32), (2, 2)) == pytest.approx(0.75)
    assert sparseness(np.ones((2, 2), np.float32), (2, 2)) == pytest.approx(0.0)


def test_sparseness_is_half_the_relative_mean_difference():
    values = np.random.default_rng(0).standard_normal((5, 6)).astype(np.float32)
    sizes = np.abs(values.ravel().astype(float))
    expected = np.abs(sizes[:, np.newaxis] - sizes).mean() / (2 * sizes.mean())
    assert sparseness(values, (5, 6)) == pytest.approx(expected)
    assert math.isnan(sparseness(np.zeros((5, 6), np.float32), (5, 6)))


def test_max_sensitivity_is_the_greatest_change_over_the_norm():
    # Of 200 draws of -5 to 5 some are the extremes, and 5 of 100 is the most.
    assert max_sensitivity(IMAGE, first_red, samples=200) == pytest.approx(0.05)
    assert max_sensitivity(IMAGE, lambda images: 7 * first_red(images), samples=200) == pytest.approx(0.05)
    assert max_sensitivity(IMAGE, first_red, radius=20, samples=500) == pytest.approx(0.2)
    assert max_sensitivity(IMAGE, first_red, radius=0) == 0.0


def test_max_sensitivity_takes_the_norm_of_all_cells():
    # Both cells rise by 3 where the image changes at all: sqrt(3^2 + 3^2) / sqrt(6^2 + 8^2).
    def explain(images):
        changed = (images != IMAGE).any(axis=(1, 2, 3))
        return np.array([[[6.0, 8.0]]]) + 3.0 * changed[:, np.newaxis, np.newaxis]

    assert max_sensitivity(IMAGE, explain) == pytest.approx(math.sqrt(18) / 10)


def test_perturbed_images_stay_images():
    seen = []
    white = np.full((4, 5, 3), 254, np.uint8)
    max_sensitivity(white, lambda images: (seen.append(images), first_red(images))[1], samples=50)
    assert seen[1].dtype == np.uint8
    assert (seen[1].min(), seen[1].max()) == (249, 255)


def test_max_sensitivity_of_an_empty_map_is_not_defined():
    assert math.isnan(max_sensitivity(IMAGE, lambda images: 0 * first_red(images)))


def test_baselines_know_nothing_but_the_size():
    centre = centre_map((6, 8))
    assert centre.shape == (6, 8)
    assert np.allclose(centre, centre[::-1, ::-1])
    assert centre[2:4, 3:5].min() == centre.max()
    # A quarter of a side from the middle is one standard deviation.
    assert centre_map((400, 400))[199, 299] == pytest.approx(math.exp(-0.5), abs=0.01)
    first, second = (random_map((56, 70), seed) for seed in (0, 1))
    assert first.shape == (56, 70)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.5
    assert (random_map((56, 70), 0) == first).all()
