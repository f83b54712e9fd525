"""The head that makes classes of the last activation: the model's own, or one that was taught."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import UsageError
from live_cam.explain.runtime.select import Step
from live_cam.explain.saliency.linear_cam import LinearCam
from live_cam.models.classifier import Classifier
from live_cam.models.linear_head import LinearHead
from live_cam.models.model import Model
from live_cam.models.taught_head import TaughtHead, read_head
from live_cam.types import Score


@dataclass(frozen=True, slots=True, eq=False)
class ClassHead:
    """The head of a model, or one for classes of one's own in its place.

    Attributes:
        model: The model, with its own classes.
        score: What is differentiated.
        taught: The head in place of its own; None for its own.
    """

    model: Model
    score: Score
    taught: TaughtHead | None = None

    def with_taught(self, head: TaughtHead | str | os.PathLike[str]) -> ClassHead:
        """Returns a taught head, or that in a file, in place of this one.

        Raises:
            ModelError: The file can't be read, or is none of a head.
            UsageError: The head was taught on another model.
        """
        taught = read_head(head) if isinstance(head, str | os.PathLike) else head
        taught.require_network(self.model.classifier, self.model.digest)
        return ClassHead(self.model, self.score, taught)

    @property
    def classifier(self) -> Classifier:
        """What the model offers with this head."""
        return self.model.classifier if self.taught is None else self.taught.classifier(self.model.classifier)

    @property
    def weights_digest(self) -> str:
        """SHA-256 (hex) of the weights, and of the head if that was taught."""
        return self.model.digest if self.taught is None else self.taught.weights_digest(self.model.digest)

    @property
    def options(self) -> tuple[str, ...]:
        """The options that open the same model and head on the command line."""
        of_head = () if self.taught is None else ("--head", f"{self.taught.name}.npz")
        return self.model.command_options + of_head

    def cam(self, step: Step) -> LinearCam | None:
        """Returns what explains the classes from the activation of a step; None if its gradients have to."""
        cam = step.linear_cam
        return cam if cam is None or self.taught is None else LinearCam(self.taught.head, self.score, "softmax")

    def logits(self, activations: NDArray[np.float32], of_model: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the logits float32 (..., classes), from activations (..., h, w, channels) or those of the model."""
        return of_model if self.taught is None else self.taught.head.logits(activations.mean(axis=(-3, -2)))

    def linear(self, step: Step | None) -> LinearHead | None:
        """Returns the weights behind the last layer, whose step is given; None if not prepared, or not linear."""
        cam = None if step is None else self.cam(step)
        return None if cam is None else cam.head

    def require_linear(self, step: Step | None) -> Step:
        """Returns the step of the last layer, behind which classes can be taught: a mean and a linear layer follow.

        Raises:
            UsageError: It is not prepared, or something else follows.
        """
        if step is None:
            layer = self.classifier.default_layer
            raise UsageError(f"the last layer, {layer}, is not prepared; choose it as the layer first")
        if self.cam(step) is None:
            raise UsageError(
                f"{self.model.classifier.name} takes no classes of your own: behind its last layer is more than a mean "
                "over the places and a linear layer"
            )
        return step
