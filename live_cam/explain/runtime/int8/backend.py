"""Which models can be explained in int8, and what computes them."""

from __future__ import annotations

from pathlib import Path

from live_cam.errors import UsageError
from live_cam.explain.runtime.int8.step import Int8Step
from live_cam.explain.runtime.int8.table import find_table, table_name
from live_cam.explain.runtime.openvino_backend import openvino_step
from live_cam.explain.runtime.openvino_step import OpenVinoStep
from live_cam.explain.runtime.select import Backend, Step
from live_cam.models.model import Model
from live_cam.models.weights.find import cache_file
from live_cam.types import Auto, PerformanceHint, Runtime, Score


def find_ranges(model: Model) -> Path | None:
    """Returns the file of the ranges of a model, without which it can't be explained in int8; None if there is none."""
    if not _is_quantisable(model):
        return None
    classifier = model.classifier
    places = [cache_file().parent / table_name(model.digest)]
    if model.file is not None and model.file.path:
        places.append(Path(f"{model.file.path}.int8.npz"))
    return find_table(model.digest, classifier.default_layer, classifier.preprocessing, places)


def require_quantisable(model: Model) -> None:
    """Raises `UsageError` for a model that can't be explained in int8, whatever the ranges."""
    if not _is_quantisable(model):
        name = model.classifier.name
        raise UsageError(f"int8 needs a model file of Keras, which {name} is not; leave out --precision int8")


def require_int8(model: Model, runtime: Runtime | Auto, device: str) -> None:
    """Raises `UsageError` if a model can't be explained in int8."""
    if runtime == "tensorflow" or device not in ("auto", "CPU"):
        raise UsageError("int8 runs on OpenVINO's CPU; leave out --runtime and --device")
    require_quantisable(model)
    if find_ranges(model) is None:
        raise UsageError(
            f"there are no ranges for {model.classifier.name} in int8; measure them with `live-cam calibrate MODEL "
            "FOLDER`, or leave out --precision int8"
        )


def int8_backend(model: Model, score: Score, device: str, performance_hint: PerformanceHint) -> Backend:
    """Returns what computes in int8 at the last activation, and in float32 at others, where gradients need it."""
    table = find_ranges(model)
    assert table is not None

    def make_step(layers: tuple[str, ...]) -> Step:
        float32 = openvino_step(model, layers, score, "float32", device, performance_hint)
        if layers != (model.classifier.default_layer,):
            return float32
        int8 = openvino_step(model, layers, score, "int8", device, performance_hint, (float32, table))
        return Int8Step(int8, float32)

    return Backend(make_step, "openvino", "int8", device)


def float32_step(model: Model) -> OpenVinoStep:
    """Returns the step of a model's default layer in float32, on the CPU."""
    return openvino_step(model, (model.classifier.default_layer,), "logit", "float32", "CPU", "latency")


def int8_step(model: Model, float32: OpenVinoStep, table: Path) -> OpenVinoStep:
    """Returns the same in int8, with the ranges of a file."""
    layers = (model.classifier.default_layer,)
    return openvino_step(model, layers, "logit", "int8", "CPU", "latency", (float32, table))


def _is_quantisable(model: Model) -> bool:
    return model.file is not None and model.file.kind != "openvino"
