"""The process on another machine that holds one compiled step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from live_cam import __version__
from live_cam.explain.base import ExplainerProtocol, describe
from live_cam.models.classifier import Classifier

MakeExplainer = Callable[[], ExplainerProtocol]
"""Creates the explainer of a process; pickled by reference."""


def describe_worker(explainer: ExplainerProtocol) -> dict[str, Any]:
    """Returns what the results of a machine depend on, as JSON values."""
    return {"live_cam": __version__, **describe(explainer)}


class ExplainerActor:
    """Explains on its machine; an actor of Ray, which starts it again there if it is killed.

    Attributes:
        progress: How much of the current work is done, 0..1; set by the function that works.
    """

    def __init__(self, make_explainer: MakeExplainer) -> None:
        self.progress = 0.0
        self._make_explainer = make_explainer
        self._explainer: ExplainerProtocol | None = None

    @property
    def explainer(self) -> ExplainerProtocol:
        """The explainer, created when it is first needed: an error of the constructor would lose its kind."""
        if self._explainer is None:
            self._explainer = self._make_explainer()
        return self._explainer

    def ready(self) -> tuple[dict[str, Any], Classifier]:
        """Compiles the step; returns what its results depend on, and the model."""
        return describe_worker(self.explainer), self.explainer.classifier

    def run(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Returns what a function returns for this actor and further arguments."""
        self.progress = 0.0
        try:
            return function(self, *arguments)
        finally:
            self.progress = 0.0

    def read_progress(self) -> float:
        """Returns the progress, while another thread works."""
        return self.progress
