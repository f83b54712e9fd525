"""Work done in threads beside the one that asks for it, with few items in between, so that memory stays bounded."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")
_STOP_CHECK_S = 0.1


class Ahead(Generic[Item]):
    """Gives what a function makes, called again and again in a thread of its own until it gives None.

    Use it in a `with` statement, whose end waits for the thread.
    """

    def __init__(self, make: Callable[[], Item | None], most: int, give_up: Callable[[], None]) -> None:
        """Prepares to make up to `most` items ahead of their use; `give_up` ends a call that is under way."""
        self._make = make
        self._give_up = give_up
        self._made: queue.Queue[Item | BaseException | None] = queue.Queue(most)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ahead", daemon=True)

    def __enter__(self) -> Ahead[Item]:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._give_up()
        self._thread.join()

    def __iter__(self) -> Iterator[Item]:
        """Gives the items in order; what the function raises is raised in their place."""
        while (item := self._made.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def _run(self) -> None:
        item: Item | BaseException | None
        while not self._stopping.is_set():
            try:
                item = self._make()
            except Exception as error:
                item = error
            self._put(item)
            if item is None or isinstance(item, BaseException):
                return

    def _put(self, item: Item | BaseException | None) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(queue.Full):
                self._made.put(item, timeout=_STOP_CHECK_S)
                return


class Behind(Generic[Item]):
    """Hands items to a function that takes them, one after the other, in a thread of its own.

    Use it in a `with` statement, whose end waits until all are taken, or at once stops taking if it ends by an error.
    """

    def __init__(self, take: Callable[[Item], None], most: int) -> None:
        """Prepares to let up to `most` items wait."""
        self._take = take
        self._waiting: queue.Queue[Item | None] = queue.Queue(most)
        self._failure: Exception | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="behind", daemon=True)

    def put(self, item: Item) -> None:
        """Hands over an item, and waits while too many are waiting.

        Raises:
            Exception: What the function raised with an earlier item.
        """
        self._hand_over(item)
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> Behind[Item]:
        self._thread.start()
        return self

    def __exit__(self, error: object, *_: object) -> None:
        if error is not None:
            self._stopping.set()
        self._hand_over(None)
        self._thread.join()
        if error is None and self._failure is not None:
            raise self._failure

    def _hand_over(self, item: Item | None) -> None:
        while self._failure is None and not (item is None and self._stopping.is_set()):
            with contextlib.suppress(queue.Full):
                self._waiting.put(item, timeout=_STOP_CHECK_S)
                return

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                item = self._waiting.get(timeout=_STOP_CHECK_S)
            except queue.Empty:
                continue
            if item is None:
                return
            try:
                self._take(item)
            except Exception as error:
                self._failure = error
                return
