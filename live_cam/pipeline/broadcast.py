"""The newest encoded overlay, from the worker's thread to any number of viewers in the server's event loop.

One overlay is kept. A slow viewer finds the newest one when it comes back, so it costs the others no time and no
memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading

from live_cam.types import EncodedFrame

FrameKey = tuple[int, int]
"""`EncodedFrame.key`: sequence number and revision."""


class Viewer:
    """One viewer, created by `Broadcaster.watch` in the event loop in which it waits."""

    def __init__(self, broadcaster: Broadcaster) -> None:
        self._broadcaster = broadcaster
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._wakes_seen = broadcaster.wakes

    async def next_frame(self, after: FrameKey | None, timeout_s: float) -> EncodedFrame | None:
        """Waits for an overlay other than `after`.

        Returns:
            The newest such overlay; None after the timeout, when viewers were woken, or when the feed closed.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not self._broadcaster.closed:
                    self._changed.clear()
                    newest = self._broadcaster.newest
                    if newest is not None and newest.key != after:
                        return newest
                    if self._wakes_seen != self._broadcaster.wakes:
                        self._wakes_seen = self._broadcaster.wakes
                        return None
                    await self._changed.wait()
        return None

    def notify(self) -> None:
        """Wakes the viewer; called from any thread."""
        with contextlib.suppress(RuntimeError):  # its loop has ended, and the viewer with it
            self._loop.call_soon_threadsafe(self._changed.set)

    def __enter__(self) -> Viewer:
        return self

    def __exit__(self, *_: object) -> None:
        self._broadcaster.leave(self)


class Broadcaster:
    """The newest overlay and its viewers.

    Attributes:
        closed: Set once; every viewer then ends.
        wakes: How often viewers were woken without an overlay.
    """

    def __init__(self) -> None:
        self.closed = False
        self.wakes = 0
        self._newest: EncodedFrame | None = None
        self._viewers: set[Viewer] = set()
        # Re-entrant: a signal handler closes it in the thread it interrupted, which may hold the lock.
        self._lock = threading.RLock()

    @property
    def newest(self) -> EncodedFrame | None:
        """The newest overlay, or None before the first."""
        return self._newest

    @property
    def viewer_count(self) -> int:
        """The number of viewers."""
        return len(self._viewers)

    def publish(self, frame: EncodedFrame) -> None:
        """Makes an overlay the newest and wakes all viewers; called from the worker's thread."""
        self._newest = frame
        self._notify_all()

    def wake(self) -> None:
        """Ends every viewer's wait, since the state has changed; called from any thread."""
        self.wakes += 1
        self._notify_all()

    def watch(self) -> Viewer:
        """Adds a viewer; use it in a `with` statement, whose end removes it."""
        viewer = Viewer(self)
        with self._lock:
            self._viewers.add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Removes a viewer."""
        with self._lock:
            self._viewers.discard(viewer)

    def close(self) -> None:
        """Ends every viewer's wait, so that the server can stop."""
        self.closed = True
        self._notify_all()

    def _notify_all(self) -> None:
        with self._lock:
            viewers = tuple(self._viewers)
        for viewer in viewers:
            viewer.notify()
