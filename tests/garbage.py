"""Has the garbage collector look at what tests make, and not again and again at all that they import."""

import gc
import sys
from collections.abc import Iterator
from typing import Any

import pytest

_MANY_MODULES = 300

_frozen_n = 0


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[Any]:
    """Holds the collector back while modules are imported, and has it leave them alone from then on.

    They are 640,000 objects: a `gc.collect()` in a test takes half a second with them, and milliseconds without.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        _freeze()
        gc.enable()


def pytest_runtest_logfinish() -> None:
    """Leaves alone what a test has imported, too, if that is much, such as TensorFlow or Gradio."""
    if len(sys.modules) > _frozen_n + _MANY_MODULES:
        gc.collect()
        _freeze()


def _freeze() -> None:
    global _frozen_n
    gc.freeze()
    _frozen_n = len(sys.modules)
