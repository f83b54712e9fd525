"""Point a camera at the world and watch, live, what a ResNet50 sees and where it looks."""

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
    from live_cam.explain.explainer import Explainer
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
    """Imports the rest on first access: `import live_cam` stays fast, and the command line gets its signals early."""
    if name == "__version__":
        from importlib.metadata import version

        return version("live_cam")
    if name == "Explainer":
        from live_cam.explain.explainer import Explainer

        return Explainer
    if name in ("ClassScore", "Explanation", "Frame", "Target"):
        from live_cam import types

        return getattr(types, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
