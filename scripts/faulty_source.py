"""A camera that fails on a schedule, on any clock; for the tests and for scripts/faults.py."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from live_cam.clock import Clock
from live_cam.errors import SourceError
from live_cam.sources.base import SourceKind
from live_cam.types import Frame

Kind = Literal["blocks", "freezes", "stays frozen", "goes black", "flaps", "changes size", "dies"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_S = 1_000_000_000
_OPENING_S = 0.1
_POLL_S = 0.02


@dataclass(frozen=True)
class Fault:
    """A fault from `begin_ns` to `end_ns` of the clock; without an end, it lasts until it is replaced.

    blocks: neither `read` nor `open` returns. freezes: `read` returns the same frame again and again. stays frozen: as
    freezes, and a stream opened before the fault does so after it. goes black: frames are black. flaps: each stream
    returns one frame and then fails. changes size: as dies, and the frames after it have another size. dies: `read` and
    `open` raise SourceError.
    """

    kind: Kind
    begin_ns: int
    end_ns: int | None = None


class FaultySource:
    """Returns frames at a steady rate except during faults.

    Attributes:
        opened: How often it was opened.
        interval_ns: From one frame to the next.
        open_now, most_open: Number of open streams, now and at most.
    """

    kind: SourceKind = "camera"

    def __init__(self, clock: Clock, draw: Callable[[int], NDArray[np.uint8]], rate_fps: float) -> None:
        """Prepares the camera; `draw` returns the n-th frame, uint8 (H, W, 3), no two the same."""
        self.name = "Faulty camera"
        self.clock = clock
        self.faults: list[Fault] = []
        self.opened = self.open_now = self.most_open = 0
        self._draw = draw
        self.interval_ns = int(_S / rate_fps)

    def open(self) -> FaultyStream:
        """Opens the camera, which takes a moment."""
        self.clock.sleep(_OPENING_S)
        if self.fault_of("blocks"):
            self.wait_until_over("blocks")
        if self.fault_of("dies", "changes size"):
            raise SourceError(f"{self.name} was unplugged")
        self.opened += 1
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        return FaultyStream(self)

    def draw(self, number: int) -> NDArray[np.uint8]:
        """Returns the n-th frame, in the camera's current size."""
        rgb = self._draw(number)
        now_ns = self.clock.now_ns()
        is_smaller = sum(fault.kind == "changes size" and _end_ns(fault) <= now_ns for fault in self.faults) % 2
        return np.ascontiguousarray(rgb[:-16, :-16]) if is_smaller else rgb

    def fault_of(self, *kinds: Kind) -> Fault | None:
        """Returns the current fault if it is of one of these kinds."""
        now_ns = self.clock.now_ns()
        return next(
            (each for each in self.faults if each.kind in kinds and each.begin_ns <= now_ns < _end_ns(each)), None
        )

    def wait_until_over(self, kind: Kind) -> None:
        """Blocks while there is a fault of this kind."""
        while (fault := self.fault_of(kind)) is not None:
            self.clock.sleep(_POLL_S if fault.end_ns is None else (fault.end_ns - self.clock.now_ns()) / _S)


def _end_ns(fault: Fault) -> int:
    return sys.maxsize if fault.end_ns is None else fault.end_ns


class FaultyStream:
    """A stream of a faulty camera."""

    frozen_after_s: float | None = 1.5

    def __init__(self, source: FaultySource) -> None:
        self._source = source
        self._opened_ns = source.clock.now_ns()
        self._reads = 0
        self._stuck: Fault | None = None

    def read(self) -> Frame:
        """Waits for the next frame and returns it."""
        source = self._source
        source.clock.sleep(source.interval_ns / _S)
        source.wait_until_over("blocks")
        if source.fault_of("dies", "changes size") or (source.fault_of("flaps") and self._reads):
            raise SourceError(f"{source.name} was unplugged")
        self._reads += 1
        now_ns = source.clock.now_ns()
        lasting = source.fault_of("stays frozen")
        if lasting is not None and lasting.begin_ns > self._opened_ns:
            self._stuck = lasting
        frozen = self._stuck or source.fault_of("freezes") or lasting
        rgb = source.draw((frozen.begin_ns if frozen else now_ns) // source.interval_ns)
        if source.fault_of("goes black"):
            rgb = np.zeros_like(rgb)
        return Frame(rgb, now_ns, self._reads, source.name)

    def close(self) -> None:
        """Closes the stream."""
        self._source.open_now -= 1
