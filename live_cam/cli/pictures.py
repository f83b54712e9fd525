"""`live-cam explain`: pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
    tell_error,
)
from live_cam.errors import LiveCamError, UsageError


def explain(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Pictures to explain.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="OUT.png", help="Write the overlay; one IMAGE only.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="LABEL", help="The class to explain; else the likeliest.")
    ] = None,
    versus: Annotated[str | None, typer.Option(metavar="LABEL", help="Explain why the class and not this one.")] = None,
    against: Annotated[bool, typer.Option("--against", help="Explain what speaks against the class.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object an image.")] = False,
    save_map: Annotated[
        Path | None, typer.Option(metavar="OUT.npz", help="Write map and logits; one IMAGE only.")
    ] = None,
    weights: WeightsOption = None,
    layer: LayerOption = None,
    method: MethodOption = "gradcam",
    score: ScoreOption = "logit",
    runtime: RuntimeOption = "auto",
    precision: PrecisionOption = "auto",
    device: DeviceOption = "auto",
) -> None:
    """Explain pictures: what the network sees in each, and where."""
    from live_cam.cli.question import ask
    from live_cam.pipeline.still import explain_image
    from live_cam.sinks.new_file import require_new

    for path, suffix in ((output, ".png"), (save_map, ".npz")):
        if path is not None:
            if len(images) > 1:
                raise UsageError("-o and --save-map take one IMAGE at a time")
            require_new(path, suffix)
    question = ask(target, versus, method, against)
    from live_cam.explain.explainer import Explainer

    explainer = Explainer(weights, layer, method, score, runtime, precision, device, show_progress)
    failed = False
    for image in images:
        try:
            result = explain_image(explainer, image, question)
            result.save(output, save_map)
        except LiveCamError as error:
            tell_error(error)
            failed = True
        else:
            typer.echo(result.as_json() if as_json else result.as_text())
    if failed:
        raise typer.Exit(1)
