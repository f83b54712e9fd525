"""One contestant in a process of its own: it gets ready, waits, and explains the frame whenever it is told to.

`bench_contestants.py` alone tells who there is; `bench_contestants.py NAME WIDTHxHEIGHT` is that contestant. It answers
once when it is ready and then, for each line with a number of seconds, with the milliseconds of each call.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import cv2
import numpy as np
from bench_child import answering
from bench_peers import PEERS
from bench_pictures import parse_size, photograph
from numpy.typing import NDArray

from live_cam.explain import DEFAULT_LAYER
from live_cam.frame import Auto, Precision, Runtime

Explain = Callable[[NDArray[np.uint8]], tuple[NDArray[np.float32] | None, int]]
"""From a frame, uint8 (H, W, 3), to the map, float32 2-D (None from a forward pass alone), and the class explained."""

_WARM_CALLS = 2
_LEAST_CALLS = 3
_MAP_SIZE = (7, 7)
_NO_GPU = {"CUDA_VISIBLE_DEVICES": "-1"}


@dataclass(frozen=True)
class Entry:
    """A row of the table to be.

    Attributes:
        name: What it is called.
        floor: The row that is its forward pass alone, where there is one.
        environment: What its process finds in the environment beside the usual.
    """

    name: str
    floor: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ours:
    """One way to run this project's step; `targets_k` 0 is the forward pass alone."""

    runtime: Runtime | Auto
    precision: Precision | Auto = "auto"
    layer: str = DEFAULT_LAYER
    targets_k: int = 1
    gpu: bool = True


_BELOW = "conv4_block6_out"
_OURS = {
    "live_cam openvino": Ours("openvino"),
    "forward pass openvino": Ours("openvino", targets_k=0),
    "live_cam openvino float32": Ours("openvino", "float32"),
    "forward pass openvino float32": Ours("openvino", "float32", targets_k=0),
    "live_cam tensorflow": Ours("tensorflow"),
    "forward pass tensorflow": Ours("tensorflow", targets_k=0),
    "live_cam tensorflow float32": Ours("tensorflow", "float32"),
    "forward pass tensorflow float32": Ours("tensorflow", "float32", targets_k=0),
    "live_cam, three classes": Ours("auto", targets_k=3),
    f"live_cam, {_BELOW}": Ours("auto", layer=_BELOW),
    f"forward pass, {_BELOW}": Ours("auto", layer=_BELOW, targets_k=0),
}
_OURS_BESIDE_A_GPU = {
    "live_cam tensorflow on the CPU": Ours("tensorflow", gpu=False),
    "forward pass tensorflow on the CPU": Ours("tensorflow", targets_k=0, gpu=False),
}


def roster() -> dict[str, Any]:
    """Tells who there is on this machine, and whose times the others are compared with: the default's."""
    from live_cam.explain.runtimes import gpu_in_reach

    gpu = gpu_in_reach()
    default = "tensorflow" if gpu else "openvino"
    entries = [
        Entry(name, _floor(name, default), {} if ours.gpu else _NO_GPU)
        for name, ours in (_OURS | (_OURS_BESIDE_A_GPU if gpu else {})).items()
    ]
    entries += [Entry(name) for name in PEERS]
    return {"entries": [asdict(entry) for entry in entries], "reference": f"live_cam {default}"}


def _floor(name: str, default: str) -> str | None:
    if not name.startswith("live_cam"):
        return None
    if name == "live_cam, three classes":
        return f"forward pass {default}"
    return name.replace("live_cam", "forward pass")


def prepare(name: str) -> tuple[Explain, str]:
    """Loads the weights and makes the contestant; gives it and what it runs in, as far as that is known."""
    ours = (_OURS | _OURS_BESIDE_A_GPU).get(name)
    if ours is not None:
        return _prepare_ours(ours)
    return PEERS[name](), ""


def _prepare_ours(ours: Ours) -> tuple[Explain, str]:
    from live_cam.explain.runtimes import compile_step
    from live_cam.explain.weights import find_weights

    compiled = compile_step(
        find_weights(),
        layer=ours.layer,
        method="gradcam",
        score="logit",
        runtime=ours.runtime,
        precision=ours.precision,
        device="auto",
    )
    step = compiled.step
    # The j-th row of zeros asks for the j-th likeliest class.
    targets = np.zeros((1, ours.targets_k, step.classes), np.float32)

    def explain(frame: NDArray[np.uint8]) -> tuple[NDArray[np.float32] | None, int]:
        maps, logits = step(frame[np.newaxis], targets)
        return maps[0, 0], int(logits[0].argmax())

    def forward(frame: NDArray[np.uint8]) -> tuple[NDArray[np.float32] | None, int]:
        return None, int(step.forward(frame[np.newaxis])[0].argmax())

    runs_in = f"{compiled.runtime} {compiled.precision} {compiled.device}"
    return explain if ours.targets_k else forward, runs_in


def timed_calls_ms(explain: Explain, frame: NDArray[np.uint8], seconds: float) -> list[float]:
    """Explains the frame for about `seconds` and gives the time of each call in ms; the first calls do not count."""
    for _ in range(_WARM_CALLS):  # what ran meanwhile has had the caches
        explain(frame)
    times_ms: list[float] = []
    end_s = time.perf_counter() + seconds
    while len(times_ms) < _LEAST_CALLS or time.perf_counter() < end_s:
        begin_s = time.perf_counter()
        explain(frame)
        times_ms.append((time.perf_counter() - begin_s) * 1e3)
    return times_ms


def _as_shared_map(saliency_map: NDArray[np.float32] | None) -> list[float] | None:
    """Averages a map down to 7x7, the size that maps of every method and layer here can be compared at."""
    if saliency_map is None:
        return None
    small = cv2.resize(np.asarray(saliency_map, np.float32), _MAP_SIZE, interpolation=cv2.INTER_AREA)
    return [float(value) for value in small.ravel()]


def main(arguments: list[str]) -> None:
    tell = answering()
    if not arguments:
        tell(roster())
        return
    name, size = arguments
    try:
        frame = photograph(parse_size(size))
        explain, runs_in = prepare(name)
        saliency_map, class_index = explain(frame)
        timed_calls_ms(explain, frame, 0.0)
        tell({"runs_in": runs_in, "class_index": class_index, "map": _as_shared_map(saliency_map)})
        for line in sys.stdin:
            tell({"times_ms": timed_calls_ms(explain, frame, float(line))})
    except Exception as error:  # whatever a library raises is this contestant's reason, not the bench's end
        tell({"skipped": (str(error).splitlines() or [repr(error)])[0]})


if __name__ == "__main__":
    main(sys.argv[1:])
