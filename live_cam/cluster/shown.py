"""The pictures of a wall that somebody looks at."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from live_cam.clock import Clock

_WANTED_NS: Final = 3_000_000_000


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a camera.

    Attributes:
        version: A number that no other picture of its size has; later ones are higher.
        jpeg: The overlay.
    """

    version: int
    jpeg: bytes


class ShownPictures:
    """The newest pictures of one size, kept while somebody looks at them; for any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until_ns: dict[int, int] = {}
        self._pictures: dict[int, Picture] = {}
        self._version = 0
        self._any_wanted = threading.Event()

    def want(self, numbers: Iterable[int]) -> None:
        """Has pictures of cameras fetched for some seconds."""
        with self._lock:
            self._until_ns.update(dict.fromkeys(numbers, self._clock.now_ns() + _WANTED_NS))
            self._any_wanted.set()

    def wanted(self, numbers: Collection[int]) -> list[int]:
        """Returns those of some cameras that are wanted, and forgets the pictures of the others."""
        now_ns = self._clock.now_ns()
        with self._lock:
            for number in numbers:
                if self._until_ns.get(number, now_ns) < now_ns:
                    del self._until_ns[number]
                    self._pictures.pop(number, None)
            if not self._until_ns:
                self._any_wanted.clear()
            return [number for number in numbers if number in self._until_ns]

    def wait(self, timeout_s: float) -> bool:
        """Waits until any picture is wanted; returns whether one is."""
        return self._any_wanted.wait(timeout_s)

    def put(self, number: int, jpeg: bytes) -> None:
        """Takes the newest picture of a camera, unless nobody wants it any more."""
        with self._lock:
            if number in self._until_ns:
                self._version += 1
                self._pictures[number] = Picture(self._version, jpeg)

    def newer(self, numbers: Iterable[int], after: int) -> dict[int, Picture]:
        """Returns the pictures of those cameras that have a later one than a version."""
        with self._lock:
            known = ((number, self._pictures.get(number)) for number in numbers)
            return {number: each for number, each in known if each is not None and each.version > after}
