"""ResNet50 with ImageNet's classes, the default model; imports no network library."""

from __future__ import annotations

from typing import Final

from live_cam.models.classifier import Classifier
from live_cam.models.labels import imagenet_labels
from live_cam.models.layers import FUSED_LAYERS, LAYER_NOTES

IMAGENET_RESNET50: Final = Classifier("resnet50", imagenet_labels(), LAYER_NOTES, FUSED_LAYERS)
