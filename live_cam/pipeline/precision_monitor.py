"""Checks int8 while it runs: every few seconds a frame is explained in float32, too."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np

from live_cam.clock import MONOTONIC, Clock
from live_cam.explain.base import ExplainerProtocol
from live_cam.explain.saliency.agreement import correlation
from live_cam.types import Explanation, Frame

_log = logging.getLogger(__name__)

_EVERY_NS: Final = 5_000_000_000
_WINDOW_NS: Final = 60_000_000_000
_LEAST: Final = 0.98
_MIN_CHECKS: Final = 3


class PrecisionMonitor:
    """How far live maps in int8 agree with float32; used by the worker alone, its words are read by any thread.

    Attributes:
        words: What the page says of the precision; empty where int8 was never used.
    """

    def __init__(self, explainer: ExplainerProtocol, clock: Clock = MONOTONIC) -> None:
        """Checks nothing yet.

        Args:
            explainer: Explains; it goes on in float32 where int8 is not true enough.
            clock: For the time between checks.
        """
        self.words = ""
        self._explainer = explainer
        self._clock = clock
        self._due_ns = 0
        self._checks: deque[tuple[int, float]] = deque()
        self._preparing: threading.Thread | None = None

    def follow(self, frame: Frame, explanation: Explanation) -> None:
        """Takes notice of an explained frame, and checks it if a check is due; a map without evidence says nothing."""
        if explanation.precision != "int8" or self._explainer.precision != "int8":
            return
        if self._preparing is None:
            self.words = "int8, not yet compared with float32"
            self._preparing = threading.Thread(target=self._prepare, name="float32 loader", daemon=True)
            self._preparing.start()
            return
        now_ns = self._clock.now_ns()
        if now_ns < self._due_ns or self._preparing.is_alive() or not explanation.has_evidence:
            return
        self._due_ns = now_ns + _EVERY_NS
        exact = self._explainer.explain_exactly(frame, explanation.target, explanation.cam_config)
        self._checks.append((now_ns, correlation(explanation.saliency_map, exact.saliency_map)))
        while self._checks[0][0] < now_ns - _WINDOW_NS:
            self._checks.popleft()
        self._judge([agreement for _, agreement in self._checks])

    def _judge(self, agreements: Sequence[float]) -> None:
        median = float(np.median(agreements))
        self.words = f"int8, agrees {_floor(median)} with float32 (last minute)"
        if len(agreements) >= _MIN_CHECKS and median < _LEAST:
            self._explainer.give_way_to_float32()
            self.words = f"float32, as int8 agreed only {_floor(median)} with it here"
            _log.warning("maps in int8 agree only %s with float32 here; going on in float32", _floor(median))

    def _prepare(self) -> None:
        try:
            self._explainer.prepare_float32()
        except Exception as error:  # the runtimes raise many types
            _log.warning("int8 can't be compared with float32: %s", (str(error).splitlines() or [repr(error)])[0])


def _floor(value: float) -> str:
    """Returns a number with three decimals, not rounded up to what it did not reach."""
    return f"{np.floor(1000 * value) / 1000:.3f}"
