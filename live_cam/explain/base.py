"""What the pipeline needs of an explainer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from live_cam.models.classifier import Classifier
from live_cam.models.linear_head import LinearHead
from live_cam.models.model import Model
from live_cam.models.taught_head import TaughtHead
from live_cam.types import CamConfig, Explanation, Frame, Method, Precision, Runtime, Score, Target


class FrameExplainer(Protocol):
    """What explains the frames of a file, and says how."""

    layer: str
    method: Method
    score: Score
    runtime: Runtime
    weights_digest: str
    classifier: Classifier

    @property
    def precision(self) -> Precision:
        """What the default layer is computed in."""
        ...

    def explain_all(
        self, frames: Sequence[Frame], targets: Sequence[Target], cam_config: CamConfig | None = None
    ) -> list[list[Explanation]]:
        """Explains each frame for each target, with a layer and method that are ready; None for the default."""
        ...


class ExplainerProtocol(FrameExplainer, Protocol):
    """What the pipeline needs of an explainer; see `live_cam.explain.explainer.Explainer`."""

    device: str
    model_options: tuple[str, ...]
    model: Model

    @property
    def cam_config(self) -> CamConfig:
        """The default layer and method."""
        ...

    @property
    def taught_head(self) -> TaughtHead | None:
        """The head of taught classes; None for the model's own."""
        ...

    @property
    def linear_head(self) -> LinearHead | None:
        """The weights behind the last layer; None where they are not linear, or that layer is not prepared."""
        ...

    def require_linear_head(self) -> None:
        """Raises `UsageError` unless classes can be taught: behind the last layer are the mean and a linear layer."""
        ...

    def with_head(self, head: TaughtHead) -> Self:
        """Returns an explainer of taught classes, which shares with this one all that is compiled."""
        ...

    def activations(self, frames: Sequence[Frame]) -> list[NDArray[np.float32]]:
        """Returns the last activation of each frame, float32 (h, w, channels); without a pass if it is known."""
        ...

    def explain_exactly(self, frame: Frame, target: Target, cam_config: CamConfig | None = None) -> Explanation:
        """Explains one frame in float32 where others are explained in int8, without smoothing."""
        ...

    def prepare_float32(self) -> None:
        """Prepares `explain_exactly`; takes seconds, in any thread."""
        ...

    def give_way_to_float32(self) -> None:
        """Explains in float32 from the next frame on."""
        ...

    def explain(self, frame: Frame, target: Target) -> Explanation:
        """Explains one frame for one target."""
        ...

    def explain_each(
        self, frames: Sequence[Frame], targets: Sequence[Sequence[Target]], cam_config: CamConfig | None = None
    ) -> list[list[Explanation]]:
        """Explains each frame for its own targets, of which each frame has as many; see `Explainer.explain_each`."""
        ...

    def logits(self, frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Returns the logits float32 (N, classes) of frames uint8 (H, W, 3), RGB, without explanations."""
        ...

    def is_ready(self, cam_config: CamConfig, num_targets: int = 1) -> bool:
        """Whether a frame can be explained with this layer and method now, for K targets in one call."""
        ...

    def prepare(self, cam_config: CamConfig, num_targets: int = 1) -> None:
        """Prepares a layer and method, for K targets in one call; takes seconds, in any thread."""
        ...


def describe(explainer: FrameExplainer) -> dict[str, Any]:
    """Returns the model and the settings of an explainer as JSON values."""
    return {
        "model": {"name": explainer.classifier.name, "weights_sha256": explainer.weights_digest},
        "layer": explainer.layer,
        "method": explainer.method,
        "score": explainer.score,
        "resize": explainer.classifier.resize,
        "runtime": explainer.runtime,
        "precision": explainer.precision,
    }
