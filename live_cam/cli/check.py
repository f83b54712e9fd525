"""`live-cam check`: whether what is explained is what the model itself says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from live_cam.cli.explainer_command import with_explainer_options
from live_cam.cli.options import ExplainerOptions
from live_cam.cli.terminal import announce_start, echo
from live_cam.errors import UsageError


@with_explainer_options
def check(
    checked: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model file or folder, or the name of a Keras application.")
    ],
    images: Annotated[
        list[Path],
        typer.Argument(metavar="IMAGE", help="Images of several of its classes."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    *,
    explainer_options: ExplainerOptions,
) -> None:
    """Check that what is explained is what the model itself says, and whether its preprocessing fits.

    Keras or OpenVINO alone predicts each image, and so does what explains it, in float32 unless --precision is given.
    The exit status is 1 if both differ.
    """
    from live_cam.files import require_file

    if explainer_options.model is not None:
        raise UsageError("check takes the model as its first argument; leave out --model")
    if explainer_options.head is not None:
        raise UsageError("check compares the model's own classes; leave out --head")
    for path in images:
        require_file(path, "an image")
    announce_start()
    from live_cam.api.check import check_model
    from live_cam.api.images import as_frame

    frames = [as_frame(path, str(path)) for path in images]
    options = replace(explainer_options, model=checked)
    if options.precision == "auto":
        options = replace(options, precision="float32")  # the rounding of others would hide errors
    model = options.open_model()
    report = check_model(model, options.create(model), frames)
    for line in [json.dumps(report.as_json())] if as_json else report.as_lines():
        echo(line)
    if not report.agrees:
        raise typer.Exit(1)
