"""What viewers may turn, shared by all of them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

from live_cam.frame import Target
from live_cam.render.colormaps import COLORMAPS, DEFAULT_COLORMAP
from live_cam.render.overlay import DEFAULT_OPACITY


@dataclass(frozen=True, slots=True)
class Settings:
    """One consistent set of choices.

    Attributes:
        target: What to explain.
        opacity: Of the heat map at its strongest place, 0..1.
        colormap: A name out of `live_cam.render.colormaps.COLORMAPS`.
        running: Whether the source is open; False is the stop button.
    """

    target: Target = field(default_factory=Target)
    opacity: float = DEFAULT_OPACITY
    colormap: str = DEFAULT_COLORMAP
    running: bool = True

    def __post_init__(self) -> None:
        if not 0.0 <= self.opacity <= 1.0:
            raise ValueError(f"opacity lies in 0..1, not {self.opacity}")
        if self.colormap not in COLORMAPS:
            raise ValueError(f"there is no colour map {self.colormap!r}; there are {', '.join(COLORMAPS)}")


class Controls:
    """The settings in force; read by the threads before each frame, changed by the page."""

    def __init__(self) -> None:
        self._settings = Settings()
        self._changing = threading.Lock()

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._settings

    def set_target(self, target: Target) -> None:
        """Chooses what to explain."""
        self._set(target=target)

    def set_opacity(self, opacity: float) -> None:
        """Chooses how opaque the heat map is, 0..1."""
        self._set(opacity=opacity)

    def set_colormap(self, colormap: str) -> None:
        """Chooses the colours."""
        self._set(colormap=colormap)

    def set_running(self, running: bool) -> None:
        """Opens or closes the source."""
        self._set(running=running)

    def _set(self, **changes: object) -> None:
        with self._changing:
            self._settings = replace(self._settings, **changes)  # type: ignore[arg-type]  # each setter types its own
