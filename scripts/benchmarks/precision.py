"""Measures what bfloat16 and float16 cost in accuracy, against float32, on the photographs of gradio and scikit-image.

    python -m scripts.benchmarks.precision

For each runtime and precision: the correlation of the maps, and how often the top class and the set of the top three
are the same. A precision that OpenVINO's CPU does not support is skipped with the reason; TensorFlow computes in any.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from live_cam.cli.quiet import quiet_native_stderr
from live_cam.errors import SourceError, UsageError
from live_cam.explain.runtime.select import Step, select_backend
from live_cam.explain.saliency.agreement import correlation
from live_cam.models.layers import DEFAULT_LAYER
from live_cam.models.model import Model
from live_cam.models.open import ModelOptions, open_model
from live_cam.models.weights.find import silent
from live_cam.sources.pictures.reader import read_rgb
from live_cam.types import Precision, Runtime

LAYERS = (DEFAULT_LAYER, "conv4_block6_out")
RUNTIMES: Sequence[Runtime] = ("openvino", "tensorflow")
PRECISIONS: Sequence[Precision] = ("bfloat16", "float16")
PHOTOGRAPH_DIRECTORIES = {"gradio": "media_assets/images", "skimage": "data"}
TOP_CLASS = np.zeros((1, 1, 1000), np.float32)

Results = list[tuple[NDArray[np.float32], NDArray[np.float32]]]
"""Map and logits of each photograph."""


def photographs() -> list[NDArray[np.uint8]]:
    """Returns the colour images that are part of the two packages, uint8 (H, W, 3), RGB."""
    images = []
    for package, directory in PHOTOGRAPH_DIRECTORIES.items():
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise SystemExit(f"{package} is not installed; ./scripts/test installs it")
        for path in sorted((Path(spec.origin).parent / directory).iterdir()):
            try:
                rgb = read_rgb(path)
            except SourceError:
                continue  # not an image
            if np.ptp(rgb, axis=2).max() > 30 and min(rgb.shape[:2]) >= 224:
                images.append(rgb)
    return images


def make_step(model: Model, layer: str, runtime: Runtime, precision: Precision) -> Step:
    backend = select_backend(model, runtime=runtime, precision=precision)
    return backend.make_step((layer,))


def explain(step: Step, images: Sequence[NDArray[np.uint8]]) -> Results:
    return [(maps[0, 0], logits[0]) for maps, logits in (step([rgb], TOP_CLASS) for rgb in images)]


def compare(results: Results, reference: Results) -> str:
    """Returns the last cells of a row of the table."""
    correlations, same_top, same_top_three = [], 0, 0
    for (saliency_map, logits), (exact_map, exact_logits) in zip(results, reference, strict=True):
        correlations.append(correlation(saliency_map, exact_map))
        same_top += int(np.argmax(logits) == np.argmax(exact_logits))
        same_top_three += set(np.argsort(-logits)[:3]) == set(np.argsort(-exact_logits)[:3])
    n = len(results)
    return f"{np.median(correlations):.4f} | {min(correlations):.4f} | {same_top} of {n} | {same_top_three} of {n}"


def main() -> None:
    model, images = open_model(None, ModelOptions(), silent), photographs()
    print("| layer | runtime | precision | map correlation, median | min | same top 1 | same top 3 |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for layer, runtime in product(LAYERS, RUNTIMES):
        with quiet_native_stderr():
            reference = explain(make_step(model, layer, runtime, "float32"), images)
        for precision in PRECISIONS:
            try:
                with quiet_native_stderr():
                    results = explain(make_step(model, layer, runtime, precision), images)
            except UsageError as error:
                print(f"| {layer} | {runtime} | {precision} | unsupported: {error} | | | |")
                continue
            print(f"| {layer} | {runtime} | {precision} | {compare(results, reference)} |")


if __name__ == "__main__":
    main()
