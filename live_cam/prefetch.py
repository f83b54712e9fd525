"""Threads that work ahead of or behind the caller, with few items in between, so that memory stays bounded."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Prefetcher(Generic[Item]):
    """Iterates over the results of a function that a thread calls repeatedly until it returns None.

    Use it in a `with` statement, whose end stops the thread and waits for it.
    """

    def __init__(
        self, produce: Callable[[], Item | None], max_items: int, cancel: Callable[[], None] | None = None
    ) -> None:
        """Prepares the thread.

        Args:
            produce: Returns the next item, or None at the end.
            max_items: How many items may wait for their use.
            cancel: Makes a call of `produce` that is under way return early.
        """
        self._produce = produce
        self._cancel = cancel
        self._items = _Channel[Item](max_items)
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="prefetch", daemon=True)

    def __enter__(self) -> Prefetcher[Item]:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._items.close()
        if self._cancel is not None:
            self._cancel()
        self._thread.join()

    def __iter__(self) -> Iterator[Item]:
        """Yields the items in order, then raises what the function raised."""
        while (item := self._items.get()) is not None:
            yield item
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            while (item := self._produce()) is not None and self._items.put(item):
                pass
        except Exception as error:
            self._failure = error
        finally:
            self._items.finish()


class BackgroundWriter(Generic[Item]):
    """Passes items, in order, to a function that a thread calls.

    Use it in a `with` statement. Its end waits until all items are written; if it ends by an error, the rest is
    discarded.
    """

    def __init__(self, write: Callable[[Item], None], max_items: int) -> None:
        """Prepares the thread; up to `max_items` items may wait to be written."""
        self._write = write
        self._items = _Channel[Item](max_items)
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="write", daemon=True)

    def put(self, item: Item) -> None:
        """Queues an item, and waits while too many are queued.

        Raises:
            Exception: What the function raised for an earlier item.
        """
        self._items.put(item)
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> BackgroundWriter[Item]:
        self._thread.start()
        return self

    def __exit__(self, error: object, *_: object) -> None:
        if error is None:
            self._items.finish()
        else:
            self._items.close()
        self._thread.join()
        if error is None and self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            while (item := self._items.get()) is not None:
                self._write(item)
        except Exception as error:
            self._failure = error
            self._items.close()


class _Channel(Generic[Item]):
    """A bounded queue between two threads, either of which may end it."""

    def __init__(self, max_items: int) -> None:
        self._max_items = max_items
        self._items: deque[Item] = deque()
        self._ended = False
        self._changed = threading.Condition()

    def put(self, item: Item) -> bool:
        """Waits for room and adds an item; returns False, without it, once the channel has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or len(self._items) < self._max_items)
            if self._ended:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True

    def get(self) -> Item | None:
        """Waits for the next item; returns None if there is none and the channel has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._items)
            if not self._items:
                return None
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def finish(self) -> None:
        """Ends the channel; what waits in it can still be taken."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def close(self) -> None:
        """Ends the channel and discards what waits in it."""
        with self._changed:
            self._items.clear()
            self.finish()
