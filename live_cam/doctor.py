"""Looking over a machine: is there all that live_cam needs?"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from live_cam.explain import weights
from live_cam.explain.npm import find_npm
from live_cam.sources.opening import first_camera

_PACKAGES = (
    "tensorflow",
    "openvino",
    "keras",
    "numpy",
    "opencv-python-headless",
    "av",
    "gradio",
    "uvicorn",
    "websockets",
)
_FREE_FLOOR_BYTES = 500_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at.

    Attributes:
        fine: Whether it is as it should be.
        needed: Whether live_cam can't do its main job without it.
        text: What was found and, if that is not fine, what to do.
    """

    fine: bool
    needed: bool
    text: str


def examine() -> list[Finding]:
    """Looks at Python, packages, weights, camera and disk; changes nothing and fetches nothing."""
    return [_python(), *map(_package, _PACKAGES), _weights(), _camera(), _accelerator(), _disk()]


def _python() -> Finding:
    fine = (3, 11) <= sys.version_info[:2] <= (3, 13)
    text = f"Python {platform.python_version()} on {platform.platform()}, {os.cpu_count()} processors"
    return Finding(fine, True, text if fine else f"{text}; live_cam runs on Python 3.11 to 3.13")


def _package(name: str) -> Finding:
    try:
        return Finding(True, True, f"{name} {version(name)}")
    except PackageNotFoundError:
        return Finding(False, True, f"{name} is not installed; run ./scripts/run or pip install live_cam")


def _weights() -> Finding:
    found = weights.find_local()
    if found is not None:
        return Finding(True, True, f"ImageNet weights in {found.path}, digest verified")
    npm = find_npm()
    way = f"npm is {npm}" if npm else "there is no npm; inside a virtual environment one is installed by itself"
    return Finding(False, False, f"no ImageNet weights on this machine yet; the first start fetches them ({way})")


def _camera() -> Finding:
    camera = first_camera()
    if camera is not None:
        return Finding(True, False, f"{camera.name} delivers pictures")
    return Finding(False, False, "no camera delivers a picture; `live-cam` will show the demo")


def _accelerator() -> Finding:
    tool = shutil.which("nvidia-smi")
    return Finding(True, False, f"NVIDIA driver tools at {tool}" if tool else "no NVIDIA GPU; the step runs on the CPU")


def _disk() -> Finding:
    folder = weights.cache_file().parent
    while not folder.exists():
        folder = folder.parent
    free_bytes = shutil.disk_usage(folder).free
    text = f"{free_bytes / 1e9:.1f} GB free for the weights in {folder}"
    fine = free_bytes >= _FREE_FLOOR_BYTES
    return Finding(fine, False, text if fine else f"{text}; fetching them takes 0.5 GB, so make room")
