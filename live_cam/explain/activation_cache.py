"""The last activations: what is asked again of a frame that was seen costs no other pass of the network."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from live_cam.explain.runtime.batching import observe_batched
from live_cam.explain.runtime.select import Step

Seen = tuple[NDArray[np.float32], NDArray[np.float32]]
"""The activation float32 (h, w, channels) of a frame, and its logits float32 (classes,)."""
Fit = Callable[[Sequence[NDArray[np.uint8]]], Sequence[NDArray[np.uint8]]]

_MAX_BYTES: Final = 16_000_000


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    """What a step has made of some pixels, while both are there: others may get their ids."""

    step: weakref.ref[Step]
    rgb: weakref.ref[NDArray[np.uint8]]
    seen: Seen


class ActivationCache:
    """Activations by the pixels of frames, as long as somebody holds these; thread-safe.

    Pixels are known by identity: a `Frame` makes its own read-only.
    """

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        """Starts empty, to hold about so many bytes."""
        self._max_bytes = max_bytes
        self._held: OrderedDict[tuple[int, int], _Held] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def find(self, step: Step, rgb: NDArray[np.uint8]) -> Seen | None:
        """Returns what a step has made of some pixels; None if it was not kept."""
        with self._lock:
            held = self._held.get((id(step), id(rgb)))
            return held.seen if held is not None and held.step() is step and held.rgb() is rgb else None

    def observe(self, step: Step, frames: Sequence[NDArray[np.uint8]], fit: Fit) -> list[Seen]:
        """Returns activation and logits of each frame, in one call of the step for those that are not known.

        Args:
            step: The step, with a linear head.
            frames: The pixels of the frames.
            fit: Returns what the step takes of some pixels.
        """
        found = [self.find(step, rgb) for rgb in frames]
        unknown = [i for i, seen in enumerate(found) if seen is None]
        if unknown:
            activations, logits = observe_batched(step, fit([frames[i] for i in unknown]))
            for i, *seen in zip(unknown, activations, logits, strict=True):
                found[i] = seen[0], seen[1]
                self._keep(step, frames[i], (seen[0], seen[1]))
        return [seen for seen in found if seen is not None]

    def _keep(self, step: Step, rgb: NDArray[np.uint8], seen: Seen) -> None:
        key = id(step), id(rgb)
        with self._lock:
            if (earlier := self._held.pop(key, None)) is not None:
                self._bytes -= earlier.seen[0].nbytes
            self._held[key] = _Held(weakref.ref(step), weakref.ref(rgb), seen)
            self._bytes += seen[0].nbytes
            while self._bytes > self._max_bytes and len(self._held) > 1:
                self._bytes -= self._held.popitem(last=False)[1].seen[0].nbytes
