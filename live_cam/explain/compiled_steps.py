"""The steps of the layers that were looked at, compiled and ready."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Final

from live_cam.errors import LiveCamError
from live_cam.explain.runtimes import Step

Layers = tuple[str, ...]

_MOST_STEPS: Final = 6
"""As many as the page offers, so that visitors don't take them from each other; each takes 250 MiB."""


class CompiledSteps:
    """A step for each set of layers, up to a number; one that nobody has used for longest makes room for the next.

    `prepare` may run in one thread while another takes steps.
    """

    def __init__(self, make_step: Callable[[Layers], Step], first: Layers, most: int = _MOST_STEPS) -> None:
        """Makes no step yet.

        Args:
            make_step: Makes the step for some layers.
            first: The layers whose step stays for good.
            most: How many steps are kept.
        """
        self._make_step = make_step
        self._first = first
        self._most = most
        self._steps: dict[Layers, Step] = {}
        self._in_use = first
        self._changing = threading.Lock()
        self._preparing = threading.Lock()

    @property
    def first(self) -> Step:
        """The step that stays, once it is prepared."""
        return self._steps[self._first]

    def is_ready(self, layers: Layers, targets_k: int = 1) -> bool:
        """Tells whether one call can explain these layers for so many targets."""
        step = self._steps.get(layers)
        return step is not None and step.is_prepared(1, targets_k)

    def take(self, layers: Layers) -> Step:
        """Gives the step for some layers, which are in use from now on.

        Raises:
            LiveCamError: It was not prepared.
        """
        with self._changing:
            if layers not in self._steps:
                raise LiveCamError(f"{'+'.join(layers)} is not ready to be explained; it has to be prepared first")
            self._in_use = layers
            self._steps[layers] = step = self._steps.pop(layers)
            return step

    def prepare(self, layers: Layers, sizes: Iterable[tuple[int, int]], frame_px: tuple[int, int]) -> None:
        """Makes and compiles the step for some layers, as far as it isn't; takes seconds.

        Args:
            layers: The layers.
            sizes: The numbers of frames and targets, one frame and one target among them.
            frame_px: Height and width of the frames that will come.

        Raises:
            LiveCamError: It failed; of a kind of its own where weights or layers are at fault.
        """
        try:
            with self._preparing:
                step = self._steps.get(layers) or self._make_step(layers)
                for size in sizes:
                    step.prepare(*size, frame_px)
        except LiveCamError:
            raise
        except Exception as error:  # of the runtimes, whose kinds are many
            reason = (str(error).splitlines() or [repr(error)])[0]
            raise LiveCamError(f"{'+'.join(layers)} can't be prepared: {reason}") from error
        with self._changing:
            self._steps.pop(layers, None)
            self._steps[layers] = step
            unused = [each for each in self._steps if each not in (self._first, self._in_use, layers)]
            for each in unused[: max(0, len(self._steps) - self._most)]:
                del self._steps[each]
