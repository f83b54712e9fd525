"""Faithfulness scores, on synthetic networks and on the real one."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from live_cam.explain.saliency.faithfulness import Faithfulness, target_probability, top_fraction_mask
from live_cam.explain.saliency.occlusion import FILL_RGB
from live_cam.models.imagenet import IMAGENET_RESNET50
from live_cam.types import CamConfig, Target

WHITE = np.full((224, 224, 3), 255, np.uint8)
LOGITS = np.array([0.0, 4.0, 3.0, -2.0], np.float32)
ONLY_1 = np.array([0.0, 5.0, 0.0, 0.0], np.float32)


def is_occluded(rgb):
    return (rgb == FILL_RGB).all(axis=-1)


def at(row, column, size=7):
    """Returns a map with one peak."""
    rows, columns = np.mgrid[:size, :size]
    return np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 3.0).astype(np.float32)


def depends_on(weights):
    """Returns a network whose logit of class 1 grows with the visible part of the weights."""
    resize = cv2.resize(weights, (224, 224))

    def network(rgb):
        logits = np.zeros(4, np.float32)
        logits[1] = 12.0 * (resize * ~is_occluded(rgb)).sum() / resize.sum() - 6.0
        return logits

    return network


@pytest.fixture
def measure(make_frame, make_explanation):
    """Measures a map on white frames: `measure(network, a_map, times=20, target=Target(1), faithfulness=None)`."""

    def measured(network, a_map, times=20, target=Target(1), faithfulness=None, **changes):
        faithfulness = Faithfulness() if faithfulness is None else faithfulness
        rng = np.random.default_rng(0)
        for _ in range(times):
            frame = make_frame(WHITE)
            found = replace(make_explanation(target), saliency_map=a_map, logits=network(WHITE), **changes)
            faithfulness.start(frame, found, IMAGENET_RESNET50, rng)
            while (rgb := faithfulness.next_image()) is not None:
                faithfulness.add(network(rgb))
        return faithfulness.result

    return measured


def test_map_of_what_the_network_uses_is_faithful(measure):
    score = measure(depends_on(at(1, 1)), at(1, 1))
    assert score.verdict == "faithful"
    assert score.probability_drop > 0.5
    assert score.probability_drop > 2 * score.random_drop
    assert score.measured == 20
    assert f"costs {round(100 * score.probability_drop)} percentage points" in score.words
    assert f"random fifth costs {round(100 * score.random_drop)} percentage points" in score.words


def test_map_of_other_positions_is_unfaithful(measure):
    score = measure(depends_on(at(1, 1)), at(5, 5))
    assert score.verdict == "unfaithful"
    assert score.probability_drop < 0.05 < score.random_drop
    assert "costs nothing" in score.words


def test_map_hardly_better_than_chance_is_doubtful(measure):
    everywhere = np.ones((7, 7), np.float32) + 0.1 * at(3, 3)
    score = measure(depends_on(everywhere), at(3, 3), times=40)
    assert score.verdict == "doubtful"
    assert score.random_drop < score.probability_drop < 2 * score.random_drop


def test_class_recognized_without_any_fifth_is_inconclusive(measure):
    score = measure(lambda rgb: LOGITS, at(1, 1))
    assert (score.probability_drop, score.random_drop, score.verdict) == (0.0, 0.0, "inconclusive")


def test_map_of_what_lowers_the_class_is_unfaithful(measure):
    supports = depends_on(at(1, 1))
    score = measure(lambda rgb: ONLY_1 - supports(rgb), at(1, 1))
    assert score.verdict == "unfaithful"
    assert "adds" in score.words


def test_counterfactual_is_measured_by_the_probability_of_the_other_classes(measure):
    supports = depends_on(at(1, 1))
    score = measure(lambda rgb: -supports(rgb), at(1, 1), target=Target(1, counterfactual=True))
    assert score.verdict == "faithful"


def test_class_of_low_probability_is_inconclusive(measure):
    supports = depends_on(at(1, 1))
    assert measure(lambda rgb: supports(rgb) - 2 * ONLY_1, at(1, 1)).verdict == "inconclusive"


def test_target_probability_depends_on_the_kind_of_target():
    of_class = np.exp(LOGITS) / np.exp(LOGITS).sum()
    assert target_probability(LOGITS, Target(1), "softmax") == pytest.approx(of_class[1])
    assert target_probability(LOGITS, Target(1, counterfactual=True), "softmax") == pytest.approx(1.0 - of_class[1])
    assert target_probability(LOGITS, Target(2, 3), "softmax") == pytest.approx(
        of_class[2] / (of_class[2] + of_class[3])
    )


@pytest.mark.parametrize("vmax", [1e3, 1e30])
def test_target_probability_of_huge_logits_is_finite(vmax):
    values = [
        target_probability(vmax * LOGITS, target, "softmax")
        for target in (Target(1), Target(2, 3), Target(2, counterfactual=True))
    ]
    assert values == [1.0, 1.0, 1.0]


def test_contrast_is_measured_by_the_share_of_the_two_classes(measure):
    seen = depends_on(at(1, 1))

    def network(rgb):
        # Class 0 stays far above both.
        return np.array([30.0, seen(rgb)[1], 0.0, 0.0], np.float32)

    assert measure(network, at(1, 1), target=Target(1)).verdict == "inconclusive"
    assert measure(network, at(1, 1), target=Target(1, 2)).verdict == "faithful"


def test_fewer_than_three_measurements_are_inconclusive(measure):
    network = depends_on(at(1, 1))
    verdicts = [measure(network, at(1, 1), times=times).verdict for times in (1, 2, 3)]
    assert verdicts == ["inconclusive", "inconclusive", "faithful"]


def test_without_evidence_there_is_no_score(measure):
    network = depends_on(at(1, 1))
    assert measure(network, np.zeros((7, 7), np.float32)) is None
    assert measure(network, at(1, 1), evidence=0.0) is None
    assert Faithfulness().result is None


@pytest.mark.parametrize("other", [{"cam_config": CamConfig("conv4_block6_out", "gradcam")}, {"target": Target(2)}])
def test_another_target_or_layer_resets_the_score(measure, other):
    faithfulness = Faithfulness()
    network = depends_on(at(1, 1))
    assert measure(network, at(1, 1), faithfulness=faithfulness).measured == 20
    assert measure(network, at(1, 1), 1, faithfulness=faithfulness, **other).measured == 1


def test_score_follows_a_change_within_16_measurements(measure):
    faithfulness = Faithfulness()
    network = depends_on(at(1, 1))
    assert measure(network, at(5, 5), 40, faithfulness=faithfulness).verdict == "unfaithful"
    assert measure(network, at(1, 1), 16, faithfulness=faithfulness).verdict == "faithful"


def test_unfinished_measurement_does_not_count(make_frame, make_explanation):
    faithfulness = Faithfulness()
    for _ in range(3):
        faithfulness.start(make_frame(WHITE), make_explanation(Target(1)), IMAGENET_RESNET50, np.random.default_rng(0))
        faithfulness.add(np.zeros(1000, np.float32))
    assert [faithfulness.result] == [None]
    while faithfulness.next_image() is not None:
        faithfulness.add(np.zeros(1000, np.float32))
    faithfulness.add(np.zeros(1000, np.float32))
    assert faithfulness.result.measured == 1


def test_random_fifths_have_the_area_of_the_top_fifth_and_are_uniform(make_frame, make_explanation):
    faithfulness = Faithfulness()
    rng = np.random.default_rng(0)
    often = np.zeros((224, 224))
    for _ in range(80):
        faithfulness.start(make_frame(WHITE), make_explanation(Target(1)), IMAGENET_RESNET50, rng)
        images = []
        while (rgb := faithfulness.next_image()) is not None:
            images.append(is_occluded(rgb))
            faithfulness.add(LOGITS)
        assert len(images) > 1
        assert {each.sum() for each in images} == {images[0].sum()}
        often += np.mean(images[1:], axis=0)
    assert images[0].mean() == pytest.approx(0.2, abs=0.001)
    # 160 draws: each position is occluded in a fifth of them, within 5 standard deviations.
    assert np.abs(often / 80 - 0.2).max() < 5 * np.sqrt(0.2 * 0.8 / 160)


@pytest.mark.parametrize("size", [7, 14, 28, 56, 112])
def test_top_fifth_is_around_the_peak(size):
    saliency_map = cv2.resize(at(1, 5), (size, size), interpolation=cv2.INTER_LINEAR)
    mask = top_fraction_mask(saliency_map, np.random.default_rng(0))
    rows, columns = np.nonzero(mask)
    assert len(rows) == round(0.2 * 56 * 56)
    assert rows.mean() < 24
    assert columns.mean() > 32
    assert mask[12, 44]


def test_equal_values_are_chosen_at_random_in_coherent_regions():
    flat = np.ones((7, 7), np.float32)
    rng = np.random.default_rng(0)
    masks = [top_fraction_mask(flat, rng) for _ in range(300)]
    often = np.mean(masks, axis=0)
    assert {mask.sum() for mask in masks} == {round(0.2 * 56 * 56)}
    assert 0.05 < often.min() < often.max() < 0.4
    edges = np.mean([(mask[:, 1:] != mask[:, :-1]).mean() for mask in masks])
    assert edges < 0.06, "single cells would have edges at 0.32 of the positions"


def test_values_above_equal_ones_are_always_chosen():
    spot = np.zeros((7, 7), np.float32)
    spot[2, 4] = 1.0
    assert all(top_fraction_mask(spot, np.random.default_rng(seed))[18:22, 34:38].all() for seed in range(20))


@pytest.fixture
def judge(explainer, photographs, make_frame):
    """Measures a map of a photograph with the real network: `judge(name, change=map -> map, method="gradcam")`."""

    def judged(name, change=lambda a_map: a_map, method="gradcam"):
        frame = make_frame(photographs[name])
        found = explainer.explain_all([frame], [Target()], CamConfig(explainer.layer, method))[0][0]
        found = replace(found, saliency_map=change(found.saliency_map))
        faithfulness = Faithfulness()
        rng = np.random.default_rng(0)
        for _ in range(4):
            faithfulness.start(frame, found, IMAGENET_RESNET50, rng)
            while (rgb := faithfulness.next_image()) is not None:
                faithfulness.add(explainer.logits([rgb])[0])
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
def test_inverted_map_is_unfaithful(judge, name):
    score = judge(name, lambda a_map: a_map.max() - a_map)
    assert score.verdict == "unfaithful", score
