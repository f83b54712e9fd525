"""Trying a device out in a thread of its own, so that a driver that blocks keeps nobody waiting."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from live_cam.errors import SourceError

_Result = TypeVar("_Result")


def run_probe(name: str, probe: Callable[[], _Result], limit_s: float) -> _Result:
    """Gives what `probe` gives, or gives up on it after `limit_s` seconds and leaves it to end by itself.

    Args:
        name: What a person calls that which is tried out.
        probe: Lets go of whatever it opened, even when nobody waits for it any more.
        limit_s: How long to wait.

    Raises:
        SourceError: The probe failed, in whichever way, or gave nothing in time.
    """
    outcomes: queue.Queue[tuple[_Result] | SourceError] = queue.Queue(1)

    def run() -> None:
        try:
            outcomes.put((probe(),))
        except SourceError as error:
            outcomes.put(error)
        except Exception as error:  # whatever a driver or a decoder raises
            outcomes.put(SourceError(f"{name} failed: {' '.join(str(error).split())}"))

    threading.Thread(target=run, name=f"probe {name}", daemon=True).start()
    try:
        outcome = outcomes.get(timeout=limit_s)
    except queue.Empty:
        raise SourceError(f"{name} gave no picture within {limit_s:.0f} s; is it blocked?") from None
    if isinstance(outcome, SourceError):
        raise outcome
    return outcome[0]
