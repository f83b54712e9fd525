"""From a folder of pictures to a report: results of all pictures, and a page of those that tell most."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from live_cam.errors import SourceError
from live_cam.explain.base import ExplainerProtocol, describe
from live_cam.explain.metrics.accuracy import Accuracy
from live_cam.report.cards import boxed_thumbnails, make_cards, map_uri
from live_cam.report.explaining import OnProgress, explain_pictures
from live_cam.report.faithful import choose_measured, measure, measure_cover
from live_cam.report.groups import group_mistakes
from live_cam.report.page import write_page
from live_cam.report.pictures import Picture
from live_cam.report.results import Results, Row
from live_cam.report.shortcuts import MIN_PICTURES, ClassEvidence, class_evidence
from live_cam.report.summary import SURE, accuracy, confusion, mistakes, most_uncertain, worst_pairs

SHOWN: Final = {
    "mistakes": 60,
    "uncertain": 12,
    "unfaithful": 12,
    "suspicions": 12,
    "pairs": 20,
    "classes": 60,
    "files": 100,
}
"""How many of each the page shows at most; what is beyond is in `results.csv`, or counted."""

_EXAMPLES_N: Final = 4
_COVERED_N: Final = 8
_MATRIX_CLASSES: Final = 12


@dataclass(frozen=True, slots=True)
class Report:
    """What a report says, in short.

    Attributes:
        pictures_n: How many pictures were explained.
        accuracy: How many are right; None if no true class is known.
        suspicions: The classes that may rest on a place, the most suspected first.
        problems: Why files could not be read.
    """

    pictures_n: int
    accuracy: Accuracy | None
    suspicions: tuple[ClassEvidence, ...]
    problems: tuple[str, ...]


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
) -> Report:
    """Writes a report, or goes on with one.

    Args:
        explainer: Explains `live_cam.report.reading.BATCH_SIZE` pictures in one call.
        folder: The folder, for the title.
        pictures: Its pictures.
        results: What is known already, opened with `settings_of` the explainer.
        notes: What the page says of the true classes.
        on_progress: Called with the number of pictures that are done.

    Raises:
        SourceError: No picture can be read.
        OutputError: The report can't be written.
    """
    missing = results.missing(pictures)
    done_n = len(pictures) - len(missing)
    on_progress(done_n)
    problems = explain_pictures(explainer, missing, results, lambda n: on_progress(done_n + n))
    rows = results.rows(pictures)
    if not rows:
        raise SourceError(f"none of the {len(pictures)} pictures in {folder} can be read; give other pictures")
    found = _Findings(explainer, rows, {picture.name: picture for picture in pictures}, results)
    content = {**found.content(), "folder": folder.absolute().name, "notes": notes}
    content |= {"problems": problems, "shown_problems": problems[: SHOWN["files"]]}
    write_page(results.folder / "index.html", content)
    results.finish(rows)
    suspicions = tuple(each for each in found.evidence if each.is_suspected)
    return Report(len(rows), accuracy(rows), suspicions, tuple(problems))


class _Findings:
    """What the page shows of the results."""

    def __init__(
        self, explainer: ExplainerProtocol, rows: Sequence[Row], pictures: Mapping[str, Picture], results: Results
    ) -> None:
        self._explainer, self._rows, self._pictures = explainer, rows, pictures
        self._maps = results.maps()
        self.evidence = class_evidence(rows, self._maps)

    def content(self) -> dict[str, Any]:
        """Returns what the page's template names."""
        wrong = mistakes(self._rows)
        uncertain = most_uncertain(self._rows)[: SHOWN["uncertain"]]
        drops = measure(self._explainer, choose_measured(self._rows, wrong), self._pictures)
        unfaithful = self._least_faithful(drops)
        shown = {row.name: row for row in [*wrong[: SHOWN["mistakes"]], *uncertain, *unfaithful]}
        cards = make_cards(self._explainer, list(shown.values()), self._pictures)
        wrong_cards = [cards[row.name] for row in wrong[: SHOWN["mistakes"]] if row.name in cards]
        groups = group_mistakes(wrong, self._maps)
        settings = describe(self._explainer)
        shape = "x".join(map(str, self._maps.shape[1:]))
        return {
            "model": self._explainer.classifier.name,
            "labels": self._explainer.classifier.labels,
            "pictures_n": len(self._rows),
            **{name: settings[name] for name in ("method", "layer", "precision")},
            "map_shape": shape,
            "version": version("live_cam"),
            "accuracy": accuracy(self._rows),
            "mistakes_n": len(wrong),
            "sure_n": sum(row.top[0].probability > SURE for row in wrong),
            "suspicions": self._suspicions(),
            "mistakes": wrong_cards,
            "true_classes": sorted({card.row.true_class for card in wrong_cards}),
            "predicted_classes": sorted({card.row.top[0].index for card in wrong_cards}),
            "groups": [self._describe_group(group) for group in groups],
            "group_of": {row.name: number for number, group in enumerate(groups) for row in group},
            "uncertain": [(cards[row.name], _margin_note(row)) for row in uncertain if row.name in cards],
            "unfaithful": [(cards[row.name], _drop_note(*drops[row.name])) for row in unfaithful if row.name in cards],
            "measured_n": len(drops),
            **self._confusion(),
            "classes": [(each, map_uri(each.mean_map)) for each in self.evidence[: SHOWN["classes"]]],
            "classes_n": len(self.evidence),
            "min_pictures": MIN_PICTURES,
        }

    def _least_faithful(self, drops: Mapping[str, tuple[float, float]]) -> list[Row]:
        """Returns the pictures whose top fifth costs no more than random fifths, the worst first."""
        by_name = {row.name: row for row in self._rows}
        excess = {name: top - random for name, (top, random) in drops.items() if top <= random}
        return [by_name[name] for name in sorted(excess, key=lambda name: (excess[name], name))[: SHOWN["unfaithful"]]]

    def _suspicions(self) -> list[dict[str, Any]]:
        found = []
        for each in [each for each in self.evidence if each.is_suspected][: SHOWN["suspicions"]]:
            called = [row for row in self._rows if row.top[0].index == each.class_index]
            called.sort(key=lambda row: (not row.is_mistake, -row.top[0].probability, row.name))
            found.append(
                {
                    "found": each,
                    "uri": map_uri(each.mean_map),
                    "covered_n": min(len(called), _COVERED_N),
                    "cover": measure_cover(self._explainer, called[:_COVERED_N], self._pictures, each.place),
                    "examples": boxed_thumbnails(self._explainer, called[:_EXAMPLES_N], self._pictures, each.place.box),
                }
            )
        return found

    def _describe_group(self, group: Sequence[Row]) -> str:
        labels = self._explainer.classifier.labels
        names = sorted({labels[row.top[0].index] for row in group})
        more = f" and {len(names) - 2} more" if len(names) > 2 else ""
        return f"{len(group)} called {', '.join(names[:2])}{more}, such as {group[0].name}"

    def _confusion(self) -> dict[str, Any]:
        """Returns the matrix, where it has few classes, and the worst pairs."""
        counts = confusion(self._rows)
        true, predicted = (sorted({pair[at] for pair in counts}) for at in (0, 1))
        matrix = None
        if counts and len({*true, *predicted}) <= _MATRIX_CLASSES:
            rows = [(index, [(column, counts[index, column]) for column in predicted]) for index in true]
            matrix = {"columns": predicted, "rows": rows}
        return {"matrix": matrix, "pairs": worst_pairs(counts)[: SHOWN["pairs"]]}


def _margin_note(row: Row) -> str:
    entropy = "" if row.entropy_bits is None else f", entropy {row.entropy_bits:.1f} bits"
    return f"margin {100 * row.margin:.0f} points{entropy}"


def _drop_note(top: float, random: float) -> str:
    return f"top fifth costs {100 * top:.0f} points, a random fifth {100 * random:.0f}"
