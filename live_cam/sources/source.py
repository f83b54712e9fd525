"""What every source of live frames is."""

from __future__ import annotations

import time
from typing import Literal, Protocol

from live_cam.frame import Frame

SourceKind = Literal["camera", "network", "file", "folder", "demo", "browser"]


class Stream(Protocol):
    """A source that was opened: frames, one after the other, at its own pace. One thread reads and closes it.

    Attributes:
        frozen_after_s: For how long its pictures may be the same, byte for byte, before that tells of a frozen camera;
            None where still pictures are normal. A sensor's noise makes no two pictures the same, but a codec that
            stores differences may swallow the noise for seconds.
    """

    frozen_after_s: float | None

    def read(self) -> Frame:
        """Waits for the next frame and gives it.

        Raises:
            SourceError: It stopped giving frames.
        """
        ...

    def close(self) -> None:
        """Lets go of the device, file or connection."""
        ...


class Source(Protocol):
    """Where frames can be had. Any thread may open it, and again while an earlier stream of it still blocks.

    Attributes:
        name: What a person calls it; never holds credentials.
        kind: What sort of source it is.
    """

    name: str
    kind: SourceKind

    def open(self) -> Stream:
        """Makes it ready.

        Raises:
            SourceError: It can't be had; the message says why and what to do.
        """
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
