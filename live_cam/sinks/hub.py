"""Handing the newest encoded frame to however many watch, from the worker's thread to the server's event loop.

The hub keeps one frame. A viewer that is slow finds the newest one when it comes back for more, so it costs the
others nothing, and memory nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading

from live_cam.frame import EncodedFrame


class Viewer:
    """One who watches; made by `Hub.watch` in the event loop that waits with it."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._woken = hub.woken

    async def next_frame(self, after_seq: int, timeout_s: float) -> EncodedFrame | None:
        """Waits for a frame other than the one numbered `after_seq`.

        Returns:
            The newest such frame; None when none came in time, the hub woke its viewers, or it closed.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not self._hub.closed:
                    self._news.clear()
                    newest = self._hub.newest
                    if newest is not None and newest.seq != after_seq:
                        return newest
                    if self._woken != self._hub.woken:
                        self._woken = self._hub.woken
                        return None
                    await self._news.wait()
        return None

    def notify(self) -> None:
        """Wakes the viewer; called from any thread."""
        with contextlib.suppress(RuntimeError):  # its loop has ended, and the viewer with it
            self._loop.call_soon_threadsafe(self._news.set)

    def __enter__(self) -> Viewer:
        return self

    def __exit__(self, *_: object) -> None:
        self._hub.leave(self)


class Hub:
    """The newest encoded frame and those who watch.

    Attributes:
        closed: Set once; every viewer then ends.
        woken: How often viewers were woken without a picture.
    """

    def __init__(self) -> None:
        self.closed = False
        self.woken = 0
        self._newest: EncodedFrame | None = None
        self._viewers: set[Viewer] = set()
        # Re-entrant: a signal handler closes the hub in the thread it interrupted, which may hold the lock.
        self._lock = threading.RLock()

    @property
    def newest(self) -> EncodedFrame | None:
        """The newest frame, or None before the first."""
        return self._newest

    @property
    def viewer_count(self) -> int:
        """How many watch."""
        return len(self._viewers)

    def publish(self, frame: EncodedFrame) -> None:
        """Makes `frame` the newest and wakes everybody; called from the worker's thread."""
        self._newest = frame
        self._notify_all()

    def wake(self) -> None:
        """Ends every viewer's wait, since there is something else to tell; called from any thread."""
        self.woken += 1
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
