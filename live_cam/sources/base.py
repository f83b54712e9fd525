"""The interface of live sources, and pacing for those that are not live by themselves."""

from __future__ import annotations

from typing import Literal, Protocol, runtime_checkable

from live_cam.clock import MONOTONIC, Clock
from live_cam.types import Frame

SourceKind = Literal["camera", "network", "file", "folder", "demo", "browser"]


class Stream(Protocol):
    """An open source, which delivers frames at its own pace. One thread reads and closes it.

    Attributes:
        frozen_after_s: How long consecutive frames may be identical before the camera counts as frozen; None where
            still frames are normal. Sensor noise makes every frame differ, but an inter-frame codec may suppress the
            noise for seconds.
    """

    frozen_after_s: float | None

    def read(self) -> Frame:
        """Waits for the next frame and returns it, without `seq` and `source_id`, which the feed assigns.

        Raises:
            SourceError: The source delivers no more frames.
        """
        ...

    def close(self) -> None:
        """Releases the device, file or connection."""
        ...


class Source(Protocol):
    """Something that frames can be read from. Any thread may open it, even while an earlier stream of it blocks.

    Attributes:
        name: Display name, without credentials.
        kind: The kind of source.
    """

    name: str
    kind: SourceKind

    def open(self) -> Stream:
        """Opens the source.

        Raises:
            SourceError: It can't be opened; the message says why and what to do.
        """
        ...


@runtime_checkable
class InterruptibleSource(Protocol):
    """A source that a call can wake from: its readers need not be left to whatever they wait for.

    Such a source has one connection at a time, and limits itself how long opening it takes.
    """

    def interrupt(self) -> None:
        """Closes its connections, opened or being opened, from any thread; whoever reads them gets a SourceError."""
        ...


class Pacer:
    """Delays recorded frames until they are due."""

    def __init__(self, clock: Clock = MONOTONIC) -> None:
        self._clock = clock
        self._start_ns = clock.now_ns()

    def wait(self, position_ns: int) -> int:
        """Sleeps until `position_ns` after the start and returns the time, as capture time.

        A reader that is late does not catch up: the start moves by the time it lost.
        """
        now_ns = self._clock.now_ns()
        due_ns = self._start_ns + position_ns
        if due_ns > now_ns:
            self._clock.sleep((due_ns - now_ns) / 1e9)
        else:
            self._start_ns += now_ns - due_ns
        return self._clock.now_ns()
