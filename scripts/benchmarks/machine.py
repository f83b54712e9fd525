"""The machine of a measurement."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "amx_int8", "asimd", "bf16")
_PACKAGES = (
    "live_cam",
    "numpy",
    "opencv-python-headless",
    "openvino",
    "tensorflow",
    "keras",
    "gradio",
    "uvicorn",
    "websockets",
    "torch",
    "torchvision",
    "grad-cam",
    "torchcam",
    "captum",
    "tf-keras-vis",
    "tf-explain",
    "xplique",
)
_GPU_LIMIT_S = 20


def describe_machine() -> dict[str, Any]:
    """Returns processor, memory, GPU, system, Python and packages, as plain values for JSON."""
    return {
        "cpu": _cpu_fields().get("model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "cores_usable": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "cpu_flags": [flag for flag in _FLAGS if flag in _cpu_flags()],
        "memory_gib": _memory_gib(),
        "load_1min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "gpus": _gpus(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: installed for name in _PACKAGES if (installed := _version(name)) is not None},
    }


def _cpu_fields() -> dict[str, str]:
    """Returns the fields of the first processor in /proc/cpuinfo; none on systems without it."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _cpu_flags() -> set[str]:
    fields = _cpu_fields()
    return set((fields.get("flags") or fields.get("Features") or "").split())


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, OSError, ValueError):
        return None


def _gpus() -> list[str]:
    """Returns a line for each NVIDIA GPU: name, memory, driver."""
    if shutil.which("nvidia-smi") is None:
        return []
    command = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_GPU_LIMIT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return result.stdout.strip().splitlines()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
