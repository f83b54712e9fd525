"""What the demo shows, and when: photographs of what ImageNet knows, and one shortcut that ResNet50 took."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np

SCENE_S: Final = 6.0
"""How long most scenes last."""

_SHIPPED: Final = Path(__file__).parent / "photographs"

WRITING: Final = _SHIPPED / "writing.png"
"""A line of writing, whose grey values are its opacity."""


@dataclass(frozen=True, slots=True)
class Photograph:
    """A photograph, and which part of it is shown.

    Attributes:
        name: Its file, in `photographs` or among gradio's images.
        centre: The point that stays in the middle where the edges allow it, as fractions of width and height.
    """

    name: str
    centre: tuple[float, float] = (0.5, 0.5)

    @property
    def path(self) -> Path:
        """Its file, which may be missing."""
        shipped = _SHIPPED / self.name
        return shipped if shipped.is_file() else _gradio_images() / self.name


@dataclass(frozen=True, slots=True)
class Scene:
    """Photographs that are shown side by side.

    Attributes:
        photographs: One or two.
        duration_s: How long they are shown.
        writing: When a line of writing begins to fade in, is in, begins to fade out and is out, in seconds; None for
            no writing.
        caption: What happens, in a sentence; empty where the picture says it.
    """

    photographs: tuple[Photograph, ...]
    duration_s: float = SCENE_S
    writing: tuple[float, float, float, float] | None = None
    caption: str = ""

    def writing_opacity(self, elapsed_s: float) -> float:
        """Returns how far the writing is faded in, 0..1, so many seconds after the start of the scene."""
        return 0.0 if self.writing is None else float(np.interp(elapsed_s, self.writing, (0.0, 1.0, 1.0, 0.0)))


_LION: Final = Photograph("lion.jpg", (0.5, 0.0))

SHORTCUT: Final = Scene(
    (_LION,),
    18.0,
    writing=(2.5, 4.0, 15.5, 17.0),
    caption=(
        "A line of writing turns the lion into a carton: ResNet50 learnt it from watermarks (Li et al. 2023). "
        "Hide the writing with the pointer."
    ),
)
"""Li et al., "A Whac-A-Mole Dilemma: Shortcuts Come in Multiples Where Mitigating One Amplifies Others" (CVPR 2023):
networks take the watermarks of ImageNet's photographs of cartons for evidence of a carton."""

SCENES: Final = (
    Scene((_LION,)),
    Scene((Photograph("cheetah.jpg"),)),
    SHORTCUT,
    Scene((Photograph("coffee.jpg"),)),
    Scene((_LION, Photograph("cheetah1.jpg"))),
    Scene((Photograph("tripod.jpg"),)),
    Scene((Photograph("cat.jpg"),)),
)
"""In the order in which they are shown, again and again."""

DEMO_S: Final = sum(scene.duration_s for scene in SCENES)
"""How long the demo takes until it starts anew."""


def scene_at(time_s: float) -> tuple[Scene, float]:
    """Returns the scene that is shown so many seconds after the start of the demo, and how long it has been shown."""
    elapsed_s = time_s % DEMO_S
    for scene in SCENES[:-1]:
        if elapsed_s < scene.duration_s:
            return scene, elapsed_s
        elapsed_s -= scene.duration_s
    return SCENES[-1], elapsed_s


def _gradio_images() -> Path:
    # Located without importing gradio, which only `live_cam.web` may do.
    spec = find_spec("gradio")
    return Path((spec and spec.origin) or "").parent / "media_assets" / "images"
