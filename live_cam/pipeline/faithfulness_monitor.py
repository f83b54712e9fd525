"""Measures the faithfulness of one feed's maps while it is watched, one forward pass at a time between its frames."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from live_cam.clock import MONOTONIC, Clock
from live_cam.explain.base import ExplainerProtocol
from live_cam.explain.saliency.faithfulness import MIN_MEASUREMENTS, Faithfulness, FaithfulnessScore
from live_cam.types import CamConfig, EncodedFrame, Explanation, Target

_MAX_PASSES_PER_FRAME = 24
# Two classes of about the same probability may take turns.
_MAX_SUBJECTS = 8

_Subject = tuple[Target, str, CamConfig]


@dataclass(slots=True, eq=False)
class _Tested:
    """The test of one target, layer and method in one scene."""

    faithfulness: Faithfulness = field(default_factory=Faithfulness)
    score: FaithfulnessScore | None = None
    measured_ns: int = 0


class FaithfulnessMonitor:
    """The running faithfulness score of a feed; used by the worker alone, its score is read by any thread."""

    def __init__(self, rng: np.random.Generator, clock: Clock = MONOTONIC) -> None:
        """Prepares a monitor whose random patches come from `rng`."""
        self._subject: _Subject | None = None
        self._scene: int | None = None
        self._tests: dict[_Subject, _Tested] = {}
        self._test = _Tested()
        self._has_evidence = False
        self._rng = rng
        self._clock = clock
        self._seq: int | None = None
        self._passes = 0

    @property
    def score(self) -> FaithfulnessScore | None:
        """For the current scene, target, layer and method; None before the first measurement, and without evidence."""
        return self._test.score

    @property
    def age_s(self) -> float:
        """How long ago the score had its newest measurement."""
        return (self._clock.now_ns() - self._test.measured_ns) / 1e9

    @property
    def is_new(self) -> bool:
        """Whether what is shown has yet too few measurements for a verdict."""
        score = self._test.score
        return self._has_evidence and (score is None or score.measured < MIN_MEASUREMENTS)

    def follow(self, explanation: Explanation) -> None:
        """Starts afresh at a scene cut, and if a target, layer or method is shown that the scene did not have yet."""
        self._has_evidence = explanation.has_evidence
        subject = explanation.target, explanation.target_label, explanation.cam_config
        is_cut = explanation.scene != self._scene
        if is_cut:
            self._scene = explanation.scene
            self._tests.clear()
        if is_cut or subject != self._subject:
            self._subject, self._passes = subject, 0
            self._tests[subject] = self._test = self._tests.pop(subject, _Tested())
            if len(self._tests) > _MAX_SUBJECTS:
                del self._tests[next(iter(self._tests))]  # the one shown longest ago

    def measure(self, shown: EncodedFrame, explainer: ExplainerProtocol) -> None:
        """Makes one more forward pass; of a frame that stays, no more than are needed for a score."""
        if shown.seq != self._seq:
            self._seq, self._passes = shown.seq, 0
        self._passes += 1
        if self._passes > _MAX_PASSES_PER_FRAME:
            return
        test = self._test
        image = test.faithfulness.next_image()
        if image is None:
            test.faithfulness.start(shown.frame, shown.explanation, explainer.classifier, self._rng)
            image = test.faithfulness.next_image()
        if image is not None:
            test.faithfulness.add(explainer.logits([image])[0])
        result = test.faithfulness.result
        if result is not None and (test.score is None or result.measured != test.score.measured):
            test.measured_ns = self._clock.now_ns()
        test.score = result
