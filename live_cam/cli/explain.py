"""`live-cam explain`: image files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from live_cam.cli.explainer_command import with_explainer_options
from live_cam.cli.options import ExplainerOptions
from live_cam.cli.targets import ContrastOption, CounterfactualOption, check_target, parse_target
from live_cam.cli.terminal import announce_start, echo, print_error
from live_cam.errors import LiveCamError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from live_cam.api.pair import PairResult
    from live_cam.api.picture_set.boxes import BoxPx


@with_explainer_options
def explain(
    inputs: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Image files to explain, or folders of them.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="OUT.png", help="Write the overlay; one IMAGE only.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="LABEL", help="Class to explain; by default the top class.")
    ] = None,
    contrast: ContrastOption = None,
    counterfactual: CounterfactualOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per image.")] = False,
    save_map: Annotated[
        Path | None, typer.Option(metavar="OUT.npz", help="Write the map and the logits; one IMAGE only.")
    ] = None,
    sheet: Annotated[
        bool,
        typer.Option("--sheet", help="With -o, write photograph, raw map, overlay and top classes in one picture."),
    ] = False,
    jet: Annotated[
        bool,
        typer.Option("--jet", help="With --sheet, blend the map in jet at 0.4 over the whole image, as keras.io does."),
    ] = False,
    metrics: Annotated[
        bool, typer.Option("--metrics", help="Measure the maps, beside random and centred ones; takes seconds.")
    ] = False,
    boxes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="With --metrics, where the objects are: lines of path,left,top,right,bottom in pixels.",
        ),
    ] = None,
    *,
    explainer_options: ExplainerOptions,
) -> None:
    """Explain images: what the network sees in each, and where.

    The model sees each whole image, squeezed to the size of its input, unless --resize says otherwise.
    """
    from live_cam.cli.image_files import find_images
    from live_cam.files import require_file, require_new

    images = find_images(inputs)
    for path, suffix in ((output, ".png"), (save_map, ".npz")):
        if path is not None:
            if len(images) > 1:
                raise UsageError("-o and --save-map take one IMAGE at a time")
            require_new(path, suffix)
    if save_map is not None and explainer_options.second is not None:
        raise UsageError("--save-map takes one --model; run live-cam explain once for each")
    check_target(target, contrast, counterfactual, explainer_options)
    _check_sheet(sheet, jet, output, explainer_options)
    if metrics and (contrast is not None or counterfactual or explainer_options.second is not None):
        raise UsageError("--metrics measures the map of a class; leave out --contrast, --counterfactual, a --model")
    if boxes is not None and not metrics:
        raise UsageError("--boxes are for --metrics; add it")
    if len(images) == 1:
        require_file(images[0], "an image")
    of_images: Mapping[str, list[BoxPx]] = {}
    if boxes is not None:
        from live_cam.api.picture_set.boxes import read_boxes

        of_images = read_boxes(boxes)
    announce_start()
    # What takes seconds; what is wrong up to here is said before.
    from live_cam.api import measure
    from live_cam.api.pair import explain_with_both
    from live_cam.api.result import Result, explain_image

    models = explainer_options.open_models()
    parsed = parse_target(target, contrast, counterfactual, explainer_options.labels_of(models[0]))
    explainer, *others = explainer_options.create_all(models)
    randomized = measure.with_random_weights(explainer) if metrics else None
    exit_status = 0
    measured: list[Mapping[str, measure.Values]] = []
    for image in images:
        try:
            result: Result | PairResult = (
                explain_with_both(explainer, others[0], image, parsed)
                if others
                else explain_image(explainer, image, parsed)
            )
            for path in filter(None, (None if sheet else output, save_map)):
                result.save(path)
            if isinstance(result, Result):
                if sheet and output is not None:
                    result.save_sheet(output, jet=jet)
                if metrics:
                    of_image = of_images.get(str(image), ())
                    measured.append(measure.measure(explainer, randomized, result, of_image, len(measured)))
        except LiveCamError as error:
            print_error(error)
            exit_status = max(exit_status, error.exit_status)
        else:
            if not as_json:
                lines = result.as_lines()
            elif measured and isinstance(result, Result):
                lines = [measure.as_json(result, measured[-1])]
            else:
                lines = [result.as_json()]
            for line in lines:
                echo(line)
    if measured and not as_json:
        for line in measure.table_lines(measured):
            echo(line)
    if exit_status:
        raise typer.Exit(exit_status)


def _check_sheet(sheet: bool, jet: bool, output: Path | None, options: ExplainerOptions) -> None:
    if jet and not sheet:
        raise UsageError("--jet is for --sheet; add it")
    if sheet and output is None:
        raise UsageError("--sheet is a picture; add -o OUT.png")
    if sheet and options.second is not None:
        raise UsageError("--sheet takes one --model; run live-cam explain once for each")
