"""Which classes a place of a frame speaks for: where the head is linear, the logits are sums over the places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from live_cam.errors import UsageError
from live_cam.explain.base import ExplainerProtocol
from live_cam.explain.saliency.targets import top_classes
from live_cam.models.preprocess import map_box
from live_cam.types import Box, Frame


@dataclass(frozen=True, slots=True)
class Vote:
    """What a place adds to the logit of a class; the logit is the sum over all places, and the bias of the class."""

    index: int
    label: str
    contribution: float
    logit: float


def place_votes(
    explainer: ExplainerProtocol, frame: Frame, x: float, y: float, classes_n: int
) -> tuple[Box, list[Vote]]:
    """Returns the classes that a place of a frame speaks for most.

    No pass of the network is needed for a frame that was explained lately.

    Args:
        explainer: Explains.
        frame: The frame.
        x: The point, 0..1 of the width.
        y: The point, 0..1 of the height.
        classes_n: How many classes to return, the one it adds most to first.

    Returns:
        The box of the place in the frame, and the votes; none for a point that the network does not see.

    Raises:
        UsageError: What is behind the last layer is not linear.
    """
    explainer.require_linear_head()
    head = explainer.linear_head
    if head is None:
        raise UsageError("the last layer is not prepared; call prepare() first")
    (activation,) = explainer.activations([frame])
    height, width, _ = activation.shape
    classifier = explainer.classifier
    covered = map_box(frame.rgb.shape[:2], classifier.input_px, classifier.resize)
    left, top, right, bottom = covered
    column, row = int((x - left) / (right - left) * width), int((y - top) / (bottom - top) * height)
    column, row = min(max(column, 0), width - 1), min(max(row, 0), height - 1)
    side_x, side_y = (right - left) / width, (bottom - top) / height
    box = left + column * side_x, top + row * side_y, left + (column + 1) * side_x, top + (row + 1) * side_y
    if not (left <= x <= right and top <= y <= bottom):
        return box, []
    # Not BLAS, whose threads would wait for those of the step.
    votes = np.einsum("c,ck->k", activation[row, column], head.weights) / (height * width)
    pooled, labels = activation.mean(axis=(0, 1)), classifier.labels
    return box, [
        Vote(i, labels[i], float(votes[i]), float(pooled @ head.weights[:, i] + head.bias[i]))
        for i in top_classes(votes, classes_n)
    ]
