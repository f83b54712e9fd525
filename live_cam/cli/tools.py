"""`live-cam layers`, `cameras`, `bench` and `doctor`: what can be explained, how fast, and what is missing for it."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from live_cam.cli.options import (
    DeviceOption,
    LayerOption,
    MethodOption,
    PrecisionOption,
    RuntimeOption,
    ScoreOption,
    WeightsOption,
    show_progress,
)
from live_cam.explain import DEFAULT_LAYER

if TYPE_CHECKING:
    from live_cam.sources.listing import CameraListing


def layers() -> None:
    """List the activations that can be explained, with their sizes: a map has the height and width of its layer."""
    from live_cam.explain.quiet import quiet_native_stderr

    with quiet_native_stderr():
        from live_cam.explain.network import activations, empty_network

        sizes = activations(empty_network())
    typer.echo(f"{'layer':<22}{'height':>8}{'width':>8}{'channels':>10}")
    for name, (height, width, channels) in sizes.items():
        mark = "  (the default)" if name == DEFAULT_LAYER else ""
        typer.echo(f"{name:<22}{height:>8}{width:>8}{channels:>10}{mark}")


def cameras(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False) -> None:
    """List the cameras of this machine, with the sizes and rates that they give."""
    from live_cam.sources.listing import probe_cameras

    listings = probe_cameras()
    if as_json:
        typer.echo(json.dumps([asdict(listing) for listing in listings]))
        return
    for listing in listings:
        typer.echo(_camera_line(listing))
    if not listings:
        typer.echo(
            "No camera is on this machine: plug one in (USB), use the one of the browser with `live-cam browser`, or "
            "see the demo with `live-cam demo`. Where one is plugged in, this user may have to join the group `video`."
        )


def _camera_line(listing: CameraListing) -> str:
    formats = []
    for pixel_format, modes in groupby(listing.modes, lambda mode: mode.pixel_format):
        sizes = [
            f"{mode.width_px}x{mode.height_px}" + (f" at {mode.rate_fps:g}" if mode.rate_fps else "") for mode in modes
        ]
        formats.append(", ".join(sizes) + (f" ({pixel_format})" if pixel_format else ""))
    told = listing.problem or "; ".join(formats) or "it names no size"
    return f"{listing.name}  {listing.title}: {told}" if listing.title else f"{listing.name}  {told}"


def bench(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    weights: WeightsOption = None,
    layer: LayerOption = None,
    method: MethodOption = "gradcam",
    score: ScoreOption = "logit",
    runtime: RuntimeOption = "auto",
    precision: PrecisionOption = "auto",
    device: DeviceOption = "auto",
) -> None:
    """Time the step on this machine against a forward pass alone, which explains nothing."""
    from live_cam.bench import measure
    from live_cam.explain.quiet import quiet_native_stderr
    from live_cam.explain.runtimes import compile_step
    from live_cam.explain.weights import find_weights

    found = find_weights(weights, show_progress)
    with quiet_native_stderr():
        compiled = compile_step(found, layer, method, score, runtime, precision, device)
        times = measure(compiled.step, method)
    setting = {
        "layer": "+".join(compiled.layers),
        "method": method,
        "score": score,
        "runtime": compiled.runtime,
        "precision": compiled.precision,
        "device": compiled.device,
    }
    if as_json:
        typer.echo(json.dumps({**setting, **asdict(times)}))
        return
    typer.echo(", ".join(setting.values()))
    typer.echo(f"{'':<14}{'median':>10}{'p95':>10}")
    for name, timing in (("step", times.step_ms), ("forward alone", times.forward_ms)):
        typer.echo(f"{name:<14}{timing.median:>7.1f} ms{timing.p95:>7.1f} ms")
    typer.echo(f"{'ratio':<14}{times.ratio:>10.2f}")


def doctor() -> None:
    """Check what live_cam needs on this machine, and say what is missing."""
    from live_cam.doctor import examine

    findings = examine()
    for finding in findings:
        typer.echo(f"{'ok     ' if finding.fine else 'MISSING' if finding.needed else 'note   '}  {finding.text}")
    if any(finding.needed and not finding.fine for finding in findings):
        raise typer.Exit(1)
