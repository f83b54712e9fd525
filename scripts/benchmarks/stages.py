"""Where the time of one frame goes: each stage in one thread, without server or viewers.

`python -m scripts.benchmarks.stages SECONDS WIDTHxHEIGHT...` responds with the medians of each size.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from live_cam.explain.base import ExplainerProtocol
from live_cam.explain.explainer import Explainer
from live_cam.pipeline.settings import Settings
from live_cam.render.encode import encode_jpeg
from live_cam.render.overlay import overlay
from live_cam.types import Target
from scripts.benchmarks.child import open_responses
from scripts.benchmarks.frames import Size, format_size, parse_size
from scripts.benchmarks.server import SyntheticCamera

_WARM_FRAMES = 5
_STAGES = ("read_ms", "explain_ms", "overlay_ms", "encode_ms")


def measure_stages(explainer: ExplainerProtocol, size: Size, seconds: float) -> dict[str, Any]:
    """Explains frames of `size` and returns the median of each stage, in ms, and of the JPEG's size, in KiB."""
    source, settings = SyntheticCamera(size), Settings()
    rows_ns: list[NDArray[np.int64]] = []
    jpeg_bytes: list[int] = []
    end_s = time.perf_counter() + seconds
    while len(rows_ns) <= _WARM_FRAMES or time.perf_counter() < end_s:
        marks_ns = [time.perf_counter_ns()]
        frame = source.read_now(time.monotonic_ns())
        marks_ns.append(time.perf_counter_ns())
        explanation = explainer.explain(frame, Target())
        marks_ns.append(time.perf_counter_ns())
        rgb = overlay(frame, explanation, settings.overlay_style)
        marks_ns.append(time.perf_counter_ns())
        jpeg_bytes.append(len(encode_jpeg(rgb)))
        marks_ns.append(time.perf_counter_ns())
        rows_ns.append(np.diff(marks_ns))
    medians_ms = np.median(rows_ns[_WARM_FRAMES:], axis=0) / 1e6
    return {
        "size": format_size(size),
        "frames": len(rows_ns) - _WARM_FRAMES,
        **{stage: round(float(median_ms), 3) for stage, median_ms in zip(_STAGES, medians_ms, strict=True)},
        "jpeg_kib": round(float(np.median(jpeg_bytes)) / 1024, 1),
    }


def main(seconds: float, sizes: list[Size]) -> None:
    respond = open_responses()
    explainer = Explainer()
    respond({"stages": [measure_stages(explainer, size, seconds) for size in sizes]})


if __name__ == "__main__":
    main(float(sys.argv[1]), [parse_size(text) for text in sys.argv[2:]])
