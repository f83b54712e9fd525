"""What a model itself says, run by Keras or OpenVINO alone, in a process of its own."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from live_cam.child_task import run_task, serve_task
from live_cam.models.network_file import NetworkFile
from live_cam.models.preprocessing import PREPROCESSING, Preprocessing

CHOSEN: Final = "chosen"
"""The name of the preprocessing that is checked, beside those that it is compared with."""

Array = NDArray[np.float32]

_MODULE: Final = "live_cam.models.check.alone"  # it runs as __main__
_MAX_MEMORY_BYTES: Final = 32 << 30  # of the address space; see `live_cam.models.describe`
_PROBE_LEVELS: Final = (-1000.0, 1000.0)


class ModelAlone(Protocol):
    """A model without anything of ours around it.

    Attributes:
        channels: 3 or 1, those of the input.
        rounding: What numbers it computes with: `float32`, `float16`, or `int8` for a quantised one.
    """

    channels: int
    rounding: str

    def predict(self, values: Array) -> Array:
        """Returns its output (N, units) for preprocessed values (N, H, W, channels)."""
        ...

    def logits(self, values: Array) -> Array:
        """Returns what is before the output's softmax or sigmoid, (N, classes)."""
        ...


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a model says.

    Attributes:
        outputs: Its output (N, units) for the images.
        probes: Its output for inputs far outside of what any preprocessing yields.
        rounding: See `ModelAlone`.
        logits: The logits (N + M, classes) of the images and of the empty ones, with each of `PREPROCESSING` that fits
            the input, and with the chosen preprocessing, whose name is `CHOSEN`; none without empty images.
    """

    outputs: Array
    probes: Array
    rounding: str
    logits: dict[str, Array]


def predict_alone(
    file: NetworkFile,
    pixels: NDArray[np.uint8],
    empty: NDArray[np.uint8] | None,
    preprocessing: Preprocessing,
) -> Predictions:
    """Runs a model on images, without flattening, folding or converting it.

    Args:
        file: The model.
        pixels: N images uint8 (N, H, W, 3), RGB, of the size of the input.
        empty: M images without content, alike; None where the logits are not needed, which take most of the time.
        preprocessing: What the model receives of the pixels.

    Raises:
        LiveCamError: The model can't be opened or run.
    """
    with tempfile.TemporaryDirectory(prefix="live_cam_check_") as folder:
        images, results = Path(folder, "images.npz"), Path(folder, "results.npz")
        arrays: dict[str, Any] = {"pixels": pixels} if empty is None else {"pixels": pixels, "empty": empty}
        np.savez(images, **arrays)
        request = {
            "file": asdict(file.absolute()),
            "images": str(images),
            "results": str(results),
            "preprocessing": asdict(preprocessing),
        }
        rounding = run_task(_MODULE, request, f"running {file.path or file.application}")
        with np.load(results) as loaded:
            logits = {name: loaded[name] for name in (CHOSEN, *PREPROCESSING) if name in loaded}
            return Predictions(loaded["outputs"], loaded["probes"], rounding, logits)


def preprocess(pixels: NDArray[np.uint8], preprocessing: Preprocessing, channels: int) -> Array:
    """Returns what a model with this many channels receives of uint8 (N, H, W, 3): float32 (N, H, W, channels)."""
    if channels == 1:
        pixels = np.stack([np.asarray(Image.fromarray(each).convert("L"))[..., np.newaxis] for each in pixels])
    values = pixels.astype(np.float64)[..., :: -1 if preprocessing.bgr else 1]
    scaled: Array = (values * preprocessing.scale + preprocessing.offset).astype(np.float32)
    return scaled


def _probes(shape: tuple[int, ...]) -> Array:
    """Returns float32 (4, H, W, channels), for which a logit leaves 0..1 and a probability does not."""
    noise = np.random.default_rng(0).standard_normal((1, *shape))
    shapes = [np.ones_like(noise), noise]
    return np.concatenate([level * shape for shape in shapes for level in _PROBE_LEVELS]).astype(np.float32)


def _open(file: NetworkFile) -> ModelAlone:
    if file.kind == "openvino":
        from live_cam.models.check.openvino_alone import OpenVinoAlone

        return OpenVinoAlone(file)
    from live_cam.models.check.keras_alone import KerasAlone

    return KerasAlone(file)


def _predict(request: dict[str, Any]) -> str:
    with np.load(request["images"]) as arrays:
        pixels, empty = arrays["pixels"], arrays.get("empty")
    model = _open(NetworkFile.from_json(request["file"]))
    chosen = Preprocessing.from_json(request["preprocessing"])
    probes = _probes((*pixels.shape[1:3], model.channels))
    # At once, since Keras traces a model for each number of images.
    outputs = model.predict(np.concatenate([preprocess(pixels, chosen, model.channels), probes]))
    results: dict[str, Any] = {"outputs": outputs[: len(pixels)], "probes": outputs[len(pixels) :]}
    if empty is not None:
        everything = np.concatenate([pixels, empty])
        for name, each in {CHOSEN: chosen, **PREPROCESSING}.items():
            if each.fits(model.channels):
                results[name] = model.logits(preprocess(everything, each, model.channels))
    np.savez(request["results"], **results)
    return model.rounding


if __name__ == "__main__":
    serve_task(_predict, _MAX_MEMORY_BYTES)
