"""ResNet50 with ImageNet's classes, the default model; imports no network library."""

from __future__ import annotations

from live_cam.models.classifier import Classifier
from live_cam.models.labels import imagenet_labels


def imagenet_resnet50(digest: str) -> Classifier:
    """Returns the classifier with weights of this SHA-256."""
    return Classifier("resnet50", imagenet_labels(), digest)
