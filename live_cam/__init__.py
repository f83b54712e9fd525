"""Point a camera at the world and watch, live, what a classifier sees and where it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from live_cam.errors import (
    LiveCamError,
    ModelError,
    OutputError,
    ServeError,
    SourceError,
    UnknownLabelError,
    UnknownLayerError,
    UsageError,
    WeightsError,
)

if TYPE_CHECKING:
    from live_cam import metrics
    from live_cam.api.explainer import Explainer
    from live_cam.api.result import Result
    from live_cam.types import ClassScore, Explanation, Frame, Target

    __version__: str

__all__ = [
    "ClassScore",
    "Explainer",
    "Explanation",
    "Frame",
    "LiveCamError",
    "ModelError",
    "OutputError",
    "Result",
    "ServeError",
    "SourceError",
    "Target",
    "UnknownLabelError",
    "UnknownLayerError",
    "UsageError",
    "WeightsError",
    "__version__",
    "metrics",
]


def __getattr__(name: str) -> object:
    """Imports the rest on first access: `import live_cam` stays fast, and the command line gets its signals early."""
    if name == "__version__":
        from importlib.metadata import version

        return version("live_cam")
    if name == "Explainer":
        from live_cam.api.explainer import Explainer

        return Explainer
    if name == "Result":
        from live_cam.api.result import Result

        return Result
    if name in ("ClassScore", "Explanation", "Frame", "Target"):
        from live_cam import types

        return getattr(types, name)
    if name == "metrics":
        from importlib import import_module

        return import_module("live_cam.metrics")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
