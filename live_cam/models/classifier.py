"""What a model offers, whichever it is; imports no network library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from live_cam.models.preprocessing import CAFFE, Preprocessing
from live_cam.types import ExplainedBy, Head, Resize


@dataclass(frozen=True, slots=True)
class Classifier:
    """A model, as far as those need to know it who explain with it and show what it says.

    Attributes:
        name: Its name in files, such as `resnet50`.
        labels: The names of the classes, in the order of the logits.
        layers: The layers to choose from, the default first, each with a line about its use.
        fused_layers: The layers that `layercam-fused` combines, finest first.
        input_px: Height and width of the input.
        preprocessing: What the network receives of the pixels.
        head: How probabilities follow from its logits.
        explained_by: What its maps rest on.
        evidence_logits: The logits of the top class at which its evidence starts and is full; None to measure them.
        resize: How frames become inputs.
    """

    name: str
    labels: tuple[str, ...]
    layers: Mapping[str, str]
    fused_layers: tuple[str, ...]
    input_px: tuple[int, int] = (224, 224)
    preprocessing: Preprocessing = CAFFE
    head: Head = "softmax"
    explained_by: ExplainedBy = "gradients"
    evidence_logits: tuple[float, float] | None = None
    resize: Resize = "stretch"

    @property
    def default_layer(self) -> str:
        """The layer that is explained if none is named."""
        return next(iter(self.layers))
