"""Evidence at one place in all pictures of a class, accuracy, and groups of mistakes."""

from __future__ import annotations

import numpy as np
import pytest

from live_cam.explain.saliency.places import places
from live_cam.report.faithful import Drops
from live_cam.report.groups import group_mistakes
from live_cam.report.results import Row
from live_cam.report.shortcuts import class_evidence
from live_cam.report.summary import accuracy, confusion, mistakes, most_telling, most_uncertain, worst_pairs
from live_cam.types import ClassScore

SHAPE = 12, 16


def row(number, said, true=None, probability=0.8, margin=0.5):
    top = (ClassScore(said, f"class {said}", probability), ClassScore(said + 1, f"class {said + 1}", 1 - probability))
    of_true = None if true is None else 0.1
    return Row(number, f"{number:03}.png", true, top, of_true, margin, 1.0, 1.0, (9, 9), (0, 0, 1, 1))


def blob(row, column, *, sigma=1.2):
    """Returns a map with a blob at a place, 0..1."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    y0, x0 = row * (SHAPE[0] - 1), column * (SHAPE[1] - 1)
    return np.exp(-((y - y0) ** 2 + (x - x0) ** 2) / (2 * sigma**2)).astype(np.float32)


def search(*classes):
    """Returns what is found where class `i` has these maps."""
    rows = [row(0, index) for index, maps in enumerate(classes) for _ in maps]
    numbered = [row(number, each.top[0].index) for number, each in enumerate(rows)]
    return class_evidence(numbered, np.concatenate([np.array(maps) for maps in classes]))


def scattered(rng, number):
    return [blob(*rng.random(2)) for _ in range(number)]


def centred(rng, number):
    return [blob(*np.clip(place, 0, 1).tolist(), sigma=2.5) for place in rng.normal(0.5, 0.15, (number, 2))]


@pytest.mark.parametrize(
    ("at", "name"),
    [((0, 1), "the upper right corner"), ((1, 0.5), "the lower edge"), ((0.5, 0), "the left edge")],
)
def test_a_mark_is_found_at_its_place_and_first(at, name):
    rng = np.random.default_rng(0)
    marks = [blob(*at) + 0.2 * blob(*rng.random(2)) for _ in range(9)]
    found = search(scattered(rng, 12), marks, centred(rng, 12))
    assert [each.class_index for each in found if each.is_suspected] == [1]
    assert found[0].place.name == name
    assert found[0].share > 3 * max(found[0].others_share, found[0].place.area)


def test_a_line_of_writing_is_found_as_a_band():
    rng = np.random.default_rng(0)
    lines = [sum(blob(0.9, place) for place in np.linspace(0, 1, 9)) for _ in range(8)]
    found = search(scattered(rng, 12), lines)
    assert [each.class_index for each in found if each.is_suspected] == [1]
    assert found[0].place.name == "a band at the bottom (75 to 100 % of the height)"


@pytest.mark.parametrize("seed", range(5))
def test_objects_in_the_middle_or_anywhere_are_not_accused(seed):
    rng = np.random.default_rng(seed)
    assert not any(each.is_suspected for each in search(centred(rng, 8), scattered(rng, 8), centred(rng, 30)))
    assert not any(each.is_suspected for each in search(centred(rng, 20)))


def test_a_border_is_found():
    frame = np.ones(SHAPE, np.float32)
    frame[1:-1, 1:-1] = 0.02
    rng = np.random.default_rng(0)
    found = search([frame * rng.uniform(0.9, 1.1, SHAPE).astype(np.float32) for _ in range(8)], centred(rng, 8))
    assert (found[0].class_index, found[0].is_suspected, found[0].place.name) == (0, True, "the border")
    assert found[0].border_share > 0.9 > found[0].others_border_share


def test_few_pictures_empty_maps_and_maps_of_one_cell_say_nothing():
    assert search([blob(0, 0)] * 4) == []
    assert search([np.zeros(SHAPE, np.float32)] * 9) == []
    assert class_evidence([row(n, 0) for n in range(9)], np.ones((9, 1, 1), np.float32)) == []
    assert all(0 < place.area <= 1 for place in places((2, 3)))


def test_accuracy_has_the_interval_of_wilson():
    rows = [row(n, 0, true=0 if n < 16 else 1) for n in range(24)]
    found = accuracy([*rows, row(99, 0)])
    assert (found.right_n, found.known_n) == (16, 24)
    assert (found.low, found.high) == pytest.approx((0.4671, 0.8203), abs=1e-4)
    assert accuracy([row(0, 1)]) is None


def test_mistakes_pairs_and_doubts_are_ordered():
    rows = [row(0, 1, 0, 0.6, 0.2), row(1, 1, 0, 0.9, 0.8), row(2, 2, 0, 0.7, 0.4), row(3, 0, 0, 0.5, 0.0), row(4, 5)]
    assert [each.number for each in mistakes(rows)] == [1, 2, 0]
    assert worst_pairs(confusion(rows)) == [(0, 1, 2), (0, 2, 1)]
    assert [each.number for each in most_uncertain(rows)][:2] == [3, 0]


def test_the_mistakes_that_are_shown_are_the_surest_and_of_each_of_the_worst_pairs():
    sure = [row(number, 1, 0, probability=0.99 - number / 100) for number in range(10)]
    others = [row(number, 2, 0, probability=0.3 + number / 100) for number in range(10, 13)]
    rare = row(20, 3, 0, probability=0.2)
    wrong = mistakes([*sure, *others, rare])
    pairs = worst_pairs(confusion(wrong))
    assert most_telling(wrong, pairs, 14) == wrong
    assert [each.number for each in most_telling(wrong, pairs, 6)] == [0, 1, 2, 12, 11, 20]


def test_a_map_is_unfaithful_where_random_fifths_cost_more_and_something():
    assert Drops(0.1, 0.3).is_unfaithful
    assert not Drops(0.3, 0.1).is_unfaithful
    assert not Drops(0.0, 0.01).is_unfaithful, "no single fifth matters"


def test_mistakes_with_evidence_at_the_same_place_are_a_group():
    corner, edge = [blob(0.05, 0.95)] * 4, [blob(1, 0.4), blob(1, 0.42), blob(1, 0.38)]
    maps = np.array([*corner, *edge, blob(0.5, 0)])
    groups = group_mistakes([row(n, 0, 1) for n in range(8)], maps)
    assert [[each.number for each in group] for group in groups] == [[0, 1, 2, 3], [4, 5, 6]]
