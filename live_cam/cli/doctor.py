"""Checks of a machine: does it have all that live_cam needs?"""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import requires
from pathlib import Path

import live_cam
from live_cam.cli.quiet import quiet_native_stderr
from live_cam.errors import NoTensorFlowError
from live_cam.models.weights.npm import install_command
from live_cam.tensorflow_package import has_tensorflow, installed_version

_MODULES = {
    "numpy": "numpy",
    "opencv-python-headless": "cv2",
    "av": "av",
    "openvino": "live_cam.explain.runtime.openvino_step",
    "tensorflow": "tensorflow",
    "gradio": "gradio",
    "uvicorn": "uvicorn",
    "websockets": "websockets",
}
"""The packages needed, each with the module whose import shows that it works."""

_MIN_FREE_BYTES = 500_000_000
_DRIVER_LIMIT_S = 20


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check.

    Attributes:
        ok: Whether it passed.
        needed: Whether live_cam can't run without it.
        text: What was found and, if it failed, what to do.
    """

    ok: bool
    needed: bool
    text: str


def run_checks() -> Iterator[Check]:
    """Checks Python, packages, weights, camera, accelerator and disk, one by one; changes and downloads nothing."""
    yield _python()
    is_complete = True
    for name, module in _MODULES.items():
        package = _package(name, module)
        is_complete &= package.ok or not package.needed
        yield package
    if not is_complete:
        return  # the other checks use the packages
    for check in (_weights, _camera, _accelerator):
        yield check()
    yield from _measured_devices()
    yield _disk()


def _python() -> Check:
    return Check(
        True, True, f"Python {platform.python_version()} on {platform.platform()}, {os.cpu_count()} processors"
    )


def _package(name: str, module: str) -> Check:
    if name == "tensorflow" and not has_tensorflow():
        return Check(False, False, str(NoTensorFlowError()))
    try:
        with quiet_native_stderr():
            import_module(module)
        return Check(True, True, f"{name} {installed_version(name)}")
    except Exception as error:  # an import runs any code of the package's
        reason = (str(error).splitlines() or [repr(error)])[0]
        command = shlex.join([*(install_command() or ["pip", "install"]), "--force-reinstall", _requirement(name)])
        return Check(False, True, f"{name} does not import ({reason}); install it again: {command}")


def _requirement(name: str) -> str:
    """Returns a package with the versions of it that live_cam takes."""
    return next((each for each in requires("live_cam") or () if re.fullmatch(rf"{name}[^\w-].*", each)), name)


def _is_checkout() -> bool:
    """Whether live_cam runs from its sources, which have scripts that install it."""
    return (Path(live_cam.__file__).parents[1] / "scripts" / "run").is_file()


def _weights() -> Check:
    from live_cam.models.weights.find import find_local
    from live_cam.models.weights.npm import find_npm

    found = find_local()
    if found is not None:
        return Check(True, True, f"ImageNet weights in {found.path}, digest verified")
    npm = find_npm()
    origin = f"npm is {npm}" if npm else "there is no npm; inside a virtual environment it is installed automatically"
    return Check(False, False, f"no ImageNet weights on this machine yet; the first start downloads them ({origin})")


def _camera() -> Check:
    from live_cam.sources.factory import first_camera

    camera = first_camera()
    if camera is not None:
        return Check(True, False, f"{camera.name} delivers frames")
    return Check(False, False, "no camera delivers a frame; `live-cam` will show the demo")


def _accelerator() -> Check:
    from live_cam.explain.runtime.openvino_step import devices
    from live_cam.explain.runtime.select import gpu_available

    if gpu_available():
        return Check(True, False, "TensorFlow finds an NVIDIA GPU; the network runs there")
    unused = _nvidia_gpu()
    if unused:
        script = " (./scripts/run does so)" if _is_checkout() else ""
        cure = f"on Linux, `pip install 'live_cam[cuda]'` installs what TensorFlow needs for it{script}"
        return Check(False, False, f"{unused} is there and unused; {cure}")
    found = ", ".join(devices())
    text = f"TensorFlow finds no NVIDIA GPU; the network runs on the CPU, with OpenVINO, which finds {found} (--device)"
    return Check(True, False, text)


def _nvidia_gpu() -> str:
    """Returns the name of the first GPU that NVIDIA's driver finds; empty without driver or GPU."""
    try:
        command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=_DRIVER_LIMIT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return result.stdout.partition("\n")[0].strip()


def _measured_devices() -> list[Check]:
    from live_cam.explain.runtime.device_choice import describe, remembered
    from live_cam.models.weights.find import cache_file

    found = remembered(cache_file().parent)
    return [Check(True, False, f"{model} was measured: {describe(timings)}") for model, timings in found]


def _disk() -> Check:
    from live_cam.models.weights.find import cache_file

    folder = cache_file().parent
    while not folder.exists():
        folder = folder.parent
    free_bytes = shutil.disk_usage(folder).free
    text = f"{free_bytes / 1e9:.1f} GB free in {folder} for weights and converted networks"
    if free_bytes >= _MIN_FREE_BYTES:
        return Check(True, False, text)
    need = "98 MB of weights, and 98 to 174 MB for each layer and precision used"
    return Check(False, False, f"{text}; free some space, as the cache holds {need}")
