"""How pixels become what a network was trained on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from live_cam.errors import UsageError

LUMA: Final = (19595.0, 38470.0, 7471.0)
"""Pillow's weights of red, green and blue, in units of 1/65536, for networks of grey images."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """An affine function of each channel, `channel * scale + offset`, of pixels 0..255.

    Attributes:
        bgr: Whether the channels are reversed first.
        scale, offset: For each channel, in the order that the network receives them; one value serves all channels.
    """

    bgr: bool = False
    scale: tuple[float, ...] = (1.0,)
    offset: tuple[float, ...] = (0.0,)

    def fits(self, channels: int) -> bool:
        """Whether an input of this many channels can be preprocessed so."""
        return {len(self.scale), len(self.offset)} <= {1, channels} and (channels == 3 or not self.bgr)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Preprocessing:
        """Returns what `dataclasses.asdict` has made values of JSON from."""
        return cls(values["bgr"], tuple(values["scale"]), tuple(values["offset"]))


def _standardize(mean: tuple[float, ...], std: tuple[float, ...]) -> Preprocessing:
    """Subtracts a mean and divides by a standard deviation, both of pixels 0..1."""
    return Preprocessing(
        scale=tuple(1.0 / (255.0 * each) for each in std),
        offset=tuple(-each / of for each, of in zip(mean, std, strict=True)),
    )


NONE: Final = Preprocessing()
CAFFE: Final = Preprocessing(bgr=True, offset=(-103.939, -116.779, -123.68))

PREPROCESSING: Final[Mapping[str, Preprocessing]] = {
    "none": NONE,
    "0..1": Preprocessing(scale=(1.0 / 255.0,)),
    "-1..1": Preprocessing(scale=(1.0 / 127.5,), offset=(-1.0,)),
    "caffe": CAFFE,
    "torch": _standardize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
"""What is in use, by name; the names and values are those of `keras.applications.imagenet_utils.preprocess_input`."""


def parse_preprocessing(text: str, channels: int) -> Preprocessing:
    """Returns the preprocessing that a person names.

    Args:
        text: A key of `PREPROCESSING`; or mean and standard deviation of pixels 0..255, such as `127.5,127.5`, or three
            means and three standard deviations in the order of RGB.
        channels: The number of channels of the input.

    Raises:
        UsageError: It is neither, or needs another number of channels.
    """
    chosen = PREPROCESSING[text] if text in PREPROCESSING else _parse_mean_std(text)
    if not chosen.fits(channels):
        raise UsageError(f"preprocessing {text!r} is for 3 channels, and the model's input has {channels}")
    return chosen


def _parse_mean_std(text: str) -> Preprocessing:
    try:
        numbers = [float(number) for number in text.split(",")]
        mean, std = numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]
        if len(numbers) not in (2, 6) or not all(map(math.isfinite, numbers)) or min(std) <= 0.0:
            raise ValueError(text)
    except ValueError:
        raise UsageError(
            f"preprocessing is one of {', '.join(PREPROCESSING)} or mean,std such as 127.5,127.5, not {text!r}"
        ) from None
    return Preprocessing(
        scale=tuple(1.0 / each for each in std), offset=tuple(-a / b for a, b in zip(mean, std, strict=True))
    )
