"""Layers and methods that viewers choose: what takes long is prepared while the picture goes on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from live_cam.errors import LiveCamError
from live_cam.explain.explainer import Explain
from live_cam.frame import Lens

_log = logging.getLogger(__name__)

_FAILED_FOR_S = 30.0


class Lenses:
    """Prepares one lens at a time in a thread of its own."""

    def __init__(self, explainer: Explain, on_ready: Callable[[], None]) -> None:
        """Begins with the explainer's own lens.

        Args:
            explainer: What explains.
            on_ready: Called when one is ready, or can't be had, by the thread that prepared it.
        """
        self._explainer = explainer
        self._on_ready = on_ready
        self._preparing: Lens | None = None
        self._failures: dict[Lens, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def choose(self, wanted: Lens, last: Lens) -> Lens:
        """Gives the lens to use now: the one wanted if it is ready, else the last one, while that is prepared."""
        if self._explainer.ready(wanted):
            return wanted
        if not self._failure(wanted):
            self._start(wanted, 1)
        return last if self._explainer.ready(last) else self._explainer.lens

    def widen(self, lens: Lens, targets_k: int) -> None:
        """Prepares the lens for so many questions in one call, which makes them faster; returns at once."""
        if not self._explainer.ready(lens, targets_k) and not self._failure(lens):
            self._start(lens, targets_k)

    def message(self, wanted: Lens) -> str:
        """Says why the lens wanted is not used yet; empty when it is."""
        if self._explainer.ready(wanted):
            return ""
        return self._failure(wanted) or f"Preparing {_name(wanted)}; the picture goes on meanwhile"

    def _failure(self, lens: Lens) -> str:
        """Says why a lens can't be had; after a while it may be tried again, since disks don't stay full."""
        reason, since_s = self._failures.get(lens, ("", 0.0))
        return reason if time.monotonic() - since_s < _FAILED_FOR_S else ""

    def _start(self, lens: Lens, targets_k: int) -> None:
        with self._lock:
            if self._preparing is not None:
                return
            self._preparing = lens
        arguments = (lens, targets_k)
        threading.Thread(target=self._prepare, args=arguments, name="preparing a lens", daemon=True).start()

    def _prepare(self, lens: Lens, targets_k: int) -> None:
        try:
            self._explainer.prepare(lens, targets_k)
        except Exception as error:
            self._failures[lens] = f"{_name(lens)} can't be had: {error}", time.monotonic()
            if not isinstance(error, LiveCamError):
                _log.exception("preparing %s failed", lens.layer)
        self._preparing = None
        self._on_ready()


def _name(lens: Lens) -> str:
    """Names what takes long to prepare: the layer, or the method that has layers of its own."""
    return lens.method if lens.method == "layercam-fused" else lens.layer
