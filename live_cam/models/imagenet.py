"""ResNet50 with ImageNet's classes, the default model; imports no network library."""

from __future__ import annotations

from typing import Final

from live_cam.models.classifier import Classifier
from live_cam.models.labels import imagenet_labels
from live_cam.models.layers import FUSED_LAYERS, LAYER_NOTES

INPUT_PX: Final = 224
"""Height and width of its input."""

IMAGENET_RESNET50: Final = Classifier(
    "resnet50", imagenet_labels(), LAYER_NOTES, FUSED_LAYERS, (INPUT_PX, INPUT_PX), evidence_logits=(6.0, 14.0)
)
"""Its evidence is measured on photographs, too."""
