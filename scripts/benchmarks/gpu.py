"""Measures the step on an NVIDIA GPU: XLA against the plain graph, precisions, and batches.

    python -m scripts.benchmarks.gpu --json results.json

Step and forward pass take turns with the same frames; a row is printed as soon as it is measured, and rows are left out
once the time is up. The weights are random, which takes the same time. Without a GPU TensorFlow computes on the CPU,
and the table says so.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from live_cam.explain.runtime.step_graph import StepGraph
from live_cam.explain.runtime.tensorflow_step import TensorFlowStep
from live_cam.files import new_file, require_new
from live_cam.models.layers import DEFAULT_LAYER
from live_cam.models.network import Network
from live_cam.models.resnet50 import empty_network
from live_cam.types import Precision
from scripts.benchmarks.machine import describe_machine

CONFIGURATIONS: Sequence[tuple[Precision, bool, int]] = (
    ("float16", True, 1),
    ("float16", True, 32),
    ("float16", False, 1),
    ("float16", False, 32),
    ("bfloat16", True, 1),
    ("bfloat16", True, 32),
    ("float32", True, 1),
    ("float32", False, 1),
    ("float16", True, 8),
    ("float16", True, 2),
    ("float16", True, 16),
    ("float16", True, 4),
    ("bfloat16", False, 32),
    ("float32", True, 32),
)
"""Precision, whether XLA compiles, and batch size, the most telling ones first."""

_ROUNDS = 8
_MIN_CALLS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """The times of one configuration: medians over the rounds, of one call.

    Attributes:
        ratio: Of step to forward pass, the median of the ratios within each round.
        compile_s: What compiling both took.
    """

    precision: Precision
    xla: bool
    batch_size: int
    step_ms: float
    forward_ms: float
    ratio: float
    frames_per_s: float
    compile_s: float


def measure(network: Network, precision: Precision, xla: bool, batch_size: int, turn_s: float) -> Row:
    """Measures one configuration in turns of `turn_s`."""
    start_s = time.perf_counter()
    step = TensorFlowStep(StepGraph(network, (DEFAULT_LAYER,), "logit", precision), on_gpu=True, optimize=xla)
    frames = np.random.default_rng(0).integers(0, 256, (batch_size, *network.input_px, 3), np.uint8)
    targets = np.zeros((batch_size, 1, network.classes), np.float32)
    calls: list[Callable[[], Any]] = [lambda: step(frames, targets), lambda: step.forward(frames)]
    for call in calls:
        call()
    compile_s = time.perf_counter() - start_s
    rounds_ms = [[_median_ms(call, turn_s) for call in calls] for _ in range(_ROUNDS)]
    step_ms, forward_ms = (statistics.median(times) for times in zip(*rounds_ms, strict=True))
    ratio = statistics.median(explained / forward for explained, forward in rounds_ms)
    return Row(precision, xla, batch_size, step_ms, forward_ms, ratio, 1000 * batch_size / step_ms, compile_s)


def _median_ms(call: Callable[[], Any], turn_s: float) -> float:
    times_ms: list[float] = []
    end_s = time.perf_counter() + turn_s
    while len(times_ms) < _MIN_CALLS or time.perf_counter() < end_s:
        start_s = time.perf_counter()
        call()
        times_ms.append(1000 * (time.perf_counter() - start_s))
    return statistics.median(times_ms)


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, metavar="OUT.json", help="write the results to a new file")
    parser.add_argument("--limit", type=float, default=420.0, metavar="SECONDS", help="for all rows (default: 420)")
    parser.add_argument("--turn", type=float, default=0.5, metavar="SECONDS", help="of each turn (default: 0.5)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse_arguments(arguments)
    if options.json is not None:
        require_new(options.json, ".json")
    end_s = time.monotonic() + options.limit
    machine = describe_machine()
    gpus = tf.config.list_physical_devices("GPU")
    print(
        f"{machine['gpus'] or machine['cpu']}; TensorFlow {tf.__version__} computes on {'a GPU' if gpus else 'the CPU'}"
    )
    print("| precision | graph | batch | step ms | forward ms | ratio | frames/s | compiled in s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    network = Network(empty_network())
    rows: list[Row] = []
    for precision, xla, batch_size in CONFIGURATIONS:
        if rows and time.monotonic() >= end_s:
            break
        row = measure(network, precision, xla, batch_size, options.turn)
        rows.append(row)
        print(
            f"| {precision} | {'XLA' if xla else 'plain'} | {batch_size} | {row.step_ms:.2f} | {row.forward_ms:.2f} "
            f"| {row.ratio:.3f} | {row.frames_per_s:.0f} | {row.compile_s:.0f} |",
            flush=True,
        )
    if options.json is not None:
        results = {"machine": machine, "computed_on_gpu": bool(gpus), "rows": [asdict(row) for row in rows]}
        with new_file(options.json) as file:
            file.write((json.dumps(results, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
