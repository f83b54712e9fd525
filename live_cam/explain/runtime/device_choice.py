"""Which of OpenVINO's devices explains a model fastest on this machine, measured once for both."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from live_cam.child_task import run_task
from live_cam.errors import LiveCamError
from live_cam.explain.runtime.measurements import all_measured, measure_once
from live_cam.explain.runtime.openvino_step import device_names
from live_cam.explain.saliency.agreement import correlation
from live_cam.models.model import Model
from live_cam.types import Auto, Precision, Score

_log = logging.getLogger(__name__)

MIN_CORRELATION: Final = 0.999
"""Of the maps with those of the CPU in float32; a device below it is not used."""

_KIND: Final = "devices"
_MODULE: Final = "live_cam.explain.runtime.device_process"  # it runs as __main__


@dataclass(frozen=True, slots=True)
class DeviceTiming:
    """What a device reached.

    Attributes:
        device: OpenVINO's name of it, such as `GPU.1`.
        name: What it is.
        step_ms: Median time of a frame; None if it failed.
        map_correlation: The least correlation of its maps of five pictures with those of the CPU in float32.
        problem: Why it is not used; empty if it may be.
    """

    device: str
    name: str
    step_ms: float | None = None
    map_correlation: float | None = None
    problem: str = ""


def fastest_device(model: Model, score: Score, precision: Precision | Auto, cache: Path) -> str:
    """Returns the device to explain a model with; where there are several, the first call measures them.

    Each is measured in a process of its own, since drivers may crash.

    Args:
        model: What to explain; one in memory is explained on the CPU.
        score: What is differentiated.
        precision: What to compute in; `auto` is the fastest that each device supports.
        cache: The directory that keeps what was measured.
    """
    names = device_names()
    if len(names) == 1 or model.file is None:
        return "CPU"
    depends_on = [version("openvino"), *names, *names.values(), model.digest, repr(model.classifier), score, precision]

    def measure() -> dict[str, Any]:
        timings = _measure(model, score, precision, names)
        _log.warning("%s: %s", model.classifier.name, describe(timings))
        return {"model": model.classifier.name, "devices": [asdict(each) for each in timings]}

    _, timings = measure_once(cache, _KIND, depends_on, measure, _parse)
    return _best(timings).device


def remembered(cache: Path) -> Iterator[tuple[str, list[DeviceTiming]]]:
    """Yields what was measured on this machine: the name of each model with its devices."""
    return all_measured(cache, _KIND, _parse)


def describe(timings: list[DeviceTiming]) -> str:
    """Returns one line: which device is used, and what each reached."""
    each = (
        f"{timing.device} ({timing.name}) "
        + (f"is left out, since {timing.problem}" if timing.problem else f"takes {timing.step_ms:.1f} ms a frame")
        for timing in timings
    )
    return f"explained on {_best(timings).device}; {'; '.join(each)}"


def _best(timings: list[DeviceTiming]) -> DeviceTiming:
    usable = [timing for timing in timings if not timing.problem and timing.step_ms is not None]
    return min(usable, key=lambda timing: timing.step_ms or 0.0, default=timings[0])


def _measure(model: Model, score: Score, precision: Precision | Auto, names: dict[str, str]) -> list[DeviceTiming]:
    """Measures the CPU, which is never left out, and then the other devices."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        path.write_bytes(pickle.dumps((model, score)))  # for a child of this process, in a folder of its own

        def run(device: str, in_precision: Precision | Auto) -> dict[str, Any]:
            result: dict[str, Any] = run_task(_MODULE, [str(path), device, in_precision], f"measuring {device}")
            return result

        exact = run("CPU", "float32")
        timings = []
        for device in sorted(names, key=lambda device: device != "CPU"):
            try:
                found = run(device, precision)
            except (LiveCamError, OSError) as error:
                timings.append(DeviceTiming(device, names[device], problem=str(error)))
                continue
            pairs = zip(found["maps"], exact["maps"], strict=True)
            least = min(correlation(np.array(one, np.float32), np.array(other, np.float32)) for one, other in pairs)
            agrees = device == "CPU" or least >= MIN_CORRELATION
            problem = "" if agrees else f"its maps differ from those of the CPU (r = {least:.3f})"
            timings.append(DeviceTiming(device, names[device], found["step_ms"], least, problem))
    return timings


def _parse(value: Any) -> tuple[str, list[DeviceTiming]]:
    devices = [DeviceTiming(**each) for each in value["devices"]]
    if not devices:
        raise ValueError("no device was measured")
    return value["model"], devices
