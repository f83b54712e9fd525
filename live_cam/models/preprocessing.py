"""From pixels to the values that a network was trained on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What a network's input is computed from pixels with: `channel * scale + offset`.

    Attributes:
        bgr: Whether the network takes blue first. `scale` and `offset` are in the order that it takes.
        scale: One factor, or one of each channel.
        offset: One summand, or one of each channel.
    """

    bgr: bool
    scale: tuple[float, ...]
    offset: tuple[float, ...]
