"""A visitor's own camera, whose pictures are asked for just as they can be explained."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Awaitable, Callable

from live_cam.errors import SourceError
from live_cam.frame import Frame
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.session import Session
from live_cam.sources.pushed import decode_jpeg
from live_cam.web.messages import pack, unpack

_ANSWER_LIMIT_S = 1.0
_HIDDEN_LIMIT_S = 30.0
_FIRST_TURN_S = 0.05
_MOST_ASKED = 2
_MOST_AGE_MS = 2000.0


class VisitorCamera:
    """Asks one visitor's page for pictures and lays them before the step.

    The page is asked as often as the visitor has a turn, given how long a turn takes and how many show something,
    without waiting for the answer: so the next picture travels while the last one is explained. While two are on their
    way, or one waits for the step, no other is asked for; and one that was not asked for is not even decoded.
    """

    def __init__(self, feed: Feed, session: Session) -> None:
        self._feed = feed
        self._session = session
        self._visible = asyncio.Event()
        self._visible.set()
        self._asked: set[int] = set()
        self._waits = False
        self._changed = asyncio.Event()
        self._laying: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        feed.on_taken = self._tell_taken
        feed.watchdog.attempt()

    def pause(self, hidden: bool) -> None:
        """Notes that the page was hidden, where cameras rest, or is seen again."""
        if hidden:
            self._visible.clear()
        elif not self._visible.is_set():
            self._feed.watchdog.restart()
            self._feed.watchdog.attempt()
            self._visible.set()

    def take(self, message: bytes) -> None:
        """Takes in a picture that the page has sent.

        Raises:
            ValueError: The message is none.
        """
        match unpack(message):
            case {"answer": int(number), "age_ms": int() | float() as age_ms}, jpeg:
                if number in self._asked:
                    # The page answers in turn, so what was asked for earlier will not come any more.
                    self._asked = {later for later in self._asked if later > number}
                    task = self._loop.create_task(self._lay(number, jpeg, min(_MOST_AGE_MS, max(0.0, age_ms))))
                    self._laying.add(task)
                    task.add_done_callback(self._note_laid)
            case _:
                raise ValueError("not an answer")

    async def ask(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Asks for one picture after the other until the page has been hidden for long."""
        for number in itertools.count():
            # Not `wait_for`, which up to Python 3.11 may swallow that this task is being ended.
            try:
                async with asyncio.timeout(_HIDDEN_LIMIT_S):
                    await self._visible.wait()
            except TimeoutError:
                return
            self._asked.add(number)
            await send(pack({"ask": number}))
            turns = self._session.visitors.showing if self._session.visitors else 1
            await asyncio.sleep(turns * (self._session.turn_s or _FIRST_TURN_S))
            await self._room()

    async def _room(self) -> None:
        """Waits until another picture may be asked for; what has not come for long will not come."""
        while self._waits or len(self._asked) + len(self._laying) >= _MOST_ASKED:
            self._changed.clear()
            try:
                async with asyncio.timeout(_ANSWER_LIMIT_S):
                    await self._changed.wait()
            except TimeoutError:
                self._asked.clear()

    async def _lay(self, number: int, jpeg: bytes, age_ms: float) -> None:
        pts_ns = time.monotonic_ns() - int(age_ms * 1e6)
        with contextlib.suppress(SourceError):
            rgb = await asyncio.to_thread(decode_jpeg, jpeg)
            if number >= self._feed.next_seq:  # else it was overtaken
                self._feed.next_seq = number
                self._waits = self._feed.offer(Frame(rgb, pts_ns, 0, self._feed.name), None)

    def _note_laid(self, task: asyncio.Task[None]) -> None:
        self._laying.discard(task)
        self._changed.set()

    def _tell_taken(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and the visit with it
            self._loop.call_soon_threadsafe(self._note_taken)

    def _note_taken(self) -> None:
        self._waits = False
        self._changed.set()
