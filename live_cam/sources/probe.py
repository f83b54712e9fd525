"""Calls with a time limit, for drivers that may block."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from live_cam.errors import SourceError

_Result = TypeVar("_Result")


def run_probe(name: str, probe: Callable[[], _Result], limit_s: float) -> _Result:
    """Returns the result of `probe`, which runs in a thread of its own and is abandoned after `limit_s` seconds.

    Args:
        name: Display name of the probed source.
        probe: Opens the source, and closes it even if it returns too late.
        limit_s: How long to wait.

    Raises:
        SourceError: The probe failed in any way, or did not return in time.
    """
    outcomes: queue.Queue[tuple[_Result] | SourceError] = queue.Queue(1)

    def run() -> None:
        try:
            outcomes.put((probe(),))
        except SourceError as error:
            outcomes.put(error)
        except Exception as error:  # drivers and decoders may raise anything
            outcomes.put(SourceError(f"{name} failed: {' '.join(str(error).split())}"))

    threading.Thread(target=run, name=f"probe {name}", daemon=True).start()
    try:
        outcome = outcomes.get(timeout=limit_s)
    except queue.Empty:
        raise SourceError(f"{name} delivered no frame within {limit_s:.0f} s; it may be blocked or in use") from None
    if isinstance(outcome, SourceError):
        raise outcome
    return outcome[0]
