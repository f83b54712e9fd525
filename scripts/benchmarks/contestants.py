"""One contestant in a process of its own: it loads, waits, and explains the frame on request.

Without arguments the response is the list of contestants; `NAME WIDTHxHEIGHT` runs that contestant. It responds once
when it is ready and then, to each line with a number of seconds, with the milliseconds of each call.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.models.layers import DEFAULT_LAYER
from live_cam.types import Auto, Precision, Runtime
from scripts.benchmarks.child import open_responses
from scripts.benchmarks.frames import parse_size, photograph
from scripts.benchmarks.peers import PEERS

ExplainFunction = Callable[[NDArray[np.uint8]], tuple[NDArray[np.float32] | None, int]]
"""From a frame, uint8 (H, W, 3), to the map, float32 2-D (None from a forward pass alone), and the class explained."""

_WARM_CALLS = 2
_MIN_CALLS = 3
_MAP_SIZE = (7, 7)
_NO_GPU = {"CUDA_VISIBLE_DEVICES": "-1"}


@dataclass(frozen=True)
class Entry:
    """A row of the table.

    Attributes:
        name: Its name.
        forward: The row that is its forward pass alone, if there is one.
        environment: Variables added to its process's environment.
    """

    name: str
    forward: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Configuration:
    """One configuration of this project's step; `num_targets` 0 is the forward pass alone."""

    runtime: Runtime | Auto
    precision: Precision | Auto = "auto"
    layer: str = DEFAULT_LAYER
    num_targets: int = 1
    gpu: bool = True


_BELOW = "conv4_block6_out"
_OURS = {
    "live_cam openvino": Configuration("openvino"),
    "forward pass openvino": Configuration("openvino", num_targets=0),
    "live_cam openvino float32": Configuration("openvino", "float32"),
    "forward pass openvino float32": Configuration("openvino", "float32", num_targets=0),
    "live_cam openvino int8": Configuration("openvino", "int8"),
    "live_cam tensorflow": Configuration("tensorflow"),
    "forward pass tensorflow": Configuration("tensorflow", num_targets=0),
    "live_cam tensorflow float32": Configuration("tensorflow", "float32"),
    "forward pass tensorflow float32": Configuration("tensorflow", "float32", num_targets=0),
    "live_cam, three classes": Configuration("auto", num_targets=3),
    f"live_cam, {_BELOW}": Configuration("auto", layer=_BELOW),
    f"forward pass, {_BELOW}": Configuration("auto", layer=_BELOW, num_targets=0),
}
_OURS_WITH_GPU = {
    "live_cam tensorflow on the CPU": Configuration("tensorflow", gpu=False),
    "forward pass tensorflow on the CPU": Configuration("tensorflow", num_targets=0, gpu=False),
}


def list_contestants() -> dict[str, Any]:
    """Returns the rows for this machine, and the name of the default, the reference of all ratios."""
    from live_cam.explain.runtime.select import gpu_available

    gpu = gpu_available()
    default = "tensorflow" if gpu else "openvino"
    entries = [
        Entry(name, _forward(name, default), {} if configuration.gpu else _NO_GPU)
        for name, configuration in (_OURS | (_OURS_WITH_GPU if gpu else {})).items()
    ]
    entries += [Entry(name) for name in PEERS]
    return {"entries": [asdict(entry) for entry in entries], "reference": f"live_cam {default}"}


def _forward(name: str, default: str) -> str | None:
    if not name.startswith("live_cam"):
        return None
    if name == "live_cam, three classes":
        return f"forward pass {default}"
    return name.replace("live_cam", "forward pass").replace("int8", "float32")


def prepare(name: str) -> tuple[ExplainFunction, str]:
    """Loads a contestant; returns it, and its runtime, precision and device as far as known."""
    configuration = (_OURS | _OURS_WITH_GPU).get(name)
    if configuration is not None:
        return _prepare_ours(configuration)
    return PEERS[name](), ""


def _prepare_ours(configuration: Configuration) -> tuple[ExplainFunction, str]:
    from live_cam.explain.runtime.select import layers_to_explain, select_backend
    from live_cam.models.open import ModelOptions, open_model
    from live_cam.models.weights.find import silent

    runtime, precision = configuration.runtime, configuration.precision
    model = open_model(None, ModelOptions(), silent)
    backend = select_backend(model, runtime=runtime, precision=precision)
    step = backend.make_step(layers_to_explain(model.classifier, "gradcam", configuration.layer))
    # A j-th row of zeros stands for the j-th top class.
    targets = np.zeros((1, configuration.num_targets, step.classes), np.float32)

    def explain(frame: NDArray[np.uint8]) -> tuple[NDArray[np.float32] | None, int]:
        maps, logits = step(frame[np.newaxis], targets)
        return maps[0, 0], int(logits[0].argmax())

    def forward(frame: NDArray[np.uint8]) -> tuple[NDArray[np.float32] | None, int]:
        return None, int(step.forward(frame[np.newaxis])[0].argmax())

    runs_in = f"{backend.runtime} {backend.precision} {backend.device}"
    return explain if configuration.num_targets else forward, runs_in


def timed_calls_ms(explain: ExplainFunction, frame: NDArray[np.uint8], seconds: float) -> list[float]:
    """Explains the frame for about `seconds` and returns the time of each call in ms, without the warm-up."""
    for _ in range(_WARM_CALLS):  # other processes have used the caches meanwhile
        explain(frame)
    times_ms: list[float] = []
    end_s = time.perf_counter() + seconds
    while len(times_ms) < _MIN_CALLS or time.perf_counter() < end_s:
        start_s = time.perf_counter()
        explain(frame)
        times_ms.append((time.perf_counter() - start_s) * 1e3)
    return times_ms


def _to_common_size(saliency_map: NDArray[np.float32] | None) -> list[float] | None:
    """Averages a map down to 7x7, the size at which maps of every method and layer here are compared."""
    if saliency_map is None:
        return None
    small = cv2.resize(np.asarray(saliency_map, np.float32), _MAP_SIZE, interpolation=cv2.INTER_AREA)
    return [float(value) for value in small.ravel()]


def main(arguments: list[str]) -> None:
    respond = open_responses()
    if not arguments:
        respond(list_contestants())
        return
    name, size = arguments
    try:
        frame = photograph(parse_size(size))
        explain, runs_in = prepare(name)
        saliency_map, class_index = explain(frame)
        timed_calls_ms(explain, frame, 0.0)
        respond({"runs_in": runs_in, "class_index": class_index, "map": _to_common_size(saliency_map)})
        for line in sys.stdin:
            respond({"times_ms": timed_calls_ms(explain, frame, float(line))})
    except Exception as error:  # whatever a library raises skips this contestant and not the benchmark
        respond({"skipped": (str(error).splitlines() or [repr(error)])[0]})


if __name__ == "__main__":
    main(sys.argv[1:])
