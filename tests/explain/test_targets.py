import numpy as np
import pytest

from live_cam.explain.targets import target_vector
from live_cam.frame import Target


def test_one_class_is_asked_for_by_a_one_in_its_place():
    vector = target_vector(Target(291), 1000)
    assert vector.dtype == np.float32
    assert vector.shape == (1000,)
    assert np.flatnonzero(vector).tolist() == [291]
    assert vector[291] == 1.0


def test_why_one_class_and_not_another_is_their_difference():
    vector = target_vector(Target(291, 293), 1000)
    assert vector[291] == 1.0
    assert vector[293] == -1.0
    assert np.count_nonzero(vector) == 2


def test_class_0_is_a_class_like_any_other():
    assert np.flatnonzero(target_vector(Target(0), 10)).tolist() == [0]
    assert target_vector(Target(1, 0), 10)[0] == -1.0


def test_asking_for_nothing_in_particular_is_all_zeros():
    vector = target_vector(Target(), 1000)
    assert vector.shape == (1000,)
    assert not vector.any()


def test_a_class_to_hold_against_an_unknown_one_is_refused():
    with pytest.raises(ValueError, match="needs a class to explain"):
        target_vector(Target(versus=293), 1000)


def test_a_class_held_against_itself_is_not_taken_for_the_likeliest():
    assert np.flatnonzero(target_vector(Target(5, 5), 10)).tolist() == [5]


def test_what_speaks_against_a_class_is_a_minus_one_in_its_place():
    vector = target_vector(Target(291, against=True), 1000)
    assert np.flatnonzero(vector).tolist() == [291]
    assert vector[291] == -1.0


def test_what_speaks_against_an_unknown_class_is_refused():
    with pytest.raises(ValueError, match="needs that class"):
        target_vector(Target(against=True), 1000)


@pytest.mark.parametrize("index", [None, 291])
def test_what_speaks_against_a_class_leaves_no_room_for_another(index):
    with pytest.raises(ValueError, match="of that class alone"):
        target_vector(Target(index, 293, against=True), 1000)
