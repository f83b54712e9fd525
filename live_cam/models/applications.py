"""The Keras applications, by name, with the preprocessing that their ImageNet weights demand; imports no Keras."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_EFFICIENT: Final = [f"EfficientNet{size}" for size in ("B0", "B1", "B2", "B3", "B4", "B5", "B6", "B7")]
_EFFICIENT_V2: Final = [f"EfficientNetV2{size}" for size in ("B0", "B1", "B2", "B3", "S", "M", "L")]
_CONVNEXT: Final = [f"ConvNeXt{size}" for size in ("Tiny", "Small", "Base", "Large", "XLarge")]

APPLICATIONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(["ResNet50", "ResNet101", "ResNet152", "VGG16", "VGG19"], "caffe"),
    **dict.fromkeys(["ResNet50V2", "ResNet101V2", "ResNet152V2", "MobileNet", "MobileNetV2"], "-1..1"),
    **dict.fromkeys(["InceptionV3", "InceptionResNetV2", "Xception", "NASNetMobile", "NASNetLarge"], "-1..1"),
    **dict.fromkeys(["DenseNet121", "DenseNet169", "DenseNet201"], "torch"),
    # These contain their own.
    **dict.fromkeys(["MobileNetV3Small", "MobileNetV3Large", *_EFFICIENT, *_EFFICIENT_V2, *_CONVNEXT], "none"),
}
"""A key of `live_cam.models.preprocessing.PREPROCESSING` for each class in `keras.applications`."""


def find_application(text: str) -> str | None:
    """Returns the application that a person names, such as `mobilenet_v2` or `efficientnetv2-b0`; None for none."""
    return _BY_SIMPLE_NAME.get(_simplify(text))


def _simplify(name: str) -> str:
    return re.sub(r"[-_. ]", "", name).casefold()


_BY_SIMPLE_NAME: Final = {_simplify(name): name for name in APPLICATIONS}
