"""Passes of the network: for one thread at a time, of frames of any size, and one for each activation."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import UsageError
from live_cam.explain.activation_cache import ActivationCache
from live_cam.explain.class_head import ClassHead
from live_cam.explain.runtime.batching import explain_batched, observe_batched
from live_cam.explain.runtime.int8.step import in_each_precision
from live_cam.explain.runtime.select import Step
from live_cam.explain.target_passes import Explained, explain_linearly, explain_targets
from live_cam.models.classifier import Classifier
from live_cam.models.preprocess import resize_to_input
from live_cam.types import Method, Target

Pixels = Sequence[NDArray[np.uint8]]
"""N frames uint8 (H, W, 3), RGB."""


class Passes:
    """What is computed of pixels by the steps of one process.

    Attributes:
        frame_px: Height and width of the frames that a step gets, as far as they are known.
    """

    def __init__(self, classifier: Classifier) -> None:
        """Starts without activations; `classifier` says how frames become inputs."""
        self.frame_px = classifier.input_px
        self._input_px, self._resize = classifier.input_px, classifier.resize
        self._activations = ActivationCache()
        self._process_id = os.getpid()
        self._computing = threading.Lock()

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Lets one thread compute at a time: a compiled step has one set of inputs and outputs.

        Raises:
            UsageError: This is another process.
        """
        # Before the lock, which a thread may have held when the process was forked.
        if os.getpid() != self._process_id:
            raise UsageError(
                "this explainer was made in another process; make one in each, started by multiprocessing's spawn"
            )
        with self._computing:
            yield

    def explain(
        self, step: Step, head: ClassHead, rgb: Pixels, targets: Sequence[Sequence[Target]], method: Method
    ) -> list[Explained]:
        """Explains each frame for its own K targets; the caller computes `exclusively`."""
        self.frame_px = rgb[0].shape[:2] if self._resize == "stretch" else self._input_px
        cam = head.cam(step)
        if cam is None:
            return explain_targets(step, self._fit(rgb), targets, method)
        every_seen = self._activations.observe(step, rgb, self._fit)
        return [
            explain_linearly(cam, (activation, head.logits(activation, logits)), row, method)
            for (activation, logits), row in zip(every_seen, targets, strict=True)
        ]

    def logits(self, step: Step, head: ClassHead, rgb: Pixels, method: Method) -> NDArray[np.float32]:
        """Returns the logits float32 (N, classes), without keeping activations."""
        with self.exclusively():
            if head.cam(step) is not None:
                return head.logits(*observe_batched(step, self._fit(rgb)))
            top = np.zeros((len(rgb), 1, step.classes), np.float32)
            return explain_batched(step, self._fit(rgb), top, method)[1]

    def activations(self, step: Step, rgb: Pixels) -> list[NDArray[np.float32]]:
        """Returns the activation of each frame, float32 (h, w, channels), of a step with a linear head.

        Of frames that were explained lately it is known, in either precision, and nobody who computes is waited for.
        """
        for each in in_each_precision(step):
            known = [self._activations.find(each, frame) for frame in rgb]
            if all(seen is not None for seen in known):
                return [seen[0] for seen in known if seen is not None]
        with self.exclusively():
            return [activation for activation, _ in self._activations.observe(step, rgb, self._fit)]

    def _fit(self, rgb: Pixels) -> Pixels:
        """Returns what the step takes, which stretches frames and leaves inputs as they are."""
        if self._resize == "stretch":
            return rgb
        inputs = np.empty((len(rgb), *self._input_px, 3), np.uint8)
        resize_to_input(rgb, inputs, self._resize)
        return list(inputs)
