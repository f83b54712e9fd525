"""Keras's ResNet50 in PyTorch, with the same weights, so that libraries for PyTorch explain the same network."""

from __future__ import annotations

from collections import OrderedDict
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from live_cam.models.weights.archive import Arrays

# Keras's network is not torchvision's: the stride is in a block's first convolution, convolutions have biases, and
# batch norms have another epsilon. Weights of one give wrong results in the other.
_EPSILON = 1.001e-5
_STAGES = {"conv2": (64, 3, 1), "conv3": (128, 4, 2), "conv4": (256, 6, 2), "conv5": (512, 3, 2)}
_CONVOLUTION = {"weight": "kernel", "bias": "bias"}
_BATCH_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
# Keras stores kernels as (height, width, in, out), and the head's as (in, out).
_AXES = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}


class _Block(nn.Module):  # type: ignore[misc, unused-ignore]
    """A bottleneck: 1x1, 3x3 and 1x1 convolutions and a shortcut, which the first block of a stage projects."""

    def __init__(self, name: str, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.name = name
        self.main = nn.Sequential(
            OrderedDict(
                {
                    "1_conv": nn.Conv2d(channels, width, 1, stride),
                    "1_bn": nn.BatchNorm2d(width, _EPSILON),
                    "1_relu": nn.ReLU(inplace=True),
                    "2_conv": nn.Conv2d(width, width, 3, padding=1),
                    "2_bn": nn.BatchNorm2d(width, _EPSILON),
                    "2_relu": nn.ReLU(inplace=True),
                    "3_conv": nn.Conv2d(width, 4 * width, 1),
                    "3_bn": nn.BatchNorm2d(4 * width, _EPSILON),
                }
            )
        )
        projection: dict[str, nn.Module] = {
            "0_conv": nn.Conv2d(channels, 4 * width, 1, stride),
            "0_bn": nn.BatchNorm2d(4 * width, _EPSILON),
        }
        self.shortcut = nn.Sequential(OrderedDict(projection if name.endswith("block1") else {}))

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.relu_(self.shortcut(inputs) + self.main(inputs))


class ResNet50(nn.Module):  # type: ignore[misc, unused-ignore]
    """The network, from float32 (N, 3, 224, 224), caffe-preprocessed (BGR), to logits (N, 1000).

    Attributes:
        blocks: The 16 blocks; the output of the last is Keras's activation `conv5_block3_out`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            OrderedDict(
                {
                    "conv1_conv": nn.Conv2d(3, 64, 7, 2, padding=3),
                    "conv1_bn": nn.BatchNorm2d(64, _EPSILON),
                    "conv1_relu": nn.ReLU(inplace=True),
                    "pool1_pool": nn.MaxPool2d(3, 2, padding=1),
                }
            )
        )
        self.blocks = nn.Sequential()
        channels = 64
        for stage, (width, blocks, first_stride) in _STAGES.items():
            for number in range(1, blocks + 1):
                stride = first_stride if number == 1 else 1
                self.blocks.append(_Block(f"{stage}_block{number}", channels, width, stride))
                channels = 4 * width
        self.predictions = nn.Linear(channels, 1000)

    def forward(self, inputs: Tensor) -> Tensor:
        """Returns the logits."""
        logits: Tensor = self.predictions(self.blocks(self.stem(inputs)).mean((2, 3)))
        return logits


def load(values: Arrays) -> ResNet50:
    """Builds the network in evaluation mode from weights by Keras variable path."""
    network = ResNet50()
    layers: dict[str, nn.Module] = {**dict(network.stem.named_children()), "predictions": network.predictions}
    for block in cast("list[_Block]", list(network.blocks)):
        for part in (block.main, block.shortcut):
            layers |= {f"{block.name}_{name}": layer for name, layer in part.named_children()}
    with torch.no_grad():
        for layer_name, layer in layers.items():
            if isinstance(layer, nn.ReLU | nn.MaxPool2d):
                continue
            for ours, keras_name in (_BATCH_NORM if isinstance(layer, nn.BatchNorm2d) else _CONVOLUTION).items():
                value = torch.tensor(values[f"{layer_name}/{keras_name}"])
                getattr(layer, ours).copy_(value.permute(_AXES[value.ndim]))
    network.eval()
    return network


def fold_batch_norms(network: ResNet50) -> None:
    """Folds the batch norms into the convolutions before them, each of which then ends its sequence."""
    for block in cast("list[_Block]", list(network.blocks)):
        block.main, block.shortcut = _folded(block.main), _folded(block.shortcut)
    network.stem = _folded(network.stem)


def _folded(sequence: nn.Sequential) -> nn.Sequential:
    layers: list[nn.Module] = []
    for layer in sequence:
        if isinstance(layer, nn.BatchNorm2d):
            layers.append(fuse_conv_bn_eval(layers.pop(), layer))
        else:
            layers.append(layer)
    return nn.Sequential(*layers)
