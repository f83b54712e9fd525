"""`live-cam teach`: classes of one's own from a folder of pictures and videos."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from live_cam.cli.explainer_command import with_explainer_options
from live_cam.cli.options import ExplainerOptions
from live_cam.cli.progress import show_counts
from live_cam.cli.terminal import announce_start, echo, print_error
from live_cam.errors import SourceError, UsageError

if TYPE_CHECKING:
    from live_cam.teach.learn import Taught


@with_explainer_options
def teach(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="Its subfolders are classes, with pictures, subfolders of pictures, and videos; or a ZIP of one.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT.npz", help="The new head, for --head; holds no pictures.")
    ],
    export: Annotated[
        Path | None, typer.Option(metavar="OUT.keras", help="Also write the whole model with these classes, for Keras.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
    *,
    explainer_options: ExplainerOptions,
) -> None:
    """Teach a model classes of your own, and see what it learnt: how often it is right, and if on the background.

    Each video and each subfolder of a class is a take, whose pictures are alike: accuracy is measured on takes that it
    had not seen. Show each class in several, before different backgrounds. A class called `nothing` is what is there
    without any of the others.
    """
    from live_cam.files import require_new

    require_new(output, ".npz")
    if export is not None:
        require_new(export, ".keras")
    if explainer_options.head is not None or explainer_options.layer is not None:
        raise UsageError("teach makes a head behind the last layer; leave out --head and --layer")
    if not folder.exists():
        raise SourceError(f"{folder} does not exist; give a folder whose subfolders are classes, or a ZIP of one")
    announce_start()
    # What takes seconds; what is wrong up to here is said before.
    from live_cam.models.taught_export import export_keras, require_exportable
    from live_cam.teach.folder import teach_folder

    model = explainer_options.open_model()
    if export is not None:
        require_exportable(model)
    explainer = explainer_options.create(model, performance_hint="throughput")
    with show_counts("takes") as show:
        taught, problems = teach_folder(explainer, folder, output.stem, partial(show, "takes"))
    taught.head.save(output)
    if export is not None:
        export_keras(model, taught.head, export)
    for line in [json.dumps(_describe(taught, output, problems))] if as_json else _lines(taught, output):
        echo(line)
    for problem in problems:
        print_error(SourceError(f"left out: {problem}"))
    if problems:
        raise typer.Exit(1)


def _lines(taught: Taught, output: Path) -> list[str]:
    labels = taught.head.labels
    return [
        f"{output}: {len(labels)} classes, {', '.join(labels)}",
        f"  {taught.accuracy_words}",
        *(f"  {warning}" for warning in taught.warnings),
    ]


def _describe(taught: Taught, output: Path, problems: list[str]) -> dict[str, object]:
    return {
        "head": str(output),
        "labels": taught.head.labels,
        "accuracy": None if taught.accuracy is None else asdict(taught.accuracy),
        "warnings": taught.warnings,
        "unreadable": problems,
    }
