"""Settings that viewers share, and the targets that follow from them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final, Literal, get_args

from live_cam.models.labels import imagenet_labels
from live_cam.models.layers import DEFAULT_LAYER
from live_cam.render.colormaps import COLORMAPS
from live_cam.types import CLASSLESS_METHODS, CamConfig, ClassScore, Method, OverlayStyle, Style, Target

Mode = Literal["class", "contrast", "counterfactual", "side_by_side"]
"""Why A; why A and not B; what speaks against A; A and B side by side."""

_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "mode": get_args(Mode),
    "method": get_args(Method),
    "style": get_args(Style),
    "colormap": tuple(COLORMAPS),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """One consistent set of choices.

    Attributes:
        mode: What is explained about the classes A and B.
        target: The class A; None for the top class of each frame.
        other: The class B; None for the top class besides A.
        layer: The target layer; ignored by a method that prescribes its own.
        method: The saliency method.
        style: How the map is drawn.
        opacity: At the maximum of the map, 0..1.
        colormap: A name from `live_cam.render.colormaps.COLORMAPS`.
        frozen: Whether the view stays at one frame, so that it can be examined.
        running: Whether the source is open; False is the Stop button.
    """

    mode: Mode = "class"
    target: int | None = None
    other: int | None = None
    layer: str = DEFAULT_LAYER
    method: Method = "gradcam"
    style: Style = "heatmap"
    opacity: float = 0.7
    colormap: str = "viridis"
    frozen: bool = False
    running: bool = True

    @property
    def is_still(self) -> bool:
        """Whether one frame stays, whose own classes and map are to be seen."""
        return self.frozen or not self.running

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is one of {', '.join(choices)}, not {getattr(self, name)!r}")
        for name in ("target", "other"):
            index = getattr(self, name)
            if index is not None and not (type(index) is int and index >= 0):
                raise ValueError(f"{name} is the index of a class, or null, not {index!r}")
        for name in ("frozen", "running"):
            if type(getattr(self, name)) is not bool:
                raise ValueError(f"{name} is true or false, not {getattr(self, name)!r}")
        if not (type(self.opacity) in (int, float) and 0.0 <= self.opacity <= 1.0):
            raise ValueError(f"opacity lies in 0..1, not {self.opacity!r}")

    @property
    def cam_config(self) -> CamConfig:
        """Layer and method."""
        return CamConfig(self.layer, self.method)

    @property
    def overlay_style(self) -> OverlayStyle:
        """How to draw."""
        return OverlayStyle(self.style, self.opacity, self.colormap)


class SettingsStore:
    """The current settings: read by the threads before each frame, changed by the page.

    Attributes:
        initial: The settings at the start.
        layers: The layers that can be chosen.
        labels: The names of the classes that can be chosen.
        modes: The modes that can be chosen.
    """

    def __init__(
        self,
        initial: Settings = Settings(),
        layers: tuple[str, ...] = (DEFAULT_LAYER,),
        labels: Sequence[str] = imagenet_labels(),
        modes: tuple[Mode, ...] = get_args(Mode),
    ) -> None:
        self.initial = initial
        self.layers = layers
        self.labels = labels
        self.modes = modes
        self._current = initial
        self._revision = 0
        self._classes_revision = 0
        self._lock = threading.RLock()
        self._listeners: list[Callable[[], None]] = []

    @property
    def current(self) -> Settings:
        """The current settings."""
        return self._current

    @property
    def revision(self) -> int:
        """The number of changes so far."""
        return self._revision

    def change(self, /, **changes: Any) -> None:
        """Changes some settings, all of them or none, and notifies the listeners.

        Raises:
            ValueError: There is no such setting, or the value is invalid.
        """
        unknown = changes.keys() - {field.name for field in fields(Settings)}
        if unknown:
            raise ValueError(f"there is no setting {', '.join(map(ascii, sorted(unknown)))}")
        for name, choices in (("layer", self.layers), ("mode", self.modes)):
            if changes.get(name, choices[0]) not in choices:
                raise ValueError(f"{name} is one of {', '.join(choices)}, not {changes[name]!r}")
        with self._lock:
            before, after = self._current, replace(self._current, **changes)
            for name in ("target", "other"):
                if (getattr(after, name) or 0) >= len(self.labels):
                    raise ValueError(f"{name} is a class from 0 to {len(self.labels) - 1}, not {getattr(after, name)}")
            if after == before:
                return
            self._current = after
            self._revision += 1
        self.notify()

    def use_classes(self, labels: Sequence[str], layers: tuple[str, ...]) -> None:
        """Replaces the classes and layers that can be chosen; what was chosen of others is open again.

        `notify` has to follow, once frames are explained with them.
        """
        with self._lock:
            if (tuple(labels), layers) == (tuple(self.labels), self.layers):
                return
            self.labels, self.layers = labels, layers
            layer = self._current.layer if self._current.layer in layers else layers[0]
            self._current = replace(self._current, target=None, other=None, layer=layer)
            self._revision += 1
            self._classes_revision += 1

    def notify(self) -> None:
        """Calls the listeners."""
        for listener in tuple(self._listeners):
            listener()

    def describe(self) -> dict[str, Any]:
        """Returns the settings as JSON values, with their revision, and how often classes were replaced."""
        return {**asdict(self._current), "revision": self._revision, "classes": self._classes_revision}

    def add_listener(self, listener: Callable[[], None]) -> None:
        """Has `listener` called after each change, by the thread that made it."""
        self._listeners.append(listener)

    def remove_listener(self, listener: Callable[[], None]) -> None:
        """Undoes `add_listener`."""
        self._listeners = [other for other in self._listeners if other != listener]


def targets(settings: Settings, shown: Sequence[ClassScore], method: Method) -> list[Target]:
    """Returns the targets to explain: one, or two for two classes side by side.

    Open classes are filled from those shown, not from those of the single frame, so that the target does not flicker
    while two classes have about the same probability. An open class is never the one that was chosen for the other. No
    class is its own contrast: the second is then taken as open.

    Args:
        settings: What viewers chose.
        shown: The classes shown with the last frame, top first; none before the first frame, for which only the top
            class can be explained.
        method: The saliency method; a classless one has a single map for all targets.
    """
    if method in CLASSLESS_METHODS:
        return [Target(next((score.index for score in shown), None))]
    index, other = settings.target, settings.other
    if settings.mode in ("class", "counterfactual") or other == index:
        other = None
    if index is None:
        index = next((score.index for score in shown if score.index != other), None)
    if settings.mode == "counterfactual":
        return [Target(index, counterfactual=True)]
    if other is None:
        other = next((score.index for score in shown if score.index != index), None)
    if settings.mode == "class" or index is None or other is None:
        return [Target(index)]
    if settings.mode == "contrast":
        return [Target(index, other)]
    return [Target(index), Target(other)]
