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
    """One viewer, created by `Broadcaster.watch` in the event loop in which it waits.

    Attributes:
        loop: That event loop.
    """

    def __init__(self, broadcaster: Broadcaster) -> None:
        self._broadcaster = broadcaster
        self.loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_seen = broadcaster.wakes

    async def next_frame(self, after: FrameKey | None, timeout_s: float) -> EncodedFrame | None:
        """Waits for an overlay other than `after`.

        Returns:
            The newest such overlay; None after the timeout, when viewers were woken, or when the feed closed.
        """
        end_s = self.loop.time() + timeout_s
        while not self._broadcaster.closed:
            self._changed.clear()
            newest = self._broadcaster.newest
            if newest is not None and newest.key != after:
                return newest
            if self._wakes_seen != self._broadcaster.wakes:
                self._wakes_seen = self._broadcaster.wakes
                return None
            if self.loop.time() >= end_s:
                return None
            self._notify_at(end_s)
            await self._changed.wait()
        return None

    def _notify_at(self, time_s: float) -> None:
        """Ends the wait at some time or earlier: a timer for each frame would cost as much as sending it."""
        if self._timer is not None and self._timer.when() > time_s:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self.loop.call_at(time_s, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.notify()

    def notify(self) -> None:
        """Wakes the viewer; called in its event loop."""
        self._changed.set()

    def __enter__(self) -> Viewer:
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
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
        self._viewers: dict[asyncio.AbstractEventLoop, set[Viewer]] = {}
        # Re-entrant: a signal handler closes it in the thread it interrupted, which may hold the lock.
        self._lock = threading.RLock()

    @property
    def newest(self) -> EncodedFrame | None:
        """The newest overlay, or None before the first."""
        return self._newest

    @property
    def viewer_count(self) -> int:
        """The number of viewers."""
        with self._lock:
            return sum(map(len, self._viewers.values()))

    def publish(self, frame: EncodedFrame) -> None:
        """Makes an overlay the newest and wakes all viewers; called from the worker's thread."""
        self._newest = frame
        self._notify_all()

    def forget(self) -> None:
        """Drops the overlay, which is that of an earlier source, and wakes all viewers."""
        self._newest = None
        self.wake()

    def wake(self) -> None:
        """Ends every viewer's wait, since the state has changed; called from any thread."""
        self.wakes += 1
        self._notify_all()

    def watch(self) -> Viewer:
        """Adds a viewer; use it in a `with` statement, whose end removes it."""
        viewer = Viewer(self)
        with self._lock:
            self._viewers.setdefault(viewer.loop, set()).add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Removes a viewer."""
        with self._lock:
            self._viewers.get(viewer.loop, set()).discard(viewer)
            self._viewers = {loop: viewers for loop, viewers in self._viewers.items() if viewers}

    def close(self) -> None:
        """Ends every viewer's wait, so that the server can stop."""
        self.closed = True
        self._notify_all()

    def _notify_all(self) -> None:
        with self._lock:
            loops = tuple(self._viewers)
        for loop in loops:
            with contextlib.suppress(RuntimeError):  # it has ended, and its viewers with it
                loop.call_soon_threadsafe(self._notify, loop)

    def _notify(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wakes the viewers of an event loop, in that loop: so the worker wakes one thread, however many watch."""
        for viewer in self._viewers.get(loop, ()):
            viewer.notify()
