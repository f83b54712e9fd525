"""A camera that fails as cameras do, when told to; on any clock. For the tests and for scripts/faults.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import SourceError
from live_cam.frame import Frame
from live_cam.pipeline.clock import Clock
from live_cam.sources.source import SourceKind

Kind = Literal["blocks", "freezes", "lies", "goes black", "flaps", "changes size", "dies"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_S = 1_000_000_000
_OPENING_S = 0.1


@dataclass(frozen=True)
class Fault:
    """What is wrong from `begin_ns` to `end_ns` of the clock.

    blocks: neither `read` nor `open` comes back. freezes: the same picture comes over and over. lies: that, too, and
    it ends only for those who open the camera anew. goes black: black pictures come. flaps: each opening gives one
    picture and then fails. changes size: it dies, and comes back with pictures of another size. dies: neither `read`
    nor `open` works.
    """

    kind: Kind
    begin_ns: int
    end_ns: int


class FaultySource:
    """Gives pictures at a steady rate but for its faults.

    Attributes:
        opened: How often it was opened.
        interval_ns: From one picture to the next.
        open_now, most_open: How many of its streams are open, and the most that ever were.
    """

    kind: SourceKind = "camera"

    def __init__(self, clock: Clock, picture: Callable[[int], NDArray[np.uint8]], rate_fps: float) -> None:
        """Prepares the camera; `picture` draws the n-th, uint8 (H, W, 3), no two the same."""
        self.name = "Faulty camera"
        self.clock = clock
        self.faults: list[Fault] = []
        self.opened = self.open_now = self.most_open = 0
        self._picture = picture
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
        """Draws a picture, in the size that the camera now has."""
        picture = self._picture(number)
        came_back_smaller = sum(fault.kind == "changes size" for fault in self._over()) % 2
        return np.ascontiguousarray(picture[:-16, :-16]) if came_back_smaller else picture

    def fault_of(self, *kinds: Kind) -> Fault | None:
        """Gives the fault of one of these kinds that the camera has now."""
        now_ns = self.clock.now_ns()
        return next(
            (each for each in self.faults if each.kind in kinds and each.begin_ns <= now_ns < each.end_ns), None
        )

    def wait_until_over(self, kind: Kind) -> None:
        """Blocks, as a driver does."""
        while (fault := self.fault_of(kind)) is not None:
            self.clock.sleep((fault.end_ns - self.clock.now_ns()) / _S)

    def _over(self) -> list[Fault]:
        return [fault for fault in self.faults if fault.end_ns <= self.clock.now_ns()]


class FaultyStream:
    """A faulty camera that was opened."""

    frozen_after_s: float | None = 1.5

    def __init__(self, source: FaultySource) -> None:
        self._source = source
        self._opened_ns = source.clock.now_ns()
        self._reads = 0
        self._lying: Fault | None = None

    def read(self) -> Frame:
        """Waits for the next picture and gives it."""
        source = self._source
        source.clock.sleep(source.interval_ns / _S)
        source.wait_until_over("blocks")
        if source.fault_of("dies", "changes size") or (source.fault_of("flaps") and self._reads):
            raise SourceError(f"{source.name} was unplugged")
        self._reads += 1
        now_ns = source.clock.now_ns()
        lie = source.fault_of("lies")
        if lie is not None and lie.begin_ns > self._opened_ns:
            self._lying = lie
        stuck = self._lying or source.fault_of("freezes") or lie
        rgb = source.draw((stuck.begin_ns if stuck else now_ns) // source.interval_ns)
        if source.fault_of("goes black"):
            rgb = np.zeros_like(rgb)
        return Frame(rgb, now_ns, self._reads, source.name)

    def close(self) -> None:
        """Lets go of the camera."""
        self._source.open_now -= 1
