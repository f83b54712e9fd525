"""What steps on OpenVINO are made from: Keras's networks, converted, and files that OpenVINO reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from live_cam.errors import UnknownLayerError
from live_cam.explain.runtime.cam_step import CamStep
from live_cam.explain.runtime.conversion_process import ConversionRequest, convert_in_subprocess
from live_cam.explain.runtime.int8.step import quantiser_digest
from live_cam.explain.runtime.int8.table import RangeTable
from live_cam.explain.runtime.openvino_step import OpenVinoStep
from live_cam.explain.runtime.select import Backend, Step
from live_cam.models.model import Model
from live_cam.models.network_file import NetworkFile
from live_cam.models.openvino_files.network import read_network
from live_cam.models.weights.find import cache_file
from live_cam.types import PerformanceHint, Precision, Score


def openvino_backend(
    model: Model,
    score: Score,
    precision: Precision,
    device: str,
    performance_hint: PerformanceHint,
) -> Backend:
    """Returns what computes on OpenVINO; see `select_backend` for the arguments."""
    if model.file is not None and model.file.kind == "openvino":
        return _file_backend(model, model.file, score, precision, device, performance_hint)

    def make_step(layers: tuple[str, ...]) -> Step:
        return openvino_step(model, layers, score, precision, device, performance_hint)

    return Backend(make_step, "openvino", precision, device)


def openvino_step(
    model: Model,
    layers: tuple[str, ...],
    score: Score,
    precision: Precision,
    device: str,
    performance_hint: PerformanceHint,
    quantised: tuple[OpenVinoStep, Path] | None = None,
) -> OpenVinoStep:
    """Creates the step of a network of Keras.

    One in int8 is made from the same in float32 and the file of its ranges, which are `quantised`; the other arguments
    are those of `select_backend`.
    """
    float32, table = quantised or (None, None)

    def convert(batch_size: int, num_targets: int, path: Path) -> None:
        if model.file is not None:
            request = ConversionRequest(model.file, layers, score, batch_size, num_targets)
            if float32 is not None:
                converted = float32.find_converted(batch_size, num_targets)
                request = replace(request, int8_table=str(table), converted=str(converted or ""))
            convert_in_subprocess(request, path)
            return
        from live_cam.explain.runtime.conversion import convert, save
        from live_cam.explain.runtime.step_graph import StepGraph

        save(convert(StepGraph(model.build(), layers, score).concrete(batch_size, num_targets)), path)

    classifier = model.classifier
    depends_on = [model.digest, repr(classifier.preprocessing), *layers, score]
    if table is not None:
        depends_on += _quantised_from(table)
    return OpenVinoStep(
        convert,
        classifier.input_px,
        len(classifier.labels),
        cache_file().parent,
        depends_on,
        precision,
        device,
        performance_hint,
        float32,
        score,
        classifier.head,
    )


def _quantised_from(table: Path) -> list[str]:
    """Returns what distinguishes a step in int8 from the same in float32."""
    return ["int8", RangeTable.read(table).key, quantiser_digest()]


def _file_backend(
    model: Model,
    file: NetworkFile,
    score: Score,
    precision: Precision,
    device: str,
    performance_hint: PerformanceHint,
) -> Backend:
    def make_step(layers: tuple[str, ...]) -> Step:
        network = read_network(Path(file.path), file.output, file.shuffle_seed)
        if layers != (network.layer_name,):
            raise UnknownLayerError(
                f"{file.path} has no gradients; only its layer {network.layer_name} is explained: omit --layer"
            )
        return CamStep(network, model.classifier.preprocessing, score, precision, device, performance_hint)

    return Backend(make_step, "openvino", precision, device)
