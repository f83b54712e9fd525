"""The values that travel from the source to the screen."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

SourceState = Literal["starting", "live", "lost", "reconnecting", "ended"]
Score = Literal["logit", "probability"]
Runtime = Literal["tensorflow", "openvino"]
Precision = Literal["float32", "bfloat16", "float16"]
Method = Literal["gradcam", "hirescam", "gradcam++", "xgradcam", "layercam", "layercam-fused", "eigencam"]
Style = Literal["heatmap", "contours", "spotlight"]
Auto = Literal["auto"]

CLASSLESS_METHODS: Final[frozenset[Method]] = frozenset({"eigencam"})
"""Methods whose map is the same whatever class is asked about."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture as a source gave it.

    Attributes:
        rgb: uint8 (H, W, 3), RGB, made read-only here; nobody downstream copies it to be safe.
        pts_ns: When it was captured, on the clock of `time.monotonic_ns`.
        seq: Its number within the source, counted from 0; a gap is a frame that was dropped. A frame that is explained
            again has a negative number.
        source_id: The source's name, without credentials.
    """

    rgb: NDArray[np.uint8]
    pts_ns: int
    seq: int
    source_id: str

    def __post_init__(self) -> None:
        if self.rgb.dtype != np.uint8 or self.rgb.ndim != 3 or self.rgb.shape[2] != 3:
            raise ValueError(f"a frame is uint8 (H, W, 3), not {self.rgb.dtype} {self.rgb.shape}")
        self.rgb.flags.writeable = False


@dataclass(frozen=True, slots=True)
class Target:
    """The question put to the network.

    Attributes:
        index: The class to explain; None for the likeliest class of each frame.
        versus: The class to hold against it: "why `index` and not `versus`?"; None for no such class.
        against: Whether what speaks against the class is asked; there is no `versus` then.
    """

    index: int | None = None
    versus: int | None = None
    against: bool = False


@dataclass(frozen=True, slots=True)
class Lens:
    """What the question is looked at through.

    Attributes:
        layer: The activation explained; those whose maps are fused are joined with "+".
        method: The saliency method.
    """

    layer: str
    method: Method


@dataclass(frozen=True, slots=True)
class Look:
    """How a saliency map is painted.

    Attributes:
        style: Colours over the picture, lines of equal value, or the picture dimmed where the map is weak.
        opacity: Of the painting at the map's strongest place, 0..1.
        colormap: A name out of `live_cam.render.colormaps.COLORMAPS`.
    """

    style: Style = "heatmap"
    opacity: float = 0.7
    colormap: str = "viridis"


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class with the probability the network gives it, in 0..1."""

    index: int
    label: str
    probability: float


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """What the network saw in one frame, and where.

    Attributes:
        saliency_map: float32 (h, w) at the layer's own size, rectified, not normalised, finite.
        logits: float32 (classes,).
        top: The three likeliest classes, likeliest first.
        target: The question answered; its `index` is never None.
        target_label: The name of the class explained.
        versus_label: The name of the class held against it, or None.
        scale: The map value to paint at full strength: a peak smoothed over time, so that brightness does not pump.
        strength: How much evidence there is, 0 (none) to 1; see `live_cam.explain.evidence`.
        lens: The layer and the method.
        steady_map: The map to paint: `saliency_map`, smoothed over the frames of a live picture.
        steady_top: The classes to show: `top`, smoothed likewise, so that names and bars don't flicker.
    """

    saliency_map: NDArray[np.float32]
    logits: NDArray[np.float32]
    top: tuple[ClassScore, ...]
    target: Target
    target_label: str
    versus_label: str | None
    scale: float
    strength: float
    lens: Lens
    steady_map: NDArray[np.float32]
    steady_top: tuple[ClassScore, ...]

    @property
    def has_evidence(self) -> bool:
        """Whether there is anything to be painted."""
        return self.strength > 0.0 and self.scale > 0.0


@dataclass(frozen=True, slots=True, eq=False)
class EncodedFrame:
    """One overlay picture, encoded once for everybody who watches, with all that it was made of.

    Attributes:
        jpeg: The picture.
        frame: The frame it shows.
        explanation: What was painted over the frame.
        look: How it was painted.
        beside: What was painted over the frame a second time, at the right of the first; None for one picture.
    """

    jpeg: bytes
    frame: Frame
    explanation: Explanation
    look: Look
    beside: Explanation | None = None

    @property
    def seq(self) -> int:
        """The frame's number."""
        return self.frame.seq

    @property
    def pts_ns(self) -> int:
        """When the frame was captured."""
        return self.frame.pts_ns

    @property
    def captured_at(self) -> datetime:
        """When the frame was captured, by the date and time of day, with the zone."""
        age = timedelta(microseconds=(time.monotonic_ns() - self.pts_ns) / 1000)
        return datetime.now().astimezone() - age
