"""ResNet50 with ImageNet's classes, the default model; imports no network library."""

from __future__ import annotations

from live_cam.models.classifier import Classifier
from live_cam.models.labels import imagenet_labels
from live_cam.models.layers import FUSED_LAYERS, LAYER_NOTES
from live_cam.models.weights.find import Weights


def imagenet_resnet50(weights: Weights) -> Classifier:
    """Returns the classifier with these weights."""
    return Classifier("resnet50", imagenet_labels(), LAYER_NOTES, FUSED_LAYERS, weights)
