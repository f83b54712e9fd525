"""Fits a head to examples: logistic regression on standardised features, its strength chosen over takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from live_cam.explain.metrics.accuracy import Accuracy
from live_cam.explain.saliency.targets import probabilities
from live_cam.models.linear_head import LinearHead
from live_cam.teach.examples import Take

_STRENGTHS: Final = (0.001, 0.01, 0.1, 1.0, 10.0)
"""Of the fit to the examples, against small weights: C of scikit-learn, where the weights of all examples sum to 1."""
_WITHOUT_TESTS: Final = 0.1
_MAX_FOLDS: Final = 5
_MAX_COMPONENTS: Final = 128
_MIN_SCALE: Final = 0.1
"""Of the standard deviation of the usual feature: one that hardly varied in the examples may do so later."""
_MAX_ITERATIONS: Final = 200
_TOLERANCE: Final = 1e-3
_FULL_EVIDENCE: Final = 0.5
_MIN_SPAN_LOGITS: Final = 0.5

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A fitted head.

    Attributes:
        head: Its weights; the logits of a frame sum to 0.
        evidence_logits: The logits of the top class at which its evidence starts, which is that of the average class,
            and is full, which is half of what examples usually reach.
        accuracy: How many takes are right that were left out of the fit; None if no class has two takes.
    """

    head: LinearHead
    evidence_logits: tuple[float, float]
    accuracy: Accuracy | None


@dataclass(frozen=True, slots=True, eq=False)
class _Data:
    """All examples: features (n, r), classes, takes and weights (n,)."""

    features: Array
    classes: NDArray[np.int64]
    takes: NDArray[np.int64]
    weights: Array


def fit_head(takes: Sequence[Take], classes_n: int) -> Fit:
    """Fits a head.

    Features are standardised and projected onto the leading principal components. Every class counts the same, and so
    does every take of a class. The regularisation is the one with the lowest log loss on takes that were left out, of
    which each class keeps one at least: the frames of a take are too much alike to test each other. How many takes are
    right is counted at that very strength, which flatters the accuracy a little.

    Args:
        takes: The examples, of each class at least one.
        classes_n: The number of classes, at least 2.
    """
    from threadpoolctl import threadpool_limits

    # More threads than one would take turns with those of the live view.
    with threadpool_limits(1, user_api="blas"):
        return _fit(takes, classes_n)


def _fit(takes: Sequence[Take], classes_n: int) -> Fit:
    raw = np.concatenate([take.features for take in takes]).astype(np.float32)
    lengths = [len(take.features) for take in takes]
    of_takes = np.array([take.class_index for take in takes])
    mean, deviation = raw.mean(axis=0), raw.std(axis=0)
    scale = np.maximum(deviation, max(_MIN_SCALE * float(np.median(deviation)), 1e-6))
    standardised = (raw - mean) / scale
    axes = _components(standardised)
    weight = 1.0 / (np.bincount(of_takes, minlength=classes_n)[of_takes] * np.array(lengths) * classes_n)
    data = _Data(
        (standardised @ axes).astype(np.float64),
        np.repeat(of_takes, lengths),
        np.repeat(np.arange(len(takes)), lengths),
        np.repeat(weight, lengths),
    )
    strength, accuracy = _choose_strength(data, of_takes)
    coefficients, intercepts = _centred(_regression(strength).fit(data.features, data.classes, data.weights))
    weights = axes @ coefficients / scale[:, np.newaxis]
    head = LinearHead(weights.astype(np.float32), (intercepts - mean @ weights).astype(np.float32))
    own = (data.features @ coefficients + intercepts)[np.arange(len(raw)), data.classes]
    usual = float(np.median([own[data.takes == i].mean() for i in range(len(takes))]))
    return Fit(head, (0.0, max(_FULL_EVIDENCE * usual, _MIN_SPAN_LOGITS)), accuracy)


def _components(standardised: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the leading principal axes (channels, r) of centred features (n, channels)."""
    from sklearn.utils.extmath import randomized_svd

    number = max(1, min(_MAX_COMPONENTS, len(standardised) - 1, standardised.shape[1]))
    _, _, axes = randomized_svd(standardised, number, n_iter=2, random_state=0)
    return np.asarray(axes.T, np.float32)


def _choose_strength(data: _Data, of_takes: NDArray[np.int64]) -> tuple[float, Accuracy | None]:
    """Returns the strength with the lowest log loss on takes left out, and how many takes are right with it."""
    folds = _folds(of_takes)
    tested = np.flatnonzero(folds >= 0)
    if not tested.size:
        return _WITHOUT_TESTS, None
    scores = {strength: np.zeros((len(of_takes), of_takes.max() + 1)) for strength in _STRENGTHS}
    for fold in np.unique(folds[tested]):
        is_left_out = (folds == fold)[data.takes]
        kept, kept_weights = data.features[~is_left_out], data.weights[~is_left_out]
        regression = _regression(_STRENGTHS[0])
        for strength in _STRENGTHS:
            regression.C = strength  # each starts from the solution before
            regression.fit(kept, data.classes[~is_left_out], kept_weights / kept_weights.sum())
            coefficients, intercepts = _centred(regression)
            for take in np.flatnonzero(folds == fold):
                logits = (data.features[data.takes == take] @ coefficients + intercepts).astype(np.float32)
                scores[strength][take] = probabilities(logits, "softmax").mean(axis=0)
    own = {strength: each[tested, of_takes[tested]] for strength, each in scores.items()}
    losses = {strength: -np.log(np.maximum(each, 1e-12)).mean() for strength, each in own.items()}
    best = min(losses, key=lambda strength: (losses[strength], strength))
    right = scores[best][tested].argmax(axis=1) == of_takes[tested]
    return best, Accuracy.of(int(right.sum()), len(tested))


def _folds(of_takes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the fold in which each take is left out; -1 for the only take of a class."""
    folds = np.full(len(of_takes), -1)
    for index in np.unique(of_takes):
        own = np.flatnonzero(of_takes == index)
        if own.size > 1:
            folds[own] = np.arange(own.size) % min(own.size, _MAX_FOLDS)
    return folds


def _regression(strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, max_iter=_MAX_ITERATIONS, tol=_TOLERANCE, warm_start=True)


def _centred(regression: Any) -> tuple[Array, Array]:
    """Returns weights (r, classes) and intercepts (classes,), whose sums over the classes are 0."""
    coefficients, intercepts = regression.coef_.T, regression.intercept_
    if len(intercepts) == 1:  # of the second of two classes
        return np.hstack([-coefficients, coefficients]) / 2.0, np.concatenate([-intercepts, intercepts]) / 2.0
    return coefficients - coefficients.mean(axis=1, keepdims=True), intercepts - intercepts.mean()
