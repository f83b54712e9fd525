"""Compiled steps by layers, within a number of bytes: the least recently used are dropped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from live_cam.errors import LiveCamError, NoTensorFlowError
from live_cam.explain.runtime.select import Step

Layers = tuple[str, ...]


class StepCache:
    """A step for each tuple of layers; the least recently used make room for new ones.

    `prepare` may run in one thread while another takes steps.
    """

    def __init__(self, make_step: Callable[[Layers], Step], first: Layers, max_bytes: int) -> None:
        """Starts empty.

        Args:
            make_step: Creates the step for some layers.
            first: The layers whose step is never dropped, and compiled even if it takes more than `max_bytes`.
            max_bytes: How much memory the steps may take.
        """
        self._make_step = make_step
        self._first = first
        self._max_bytes = max_bytes
        self._steps: dict[Layers, Step] = {}
        self._in_use = first
        self._changing = threading.Lock()
        self._preparing = threading.Lock()

    @property
    def first(self) -> Step:
        """The step that is never dropped, once it is prepared."""
        return self._steps[self._first]

    @property
    def memory_bytes(self) -> int:
        """What all steps take."""
        with self._changing:
            return self._memory_bytes()

    def is_ready(self, layers: Layers, num_targets: int = 1) -> bool:
        """Whether one call can explain these layers for K targets."""
        step = self._steps.get(layers)
        return step is not None and step.is_prepared(1, num_targets)

    def find(self, layers: Layers) -> Step | None:
        """Returns the step for some layers, if it was prepared."""
        return self._steps.get(layers)

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
            sizes: Numbers of frames and targets, (1, 1) among them, which comes first: the others may lack the memory.
                Without TensorFlow several frames are left out, and explained one by one, unless they were converted
                beforehand.
            frame_px: Height and width of the frames to expect.

        Raises:
            LiveCamError: It failed; a subclass if weights or layers are at fault.
        """
        try:
            with self._preparing:
                step = self._steps.get(layers) or self._make_step(layers)
                for size in sorted(sizes):
                    try:
                        step.prepare(*size, frame_px, lambda needed_bytes: self._make_room(layers, needed_bytes))
                    except NoTensorFlowError:
                        if size[0] == 1:
                            raise
                    with self._changing:
                        self._steps.pop(layers, None)
                        self._steps[layers] = step
        except LiveCamError:
            raise
        except Exception as error:  # the runtimes raise many types
            reason = (str(error).splitlines() or [repr(error)])[0]
            raise LiveCamError(f"preparing {'+'.join(layers)} failed: {reason}") from error

    def _make_room(self, layers: Layers, needed_bytes: int) -> None:
        """Drops steps until so many bytes are free.

        Raises:
            LiveCamError: The steps that are in use leave too few.
        """
        with self._changing:
            for unused in [each for each in self._steps if each not in (self._first, self._in_use, layers)]:
                if self._memory_bytes() + needed_bytes <= self._max_bytes:
                    break
                del self._steps[unused]
            if layers != self._first and self._memory_bytes() + needed_bytes > self._max_bytes:
                raise LiveCamError(
                    f"{'+'.join(layers)} takes {_megabytes(needed_bytes)} of memory, and the layers in use leave "
                    f"{_megabytes(max(0, self._max_bytes - self._memory_bytes()))}; give more with --max-memory"
                )

    def _memory_bytes(self) -> int:
        return sum(step.memory_bytes for step in self._steps.values())


def _megabytes(number: int) -> str:
    return f"{number / 1e6:.0f} MB"
