"""Measures one device in a process of its own, since a driver may crash."""

from __future__ import annotations

import pickle
import statistics
import time
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.child_task import serve_task
from live_cam.explain.runtime.select import select_backend
from live_cam.models.model import Model
from live_cam.types import Auto, Precision, Score

_CALLS: Final = 9
_PATCHES: Final = (3, 6, 12, 24, 48)


def pictures(input_px: tuple[int, int]) -> list[NDArray[np.uint8]]:
    """Returns five pictures of coloured patches of several sizes, uint8 (H, W, 3)."""
    rng = np.random.default_rng(0)
    size = input_px[::-1]
    patches = (rng.integers(0, 256, (patches_n, patches_n, 3), np.uint8) for patches_n in _PATCHES)
    return [np.asarray(cv2.resize(each, size, interpolation=cv2.INTER_LINEAR), np.uint8) for each in patches]


def _measure(request: tuple[str, str, Precision | Auto]) -> dict[str, Any]:
    """Returns the median time of a frame, and the maps of the top classes of `pictures`."""
    path, device, precision = request
    model: Model
    score: Score
    model, score = pickle.loads(Path(path).read_bytes())  # written by the parent
    step = select_backend(model, score, "openvino", precision, device).make_step((model.classifier.default_layer,))
    top = np.zeros((1, 1, step.classes), np.float32)
    images = pictures(model.classifier.input_px)
    maps = [step([image], top)[0][0, 0].tolist() for image in images]
    times_ms = []
    for _ in range(_CALLS):
        start_s = time.perf_counter()
        step(images[:1], top)
        times_ms.append(1000 * (time.perf_counter() - start_s))
    return {"step_ms": round(statistics.median(times_ms), 3), "maps": maps}


if __name__ == "__main__":
    serve_task(_measure)
