"""Tests a container image as it runs, without a network; `scripts/image` calls it.

    python -m scripts.container.check TENSORFLOW BUILDAH...

TENSORFLOW is the argument that the image was built with, and BUILDAH the command that knows the image. It prints size,
time to the first healthy answer, and time from SIGTERM to the end, and fails where one is over its limit.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

_TOKEN: Final = "token-of-this-check"
_HEADERS: Final = {"Authorization": f"Bearer {_TOKEN}"}
_PAGE: Final = "http://127.0.0.1:7860"
_PYTHON: Final = b"/opt/live_cam/bin/python"
_LIMITS_GB: Final = {"none": 2.2}
_START_LIMIT_S: Final = 10.0
_STOP_LIMIT_S: Final = 2.0
_WAIT_S: Final = 120.0
_POLL_S: Final = 0.05


class Container:
    """A container of an image, in which commands run one after the other."""

    def __init__(self, buildah: Sequence[str], image: str) -> None:
        self._buildah = buildah
        self._name = self._output("from", image)

    def command(self, *words: str) -> list[str]:
        """Returns the command line that runs a command in the container."""
        run = ["run", "--isolation", "chroot", f"--env=LIVE_CAM_TOKEN={_TOKEN}", self._name, "--"]
        return [*self._buildah, *run, *words]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end."""
        return subprocess.run(self.command(*words), capture_output=True, text=True, check=False)

    def remove(self) -> None:
        """Removes it."""
        self._output("rm", self._name)

    def _output(self, *words: str) -> str:
        return subprocess.run([*self._buildah, *words], capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    tensorflow, *buildah = sys.argv[1:]
    image = f"localhost/live_cam:{tensorflow}"
    listed = subprocess.run([*buildah, "images", "--json", image], capture_output=True, text=True, check=True).stdout
    size, unit = json.loads(listed)[0]["size"].split()
    _report("size", f"{size} {unit}", unit == "GB" and float(size) <= _LIMITS_GB.get(tensorflow, float("inf")))
    container = Container(buildah, image)
    try:
        user = container.run("id", "-u")
        _report("user", (user.stdout or user.stderr).strip(), user.stdout.strip() not in ("", "0"))
        _report("npm", "none", container.run("sh", "-c", "command -v npm node").stdout == "")
        with _serving(container, "demo", "demo") as (_, start_s):
            _report("two sources", f"healthy after {start_s:.1f} s, read from the disk", True)
        with _serving(container, "demo") as (process, start_s):
            _report("one source", f"healthy after {start_s:.1f} s", start_s <= _START_LIMIT_S)
            _report("HEALTHCHECK", "healthy", _health(container) == 0)
            _report("page", "served", b"live_cam" in _get("/"))
            for layer in json.loads(_get("/choices"))["layer"]:
                _report("layer", layer, _explains({"layer": layer}))
            _report("layer", "fused", _explains({"method": "layercam-fused"}))
            stop_s, status = _stop(process)
            _report("SIGTERM", f"status {status} after {stop_s:.2f} s", status == 0 and stop_s <= _STOP_LIMIT_S)
            _report("HEALTHCHECK", "unhealthy", _health(container) == 1)
        lacking = container.run("live-cam", "layers").stderr.partition("\n")[0]
        if tensorflow == "none":
            _report("no TensorFlow", lacking, lacking.startswith("live-cam: there is no TensorFlow here"))
    finally:
        container.remove()


@contextmanager
def _serving(container: Container, *sources: str) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """Starts live-cam and yields its process with the seconds until it was healthy; ends it."""
    start_s = time.monotonic()
    process = subprocess.Popen(container.command("live-cam", *sources, "--host", "0.0.0.0", "--no-open"))
    try:
        _wait(lambda: process.poll() is None and _status("/healthz") == 200)
        yield process, time.monotonic() - start_s
    finally:
        if process.poll() is None:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> tuple[float, int]:
    """Sends SIGTERM to live-cam in the container; returns the seconds that it took to end, and its exit status."""
    start_s = time.monotonic()
    os.kill(_find_python(process.pid), signal.SIGTERM)
    return (process.wait(_WAIT_S), time.monotonic() - start_s)[::-1]


def _find_python(pid: int) -> int:
    """Returns the first process below `pid` that runs the container's Python."""
    waiting = [pid]
    for each in waiting:
        if Path(f"/proc/{each}/cmdline").read_bytes().startswith(_PYTHON):
            return each
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            waiting.extend(map(int, children.read_text().split()))
    raise SystemExit("live-cam does not run")


def _health(container: Container) -> int:
    return container.run("python", "/opt/healthcheck.py").returncode


def _explains(change: dict[str, str]) -> bool:
    """Changes a setting, and returns whether the overlays follow."""
    request = urllib.request.Request(f"{_PAGE}/settings", json.dumps(change).encode(), _HEADERS, method="PATCH")
    urllib.request.urlopen(request, timeout=_WAIT_S).close()
    return _wait(lambda: change.items() <= _shown().items())


def _shown() -> dict[str, Any]:
    """Returns the data of the newest overlay."""
    request = urllib.request.Request(f"{_PAGE}/frame.jpg?after=-1", headers=_HEADERS)
    with urllib.request.urlopen(request, timeout=_WAIT_S) as response:
        shown: dict[str, Any] = json.loads(response.headers["X-Live-Cam"])
        return shown


def _get(path: str) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(_PAGE + path, headers=_HEADERS), timeout=_WAIT_S) as response:
        content: bytes = response.read()
        return content


def _status(path: str) -> int:
    try:
        with urllib.request.urlopen(_PAGE + path, timeout=_WAIT_S) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def _wait(is_so: Callable[[], bool]) -> bool:
    """Waits until something is so; returns whether it became so in time."""
    deadline_s = time.monotonic() + _WAIT_S
    while not is_so():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(_POLL_S)
    return True


def _report(what: str, found: str, is_good: bool) -> None:
    print(f"{'ok    ' if is_good else 'FAILED'} {what:<14} {found}", flush=True)
    if not is_good:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
