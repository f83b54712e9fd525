"""`live-cam layers`, `cameras`, `bench` and `doctor`."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from live_cam.cli.options import ExplainerOptions, show_progress, with_explainer_options
from live_cam.cli.quiet import quiet_native_stderr
from live_cam.cli.terminal import echo
from live_cam.models.layers import DEFAULT_LAYER

if TYPE_CHECKING:
    from live_cam.sources.camera_list import CameraInfo


def layers() -> None:
    """List the layers that can be explained; a map has the height and width of its layer."""
    with quiet_native_stderr():
        from live_cam.models.resnet50 import activations, empty_network

        sizes = activations(empty_network())
    echo(f"{'layer':<22}{'height':>8}{'width':>8}{'channels':>10}")
    for name, (height, width, channels) in sizes.items():
        mark = "  (the default)" if name == DEFAULT_LAYER else ""
        echo(f"{name:<22}{height:>8}{width:>8}{channels:>10}{mark}")


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
    from live_cam.cli.benchmark import measure
    from live_cam.explain.runtime.select import layers_to_explain, select_backend
    from live_cam.models.imagenet import IMAGENET_RESNET50
    from live_cam.models.weights.find import find_weights

    options = explainer_options
    layers = layers_to_explain(IMAGENET_RESNET50, options.method, options.layer)
    weights = find_weights(options.weights, show_progress)
    with options.quiet_tensorflow():
        backend = select_backend(
            IMAGENET_RESNET50, weights, options.score, options.runtime, options.precision, options.device
        )
        times = measure(backend.make_step(layers), options.method)
    setting = {
        "layer": "+".join(layers),
        "method": options.method,
        "score": options.score,
        "runtime": backend.runtime,
        "precision": backend.precision,
        "device": backend.device,
    }
    if as_json:
        echo(json.dumps({**setting, **asdict(times)}))
        return
    echo(", ".join(setting.values()))
    echo(f"{'':<14}{'median':>10}{'p95':>10}")
    for name, timing in (("step", times.step_ms), ("forward alone", times.forward_ms)):
        echo(f"{name:<14}{timing.median:>7.1f} ms{timing.p95:>7.1f} ms")
    echo(f"{'ratio':<14}{times.ratio:>10.2f}")


def doctor() -> None:
    """Check that this machine has what live_cam needs; report what is missing."""
    from live_cam.cli.doctor import run_checks

    checks = run_checks()
    for check in checks:
        echo(f"{'ok     ' if check.ok else 'MISSING' if check.needed else 'note   '}  {check.text}")
    if any(check.needed and not check.ok for check in checks):
        raise typer.Exit(1)
