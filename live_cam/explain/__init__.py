"""From a frame to an explanation: weights, network, the compiled step, labels, evidence.

The only room that imports tensorflow and openvino, and it does so no earlier than an `Explainer` is made.
"""

import sys
from typing import Final

# OpenVINO tells its makers over the network that it was imported; where this part of it is missing, it does not. Here,
# since this runs before any module of this room can import it, in child processes, too.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

DEFAULT_LAYER: Final = "conv5_block3_out"
"""The last convolutional activation, which the article on Keras's ResNet50 called `activation_49`."""

FUSED_LAYERS: Final = ("conv3_block4_out", "conv4_block6_out", DEFAULT_LAYER)
"""What the method `layercam-fused` explains, finest first."""
