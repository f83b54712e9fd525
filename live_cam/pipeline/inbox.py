"""What waits for the worker: one frame of each feed, the newest, in the order in which the feeds came; and asides."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from live_cam.explain.explainer import Explain
from live_cam.frame import Frame

if TYPE_CHECKING:
    from live_cam.pipeline.feed import Feed

_MOST_ASIDES = 16

Batch = list[tuple["Feed", Frame]]
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Aside:
    """Something put to the network between two frames, since it answers one thread alone."""

    question: Callable[[Explain], Any]
    answer: Future[Any]

    def run(self, explainer: Explain) -> None:
        """Puts the question."""
        if not self.answer.set_running_or_notify_cancel():
            return
        try:
            self.answer.set_result(self.question(explainer))
        except Exception as error:
            self.answer.set_exception(error)


class Inbox:
    """One slot for each feed; a frame not taken in time gives way to the next.

    A feed keeps its place in the queue when its frame is replaced, and goes to the end once it was served. So whoever
    sends more than others is not served more often. Asides and frames take turns where both wait.

    Attributes:
        closed: Whether nothing will be taken any more.
    """

    def __init__(self) -> None:
        self.closed = False
        self._waiting: dict[Feed, Frame] = {}
        self._shown_before: set[Feed] = set()
        self._asides: deque[Aside] = deque()
        self._aside_is_due = False
        self._changed = threading.Condition()

    def put(self, feed: Feed, frame: Frame) -> None:
        """Lays the frame into its feed's slot, in place of one that still lies there."""
        with self._changed:
            self._count_lost(feed)
            self._waiting[feed] = frame
            self._changed.notify()

    def put_again(self, feed: Feed, frame: Frame) -> None:
        """Lays a frame that was shown before into its feed's slot, unless another lies there."""
        with self._changed:
            if feed not in self._waiting:
                self._waiting[feed] = frame
                self._shown_before.add(feed)
                self._changed.notify()

    def ask(self, question: Callable[[Explain], _Answer]) -> Future[_Answer]:
        """Has the worker call `question` between two frames.

        Returns:
            Its answer to come; cancelled when too many others wait, or the inbox is closed.
        """
        aside = Aside(question, Future())
        with self._changed:
            if self.closed or len(self._asides) >= _MOST_ASIDES:
                aside.answer.cancel()
            else:
                self._asides.append(aside)
                self._changed.notify()
        return aside.answer

    def take(self, at_once: int = 1, timeout_s: float | None = None) -> Batch | Aside:
        """Waits for a frame and takes out `at_once` where as many wait, else that of the feed that has waited longest.

        Returns:
            One frame or `at_once`, or an aside; nothing once closed, or when nothing came in time.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._asides or self.closed, timeout_s)
            if self.closed:
                return []
            if self._asides and (self._aside_is_due or not self._waiting):
                self._aside_is_due = False
                return self._asides.popleft()
            self._aside_is_due = True
            count = at_once if len(self._waiting) >= at_once else 1
            feeds = list(self._waiting)[:count]
            self._shown_before.difference_update(feeds)
            return [(feed, self._waiting.pop(feed)) for feed in feeds]

    def remove(self, feed: Feed) -> None:
        """Forgets a feed that has left."""
        with self._changed:
            self._count_lost(feed)
            self._waiting.pop(feed, None)

    def close(self) -> None:
        """Ends every wait."""
        with self._changed:
            self.closed = True
            for aside in self._asides:
                aside.answer.cancel()
            self._asides.clear()
            self._changed.notify_all()

    def _count_lost(self, feed: Feed) -> None:
        """Counts the frame that lies in the feed's slot, if any, as one that is never explained."""
        if feed in self._waiting and feed not in self._shown_before:
            feed.statistics.count_dropped()
        self._shown_before.discard(feed)
