from dataclasses import replace

import cv2
import numpy as np
import pytest

from live_cam.explain.faithfulness import Faithfulness, belief, hottest_fifth
from live_cam.explain.occlusion import NOTHING_RGB
from live_cam.frame import Lens, Target

WHITE = np.full((224, 224, 3), 255, np.uint8)
LOGITS = np.array([0.0, 4.0, 3.0, -2.0], np.float32)
ONLY_1 = np.array([0.0, 5.0, 0.0, 0.0], np.float32)


def is_covered(rgb):
    return (rgb == NOTHING_RGB).all(axis=-1)


def at(row, column, size=7):
    """Gives a map with one peak."""
    rows, columns = np.mgrid[:size, :size]
    return np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 3.0).astype(np.float32)


def depends_on(weights):
    """Gives a network that is surer of class 1 the more it sees of the places that have weight."""
    enlarged = cv2.resize(weights, (224, 224))

    def network(rgb):
        logits = np.zeros(4, np.float32)
        logits[1] = 12.0 * (enlarged * ~is_covered(rgb)).sum() / enlarged.sum() - 6.0
        return logits

    return network


@pytest.fixture
def measure(make_frame, make_explanation):
    """Measures a map on white pictures: `measure(network, a_map, times=20, target=Target(1), faithfulness=None)`."""

    def measured(network, a_map, times=20, target=Target(1), faithfulness=None, **changes):  # noqa: B008 (frozen)
        faithfulness = Faithfulness() if faithfulness is None else faithfulness
        rng = np.random.default_rng(0)
        for _ in range(times):
            frame = make_frame(WHITE)
            found = replace(make_explanation(target), saliency_map=a_map, logits=network(WHITE), **changes)
            faithfulness.begin(frame, found, rng)
            while (rgb := faithfulness.next_picture()) is not None:
                faithfulness.note(network(rgb))
        return faithfulness.result

    return measured


def test_a_map_of_what_the_network_looks_at_is_faithful(measure):
    score = measure(depends_on(at(1, 1)), at(1, 1))
    assert score.verdict == "faithful"
    assert score.fall > 0.5
    assert score.fall > 2 * score.random_fall
    assert score.measured == 20
    assert f"costs {round(100 * score.fall)} points" in score.words
    assert f"random fifth costs {round(100 * score.random_fall)} points" in score.words


def test_a_map_of_other_places_is_unfaithful(measure):
    score = measure(depends_on(at(1, 1)), at(5, 5))
    assert score.verdict == "unfaithful"
    assert score.fall < 0.05 < score.random_fall
    assert "costs nothing" in score.words


def test_a_map_that_hardly_beats_chance_is_doubtful(measure):
    everywhere = np.ones((7, 7), np.float32) + 0.1 * at(3, 3)
    score = measure(depends_on(everywhere), at(3, 3), times=40)
    assert score.verdict == "doubtful"
    assert score.random_fall < score.fall < 2 * score.random_fall


def test_what_is_recognised_without_any_fifth_tells_too_little(measure):
    score = measure(lambda rgb: LOGITS, at(1, 1))
    assert (score.fall, score.random_fall, score.verdict) == (0.0, 0.0, "too little to tell")


def test_a_map_of_what_keeps_the_network_from_believing_is_unfaithful(measure):
    for_it = depends_on(at(1, 1))
    score = measure(lambda rgb: ONLY_1 - for_it(rgb), at(1, 1))
    assert score.verdict == "unfaithful"
    assert "adds" in score.words


def test_a_map_of_what_speaks_against_a_class_is_tested_by_the_belief_in_the_others(measure):
    for_it = depends_on(at(1, 1))
    score = measure(lambda rgb: -for_it(rgb), at(1, 1), target=Target(1, against=True))
    assert score.verdict == "faithful"


def test_a_class_that_the_network_does_not_believe_in_tells_too_little(measure):
    for_it = depends_on(at(1, 1))
    assert measure(lambda rgb: for_it(rgb) - 2 * ONLY_1, at(1, 1)).verdict == "too little to tell"


def test_the_belief_is_of_the_question():
    of_class = np.exp(LOGITS) / np.exp(LOGITS).sum()
    assert belief(LOGITS, Target(1)) == pytest.approx(of_class[1])
    assert belief(LOGITS, Target(1, against=True)) == pytest.approx(1.0 - of_class[1])
    assert belief(LOGITS, Target(2, 3)) == pytest.approx(of_class[2] / (of_class[2] + of_class[3]))


@pytest.mark.parametrize("scale", [1e3, 1e30])
def test_the_belief_of_huge_logits_is_finite(scale):
    values = [belief(scale * LOGITS, target) for target in (Target(1), Target(2, 3), Target(2, against=True))]
    assert values == [1.0, 1.0, 1.0]


def test_why_not_another_is_tested_by_what_tells_the_two_apart(measure):
    seen = depends_on(at(1, 1))

    def network(rgb):
        # Class 0 is far likelier than both, and stays so.
        return np.array([30.0, seen(rgb)[1], 0.0, 0.0], np.float32)

    assert measure(network, at(1, 1), target=Target(1)).verdict == "too little to tell"
    assert measure(network, at(1, 1), target=Target(1, 2)).verdict == "faithful"


def test_fewer_than_three_measurements_tell_too_little(measure):
    network = depends_on(at(1, 1))
    verdicts = [measure(network, at(1, 1), times=times).verdict for times in (1, 2, 3)]
    assert verdicts == ["too little to tell", "too little to tell", "faithful"]


def test_without_evidence_there_is_no_score(measure):
    network = depends_on(at(1, 1))
    assert measure(network, np.zeros((7, 7), np.float32)) is None
    assert measure(network, at(1, 1), strength=0.0) is None
    assert Faithfulness().result is None


@pytest.mark.parametrize("other", [{"lens": Lens("conv4_block6_out", "gradcam")}, {"target": Target(2)}])
def test_another_question_forgets_the_score_of_the_one_before(measure, other):
    faithfulness = Faithfulness()
    network = depends_on(at(1, 1))
    assert measure(network, at(1, 1), faithfulness=faithfulness).measured == 20
    assert measure(network, at(1, 1), 1, faithfulness=faithfulness, **other).measured == 1


def test_the_score_follows_a_change_within_some_seconds(measure):
    faithfulness = Faithfulness()
    network = depends_on(at(1, 1))
    assert measure(network, at(5, 5), 40, faithfulness=faithfulness).verdict == "unfaithful"
    assert measure(network, at(1, 1), 16, faithfulness=faithfulness).verdict == "faithful"


def test_a_measurement_that_was_cut_short_does_not_count(make_frame, make_explanation):
    faithfulness = Faithfulness()
    for _ in range(3):
        faithfulness.begin(make_frame(WHITE), make_explanation(Target(1)), np.random.default_rng(0))
        faithfulness.note(np.zeros(1000, np.float32))
    assert faithfulness.result is None
    while faithfulness.next_picture() is not None:
        faithfulness.note(np.zeros(1000, np.float32))
    faithfulness.note(np.zeros(1000, np.float32))
    assert faithfulness.result.measured == 1


def test_random_fifths_are_as_large_as_the_hottest_one_and_lie_elsewhere(make_frame, make_explanation):
    faithfulness = Faithfulness()
    rng = np.random.default_rng(0)
    often = np.zeros((224, 224))
    for _ in range(80):
        faithfulness.begin(make_frame(WHITE), make_explanation(Target(1)), rng)
        covered = []
        while (rgb := faithfulness.next_picture()) is not None:
            covered.append(is_covered(rgb))
            faithfulness.note(LOGITS)
        assert len(covered) > 1
        assert {each.sum() for each in covered} == {covered[0].sum()}
        often += np.mean(covered[1:], axis=0)
    assert covered[0].mean() == pytest.approx(0.2, abs=0.001)
    # 160 draws: each place is hidden in a fifth of them, to 5 standard deviations.
    assert np.abs(often / 80 - 0.2).max() < 5 * np.sqrt(0.2 * 0.8 / 160)


@pytest.mark.parametrize("size", [7, 14, 28, 56, 112])
def test_the_hottest_fifth_lies_around_the_peak(size):
    saliency_map = cv2.resize(at(1, 5), (size, size), interpolation=cv2.INTER_LINEAR)
    hottest = hottest_fifth(saliency_map, np.random.default_rng(0))
    rows, columns = np.nonzero(hottest)
    assert len(rows) == round(0.2 * 56 * 56)
    assert rows.mean() < 24
    assert columns.mean() > 32
    assert hottest[12, 44]


def test_among_equal_places_the_lot_decides_and_draws_patches():
    flat = np.ones((7, 7), np.float32)
    rng = np.random.default_rng(0)
    masks = [hottest_fifth(flat, rng) for _ in range(300)]
    often = np.mean(masks, axis=0)
    assert {mask.sum() for mask in masks} == {round(0.2 * 56 * 56)}
    assert 0.05 < often.min() < often.max() < 0.4
    edges = np.mean([(mask[:, 1:] != mask[:, :-1]).mean() for mask in masks])
    assert edges < 0.06, "cells drawn one by one would have edges at 0.32 of the places"


def test_what_is_hotter_than_the_ties_is_always_hidden():
    spot = np.zeros((7, 7), np.float32)
    spot[2, 4] = 1.0
    assert all(hottest_fifth(spot, np.random.default_rng(seed))[18:22, 34:38].all() for seed in range(20))


@pytest.fixture
def judge(explainer, photographs, make_frame):
    """Judges a map of a photograph with the real network: `judge(name, change=map -> map, method="gradcam")`."""

    def judged(name, change=lambda a_map: a_map, method="gradcam"):
        frame = make_frame(photographs[name])
        found = explainer.explain_all([frame], [Target()], Lens(explainer.layer, method))[0][0]
        found = replace(found, saliency_map=change(found.saliency_map))
        faithfulness = Faithfulness()
        rng = np.random.default_rng(0)
        for _ in range(6):
            faithfulness.begin(frame, found, rng)
            while (rgb := faithfulness.next_picture()) is not None:
                faithfulness.note(explainer.logits([rgb])[0])
        return faithfulness.result

    return judged


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "method"),
    [("lion", "gradcam"), ("cheetah", "gradcam"), ("espresso", "gradcam"), ("lion", "eigencam")],
)
def test_maps_of_photographs_are_faithful(judge, name, method):
    score = judge(name, method=method)
    assert score.verdict == "faithful", score


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cheetah", "espresso"])
def test_a_map_with_high_and_low_exchanged_is_unfaithful(judge, name):
    score = judge(name, lambda a_map: a_map.max() - a_map)
    assert score.verdict == "unfaithful", score
