"""Classes and takes that an audience shows while the live view goes on, in bounded memory."""

from __future__ import annotations

import io
import threading
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from live_cam.clock import Clock
from live_cam.errors import UsageError
from live_cam.pipeline.taught_takes import MAX_PICTURES, TakeRecorder
from live_cam.teach.labels import check_label
from live_cam.types import Frame

MAX_CLASSES: Final = 10
MAX_TAKES: Final = 100
LEASE_S: Final = 3
"""A take ends that the page has not confirmed for so long: whoever held the button may have closed the page."""

_EVERY_NS: Final = 100_000_000
"""Between examples: the frames of a take are nearly the same picture."""
_FULL: Final = "the memory for examples is full: undo a take, or clear a class"


@dataclass(slots=True)
class TaughtClass:
    """A class that is shown.

    Attributes:
        id: Unique among the classes and takes of an audience.
        label: Its name.
    """

    id: int
    label: str


class Examples(ABC):
    """Classes, each with its takes; any thread may call all of it.

    Frames are never kept but for the small pictures of takes, in memory; all of it within `limit_bytes`.
    """

    def __init__(self, limit_bytes: int, clock: Clock, labels: Sequence[str] = ()) -> None:
        """Starts without examples.

        Args:
            limit_bytes: How much memory examples may take.
            clock: For the lease of a take.
            labels: The names of the classes that are there from the start; distinct.
        """
        self._limit_bytes = limit_bytes
        self._clock = clock
        self._lock = threading.RLock()
        self._next_id = 1
        self._initial = tuple(labels)
        self._classes = self._initial_classes()
        self._takes: list[TakeRecorder] = []
        self._open: TakeRecorder | None = None
        self._lease_ns = 0
        self._due_ns = 0
        self._message = ""

    @abstractmethod
    def _on_change(self) -> None:
        """Called with the lock whenever there are other examples, or another name."""

    def add_class(self, label: str) -> int:
        """Adds a class and returns its id.

        Raises:
            UsageError: The name does not do, or there are ten already.
        """
        with self._lock:
            if len(self._classes) >= MAX_CLASSES:
                raise UsageError(f"there are {MAX_CLASSES} classes, which is the most; remove one first")
            added = TaughtClass(self._new_id(), check_label(label, [each.label for each in self._classes]))
            self._classes.append(added)
            return added.id

    def rename(self, class_id: int, label: str) -> None:
        """Gives a class another name."""
        with self._lock:
            renamed = self._find(class_id)
            renamed.label = check_label(label, [each.label for each in self._classes if each is not renamed])
            self._on_change()

    def remove(self, class_id: int) -> None:
        """Removes a class with its examples."""
        with self._lock:
            removed = self._find(class_id)
            self._classes.remove(removed)
            self._drop(class_id)

    def clear(self, class_id: int) -> None:
        """Removes the examples of a class."""
        with self._lock:
            self._find(class_id)
            self._drop(class_id)

    def start(self, class_id: int) -> None:
        """Starts a take, or confirms the one that runs; another class ends it."""
        with self._lock:
            self._find(class_id)
            self._end_if_abandoned()
            self._lease_ns = self._clock.now_ns() + LEASE_S * 1_000_000_000
            if self._open is not None and self._open.class_id == class_id:
                return
            self.stop()
            if len(self._takes) >= MAX_TAKES:
                raise UsageError(f"there are {MAX_TAKES} takes, which is the most; clear a class first")
            if self.size_bytes >= self._limit_bytes:
                raise UsageError(_FULL)
            self._message = ""
            self._open = TakeRecorder(self._new_id(), class_id)
            self._due_ns = 0

    def stop(self) -> None:
        """Ends the take that runs; one without frames is dropped."""
        with self._lock:
            ended, self._open = self._open, None
            if ended is not None and ended.pictures:
                self._takes.append(ended)
                self._on_change()

    def undo(self) -> None:
        """Drops the take that runs, or else the last one."""
        with self._lock:
            if self._open is not None:
                self._open = None
            elif self._takes:
                self._takes.pop()
                self._on_change()

    def reset(self) -> None:
        """Starts over, with the classes of the start, and without examples."""
        with self._lock:
            self._classes, self._takes, self._open = self._initial_classes(), [], None
            self._message = ""
            self._on_change()

    def due_take(self, frame: Frame) -> TakeRecorder | None:
        """Returns the take that runs, if a frame that was just explained is to be added; the last one is old enough."""
        with self._lock:
            self._end_if_abandoned()
            if self._open is None or frame.revision or frame.pts_ns < self._due_ns:
                return None
            self._due_ns = frame.pts_ns + _EVERY_NS
            return self._open

    def add(self, take: TakeRecorder, activation: NDArray[np.float32], picture: bytes) -> None:
        """Adds a frame to a take, unless that has ended meanwhile; see `TakeRecorder.add`."""
        with self._lock:
            if self._open is not take:
                return
            take.add(activation, picture)
            if self.size_bytes >= self._limit_bytes:
                self.end(_FULL)
            elif len(take.pictures) >= MAX_PICTURES:
                self.end(f"a take has {MAX_PICTURES} pictures at most: show it elsewhere in the next one")

    def end(self, message: str) -> None:
        """Ends the take that runs, and says why."""
        with self._lock:
            self._message = message
            self.stop()

    @property
    def size_bytes(self) -> int:
        """About how much memory the examples take."""
        with self._lock:
            return sum(take.size_bytes for take in self._all_takes)

    def picture(self, take_number: int, index: int) -> bytes:
        """Returns a small picture of a take as JPEG.

        Raises:
            UsageError: There is none.
        """
        with self._lock:
            for take in self._all_takes:
                if take.number == take_number and 0 <= index < len(take.pictures):
                    return take.pictures[index]
        raise UsageError("there is no such picture any more")

    def as_zip(self) -> bytes:
        """Returns the pictures as a ZIP file that `live-cam teach` reads: a folder for each class and take.

        Raises:
            UsageError: There are none.
        """
        with self._lock:
            labels = {each.id: each.label for each in self._classes}
            members = [
                (f"{labels[take.class_id]}/take {number:03}/{i:03}.jpg", picture)
                for number, take in enumerate(self._takes, 1)
                for i, picture in enumerate(take.pictures)
            ]
        if not members:
            raise UsageError("there are no examples; show something first")
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", zipfile.ZIP_STORED) as archive:
            for name, picture in members:
                archive.writestr(name, picture)
        return data.getvalue()

    def describe(self) -> dict[str, Any]:
        """Returns classes and examples as JSON values."""
        with self._lock:
            self._end_if_abandoned()
            return {
                "classes": [self._describe_class(each) for each in self._classes],
                "showing": None if self._open is None else self._open.class_id,
                "message": self._message,
                "bytes": self.size_bytes,
                "limit_bytes": self._limit_bytes,
            }

    def _describe_class(self, taught: TaughtClass) -> dict[str, Any]:
        own = [take for take in self._all_takes if take.class_id == taught.id]
        return {
            "id": taught.id,
            "label": taught.label,
            "pictures": sum(len(take.pictures) for take in own),
            "takes": [{"id": take.number, "pictures": len(take.pictures)} for take in own],
        }

    @property
    def _all_takes(self) -> list[TakeRecorder]:
        """The takes, with the one that runs."""
        return [*self._takes, *([] if self._open is None else [self._open])]

    def _new_id(self) -> int:
        number, self._next_id = self._next_id, self._next_id + 1
        return number

    def _initial_classes(self) -> list[TaughtClass]:
        return [TaughtClass(self._new_id(), label) for label in self._initial]

    def _find(self, class_id: int) -> TaughtClass:
        for each in self._classes:
            if each.id == class_id:
                return each
        raise UsageError("there is no such class any more")

    def _drop(self, class_id: int) -> None:
        self._takes = [take for take in self._takes if take.class_id != class_id]
        if self._open is not None and self._open.class_id == class_id:
            self._open = None
        self._on_change()

    def _end_if_abandoned(self) -> None:
        if self._open is not None and self._clock.now_ns() > self._lease_ns:
            self.stop()
