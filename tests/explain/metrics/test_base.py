"""What the metrics share, and all of them on a real explainer."""

import math
from pathlib import Path

import numpy as np
import pytest

from live_cam import Explainer, UsageError, metrics
from live_cam.explain.metrics.base import descending_order, enlarge, target_scores
from tests.colour_models import RED, paint_picture

RED_CLASS = 0


@pytest.fixture(scope="module")
def explainer(colour_models):
    return Explainer(colour_models[0])


def test_estimate_has_the_standard_error_of_the_defined_values():
    found = metrics.estimate([1.0, 2.0, math.nan, 3.0, 4.0])
    # Squared deviations 2.25 + 0.25 + 0.25 + 2.25 = 5, over n - 1 = 3, over n = 4.
    assert (found.mean, found.standard_error, found.n) == pytest.approx((2.5, math.sqrt(5 / 3 / 4), 4))


def test_estimate_of_few_values_does_not_invent_an_error():
    assert math.isnan(metrics.estimate([2.0]).standard_error)
    assert math.isnan(metrics.estimate([math.nan]).mean)


@pytest.mark.parametrize("wrong", [np.zeros((2, 2, 1)), np.zeros((0, 3)), np.full((2, 2), np.nan)])
def test_what_is_no_map_is_refused(wrong):
    with pytest.raises(UsageError, match="a map is finite and has two axes"):
        enlarge(wrong, (4, 4))


@pytest.mark.parametrize("wrong", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((1, 4, 4, 3), np.uint8)])
def test_what_is_no_image_is_refused(wrong):
    def nothing(images):
        pytest.fail("it was predicted")

    saliency_map = np.ones((4, 4), np.float32)
    for metric in (metrics.deletion, metrics.insertion, metrics.confidence, metrics.road):
        with pytest.raises(UsageError, match=r"an image is uint8 \(H, W, 3\), unlike"):
            metric(wrong, saliency_map, nothing, 0)
    with pytest.raises(UsageError, match="`input_image` returns one"):
        metrics.max_sensitivity(wrong, nothing)


@pytest.mark.parametrize("target", [-1, 3])
def test_a_class_that_does_not_exist_is_refused(target):
    with pytest.raises(UsageError, match=f"no class {target}; classes are 0 to 2"):
        target_scores(lambda images: np.zeros((len(images), 3)), iter([np.zeros((2, 2, 3), np.uint8)]), target)


def test_images_are_made_when_they_are_predicted():
    made, most_waiting, predicted = 0, 0, 0

    def images():
        nonlocal made
        for level in range(100):
            made += 1
            yield np.full((2, 2, 3), level, np.uint8)

    def predict(batch):
        nonlocal most_waiting, predicted
        most_waiting = max(most_waiting, made - predicted)
        predicted += len(batch)
        return batch[:, 0, 0, :].astype(float)

    assert target_scores(predict, images(), 0).tolist() == list(range(100))
    assert most_waiting <= 16


def test_order_is_by_value_and_of_equal_values_by_region():
    assert descending_order(np.array([[1, 4], [3, 2]], np.float32), seed=0).tolist() == [1, 2, 3, 0]
    first_half = np.zeros(56 * 56, bool)
    first_half[descending_order(np.zeros((56, 56), np.float32), seed=0)[: 56 * 28]] = True
    edges = np.diff(first_half.reshape(56, 56).astype(int), axis=1).any(axis=0).sum()
    assert edges > 1  # not the rows from the top
    assert np.abs(np.diff(first_half.reshape(56, 56).astype(int), axis=1)).sum() < 56 * 55 / 8  # half where scattered
    others = descending_order(np.zeros((56, 56), np.float32), seed=1)
    assert others.tolist() != descending_order(np.zeros((56, 56), np.float32), seed=0).tolist()


def test_input_is_what_the_map_covers(colour_models):
    explainer = Explainer(colour_models[0], resize="crop")
    frame = np.zeros((100, 300, 3), np.uint8)
    frame[:, 75:225] = 255  # the middle, which is what remains
    image = metrics.input_image(explainer, frame)
    assert image.shape == (*explainer.classifier.input_px, 3)
    assert (image == 255).all()


def test_a_map_of_what_is_used_beats_its_opposite(explainer):
    image = metrics.input_image(explainer, paint_picture())
    size_px = image.shape[:2]
    explain = metrics.explain_with(explainer, RED_CLASS)
    good = explain(image[np.newaxis])[0]
    bad = good.max() - good
    is_red = np.abs(image.astype(int) - RED).max(axis=2) < 5

    def logits(images):
        return explainer.logits(list(images))

    def measure(metric, **options):
        return [metric(image, each, logits, RED_CLASS, **options) for each in (good, bad)]

    better, worse = measure(metrics.deletion, steps=10)
    assert better.area < worse.area - 1.0
    better, worse = measure(metrics.insertion, steps=10)
    assert better.area > worse.area + 0.5
    better, worse = measure(metrics.road, fractions=[0.5, 0.8])
    assert better.combined > 1.0 > -1.0 > worse.combined
    better, worse = measure(metrics.confidence)
    assert better.of_map > worse.of_map + 1.0
    found = metrics.confidence(image, good, metrics.predict_with(explainer), RED_CLASS)
    assert found.of_image == pytest.approx(1.0, abs=1e-3)
    assert metrics.relevance_mass(good, is_red) > 0.8 > 0.2 > metrics.relevance_mass(bad, is_red)
    assert metrics.relevance_rank(good, is_red) > 0.9 > 0.1 > metrics.relevance_rank(bad, is_red)
    assert metrics.pointing_game(good, is_red, tolerance_px=0.0) == 1.0
    assert 0.0 < metrics.sparseness(good, size_px) < 1.0
    assert 0.0 < metrics.max_sensitivity(image, explain) < 0.2


def test_the_page_of_the_documentation_names_all_that_is_offered():
    page = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text("utf-8")
    assert [name for name in metrics.__all__ if not getattr(metrics, name) or f"`{name}" not in page] == []
