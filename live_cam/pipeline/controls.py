"""What viewers may turn, shared by all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final, Literal, get_args

from live_cam.explain import DEFAULT_LAYER
from live_cam.explain.labels import imagenet_labels
from live_cam.frame import Lens, Look, Method, Style
from live_cam.render.colormaps import COLORMAPS

Question = Literal["why", "versus", "against", "beside"]
"""Why A; why A and not B; what speaks against A; A and B side by side."""

_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "question": get_args(Question),
    "method": get_args(Method),
    "style": get_args(Style),
    "colormap": tuple(COLORMAPS),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """One consistent set of choices.

    Attributes:
        question: What is asked about the classes A and B.
        target: The class A; None for the likeliest class of each frame.
        other: The class B; None for the likeliest besides A.
        layer: The activation explained; not asked for by a method that prescribes its own.
        method: The saliency method.
        style: How the map is painted.
        opacity: Of the painting at the map's strongest place, 0..1.
        colormap: A name out of `live_cam.render.colormaps.COLORMAPS`.
        frozen: Whether the picture stands still, so that more can be asked about it.
        running: Whether the source is open; False is the stop button.
    """

    question: Question = "why"
    target: int | None = None
    other: int | None = None
    layer: str = DEFAULT_LAYER
    method: Method = "gradcam"
    style: Style = "heatmap"
    opacity: float = 0.7
    colormap: str = "viridis"
    frozen: bool = False
    running: bool = True

    def __post_init__(self) -> None:
        for name, choices in _WORDS.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is one of {', '.join(choices)}, not {getattr(self, name)!r}")
        for name in ("target", "other"):
            index = getattr(self, name)
            if index is not None and not (type(index) is int and 0 <= index < len(imagenet_labels())):
                raise ValueError(f"{name} is the number of a class, or null, not {index!r}")
        for name in ("frozen", "running"):
            if type(getattr(self, name)) is not bool:
                raise ValueError(f"{name} is true or false, not {getattr(self, name)!r}")
        if not (type(self.opacity) in (int, float) and 0.0 <= self.opacity <= 1.0):
            raise ValueError(f"opacity lies in 0..1, not {self.opacity!r}")

    @property
    def lens(self) -> Lens:
        """What to look through."""
        return Lens(self.layer, self.method)

    @property
    def look(self) -> Look:
        """How to paint."""
        return Look(self.style, self.opacity, self.colormap)


class Controls:
    """The settings in force; read by the threads before each frame, changed by the page.

    Attributes:
        initial: The settings of the start.
        layers: The layers that may be chosen.
    """

    def __init__(self, initial: Settings = Settings(), layers: tuple[str, ...] = (DEFAULT_LAYER,)) -> None:
        self.initial = initial
        self.layers = layers
        self._settings = initial
        self._revision = 0
        self._changing = threading.RLock()
        self._listeners: list[Callable[[], None]] = []

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._settings

    @property
    def revision(self) -> int:
        """How often they have changed."""
        return self._revision

    def change(self, /, **changes: Any) -> None:
        """Changes some settings, all of them or none, and tells the listeners.

        Raises:
            ValueError: There is no such setting, or it can't have that value.
        """
        unknown = changes.keys() - {field.name for field in fields(Settings)}
        if unknown:
            raise ValueError(f"there is no setting {', '.join(map(ascii, sorted(unknown)))}")
        if changes.get("layer", self.layers[0]) not in self.layers:
            raise ValueError(f"layer is one of {', '.join(self.layers)}, not {changes['layer']!r}")
        with self._changing:
            before, self._settings = self._settings, replace(self._settings, **changes)
            if self._settings == before:
                return
            self._revision += 1
        for listener in tuple(self._listeners):
            listener()

    def describe(self) -> dict[str, Any]:
        """Gives the settings as plain values, with their revision, for JSON."""
        return {**asdict(self._settings), "revision": self._revision}

    def listen(self, listener: Callable[[], None]) -> None:
        """Has `listener` called after each change, by the thread that made it."""
        self._listeners.append(listener)

    def forget(self, listener: Callable[[], None]) -> None:
        """Ends what `listen` began; once is enough."""
        self._listeners = [other for other in self._listeners if other != listener]
