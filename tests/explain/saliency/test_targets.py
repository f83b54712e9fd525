"""Targets as vectors, and top classes."""

import numpy as np
import pytest

from live_cam.explain.saliency.targets import target_vector, top_classes
from live_cam.types import Target


def test_class_is_a_one_at_its_index():
    vector = target_vector(Target(291), 1000)
    assert vector.dtype == np.float32
    assert vector.shape == (1000,)
    assert np.flatnonzero(vector).tolist() == [291]
    assert vector[291] == 1.0


def test_contrast_is_a_difference():
    vector = target_vector(Target(291, 293), 1000)
    assert vector[291] == 1.0
    assert vector[293] == -1.0
    assert np.count_nonzero(vector) == 2


def test_class_0_is_like_any_other():
    assert np.flatnonzero(target_vector(Target(0), 10)).tolist() == [0]
    assert target_vector(Target(1, 0), 10)[0] == -1.0


def test_top_class_is_all_zeros():
    vector = target_vector(Target(), 1000)
    assert vector.shape == (1000,)
    assert not vector.any()


def test_contrast_without_index_is_refused():
    with pytest.raises(ValueError, match="contrast class needs the index"):
        target_vector(Target(contrast=293), 1000)


def test_class_with_itself_as_contrast_is_not_the_top_class():
    assert np.flatnonzero(target_vector(Target(5, 5), 10)).tolist() == [5]


def test_counterfactual_is_a_minus_one_at_its_index():
    vector = target_vector(Target(291, counterfactual=True), 1000)
    assert np.flatnonzero(vector).tolist() == [291]
    assert vector[291] == -1.0


def test_counterfactual_without_index_is_refused():
    with pytest.raises(ValueError, match="counterfactual target needs the index"):
        target_vector(Target(counterfactual=True), 1000)


@pytest.mark.parametrize("index", [None, 291])
def test_counterfactual_with_contrast_is_refused(index):
    with pytest.raises(ValueError, match="takes no contrast class"):
        target_vector(Target(index, 293, counterfactual=True), 1000)


def test_top_classes_are_sorted_and_equal_ones_keep_their_order():
    assert top_classes(np.array([1.0, 3.0, 2.0, 3.0], np.float32), 3) == [1, 3, 2]
    assert top_classes(np.array([1.0, 3.0]), 0) == []
