"""Point a camera at the world and watch, live, what a classifier sees and where it looks."""

from __future__ import annotations

TYPE_CHECKING = False  # that of `typing`, whose import would take longer than all of this module
if TYPE_CHECKING:
    from live_cam import metrics
    from live_cam.api.explainer import Explainer
    from live_cam.api.result import Result
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

_MODULES = {
    "Explainer": "live_cam.api.explainer",
    "Result": "live_cam.api.result",
    **dict.fromkeys(("ClassScore", "Explanation", "Frame", "Target"), "live_cam.types"),
    **dict.fromkeys((name for name in __all__ if name.endswith("Error")), "live_cam.errors"),
}


def __getattr__(name: str) -> object:
    """Imports the rest on first access: `import live_cam` stays fast, and the command line gets its signals early."""
    if name == "__version__":
        from importlib.metadata import version

        return version("live_cam")
    from importlib import import_module

    if name == "metrics":
        return import_module("live_cam.metrics")
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
