"""Compiled steps by layers, the least recently used of which are dropped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Final

from live_cam.errors import LiveCamError
from live_cam.explain.runtime.select import Step

Layers = tuple[str, ...]

_MAX_STEPS: Final = 6
"""As many as the page offers, so that visitors don't evict each other's; each takes 340 to 410 MiB in float32."""


class StepCache:
    """A step for each tuple of layers, up to a maximum number; the least recently used is dropped for a new one.

    `prepare` may run in one thread while another takes steps.
    """

    def __init__(self, make_step: Callable[[Layers], Step], first: Layers, max_steps: int = _MAX_STEPS) -> None:
        """Starts empty.

        Args:
            make_step: Creates the step for some layers.
            first: The layers whose step is never dropped.
            max_steps: How many steps are kept.
        """
        self._make_step = make_step
        self._first = first
        self._max_steps = max_steps
        self._steps: dict[Layers, Step] = {}
        self._in_use = first
        self._changing = threading.Lock()
        self._preparing = threading.Lock()

    @property
    def first(self) -> Step:
        """The step that is never dropped, once it is prepared."""
        return self._steps[self._first]

    def is_ready(self, layers: Layers, num_targets: int = 1) -> bool:
        """Whether one call can explain these layers for K targets."""
        step = self._steps.get(layers)
        return step is not None and step.is_prepared(1, num_targets)

    def take(self, layers: Layers) -> Step:
        """Returns the step for some layers, which count as in use from now on.

        Raises:
            LiveCamError: It was not prepared.
        """
        with self._changing:
            if layers not in self._steps:
                raise LiveCamError(f"{'+'.join(layers)} is not ready; call prepare() first")
            self._in_use = layers
            self._steps[layers] = step = self._steps.pop(layers)
            return step

    def prepare(self, layers: Layers, sizes: Iterable[tuple[int, int]], frame_px: tuple[int, int]) -> None:
        """Creates and compiles the step for some layers, as far as it isn't; takes seconds.

        Args:
            layers: The layers.
            sizes: Numbers of frames and targets, (1, 1) among them.
            frame_px: Height and width of the frames to expect.

        Raises:
            LiveCamError: It failed; a subclass if weights or layers are at fault.
        """
        try:
            with self._preparing:
                step = self._steps.get(layers) or self._make_step(layers)
                for size in sizes:
                    step.prepare(*size, frame_px)
        except LiveCamError:
            raise
        except Exception as error:  # the runtimes raise many types
            reason = (str(error).splitlines() or [repr(error)])[0]
            raise LiveCamError(f"preparing {'+'.join(layers)} failed: {reason}") from error
        with self._changing:
            self._steps.pop(layers, None)
            self._steps[layers] = step
            unused = [each for each in self._steps if each not in (self._first, self._in_use, layers)]
            for each in unused[: max(0, len(self._steps) - self._max_steps)]:
                del self._steps[each]
