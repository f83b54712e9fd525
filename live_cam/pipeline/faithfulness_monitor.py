"""Measures the faithfulness of one feed's maps while it is watched, one forward pass at a time between its frames."""

from __future__ import annotations

import numpy as np

from live_cam.explain.base import ExplainerProtocol
from live_cam.explain.saliency.faithfulness import Faithfulness, FaithfulnessScore
from live_cam.types import CamConfig, EncodedFrame, Explanation, Target

_MAX_PASSES_PER_FRAME = 24


class FaithfulnessMonitor:
    """The running faithfulness score of a feed; used by the worker alone, its score is read by any thread.

    Attributes:
        score: For the current target, layer and method; None before the first measurement, and without evidence.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        """Prepares a monitor whose random patches come from `rng`."""
        self.score: FaithfulnessScore | None = None
        self._subject: tuple[Target, CamConfig] | None = None
        self._faithfulness = Faithfulness()
        self._rng = rng
        self._seq: int | None = None
        self._passes = 0

    def follow(self, explanation: Explanation) -> None:
        """Starts afresh if another target, layer or method is shown now."""
        subject = explanation.target, explanation.cam_config
        if subject != self._subject:
            self._subject, self.score, self._faithfulness, self._passes = subject, None, Faithfulness(), 0

    def measure(self, shown: EncodedFrame, explainer: ExplainerProtocol) -> None:
        """Makes one more forward pass; of a frame that stays, no more than are needed for a score."""
        if shown.seq != self._seq:
            self._seq, self._passes = shown.seq, 0
        self._passes += 1
        if self._passes > _MAX_PASSES_PER_FRAME:
            return
        image = self._faithfulness.next_image()
        if image is None:
            self._faithfulness.start(shown.frame, shown.explanation, explainer.classifier, self._rng)
            image = self._faithfulness.next_image()
        if image is not None:
            self._faithfulness.add(explainer.logits([image])[0])
        self.score = self._faithfulness.result
