"""`live-cam layers`, `cameras`, `bench` and `doctor`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from live_cam.cli.calibrate import agreement_lines
from live_cam.cli.explainer_command import require_one_model, with_explainer_options
from live_cam.cli.options import ExplainerOptions, ModelOutputOption, ModelsOption, TrustModelOption
from live_cam.cli.quiet import quiet_native_stderr
from live_cam.cli.terminal import announce_start, echo

if TYPE_CHECKING:
    from live_cam.explain.runtime.select import Step
    from live_cam.models.model import Model
    from live_cam.sources.camera_list import CameraInfo


def layers(
    model: ModelsOption = None, model_output: ModelOutputOption = None, trust_model: TrustModelOption = False
) -> None:
    """List the layers that can be explained; a map has the height and width of its layer."""
    announce_start()
    with quiet_native_stderr():
        sizes, default = _layer_sizes(require_one_model(model), model_output, trust_model)
    echo(f"{'layer':<22}{'height':>8}{'width':>8}{'channels':>10}")
    for name, (height, width, channels) in sizes.items():
        mark = "  (the default)" if name == default else ""
        echo(f"{name:<22}{height:>8}{width:>8}{channels:>10}{mark}")


def _layer_sizes(
    model: str | None, model_output: str | None, trust_model: bool
) -> tuple[Mapping[str, tuple[int, int, int]], str]:
    if model is None:  # whose weights are not needed
        from live_cam.models.network import Network
        from live_cam.models.resnet50 import empty_network

        network = Network(empty_network())
        return network.activations, network.offered[-1]
    opened = ExplainerOptions(model=model, model_output=model_output, trust_model=trust_model).open_model()
    return opened.layer_sizes, opened.classifier.default_layer


def cameras(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False) -> None:
    """List the cameras of this machine with their frame sizes and rates."""
    from live_cam.sources.camera_list import list_cameras

    infos = list_cameras()
    if as_json:
        echo(json.dumps([asdict(info) for info in infos]))
        return
    for info in infos:
        echo(_camera_line(info))
    if not infos:
        echo(
            "No camera found: plug one in (USB), use the browser's with `live-cam browser`, or see the demo with "
            "`live-cam demo`. If one is plugged in, this user may have to join the group `video`."
        )


def _camera_line(info: CameraInfo) -> str:
    formats = []
    for pixel_format, modes in groupby(info.modes, lambda mode: mode.pixel_format):
        sizes = [
            f"{mode.width_px}x{mode.height_px}" + (f" at {mode.rate_fps:g}" if mode.rate_fps else "") for mode in modes
        ]
        formats.append(", ".join(sizes) + (f" ({pixel_format})" if pixel_format else ""))
    description = info.problem or "; ".join(formats) or "it reports no size"
    return f"{info.name}  {info.title}: {description}" if info.title else f"{info.name}  {description}"


@with_explainer_options
def bench(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    *,
    explainer_options: ExplainerOptions,
) -> None:
    """Time an explanation on this machine against a forward pass alone."""
    announce_start()
    from live_cam.cli.benchmark import measure
    from live_cam.explain.runtime.select import layers_to_explain, select_backend

    options = explainer_options
    model = options.open_model()
    layers = layers_to_explain(model.classifier, options.method, options.layer)
    with options.quiet_tensorflow():
        backend = select_backend(model, options.score, options.runtime, options.precision, options.device)
        step = backend.make_step(layers)
        times = measure(step, options.method)
        agreement = _int8_agreement(step, model)
    setting = {
        "layer": "+".join(layers),
        "method": options.method,
        "score": options.score,
        "runtime": backend.runtime,
        "precision": backend.precision,
        "device": backend.device,
    }
    if as_json:
        echo(json.dumps({**setting, **asdict(times), **({"agreement": agreement} if agreement else {})}))
        return
    echo(", ".join(setting.values()))
    echo(f"{'':<14}{'median':>10}{'p95':>10}")
    for name, timing in (("step", times.step_ms), ("forward alone", times.forward_ms)):
        echo(f"{name:<14}{timing.median:>7.1f} ms{timing.p95:>7.1f} ms")
    echo(f"{'ratio':<14}{times.ratio:>10.2f}")
    for line in agreement_lines(agreement) if agreement else ():
        echo(line)


def _int8_agreement(step: Step, model: Model) -> dict[str, Any]:
    """Returns how far a step in int8 agrees with float32: measured now, or by `calibrate`; {} for other precisions."""
    from live_cam.cli.held_out import held_out_crops
    from live_cam.explain.runtime.int8.agreement import measure_agreement
    from live_cam.explain.runtime.int8.backend import find_ranges
    from live_cam.explain.runtime.int8.step import Int8Step
    from live_cam.explain.runtime.int8.table import RangeTable

    if not isinstance(step, Int8Step):
        return {}
    if model.classifier.name == "resnet50":
        return measure_agreement(step.int8, step.float32, held_out_crops(), model.classifier).describe()
    table = find_ranges(model)  # of a person's own pictures, which are not here
    return {} if table is None else RangeTable.read(table).agreement


def doctor() -> None:
    """Check that this machine has what live_cam needs; report what is missing."""
    from live_cam.cli.doctor import run_checks

    lacks_something = False
    for check in run_checks():
        echo(f"{'ok     ' if check.ok else 'MISSING' if check.needed else 'note   '}  {check.text}")
        lacks_something |= check.needed and not check.ok
    if lacks_something:
        raise typer.Exit(1)
