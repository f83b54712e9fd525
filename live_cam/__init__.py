"""Point a camera at the world and watch, live, what a ResNet50 sees and where it looks."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from live_cam.errors import (
    LiveCamError,
    OutputError,
    ServeError,
    SourceError,
    UnknownLabelError,
    UnknownLayerError,
    UsageError,
    WeightsError,
)
from live_cam.types import ClassScore, Explanation, Frame, Target

if TYPE_CHECKING:
    from live_cam.explain.explainer import Explainer

__version__ = version("live_cam")

__all__ = [
    "ClassScore",
    "Explainer",
    "Explanation",
    "Frame",
    "LiveCamError",
    "OutputError",
    "ServeError",
    "SourceError",
    "Target",
    "UnknownLabelError",
    "UnknownLayerError",
    "UsageError",
    "WeightsError",
    "__version__",
]


def __getattr__(name: str) -> object:
    """Imports the explainer on first access, so that `import live_cam` stays fast."""
    if name == "Explainer":
        from live_cam.explain.explainer import Explainer

        return Explainer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
