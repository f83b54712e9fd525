"""The head that is fitted to takes, and its accuracy on takes that it had not seen."""

import time

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from live_cam.explain.saliency.targets import probabilities
from live_cam.teach.examples import Take
from live_cam.teach.fit import fit_head
from tests.teach.takes import CHANNELS, make_take


def takes_of(rng, classes, takes_n, **options):
    return [make_take(rng, index, **options) for index in range(classes) for _ in range(takes_n)]


def predict(fit, take):
    return probabilities(fit.head.logits(take.features.astype(np.float32)), "softmax").argmax(axis=1)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_classes_that_differ_are_told_apart_on_new_takes(classes):
    rng = np.random.default_rng(classes)
    fit = fit_head(takes_of(rng, classes, 4), classes)
    assert (fit.accuracy.right_n, fit.accuracy.known_n) == (4 * classes, 4 * classes)
    assert fit.head.weights.shape == (CHANNELS, classes)
    assert fit.head.weights.dtype == np.float32
    for index in range(classes):
        assert (predict(fit, make_take(rng, index)) == index).all()


def test_frames_of_a_take_do_not_test_each_other():
    # Takes whose class is chosen by lot: each could be learnt by heart, and nothing can be known of another.
    rng = np.random.default_rng(0)
    fit = fit_head(takes_of(rng, 2, 12, signal=0.0), 2)
    assert fit.accuracy.known_n == 24
    assert fit.accuracy.share < 0.75
    known = takes_of(np.random.default_rng(0), 2, 12, signal=0.0)
    assert np.mean([(predict(fit, take) == take.class_index).mean() for take in known]) > fit.accuracy.share


def test_few_takes_say_little_and_one_take_nothing():
    rng = np.random.default_rng(1)
    fit = fit_head(takes_of(rng, 2, 2), 2)
    assert (fit.accuracy.right_n, fit.accuracy.known_n) == (4, 4)
    assert fit.accuracy.low < 0.55
    assert fit_head(takes_of(rng, 2, 1), 2).accuracy is None
    mixed = fit_head([*takes_of(rng, 2, 1), make_take(rng, 1)], 2)
    assert mixed.accuracy.known_n == 2, "the only take of a class is never left out"


def test_a_class_with_many_frames_is_no_likelier():
    rng = np.random.default_rng(2)
    few = [make_take(rng, 0, frames_n=2) for _ in range(3)]
    many = [make_take(rng, 1, frames_n=80) for _ in range(3)]
    fit = fit_head([*few, *many], 2)
    between = np.mean([few[0].features.mean(axis=0), many[0].features.mean(axis=0)], axis=0)
    chances = probabilities(fit.head.logits(between[np.newaxis].astype(np.float32)), "softmax")[0]
    assert 0.2 < chances[0] < 0.8


def test_logits_sum_to_zero_and_evidence_starts_there():
    rng = np.random.default_rng(3)
    takes = takes_of(rng, 3, 3)
    fit = fit_head(takes, 3)
    logits = fit.head.logits(takes[0].features.astype(np.float32))
    np.testing.assert_allclose(logits.sum(axis=1), 0.0, atol=1e-3)
    start, full = fit.evidence_logits
    assert start == 0.0
    assert start < full < logits[:, 0].mean() < 4 * full


def test_the_head_is_that_of_scikit_learn_on_standardised_features():
    rng = np.random.default_rng(4)
    takes = takes_of(rng, 3, 1, frames_n=30)
    fit = fit_head(takes, 3)
    features = np.concatenate([take.features for take in takes])
    standardised = (features - features.mean(axis=0)) / features.std(axis=0)
    weights = np.full(len(features), 1 / len(features))
    reference = LogisticRegression(C=0.1, tol=1e-8, max_iter=2000)
    expected = reference.fit(standardised, np.repeat(range(3), 30), weights).decision_function(standardised)
    found = fit.head.logits(features.astype(np.float32))
    np.testing.assert_allclose(found, expected - expected.mean(axis=1, keepdims=True), atol=0.05)


def test_a_feature_that_never_varied_does_not_decide():
    rng = np.random.default_rng(5)
    takes = takes_of(rng, 2, 3)
    dead = [Take(take.class_index, np.pad(take.features, ((0, 0), (0, 1))), take.activation) for take in takes]
    fit = fit_head(dead, 2)
    seen = np.pad(takes[0].features, ((0, 0), (0, 1))).astype(np.float32)
    before = fit.head.logits(seen)
    seen[:, -1] = 5.0
    np.testing.assert_allclose(fit.head.logits(seen), before, atol=1e-3)


def test_the_same_examples_give_the_same_head():
    takes = takes_of(np.random.default_rng(6), 3, 3)
    first, second = fit_head(takes, 3), fit_head(takes, 3)
    np.testing.assert_array_equal(first.head.weights, second.head.weights)


def test_ten_classes_of_200_examples_are_fitted_within_a_second():
    """A named promise; processor time, which other programs do not change."""
    rng = np.random.default_rng(7)
    takes = takes_of(rng, 10, 5, frames_n=40, channels=64)
    mixing = rng.standard_normal((64, 2048)).astype(np.float32)
    wide = [Take(take.class_index, np.maximum(take.features @ mixing, 0.0), take.activation) for take in takes]
    fit_head(wide[:10], 2)  # imports
    start_s = time.process_time()
    fit = fit_head(wide, 10)
    assert time.process_time() - start_s < 2.0, "two cores, one second"
    assert fit.accuracy.known_n == 50
