"""Measures how far maps lie beside what they show, on the photographs of gradio and scikit-image.

    python -m scripts.benchmarks.displacement

The map of a mirrored frame, mirrored back, is compared with the map of the frame: they lie displaced to opposite sides,
so that half of the shift at which they correlate best is the displacement. The mean is over photographs and over
positions of the frame within a cell of the map. Frames are mirrored left and right only: upside down, the network
recognizes little.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam import Explainer, Frame, Target
from live_cam.cli.quiet import quiet_native_stderr
from live_cam.models.imagenet import INPUT_PX
from live_cam.models.layers import LAYER_NOTES
from live_cam.models.preprocess import resize_to_input
from live_cam.types import CamConfig, Method
from scripts.benchmarks.precision import photographs

METHODS: tuple[Method, ...] = ("gradcam", "layercam")
_POSITIONS = 4
_MAX_SHIFT_PX = 40


def explain(explainer: Explainer, rgb: NDArray[np.uint8], target: Target, cam_config: CamConfig) -> NDArray[np.float32]:
    """Returns the map at the size of the network's input."""
    (explanation,) = explainer.explain_all([Frame(np.ascontiguousarray(rgb), pts_ns=0)], [target], cam_config)[0]
    size = INPUT_PX, INPUT_PX
    return np.asarray(cv2.resize(explanation.saliency_map, size, interpolation=cv2.INTER_LINEAR), np.float32)


def best_shift(fixed: NDArray[np.float32], moved: NDArray[np.float32]) -> int:
    """Returns by how many pixels `moved` lies right of `fixed`, where they correlate best."""

    def correlation(shift: int) -> float:
        left, right = max(0, -shift), max(0, shift)
        first, second = fixed[:, left : INPUT_PX - right], moved[:, right : INPUT_PX - left]
        if not (np.ptp(first) and np.ptp(second)):
            return -1.0  # a map without evidence here
        return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])

    return max(range(-_MAX_SHIFT_PX, _MAX_SHIFT_PX + 1), key=correlation)


def displacement(explainer: Explainer, rgb: NDArray[np.uint8], cam_config: CamConfig) -> float:
    """Returns how many pixels of 224 the maps of one frame lie too far right."""
    (top,) = explainer.explain_all([Frame(rgb, pts_ns=0)], [Target()], cam_config)[0]
    target = Target(top.target.index)
    cell_px = INPUT_PX // top.saliency_map.shape[1]
    shifts = []
    for position in range(_POSITIONS):
        move = np.array([[1, 0, position * cell_px / _POSITIONS], [0, 1, 0]], np.float32)
        moved = np.asarray(cv2.warpAffine(rgb, move, (INPUT_PX, INPUT_PX), borderMode=cv2.BORDER_REPLICATE), np.uint8)
        mirrored = explain(explainer, moved[:, ::-1], target, cam_config)[:, ::-1]
        shifts.append(best_shift(mirrored, explain(explainer, moved, target, cam_config)) / 2)
    return float(np.mean(shifts))


def main() -> None:
    images = photographs()
    inputs = np.empty((len(images), INPUT_PX, INPUT_PX, 3), np.uint8)
    resize_to_input(images, inputs)
    with quiet_native_stderr():
        explainer = Explainer(precision="float32")
    print("| layer | method | pixels too far right, mean | least | most |")
    print("| --- | --- | --- | --- | --- |")
    for layer in LAYER_NOTES:
        for method in METHODS:
            cam_config = CamConfig(layer, method)
            explainer.prepare(cam_config)
            measured = [displacement(explainer, rgb, cam_config) for rgb in inputs]
            print(f"| {layer} | {method} | {np.mean(measured):.1f} | {min(measured):.1f} | {max(measured):.1f} |")


if __name__ == "__main__":
    main()
