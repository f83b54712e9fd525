"""Classes that viewers teach while the live view goes on; a reload of the page loses nothing."""

from __future__ import annotations

import io
import logging
import threading
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from live_cam.clock import MONOTONIC, Clock
from live_cam.errors import LiveCamError, UsageError
from live_cam.explain.base import ExplainerProtocol
from live_cam.pipeline.layer_loader import LayerLoader
from live_cam.pipeline.live_model import LiveModel
from live_cam.pipeline.settings import SettingsStore
from live_cam.pipeline.taught_takes import MAX_PICTURES, TakeRecorder, small_jpeg
from live_cam.teach.labels import check_label
from live_cam.teach.learn import Taught, learn
from live_cam.types import Frame

_log = logging.getLogger(__name__)

MAX_CLASSES: Final = 10
MAX_TAKES: Final = 100
LEASE_S: Final = 3
"""A take ends that the page has not confirmed for so long: whoever held the button may have closed the page."""

_EVERY_NS: Final = 100_000_000
"""Between examples: the frames of a take are nearly the same picture."""

_FULL: Final = "the memory for examples is full: undo a take, or clear a class"

Run = Callable[[Callable[[], None]], object]
"""Has a function called, at once or later, one after the other."""


@dataclass(slots=True)
class _Class:
    id: int
    label: str


class Teaching:
    """What one audience teaches. `collect` and `model` are for the worker; any thread may call all of it.

    Frames are never kept but for the small pictures of takes, in memory; all of it within `limit_bytes`.
    """

    def __init__(
        self,
        explainer: ExplainerProtocol,
        settings: SettingsStore,
        run: Run,
        limit_bytes: int,
        clock: Clock = MONOTONIC,
        labels: Sequence[str] = (),
    ) -> None:
        """Starts without examples.

        Args:
            explainer: Of the network, whose classes are in use until two have examples.
            settings: What the audience may change; its classes are replaced.
            run: Has the fit done, beside the worker.
            limit_bytes: How much memory examples may take.
            clock: For the lease of a take.
            labels: The names of the classes that are there from the start; distinct.
        """
        self._base = explainer
        self._settings = settings
        self._own = settings.labels, settings.layers
        self._run = run
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
        self._version = 0
        self._fitted_version = 0
        self._taught: Taught | None = None
        self._taught_ids: list[int] = []
        self._is_used = True
        self._message = ""
        self._model: LiveModel | None = None

    @property
    def model(self) -> LiveModel | None:
        """The model of the taught classes; None while the network's own are in use."""
        return self._model

    @property
    def taught(self) -> Taught | None:
        """What was fitted last; None without two classes that have examples."""
        return self._taught

    def add_class(self, label: str) -> int:
        """Adds a class and returns its id.

        Raises:
            UsageError: The name does not do, there are ten already, or the network takes no classes.
        """
        self._base.require_linear_head()
        with self._lock:
            if len(self._classes) >= MAX_CLASSES:
                raise UsageError(f"there are {MAX_CLASSES} classes, which is the most; remove one first")
            added = _Class(self._new_id(), check_label(label, [each.label for each in self._classes]))
            self._classes.append(added)
            return added.id

    def rename(self, class_id: int, label: str) -> None:
        """Gives a class another name."""
        with self._lock:
            renamed = self._find(class_id)
            renamed.label = check_label(label, [each.label for each in self._classes if each is not renamed])
            self._refit()

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
        """Ends the take that runs, and learns from it; one without frames is dropped."""
        with self._lock:
            ended, self._open = self._open, None
            if ended is not None and ended.pictures:
                self._takes.append(ended)
                self._refit()

    def undo(self) -> None:
        """Drops the take that runs, or else the last one."""
        with self._lock:
            if self._open is not None:
                self._open = None
            elif self._takes:
                self._takes.pop()
                self._refit()

    def reset(self) -> None:
        """Starts over, with the classes of the start, and without examples."""
        with self._lock:
            self._classes, self._takes, self._open = self._initial_classes(), [], None
            self._message, self._is_used = "", True
            self._refit()

    def use(self, is_used: bool) -> None:
        """Answers in the taught classes, or again in the network's own, which leaves the examples."""
        with self._lock:
            self._is_used = is_used
            self._refit()

    def collect(self, frame: Frame) -> None:
        """Adds a frame that was just explained to the take that runs, if the last one is old enough."""
        with self._lock:
            self._end_if_abandoned()
            take = self._open
            if take is None or frame.revision or frame.pts_ns < self._due_ns:
                return
            self._due_ns = frame.pts_ns + _EVERY_NS
        try:
            (activation,) = self._base.activations([frame])
        except LiveCamError as error:
            self._end(str(error))
            return
        picture = small_jpeg(frame.rgb)
        with self._lock:
            if self._open is not take:
                return
            take.add(activation, picture)
            if self.size_bytes >= self._limit_bytes:
                self._end(_FULL)
            elif len(take.pictures) >= MAX_PICTURES:
                self._end(f"a take has {MAX_PICTURES} pictures at most: show it elsewhere in the next one")

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

    def require_taught(self) -> Taught:
        """Returns what was fitted last.

        Raises:
            UsageError: Nothing was.
        """
        taught = self._taught
        if taught is None:
            raise UsageError("nothing is taught yet; show two classes, once each")
        return taught

    def describe(self) -> dict[str, Any]:
        """Returns classes, examples and what was learnt from them as JSON values."""
        with self._lock:
            self._end_if_abandoned()
            taught = self._taught
            evidence = {} if taught is None else dict(zip(self._taught_ids, taught.evidence, strict=True))
            classes = []
            for each in self._classes:
                own = [take for take in self._all_takes if take.class_id == each.id]
                found = evidence.get(each.id)
                classes.append(
                    {
                        "id": each.id,
                        "label": each.label,
                        "pictures": sum(len(take.pictures) for take in own),
                        "takes": [{"id": take.number, "pictures": len(take.pictures)} for take in own],
                        "map": None if found is None else found.mean_map.round(4).tolist(),
                        "warning": "" if found is None else found.warning(each.label),
                    }
                )
            accuracy = None if taught is None else taught.accuracy
            return {
                "classes": classes,
                "showing": None if self._open is None else self._open.class_id,
                "in_use": self._model is not None,
                "fitting": self._fitted_version != self._version,
                "accuracy": None
                if accuracy is None
                else {"right": accuracy.right_n, "takes": accuracy.known_n, "low": accuracy.low, "high": accuracy.high},
                "words": "" if taught is None else taught.accuracy_words,
                "message": self._message,
                "bytes": self.size_bytes,
                "limit_bytes": self._limit_bytes,
            }

    @property
    def _all_takes(self) -> list[TakeRecorder]:
        """The takes, with the one that runs."""
        return [*self._takes, *([] if self._open is None else [self._open])]

    def _new_id(self) -> int:
        number, self._next_id = self._next_id, self._next_id + 1
        return number

    def _initial_classes(self) -> list[_Class]:
        return [_Class(self._new_id(), label) for label in self._initial]

    def _find(self, class_id: int) -> _Class:
        for each in self._classes:
            if each.id == class_id:
                return each
        raise UsageError("there is no such class any more")

    def _drop(self, class_id: int) -> None:
        self._takes = [take for take in self._takes if take.class_id != class_id]
        if self._open is not None and self._open.class_id == class_id:
            self._open = None
        self._refit()

    def _end(self, message: str) -> None:
        with self._lock:
            self._message = message
            self.stop()

    def _end_if_abandoned(self) -> None:
        if self._open is not None and self._clock.now_ns() > self._lease_ns:
            self.stop()

    def _refit(self) -> None:
        self._version += 1
        self._run(self._learn)

    def _learn(self) -> None:
        """Fits what is there now; if that changes meanwhile, whoever changed it has another fit done."""
        with self._lock:
            version = self._version
            if version == self._fitted_version:
                return
            shown = {take.class_id for take in self._takes}
            classes = [(each.id, each.label) for each in self._classes if each.id in shown]
            order = {class_id: index for index, (class_id, _) in enumerate(classes)}
            takes = [take.as_take(order[take.class_id]) for take in self._takes]
        taught, model, message = None, None, ""
        if len(classes) > 1:
            try:
                of_network = self._base.model
                labels = [label for _, label in classes]
                taught = learn(takes, labels, of_network.classifier, of_network.digest)
                explainer = self._base.with_head(taught.head)
                model = LiveModel(explainer, LayerLoader(explainer, self._settings.notify, self._clock))
            except Exception as error:
                message = f"the fit failed: {(str(error).splitlines() or [repr(error)])[0]}"
                if not isinstance(error, LiveCamError):
                    _log.exception("fitting taught classes failed")
        with self._lock:
            if version != self._version:
                return
            self._fitted_version = version
            self._taught, self._taught_ids = taught, [class_id for class_id, _ in classes]
            self._message = message or self._message
            model = model if self._is_used else None
            if model is None:
                self._settings.use_classes(*self._own)
            else:
                classifier = model.explainer.classifier
                self._settings.use_classes(classifier.labels, tuple(classifier.layers))
            self._model = model
        self._settings.notify()
