"""From a frame to an explanation: weights, network, the compiled step, labels, evidence.

The only room that imports tensorflow and openvino, and it does so no earlier than an `Explainer` is made.
"""

from typing import Final

DEFAULT_LAYER: Final = "conv5_block3_out"
"""The last convolutional activation, which the article on Keras's ResNet50 called `activation_49`."""

FUSED_LAYERS: Final = ("conv3_block4_out", "conv4_block6_out", DEFAULT_LAYER)
"""What the method `layercam-fused` explains, finest first."""
