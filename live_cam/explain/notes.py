"""One plain line each about the saliency methods and the layers, for people who choose one."""

from __future__ import annotations

from typing import Final

from live_cam.explain import DEFAULT_LAYER
from live_cam.frame import Method

METHOD_NOTES: Final[dict[Method, str]] = {
    "gradcam": "Weighs each feature by how much the class gains from it on average; the usual choice to begin with.",
    "hirescam": "Lights up only the places the score was made of; take it where the map must not promise too much.",
    "gradcam++": "Counts small and scattered evidence as much as large; take it for several things of one kind.",
    "xgradcam": "Weighs each feature by its gradient where it is active; take it to check Grad-CAM by a stricter rule.",
    "layercam": "Weighs every place by its own positive gradient; take it for fine maps at the lower layers.",
    "layercam-fused": "Joins the LayerCAM maps of three layers of its own; take it for the finest map.",
    "eigencam": "Shows what stands out most, whatever the class; take it to see what the layer reacts to at all.",
}
"""What each method does, and when to take it."""

LAYER_NOTES: Final[dict[str, str]] = {
    DEFAULT_LAYER: "7x7 places: whole things, what the decision is made of; the usual choice.",
    "conv4_block6_out": "14x14 places: parts of things, such as a face, a wheel or a paw.",
    "conv3_block4_out": "28x28 places: textures and patterns, such as fur, mesh or writing.",
    "conv2_block3_out": "56x56 places: edges and colours, with hardly a thought of what they belong to.",
}
"""The layers offered to choose from, the default first, and what each sees."""
