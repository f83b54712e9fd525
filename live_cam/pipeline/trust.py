"""Putting the maps of one feed to the test while it is watched, one picture at a time between its frames."""

from __future__ import annotations

import numpy as np

from live_cam.explain.explainer import Explain
from live_cam.explain.faithfulness import Faithfulness, FaithfulnessScore
from live_cam.frame import EncodedFrame, Explanation, Frame, Lens, Target

_MOST_TESTS_OF_A_FRAME = 24


class Trust:
    """How far the maps of one feed can be trusted.

    Attributes:
        score: What was found for the question and the lens in use; None before the first measurement, and without
            evidence to test.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        """Prepares; `rng` is where chance comes from."""
        self.score: FaithfulnessScore | None = None
        self._asked: tuple[Target, Lens] | None = None
        self._faithfulness = Faithfulness()
        self._rng = rng
        self._frame: Frame | None = None
        self._tests_n = 0

    def ask(self, explanation: Explanation) -> None:
        """Notes what is shown now; another question or lens forgets what was found."""
        asked = explanation.target, explanation.lens
        if asked != self._asked:
            self._asked, self.score, self._faithfulness, self._tests_n = asked, None, Faithfulness(), 0

    def test(self, shown: EncodedFrame, explainer: Explain) -> None:
        """Puts one more picture through the network; called by the worker. A still picture's test comes to an end."""
        if self._frame is None or shown.frame.rgb is not self._frame.rgb:
            self._frame, self._tests_n = shown.frame, 0
        self._tests_n += 1
        if self._tests_n > _MOST_TESTS_OF_A_FRAME:
            return
        picture = self._faithfulness.next_picture()
        if picture is None:
            self._faithfulness.begin(shown.frame, shown.explanation, self._rng)
            picture = self._faithfulness.next_picture()
        if picture is not None:
            self._faithfulness.note(explainer.logits([picture])[0])
        self.score = self._faithfulness.result
