"""Classes that viewers teach while the live view goes on; a reload of the page loses nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from live_cam.clock import MONOTONIC, Clock
from live_cam.errors import LiveCamError, UsageError
from live_cam.explain.base import ExplainerProtocol
from live_cam.pipeline.examples import Examples
from live_cam.pipeline.layer_loader import LayerLoader
from live_cam.pipeline.live_model import LiveModel
from live_cam.pipeline.settings import SettingsStore
from live_cam.pipeline.taught_takes import small_jpeg
from live_cam.teach.learn import Taught, learn
from live_cam.types import Frame

_log = logging.getLogger(__name__)

Run = Callable[[Callable[[], None]], object]
"""Has a function called, at once or later, one after the other."""


class Teaching(Examples):
    """What one audience teaches. `collect` and `model` are for the worker; any thread may call all of it."""

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
            limit_bytes: See `Examples`.
            clock: See `Examples`.
            labels: See `Examples`.
        """
        super().__init__(limit_bytes, clock, labels)
        self._base = explainer
        self._settings = settings
        self._own = settings.labels, settings.layers
        self._run = run
        self._version = 0
        self._fitted_version = 0
        self._taught: Taught | None = None
        self._taught_ids: list[int] = []
        self._is_used = True
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
        return super().add_class(label)

    def reset(self) -> None:
        """Starts over, with the classes of the start, and without examples."""
        with self._lock:
            self._is_used = True
            super().reset()

    def use(self, is_used: bool) -> None:
        """Answers in the taught classes, or again in the network's own, which leaves the examples."""
        with self._lock:
            self._is_used = is_used
            self._on_change()

    def collect(self, frame: Frame) -> None:
        """Adds a frame that was just explained to the take that runs, if the last one is old enough."""
        take = self.due_take(frame)
        if take is None:
            return
        try:
            (activation,) = self._base.activations([frame])
        except LiveCamError as error:
            self.end(str(error))
            return
        self.add(take, activation, small_jpeg(frame.rgb))

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
            state, taught = super().describe(), self._taught
            evidence = {} if taught is None else dict(zip(self._taught_ids, taught.evidence, strict=True))
            for each in state["classes"]:
                found = evidence.get(each["id"])
                each["map"] = None if found is None else found.mean_map.round(4).tolist()
                each["warning"] = "" if found is None else found.warning(each["label"])
            accuracy = None if taught is None else taught.accuracy
            return state | {
                "in_use": self._model is not None,
                "fitting": self._fitted_version != self._version,
                "accuracy": None
                if accuracy is None
                else {"right": accuracy.right_n, "takes": accuracy.known_n, "low": accuracy.low, "high": accuracy.high},
                "words": "" if taught is None else taught.accuracy_words,
            }

    def _on_change(self) -> None:
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
