"""The layers of ResNet50 offered to choose from; imports no network library."""

from __future__ import annotations

from typing import Final

DEFAULT_LAYER: Final = "conv5_block3_out"
"""The last convolutional activation; `activation_49` in older versions of Keras."""

FUSED_LAYERS: Final = ("conv3_block4_out", "conv4_block6_out", DEFAULT_LAYER)
"""The layers that `layercam-fused` combines, finest first."""

LAYER_NOTES: Final[dict[str, str]] = {
    DEFAULT_LAYER: "7x7 positions: whole objects, the basis of the decision; the usual choice.",
    "conv4_block6_out": "14x14 positions: parts of objects, such as a face, a wheel or a paw.",
    "conv3_block4_out": "28x28 positions: textures and patterns, such as fur, mesh or writing.",
    "conv2_block3_out": "56x56 positions: edges and colours, with little regard to what they belong to.",
}
"""The layers offered to choose from, the default first, and what each responds to."""
