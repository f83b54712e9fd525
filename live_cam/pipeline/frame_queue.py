"""Queue of pending work: the newest frame of each feed, and one-off tasks."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from live_cam.explain.base import ExplainerProtocol
from live_cam.types import Frame

_MAX_TASKS = 16

Key = TypeVar("Key", bound=Hashable)
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Task:
    """A function of the explainer, run between two frames on behalf of one thread."""

    function: Callable[[ExplainerProtocol], Any]
    future: Future[Any]

    def run(self, explainer: ExplainerProtocol) -> None:
        """Calls the function and sets the future."""
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            self.future.set_result(self.function(explainer))
        except Exception as error:
            self.future.set_exception(error)


class FrameQueue(Generic[Key]):
    """One slot for each feed; a frame that is not taken in time is displaced by the next.

    A feed keeps its place when its frame is displaced, and moves to the end once it was served. So a feed that sends
    more than others is not served more often. Tasks and frames alternate where both wait.

    Attributes:
        closed: Whether nothing will be taken any more.
    """

    def __init__(self) -> None:
        self.closed = False
        self._frames: dict[Key, Frame] = {}
        self._on_taken: dict[Key, Callable[[], None]] = {}
        self._tasks: deque[Task] = deque()
        self._task_is_next = False
        self._changed = threading.Condition()

    def put(self, key: Key, frame: Frame) -> bool:
        """Puts a frame into its feed's slot.

        Returns:
            Whether this displaced a frame that now is never explained.
        """
        with self._changed:
            displaced = self._frames.get(key)
            self._frames[key] = frame
            self._changed.notify()
        return _is_lost(displaced)

    def requeue(self, key: Key, frame: Frame) -> bool:
        """Puts a frame that is to be explained again into its feed's slot, and returns whether the slot was free."""
        with self._changed:
            if key in self._frames:
                return False
            self._frames[key] = frame
            self._changed.notify()
        return True

    def submit(self, function: Callable[[ExplainerProtocol], _Result]) -> Future[_Result]:
        """Has the worker call a function between two frames.

        Returns:
            The future of its result; cancelled if too many tasks wait, or the queue is closed.
        """
        task = Task(function, Future())
        with self._changed:
            if self.closed or len(self._tasks) >= _MAX_TASKS:
                task.future.cancel()
            else:
                self._tasks.append(task)
                self._changed.notify()
        return task.future

    def take(self, batch_size: int = 1, timeout_s: float | None = None) -> list[tuple[Key, Frame]] | Task:
        """Waits for work.

        Returns:
            `batch_size` frames if as many wait, else that of the feed that has waited longest; or a task. Empty once
            closed, or when the timeout has passed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._tasks or self.closed, timeout_s)
            if self.closed:
                return []
            if self._tasks and (self._task_is_next or not self._frames):
                self._task_is_next = False
                return self._tasks.popleft()
            self._task_is_next = True
            count = batch_size if len(self._frames) >= batch_size else 1
            batch = [(key, self._frames.pop(key)) for key in list(self._frames)[:count]]
            listeners = [self._on_taken[key] for key, _ in batch if key in self._on_taken]
        for listener in listeners:
            listener()
        return batch

    def on_taken(self, key: Key, listener: Callable[[], None]) -> None:
        """Has `listener` called, by the thread that takes, whenever a frame of the feed is taken."""
        with self._changed:
            self._on_taken[key] = listener

    def remove(self, key: Key) -> bool:
        """Removes a feed, and returns whether a frame of it now is never explained."""
        with self._changed:
            self._on_taken.pop(key, None)
            return _is_lost(self._frames.pop(key, None))

    def close(self) -> None:
        """Ends every wait."""
        with self._changed:
            self.closed = True
            for task in self._tasks:
                task.future.cancel()
            self._tasks.clear()
            self._changed.notify_all()


def _is_lost(frame: Frame | None) -> bool:
    return frame is not None and frame.revision == 0
