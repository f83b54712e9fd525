"""Prints what bfloat16 and float16 cost in accuracy, against float32, on the photographs of gradio and scikit-image.

    python scripts/precision.py

For each runtime and precision: the correlation of the maps, and how often the likeliest class and the likeliest three
are the same. A precision that OpenVINO's CPU does not have is left out with the reason; TensorFlow computes in any.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import SourceError, UsageError
from live_cam.explain import DEFAULT_LAYER
from live_cam.explain.quiet import quiet_native_stderr
from live_cam.explain.runtimes import Step, compile_step
from live_cam.explain.weights import find_weights
from live_cam.frame import Precision, Runtime
from live_cam.sources.image import read_rgb

LAYERS = (DEFAULT_LAYER, "conv4_block6_out")
PHOTOGRAPH_FOLDERS = {"gradio": "media_assets/images", "skimage": "data"}
CONTENDERS: Sequence[tuple[Runtime, Precision]] = (
    ("openvino", "bfloat16"),
    ("openvino", "float16"),
    ("tensorflow", "bfloat16"),
    ("tensorflow", "float16"),
)
LIKELIEST = np.zeros((1, 1, 1000), np.float32)

Answers = list[tuple[NDArray[np.float32], NDArray[np.float32]]]


def photographs() -> list[NDArray[np.uint8]]:
    """Gives the colour pictures that the two packages bring, RGB."""
    pictures = []
    for package, folder in PHOTOGRAPH_FOLDERS.items():
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise SystemExit(f"{package} is not installed; ./scripts/test installs it")
        for path in sorted((Path(spec.origin).parent / folder).iterdir()):
            try:
                picture = read_rgb(path)
            except SourceError:
                continue  # no picture
            if np.ptp(picture, axis=2).max() > 30 and min(picture.shape[:2]) >= 224:
                pictures.append(picture)
    return pictures


def ask(step: Step, pictures: Sequence[NDArray[np.uint8]]) -> Answers:
    return [(maps[0, 0], logits[0]) for maps, logits in (step([picture], LIKELIEST) for picture in pictures)]


def row(answers: Answers, reference: Answers) -> str:
    correlations, same_first, same_three = [], 0, 0
    for (found_map, found), (true_map, true) in zip(answers, reference, strict=True):
        correlations.append(np.corrcoef(found_map.ravel(), true_map.ravel())[0, 1])
        first, three = np.argsort(-found)[:1], np.argsort(-found)[:3]
        same_first += first[0] == np.argmax(true)
        same_three += set(three) == set(np.argsort(-true)[:3])
    n = len(answers)
    return f"{np.median(correlations):.4f} | {min(correlations):.4f} | {same_first} of {n} | {same_three} of {n}"


def main() -> None:
    weights, pictures = find_weights(), photographs()
    print("| layer | runtime | precision | map correlation, median | least | same top 1 | same top 3 |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for layer, runtime in product(LAYERS, ("openvino", "tensorflow")):
        reference: Answers | None = None
        for contender, precision in CONTENDERS:
            if contender != runtime:
                continue
            try:
                with quiet_native_stderr():
                    step = compile_step(weights, layer, runtime=contender, precision=precision).step
                    exact = compile_step(weights, layer, runtime=contender, precision="float32").step
                    answers = ask(step, pictures)
                    reference = reference or ask(exact, pictures)
            except UsageError as error:
                print(f"| {layer} | {contender} | {precision} | not here: {error} | | | |")
                continue
            print(f"| {layer} | {contender} | {precision} | {row(answers, reference)} |")


if __name__ == "__main__":
    main()
