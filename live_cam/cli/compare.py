"""`live-cam compare`: whether a new model still answers and looks as the old one."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from live_cam.cli.explainer_command import with_explainer_options
from live_cam.cli.options import ExplainerOptions
from live_cam.cli.terminal import echo, print_error
from live_cam.errors import LiveCamError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from live_cam.api.compare import ModelComparer
    from live_cam.api.model_comparison import ModelComparison
    from live_cam.api.picture_set.pictures import Picture

_MODELS = {
    "old": Annotated[str, typer.Argument(metavar="OLD", help="A model, as for --model of other commands.")],
    "new": Annotated[str, typer.Argument(metavar="NEW", help="The model to compare with it.")],
}

_ROUNDING = 1e-9
"""Of the difference of two shares, so that a drop of exactly what is allowed is allowed."""


@partial(with_explainer_options, model_arguments=_MODELS)
def compare(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Pictures; subfolders named after classes are the true ones.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="OUT", help="Write both overlays of the pictures that moved most here."),
    ] = None,
    top: Annotated[
        int, typer.Option("--top", metavar="N", min=0, help="How many of the pictures that moved most to show.")
    ] = 10,
    boxes: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Where the objects are: lines of path,left,top,right,bottom in pixels."),
    ] = None,
    fail_under: Annotated[
        float | None,
        typer.Option(metavar="R", min=-1.0, max=1.0, help="Fail if the median correlation of the maps is under this."),
    ] = None,
    max_accuracy_drop: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE", min=0.0, max=1.0, help="Fail if accuracy drops by more, such as 0.01 for one point."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, with all pictures.")] = False,
    *,
    explainer_options: ExplainerOptions,
) -> None:
    """Compare two models on the same pictures: what they answer, and how far the evidence moved.

    Both explain what OLD answers, NEW the class of the same name. The exit status is 1 where --fail-under or
    --max-accuracy-drop is not met.
    """
    from live_cam.api.picture_set.boxes import boxes_of
    from live_cam.api.picture_set.pictures import find_pictures
    from live_cam.files import require_absent, require_directory

    pictures = find_pictures(folder)
    of_pictures = {} if boxes is None else boxes_of(pictures, boxes, folder)
    if output is not None:
        require_absent(output)
        require_directory(output)
    # What takes seconds; what is wrong up to here is said before.
    from live_cam.api.compare import ModelComparer
    from live_cam.api.picture_set.batches import BATCH_SIZE

    models = explainer_options.open_models()
    old, new = explainer_options.create_all(models, batch_size=BATCH_SIZE, performance_hint="throughput")
    comparer = ModelComparer(old, new, of_pictures)
    compared = _compare(comparer, pictures)
    if max_accuracy_drop is not None and compared.accuracy is None:
        raise UsageError(f"--max-accuracy-drop needs true classes: no subfolder of {folder} is called as a class is")
    if output is not None:
        _write_pairs(comparer, compared, top, output)
    for line in [json.dumps(compared.as_dict())] if as_json else compared.as_lines(top):
        echo(line)
    _require(compared, fail_under, max_accuracy_drop)


def _compare(comparer: ModelComparer, pictures: Sequence[Picture]) -> ModelComparison:
    """Compares with a progress bar on standard error, if that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True, highlight=False)
    with Progress(console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("comparing", total=len(pictures))
        return comparer.compare(pictures, print_error, lambda: progress.advance(task))


def _write_pairs(comparer: ModelComparer, compared: ModelComparison, top: int, folder: Path) -> None:
    from live_cam.api.compare import pair_names
    from live_cam.files import write_error

    try:
        folder.mkdir()
    except OSError as error:
        raise write_error(folder, error) from error
    moved_most = compared.pictures[:top]
    for each, name in zip(moved_most, pair_names(moved_most), strict=True):
        comparer.write_pair(each, folder / name)


def _require(compared: ModelComparison, fail_under: float | None, max_accuracy_drop: float | None) -> None:
    """Raises `LiveCamError` where the new model has got worse than is allowed."""
    failures = []
    if fail_under is not None and compared.median_correlation < fail_under:
        failures.append(f"the median map correlation {compared.median_correlation:.4f} is under {fail_under:g}")
    if max_accuracy_drop is not None and compared.accuracy is not None:
        old, new = compared.accuracy
        if old - new > max_accuracy_drop + _ROUNDING:
            failures.append(f"accuracy dropped by {old - new:.4f}, more than {max_accuracy_drop:g}")
    if failures:
        raise LiveCamError(" and ".join(failures))
