"""OpenVINO's core, one for the process."""

from __future__ import annotations

from functools import cache

import openvino as ov


@cache
def core() -> ov.Core:
    """Returns the core, which stays until the process ends.

    On Linux each core gives a thread a stack for signals, and restores the one before when it goes. Where cores go in
    the order in which they came, that one is gone, too, and the next signal, such as Ctrl-C's, ends the process with a
    segmentation fault (2026.4).
    """
    return ov.Core()
