"""The values that travel from a source to the screen."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict

if TYPE_CHECKING:  # the command line reads the choices below, without frames
    import numpy as np
    from numpy.typing import NDArray

SourceState = Literal["starting", "live", "lost", "reconnecting", "ended"]
Score = Literal["logit", "probability"]
ExplainedBy = Literal["gradients", "cam", "recipro-cam"]
"""What maps rest on: gradients; the weights of a linear head, which are its gradients; or Recipro-CAM."""
Head = Literal["softmax", "sigmoid"]
"""How probabilities follow from logits: one class excludes the others, or each has a probability of its own."""
Runtime = Literal["tensorflow", "openvino"]
Precision = Literal["float32", "bfloat16", "float16", "int8"]
Method = Literal["gradcam", "hirescam", "gradcam++", "xgradcam", "layercam", "layercam-fused", "eigencam"]
Style = Literal["heatmap", "contours", "spotlight"]
Resize = Literal["stretch", "crop", "pad"]
"""How frames get the aspect ratio of the input: stretched, cropped around the middle, or padded with black."""
Box = tuple[float, float, float, float]
"""Left, top, right and bottom, as fractions of the width and height of a frame."""
Auto = Literal["auto"]
PerformanceHint = Literal["latency", "throughput"]

CLASSLESS_METHODS: Final[frozenset[Method]] = frozenset({"eigencam"})
"""Methods whose map does not depend on the target."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Pixels from a source.

    Attributes:
        rgb: uint8 (H, W, 3), RGB. Made read-only here, so that nobody downstream has to copy it.
        pts_ns: Capture time on the clock of `time.monotonic_ns`.
        seq: Number within its feed, counted from 0 and assigned by the feed; a gap is a dropped frame.
        source_id: Unique name of the feed, without credentials, assigned by the feed. Empty for a frame by itself, over
            whose predecessors nothing is smoothed.
        revision: 0 at first; one more each time the same frame is explained again, under other settings.
        caption: What ImageNet's ResNet50 makes of the frame, in a sentence to be shown with it; empty for none.
    """

    rgb: NDArray[np.uint8]
    pts_ns: int
    seq: int = 0
    source_id: str = ""
    revision: int = 0
    caption: str = ""

    def __post_init__(self) -> None:
        if self.rgb.dtype != "uint8" or self.rgb.ndim != 3 or self.rgb.shape[2] != 3:
            raise ValueError(f"a frame is uint8 (H, W, 3), not {self.rgb.dtype} {self.rgb.shape}")
        if not self.rgb.size:
            raise ValueError(f"a frame has pixels, unlike one of {self.rgb.shape[1]}x{self.rgb.shape[0]}")
        self.rgb.flags.writeable = False


@dataclass(frozen=True, slots=True)
class Target:
    """What is explained: a class, a class over another, or what lowers a class.

    Attributes:
        index: The class; None for the top class of each frame.
        contrast: The class to subtract: "why `index` rather than `contrast`?"; None for none.
        counterfactual: Whether to explain what lowers the class (Grad-CAM paper, section 3.3); excludes `contrast`.
    """

    index: int | None = None
    contrast: int | None = None
    counterfactual: bool = False


@dataclass(frozen=True, slots=True)
class CamConfig:
    """Layer and CAM method of an explanation.

    Attributes:
        layer: The target layer, whose activation is explained; layers whose maps are fused are joined with "+".
        method: The saliency method.
    """

    layer: str
    method: Method


@dataclass(frozen=True, slots=True)
class OverlayStyle:
    """How a saliency map is drawn over a frame.

    Attributes:
        style: Heat map, contour lines, or the frame dimmed where the map is weak.
        opacity: At the maximum of the map, 0..1.
        colormap: A name from `live_cam.render.colormaps.COLORMAPS`.
    """

    style: Style = "heatmap"
    opacity: float = 0.7
    colormap: str = "viridis"


@dataclass(frozen=True, slots=True)
class ClassScore:
    """A class and its probability, 0..1."""

    index: int
    label: str
    probability: float


class ClassPayload(TypedDict):
    """A class in JSON."""

    index: int
    label: str


class ExplanationPayload(TypedDict):
    """An explanation in JSON, without its map: on the page, in sidecars, in snapshots and on the command line."""

    top: list[dict[str, Any]]
    target: ClassPayload
    contrast: ClassPayload | None
    counterfactual: bool
    layer: str
    method: Method
    evidence: float
    has_evidence: bool
    precision: Precision


class Comparison(TypedDict):
    """Whether two models agree on a frame, in JSON.

    Attributes:
        agree: Whether their top classes have the same name.
        words: The same in one line, with what each says.
        note: What the second map explains in place of a chosen class that its model lacks; empty if it lacks none.
    """

    agree: bool
    words: str
    note: str


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """The classes of one frame and the saliency map of a target.

    Attributes:
        saliency_map: float32 (h, w) at the layer's resolution: rectified, not normalised, finite.
        logits: float32 (classes,).
        top: The three top classes, highest probability first.
        target: The target explained; its `index` is never None.
        target_label: The label of the target class.
        contrast_label: The label of the contrast class, or None.
        vmax: The map value drawn at full opacity: a peak smoothed over time, so that brightness does not pump.
        evidence: 0 (none) to 1; see `live_cam.explain.saliency.evidence`.
        cam_config: Layer and method.
        map_box: What of the frame the map covers; beyond 0..1 where the input is padded.
        smoothed_map: The map to draw: `saliency_map`, smoothed over the frames of a live source.
        smoothed_top: The classes to show: `top`, smoothed likewise, so that labels and bars don't flicker.
        scene: Which scene of a live source this is of: another number after each cut; 0 if nothing is smoothed.
        precision: What it was computed in.
    """

    saliency_map: NDArray[np.float32]
    logits: NDArray[np.float32]
    top: tuple[ClassScore, ...]
    target: Target
    target_label: str
    contrast_label: str | None
    vmax: float
    evidence: float
    cam_config: CamConfig
    map_box: Box
    smoothed_map: NDArray[np.float32]
    smoothed_top: tuple[ClassScore, ...]
    scene: int
    precision: Precision

    @property
    def has_evidence(self) -> bool:
        """Whether there is anything to draw."""
        return self.evidence > 0.0 and self.vmax > 0.0

    @property
    def subject(self) -> str:
        """What the map explains, in words."""
        if self.cam_config.method in CLASSLESS_METHODS:
            return "the strongest activation, whatever the class"
        if self.target.counterfactual:
            return f"what speaks against {self.target_label}"
        return self.target_label if self.contrast_label is None else f"{self.target_label}, not {self.contrast_label}"

    def describe(self, *, smoothed: bool = False) -> ExplanationPayload:
        """Returns the explanation as JSON values.

        Args:
            smoothed: Whether `top` is the smoothed one, which belongs to what the page shows.
        """
        index, contrast = self.target.index, self.target.contrast
        if index is None:
            raise ValueError("an explanation names its target class")
        scores = self.smoothed_top if smoothed else self.top
        return {
            "top": [asdict(score) | {"probability": round(score.probability, 6)} for score in scores],
            "target": {"index": index, "label": self.target_label},
            "contrast": None if contrast is None else {"index": contrast, "label": self.contrast_label or ""},
            "counterfactual": self.target.counterfactual,
            "layer": self.cam_config.layer,
            "method": self.cam_config.method,
            "evidence": round(self.evidence, 6),
            "has_evidence": self.has_evidence,
            "precision": self.precision,
        }


@dataclass(frozen=True, slots=True, eq=False)
class EncodedFrame:
    """An overlay, encoded once for all viewers, with everything it was made of.

    Attributes:
        jpeg: The encoded overlay.
        frame: The frame.
        explanation: What is drawn over the frame.
        overlay_style: How it is drawn.
        second: What is drawn over a second copy of the frame, at the right of the first, for another class or of
            another model; None for a single overlay.
        top_maps: The explanations of the classes in `explanation.smoothed_top`, which were made in the same call; empty
            if nobody asked for them.
    """

    jpeg: bytes
    frame: Frame
    explanation: Explanation
    overlay_style: OverlayStyle
    second: Explanation | None = None
    top_maps: tuple[Explanation, ...] = ()

    @property
    def key(self) -> tuple[int, int]:
        """`seq` and `revision`, which no two overlays of a feed share."""
        return self.frame.seq, self.frame.revision

    @property
    def seq(self) -> int:
        """The frame's number."""
        return self.frame.seq

    @property
    def pts_ns(self) -> int:
        """Capture time."""
        return self.frame.pts_ns

    @property
    def captured_at(self) -> datetime:
        """Capture time as local date and time, with the zone."""
        age = timedelta(microseconds=(time.monotonic_ns() - self.pts_ns) / 1000)
        return datetime.now().astimezone() - age
