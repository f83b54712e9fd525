"""What every source of live frames is."""

from __future__ import annotations

import time
from typing import Literal, Protocol

from live_cam.frame import Frame

SourceKind = Literal["camera", "file", "demo"]


class Source(Protocol):
    """Something that gives frames, one after the other, at its own pace.

    One thread opens, reads and closes it; after `close` it can be opened again.

    Attributes:
        name: What a person calls it; never holds credentials.
        kind: What sort of source it is.
    """

    name: str
    kind: SourceKind

    def open(self) -> None:
        """Makes it ready.

        Raises:
            SourceError: It can't be had; the message says why and what to do.
        """
        ...

    def read(self) -> Frame:
        """Waits for the next frame and gives it.

        Raises:
            SourceError: It stopped giving frames.
        """
        ...

    def close(self) -> None:
        """Lets go of the device or file; harmless when it is not open."""
        ...


class Pacer:
    """Makes recorded pictures come when they are due, on the clock of `time.monotonic_ns`."""

    def __init__(self) -> None:
        self._start_ns = time.monotonic_ns()

    def wait(self, position_ns: int) -> int:
        """Sleeps until `position_ns` after the start and gives the time of capture.

        A reader that fell behind does not race to catch up: the time it lost is left out.
        """
        now_ns = time.monotonic_ns()
        due_ns = self._start_ns + position_ns
        if due_ns > now_ns:
            time.sleep((due_ns - now_ns) / 1e9)
        else:
            self._start_ns += now_ns - due_ns
        return time.monotonic_ns()
