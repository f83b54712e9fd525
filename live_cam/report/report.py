"""From a folder of pictures to a report: results of all pictures, and a page of those that tell most."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

from live_cam.api.measure import METRICS, estimates
from live_cam.api.picture_set.boxes import BoxPx
from live_cam.api.picture_set.pictures import Picture
from live_cam.errors import SourceError
from live_cam.explain.base import ExplainerProtocol, describe
from live_cam.explain.metrics.accuracy import Accuracy
from live_cam.report.explaining import ExplainPictures, OnProgress, explain_pictures
from live_cam.report.findings import SHOWN, Findings
from live_cam.report.measuring import OfMaps, locate_all, measure_sample
from live_cam.report.page import write_page
from live_cam.report.results import Results, Row
from live_cam.report.shortcuts import ClassEvidence
from live_cam.report.summary import accuracy


@dataclass(frozen=True, slots=True)
class Report:
    """What a report says, in short.

    Attributes:
        pictures_n: How many pictures were explained.
        accuracy: How many are right; None if no true class is known.
        suspicions: The classes that may rest on a place, the most suspected first.
        problems: Why files could not be read.
        measured: The values of each picture that was measured.
    """

    pictures_n: int
    accuracy: Accuracy | None
    suspicions: tuple[ClassEvidence, ...]
    problems: tuple[str, ...]
    measured: tuple[OfMaps, ...]


def settings_of(explainer: ExplainerProtocol) -> dict[str, Any]:
    """Returns what the results depend on, as JSON values: a run goes on only with the same."""
    classifier = explainer.classifier
    return {
        "live_cam": version("live_cam"),
        **describe(explainer),
        "preprocessing": json.loads(json.dumps(asdict(classifier.preprocessing))),  # lists, as in the file
        "labels_sha256": hashlib.sha256("\n".join(classifier.labels).encode()).hexdigest(),
    }


def write_report(
    explainer: ExplainerProtocol,
    folder: Path,
    pictures: Sequence[Picture],
    results: Results,
    notes: Sequence[str],
    on_progress: OnProgress,
    *,
    metrics: bool = False,
    boxes: Mapping[str, Sequence[BoxPx]] = MappingProxyType({}),
    explain: ExplainPictures | None = None,
) -> Report:
    """Writes a report, or goes on with one.

    Args:
        explainer: Explains `live_cam.api.picture_set.batches.BATCH_SIZE` pictures in one call.
        folder: The folder, for the title.
        pictures: Its pictures.
        results: What is known already, opened with `settings_of` the explainer.
        notes: What the page says of the true classes.
        on_progress: Called with the progress.
        metrics: Whether the maps of some pictures are measured, which takes minutes.
        boxes: The objects in the pictures, by the names of these.
        explain: Explains the pictures in place of the explainer, which then does the rest.

    Raises:
        SourceError: No picture can be read.
        OutputError: The report can't be written.
    """
    missing = results.missing(pictures)
    done_n = len(pictures) - len(missing)

    def on_explained(explained_n: int) -> None:
        on_progress("pictures", done_n + explained_n, len(pictures))

    on_explained(0)
    explain = explain or partial(explain_pictures, explainer)
    problems = explain(missing, results, on_explained)
    rows = results.rows(pictures)
    if not rows:
        raise SourceError(f"none of the {len(pictures)} pictures in {folder} can be read; give other pictures")
    by_name = {picture.name: picture for picture in pictures}
    measured = _measure(explainer, rows, by_name, results, metrics, boxes, on_progress)
    on_progress("page", len(rows), len(rows))
    found = Findings(explainer, rows, by_name, results.maps())
    content = {**found.content(), "folder": folder.absolute().name, "notes": notes}
    content |= {"problems": problems, "shown_problems": problems[: SHOWN["files"]]}
    content["metrics"] = [(METRICS[name], each) for name, each in estimates(list(measured.values())).items()]
    write_page(results.folder / "index.html", content)
    results.finish(rows, {name: values["map"] for name, values in measured.items()})
    suspicions = tuple(each for each in found.evidence if each.is_suspected)
    return Report(len(rows), accuracy(rows), suspicions, tuple(problems), tuple(measured.values()))


def _measure(
    explainer: ExplainerProtocol,
    rows: Sequence[Row],
    pictures: Mapping[str, Picture],
    results: Results,
    metrics: bool,
    boxes: Mapping[str, Sequence[BoxPx]],
    on_progress: OnProgress,
) -> dict[str, OfMaps]:
    """Returns what was measured of each picture, those without anything left out."""
    maps = results.maps()
    sample = {}
    if metrics:
        path = results.folder / "metrics.jsonl"
        sample = measure_sample(explainer, rows, pictures, maps, path, partial(on_progress, "metrics"))
    located = locate_all(rows, maps, boxes, explainer.classifier.input_px)
    of_rows: dict[str, OfMaps] = {}
    for row in rows:
        parts = [part[row.name] for part in (sample, located) if row.name in part]
        if parts:
            of_rows[row.name] = {
                column: {name: value for part in parts for name, value in part[column].items()} for column in parts[0]
            }
    return of_rows
