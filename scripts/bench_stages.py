"""Where the time of one frame goes: each stage of the road in one thread, without server or viewers.

`bench_stages.py SECONDS WIDTHxHEIGHT...` answers with the medians of each size.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from bench_child import answering
from bench_pictures import Size, parse_size
from bench_server import BenchSource
from numpy.typing import NDArray

from live_cam.explain.explainer import Explainer
from live_cam.frame import Target
from live_cam.pipeline.controls import Settings
from live_cam.render.overlay import overlay
from live_cam.sinks.jpeg import encode_jpeg

_WARM_FRAMES = 5
_STAGES = ("read_ms", "explain_ms", "overlay_ms", "encode_ms")


def budget(explainer: Explainer, size: Size, seconds: float) -> dict[str, Any]:
    """Explains frames of `size` for some seconds and gives the median of each stage, in ms, and of a JPEG, in KiB."""
    source, settings = BenchSource(size), Settings()
    rows_ns: list[NDArray[np.int64]] = []
    jpeg_bytes: list[int] = []
    end_s = time.perf_counter() + seconds
    while len(rows_ns) <= _WARM_FRAMES or time.perf_counter() < end_s:
        marks_ns = [time.perf_counter_ns()]
        frame = source.read_now(time.monotonic_ns())
        marks_ns.append(time.perf_counter_ns())
        explanation = explainer.explain(frame, Target())
        marks_ns.append(time.perf_counter_ns())
        picture = overlay(frame, explanation, settings.look)
        marks_ns.append(time.perf_counter_ns())
        jpeg_bytes.append(len(encode_jpeg(picture)))
        marks_ns.append(time.perf_counter_ns())
        rows_ns.append(np.diff(marks_ns))
    medians_ms = np.median(rows_ns[_WARM_FRAMES:], axis=0) / 1e6
    return {
        "size": f"{size[0]}x{size[1]}",
        "frames": len(rows_ns) - _WARM_FRAMES,
        **{stage: round(float(median_ms), 3) for stage, median_ms in zip(_STAGES, medians_ms, strict=True)},
        "jpeg_kib": round(float(np.median(jpeg_bytes)) / 1024, 1),
    }


def main(seconds: float, sizes: list[Size]) -> None:
    tell = answering()
    explainer = Explainer()
    tell({"stages": [budget(explainer, size, seconds) for size in sizes]})


if __name__ == "__main__":
    main(float(sys.argv[1]), [parse_size(text) for text in sys.argv[2:]])
