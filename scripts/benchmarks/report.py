"""Compares the pictures a second of `live-cam why` with the frames a second of `live-cam annotate`.

    python -m scripts.benchmarks.report

Both get the same frames, in the same explainer, by turns: views that pan over the photographs of gradio and
scikit-image, as JPEGs in folders named by what ResNet50 calls the whole photograph, and as one film.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam import Explainer
from live_cam.api.picture_set.batches import BATCH_SIZE
from live_cam.api.picture_set.pictures import find_pictures
from live_cam.api.picture_set.truth import folder_labels, true_classes
from live_cam.cli.quiet import quiet_native_stderr
from live_cam.pipeline.offline.annotate import AnnotateOptions, annotate
from live_cam.render.encode import encode_jpeg
from live_cam.report.report import settings_of, write_report
from live_cam.report.results import Results
from live_cam.sinks.video_writer import VideoWriter
from scripts.benchmarks.frames import Size, format_size, parse_size
from scripts.benchmarks.precision import photographs

_VIEW = 0.7
"""Part of a photograph's sides that a view shows."""


def views(rgb: NDArray[np.uint8], number: int, size: Size) -> Iterator[NDArray[np.uint8]]:
    """Yields views that pan over a photograph from the upper left to the lower right."""
    height, width = rgb.shape[:2]
    for share in np.linspace(0.0, 1.0 - _VIEW, number):
        top, left = round(share * height), round(share * width)
        view = rgb[top : top + round(_VIEW * height), left : left + round(_VIEW * width)]
        yield np.asarray(cv2.resize(view, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def write_inputs(explainer: Explainer, folder: Path, number: int, size: Size) -> tuple[Path, Path, int]:
    """Writes the pictures and the film, and returns their paths and how many frames each has."""
    images = photographs()
    pictures, film = folder / "pictures", folder / "film.mp4"
    video = VideoWriter(film, size, Fraction(1, 30))
    count = 0
    for rgb in images:
        name = explainer.explain(rgb).top[0].label
        (pictures / name).mkdir(parents=True, exist_ok=True)
        for view in views(rgb, -(-number // len(images)), size):
            (pictures / name / f"{count:05}.jpg").write_bytes(encode_jpeg(view))
            video.write(view, count, 1)
            count += 1
    video.close()
    return pictures, film, count


def run_why(explainer: Explainer, pictures: Path, output: Path) -> None:
    found = find_pictures(pictures)
    classes, notes = true_classes(folder_labels([each.name for each in found]), explainer.classifier.labels)
    found = [replace(each, true_class=classes.get(each.name)) for each in found]
    with closing(Results(output, settings_of(explainer))) as results:
        write_report(explainer, pictures, found, results, notes, lambda *_: None)


def run_annotate(explainer: Explainer, film: Path, output: Path) -> None:
    result = annotate(film, output, explainer, AnnotateOptions(), lambda *_: None)
    if result.state != "done":
        raise SystemExit(result.problem)


def measure(work: Callable[[], None]) -> NDArray[np.float64]:
    """Returns the seconds that the work takes, and those of processors, which other programs change less."""

    def now() -> NDArray[np.float64]:
        return np.array([time.perf_counter(), sum(os.times()[:4])])

    start = now()
    work()
    return now() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=2000, metavar="N")
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument("--size", type=parse_size, default=(640, 480), metavar="WxH")
    options = parser.parse_args()
    with quiet_native_stderr():
        explainer = Explainer(precision="float32", batch_size=BATCH_SIZE, performance_hint="throughput")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures, film, count = write_inputs(explainer, folder, options.pictures, options.size)
        print(f"{count} pictures of {format_size(options.size)}, float32, ResNet50")
        print("| annotate, fps | why, pictures/s | ratio | ratio by processor time |")
        print("| --- | --- | --- | --- |", flush=True)
        ratios = []
        for number in range(options.rounds):
            of_annotate = measure(partial(run_annotate, explainer, film, folder / f"{number}.mp4"))
            of_why = measure(partial(run_why, explainer, pictures, folder / f"report{number}"))
            ratio, cpu_ratio = of_annotate / of_why
            ratios.append((ratio, cpu_ratio))
            fps, pictures_per_s = count / of_annotate[0], count / of_why[0]
            print(f"| {fps:.1f} | {pictures_per_s:.1f} | {ratio:.2f} | {cpu_ratio:.2f} |", flush=True)
    ratio, cpu_ratio = np.median(ratios, axis=0)
    print(f"median ratio {ratio:.2f}, by processor time {cpu_ratio:.2f}")


if __name__ == "__main__":
    main()
