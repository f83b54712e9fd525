"""`live-cam why`: a report on a folder of pictures."""

from __future__ import annotations

import json
import logging
from contextlib import ExitStack, closing
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from live_cam.cli.cluster import RayOption, workers_of
from live_cam.cli.explainer_command import with_explainer_options
from live_cam.cli.options import ExplainerOptions
from live_cam.cli.progress import show_counts
from live_cam.cli.terminal import echo, print_error
from live_cam.errors import SourceError, UsageError

if TYPE_CHECKING:
    from live_cam.api.picture_set.pictures import Picture
    from live_cam.report.report import Report

_log = logging.getLogger("live_cam")

_MAX_PRINTED: Final = 20


@with_explainer_options
def why(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Pictures; the names of its subfolders are their true classes.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="REPORT", help="Folder of the report: new, or one to go on with.")
    ],
    truth: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="True classes: a table of path,label instead of subfolders.")
    ] = None,
    metrics: Annotated[
        bool,
        typer.Option("--metrics", help="Measure 32 of the maps, beside random and centred ones; takes minutes."),
    ] = False,
    boxes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Where the objects are: lines of path,left,top,right,bottom in pixels; measures how maps hit them.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
    ray: RayOption = None,
    *,
    explainer_options: ExplainerOptions,
) -> None:
    """Report where a classifier is wrong, and why: one page on a folder of pictures. Run again, it goes on.

    The model sees each whole picture, squeezed to the size of its input, unless --resize says otherwise.
    """
    from live_cam.api.picture_set.boxes import boxes_of
    from live_cam.api.picture_set.pictures import find_pictures
    from live_cam.api.picture_set.truth import folder_labels, read_truth

    if output.resolve() == folder.resolve():
        raise UsageError(f"{output} is the folder of the pictures; give another one for the report")
    if output.exists() and not output.is_dir():
        raise UsageError(f"{output} is a file; give a folder for the report")
    pictures = find_pictures(folder, output)
    names = [picture.name for picture in pictures]
    named = folder_labels(names) if truth is None else _of_pictures(read_truth(truth, folder), names, truth, folder)
    of_pictures = {} if boxes is None else boxes_of(pictures, boxes, folder)
    if ray is not None:
        from live_cam.cluster.connection import require_cluster

        require_cluster(ray)
    model = explainer_options.open_model()
    # What takes seconds; what is wrong up to here is said before.
    from live_cam.api.picture_set.batches import BATCH_SIZE
    from live_cam.report.report import settings_of, write_report
    from live_cam.report.results import Results

    labels = tuple(explainer_options.labels_of(model))
    pictures, notes = _with_true_classes(pictures, named, labels)
    throughput: dict[str, Any] = {"batch_size": BATCH_SIZE, "performance_hint": "throughput"}
    explainer = explainer_options.create(model, **throughput)
    with closing(Results(output, settings_of(explainer))) as results, ExitStack() as cluster:
        explain = None
        if ray is not None:
            workers = cluster.enter_context(workers_of(ray, explainer_options, **throughput))
            from live_cam.cluster.pictures import explain_on

            workers.require_same(explainer)
            explain = partial(explain_on, workers)
        on_progress = cluster.enter_context(show_counts())
        report = write_report(
            explainer,
            folder,
            pictures,
            results,
            notes,
            on_progress,
            metrics=metrics,
            boxes=of_pictures,
            explain=explain,
        )
    _print(report, output, labels, as_json)
    for problem in report.problems[:_MAX_PRINTED]:
        print_error(SourceError(f"left out: {problem}"))
    if len(report.problems) > _MAX_PRINTED:
        print_error(SourceError(f"{len(report.problems) - _MAX_PRINTED} more files are left out; {output} names them"))
    if report.problems:
        raise typer.Exit(1)


def _of_pictures(labels: dict[str, str], names: list[str], truth: Path, folder: Path) -> dict[str, str]:
    """Returns the labels of the pictures that there are.

    Raises:
        UsageError: There are none.
    """
    named = {name: labels[name] for name in names if name in labels}
    if not named:
        raise UsageError(f"{truth} names no picture in {folder}; write paths relative to that folder")
    if len(named) < len(labels):
        missing = next(name for name in labels if name not in named)
        lost_n = len(labels) - len(named)
        _log.warning("%s names %d files that are no pictures in %s, such as %s", truth, lost_n, folder, missing)
    return named


def _with_true_classes(
    pictures: list[Picture], named: dict[str, str], labels: tuple[str, ...]
) -> tuple[list[Picture], list[str]]:
    from live_cam.api.picture_set.truth import true_classes

    classes, notes = true_classes(named, labels)
    for note in notes:
        _log.warning("%s", note)
    return [replace(picture, true_class=classes.get(picture.name)) for picture in pictures], notes


def _print(report: Report, output: Path, labels: tuple[str, ...], as_json: bool) -> None:
    from live_cam.api.measure import metrics_as_json, table_lines

    page = output / "index.html"
    if as_json:
        suspicions = [
            {"class": labels[each.class_index], "place": each.place.name, "share": round(each.share, 4)}
            for each in report.suspicions
        ]
        right: dict[str, Any] | None = None if report.accuracy is None else asdict(report.accuracy)
        echo(
            json.dumps(
                {
                    "report": str(page),
                    "pictures": report.pictures_n,
                    "accuracy": right,
                    "suspected_shortcuts": suspicions,
                    "metrics": metrics_as_json(report.measured) if report.measured else None,
                    "unreadable": list(report.problems),
                }
            )
        )
        return
    accuracy = report.accuracy
    right_words = "" if accuracy is None else f", {accuracy.right_n} of {accuracy.known_n} right"
    echo(f"{page}: {report.pictures_n} pictures{right_words}")
    for each in report.suspicions:
        words = f"{labels[each.class_index]} may rest on {each.place.name}: {each.share:.0%} of its evidence lies there"
        echo(f"  suspected shortcut: {words}")
    if report.measured:
        for line in table_lines(report.measured):
            echo(line)
