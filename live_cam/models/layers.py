"""The layers of ResNet50, and those offered to choose from; imports no network library."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from live_cam.errors import UnknownLayerError
from live_cam.text import near_names

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

_BLOCKS = {2: 3, 3: 4, 4: 6, 5: 3}
"""Of each stage of ResNet50, how many blocks it has."""

_WITHOUT_PLACES = ("conv1_pad", "avg_pool", "predictions")


def resnet50_layers() -> list[str]:
    """Returns the names of all activations of ResNet50 that can be explained."""
    names = ["conv1_conv", "conv1_bn", "conv1_relu", "pool1_pad", "pool1_pool"]
    for stage, blocks in _BLOCKS.items():
        for block in range(1, blocks + 1):
            branches = "0123" if block == 1 else "123"
            parts = [f"{branch}_{kind}" for branch in branches for kind in ("conv", "bn")]
            names += [f"conv{stage}_block{block}_{part}" for part in (*parts, "1_relu", "2_relu", "add", "out")]
    return names


def check_resnet50_layer(layer: str) -> None:
    """Raises `UnknownLayerError` if ResNet50 has no such layer; the network tells whether it can be explained."""
    names = resnet50_layers()
    if layer not in (*names, *_WITHOUT_PLACES):
        raise unknown_layer("resnet50", layer, list(LAYER_NOTES), names)


def unknown_layer(model: str, layer: str, offered: Sequence[str], names: Iterable[str]) -> UnknownLayerError:
    """Returns the error of a model that has no such layer, with those that may be meant.

    Args:
        model: The name of the model.
        layer: The name that was given.
        offered: Those of `names` to offer; `conv5` means the one that begins with it.
        names: All that can be explained.
    """
    begun = [name for name in offered if layer and name.casefold().startswith(layer.casefold())]
    near = begun or near_names(layer, names)
    hint = f"did you mean {', '.join(near)}?" if near else "`live-cam layers` lists them"
    return UnknownLayerError(f"{model} has no layer {layer!r}; {hint}")
