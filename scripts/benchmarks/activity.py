"""What the people in front of a page do: they come and go, choose layers and questions, and record."""

from __future__ import annotations

import itertools
import json
import threading
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from live_cam.models.layers import LAYER_NOTES
from scripts.benchmarks.child import Child

_MODES = ("class", "contrast", "counterfactual", "side_by_side")
_METHODS = ("gradcam", "layercam", "layercam-fused", "hirescam", "eigencam")
_MAX_VIEWERS = 3


class Activity(threading.Thread):
    """Changes something at an interval until the end of a `with` statement.

    Each time it chooses another layer, method or mode; every second time a viewer comes, or all leave; every third time
    a recording starts, or stops and is deleted.
    """

    def __init__(self, address: str, recordings: Path, interval_s: float = 10.0) -> None:
        """Prepares the thread.

        Args:
            address: HOST:PORT of live-cam.
            recordings: Its folder of recordings.
            interval_s: The pause between two changes.
        """
        super().__init__(name="activity", daemon=True)
        self.failure: Exception | None = None
        self._address = address
        self._recordings = recordings
        self._interval_s = interval_s
        self._ended = threading.Event()
        self._viewers = ExitStack()

    def __enter__(self) -> Activity:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self.join()
        self._viewers.close()

    def run(self) -> None:
        """Keeps the first failure in `failure`, and ends with it."""
        try:
            for number in itertools.count(1):
                if self._ended.wait(self._interval_s):
                    return
                self._act(number)
        except Exception as error:
            self.failure = error

    def _act(self, number: int) -> None:
        choice = {
            "layer": tuple(LAYER_NOTES)[number % len(LAYER_NOTES)],
            "method": _METHODS[number % len(_METHODS)],
            "mode": _MODES[number // 2 % len(_MODES)],
        }
        self._request("PATCH", "/settings", json.dumps(choice).encode())
        if number % 2 == 0:
            if number // 2 % (_MAX_VIEWERS + 1):
                self._viewers.enter_context(Child("-m", "scripts.benchmarks.viewers", self._address, "1"))
            else:
                self._viewers.close()
        if number % 6 == 3:
            self._request("POST", "/recordings?view=both")
        elif number % 6 == 0:
            self._request("POST", "/recordings/stop")
        elif number % 6 == 2:
            for file in self._recordings.glob("*"):
                file.unlink()

    def _request(self, method: str, path: str, body: bytes | None = None) -> None:
        request = urllib.request.Request(f"http://{self._address}{path}", body, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            response.read()
