"""Layers that viewers choose: compiled in the background while the live view goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from live_cam.clock import MONOTONIC, Clock
from live_cam.errors import LiveCamError
from live_cam.explain.base import ExplainerProtocol
from live_cam.types import CamConfig

_log = logging.getLogger(__name__)

_RETRY_AFTER_NS = 30_000_000_000
# A layer that made room for others is not compiled again at once: viewers who watch more layers than fit would keep the
# machine compiling.
_REPEAT_AFTER_NS = 10_000_000_000


class LayerLoader:
    """Prepares one layer at a time in a thread of its own."""

    def __init__(self, explainer: ExplainerProtocol, on_ready: Callable[[], None], clock: Clock = MONOTONIC) -> None:
        """Prepares a loader.

        Args:
            explainer: Compiles the layers.
            on_ready: Called, by the thread that prepared it, when a layer is ready or has failed.
            clock: For the pause after a failure.
        """
        self._explainer = explainer
        self._on_ready = on_ready
        self._clock = clock
        self._loading: CamConfig | None = None
        self._pauses: dict[tuple[CamConfig, int], tuple[str, int]] = {}
        self._lock = threading.Lock()

    def request(self, requested: CamConfig, current: CamConfig) -> CamConfig:
        """Returns the configuration to use now: the requested one if it is ready, else the current one meanwhile."""
        if self._explainer.is_ready(requested):
            return requested
        if not self._pause(requested, 1):
            self._start(requested, 1)
        return current if self._explainer.is_ready(current) else self._explainer.cam_config

    def ensure_targets(self, cam_config: CamConfig, num_targets: int) -> None:
        """Prepares a layer for so many targets in one call, which is faster; returns at once."""
        if not self._explainer.is_ready(cam_config, num_targets) and not self._pause(cam_config, num_targets):
            self._start(cam_config, num_targets)

    def message(self, requested: CamConfig) -> str:
        """Returns why the requested layer is not used yet; empty if it is."""
        if self._explainer.is_ready(requested):
            return ""
        return self._pause(requested, 1) or f"Preparing {_name(requested)}; the live view goes on meanwhile"

    def _pause(self, cam_config: CamConfig, num_targets: int) -> str:
        """Returns why a layer that is not ready is not prepared now; empty after a while."""
        reason, until_ns = self._pauses.get((cam_config, num_targets), ("", 0))
        return reason if self._clock.now_ns() < until_ns else ""

    def _start(self, cam_config: CamConfig, num_targets: int) -> None:
        with self._lock:
            if self._loading is not None:
                return
            self._loading = cam_config
        threading.Thread(target=self._load, args=(cam_config, num_targets), name="layer loader", daemon=True).start()

    def _load(self, cam_config: CamConfig, num_targets: int) -> None:
        reason, pause_ns = f"{_name(cam_config)} made room for layers that others watch", _REPEAT_AFTER_NS
        try:
            self._explainer.prepare(cam_config, num_targets)
        except Exception as error:
            # A disk may have space again, or a layer be in use no longer.
            reason, pause_ns = f"{_name(cam_config)} could not be prepared: {error}", _RETRY_AFTER_NS
            if not isinstance(error, LiveCamError):
                _log.exception("preparing %s failed", cam_config.layer)
        self._pauses[cam_config, num_targets] = reason, self._clock.now_ns() + pause_ns
        self._loading = None
        self._on_ready()


def _name(cam_config: CamConfig) -> str:
    """Names what is compiled: the layer, or the method that prescribes its layers."""
    return cam_config.method if cam_config.method == "layercam-fused" else cam_config.layer
