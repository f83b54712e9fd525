"""What the page shows of the results: the pictures that tell most, and figures of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from live_cam.api.picture_set.pictures import Picture
from live_cam.explain.base import ExplainerProtocol, describe
from live_cam.report.cards import Card, boxed_thumbnails, make_cards, map_uri
from live_cam.report.faithful import measure_cover
from live_cam.report.groups import group_mistakes
from live_cam.report.results import Row
from live_cam.report.shortcuts import MIN_PICTURES, class_evidence
from live_cam.report.summary import SURE, accuracy, confusion, mistakes, most_telling, most_uncertain, worst_pairs

SHOWN: Final = {
    "mistakes": 48,
    "uncertain": 12,
    "unfaithful": 12,
    "suspicions": 12,
    "pairs": 20,
    "groups": 12,
    "classes": 60,
    "files": 100,
}
"""How many of each the page shows at most; what is beyond is in `results.csv`, or counted."""

_MEASURED_N: Final = 24
"""How many pictures that are neither mistakes nor uncertain are measured: at equal distances in the order of names."""

_SURE_ENOUGH: Final = 0.5
_EXAMPLES_N: Final = 4
_COVERED_N: Final = 8
_MATRIX_CLASSES: Final = 12


class Findings:
    """What the page shows of the results.

    Attributes:
        evidence: Where the evidence of each class lies, the most suspected first.
    """

    def __init__(
        self,
        explainer: ExplainerProtocol,
        rows: Sequence[Row],
        pictures: Mapping[str, Picture],
        maps: NDArray[np.float32],
    ) -> None:
        """Looks where the evidence lies; `maps` are float32 (lines, h, w)."""
        self._explainer, self._rows, self._pictures, self._maps = explainer, rows, pictures, maps
        self.evidence = class_evidence(rows, self._maps)

    def content(self) -> dict[str, Any]:
        """Returns what the page's template names."""
        counts = confusion(self._rows)
        pairs, wrong = worst_pairs(counts), mistakes(self._rows)
        told = most_telling(wrong, pairs, SHOWN["mistakes"])
        uncertain = most_uncertain(self._rows)[: SHOWN["uncertain"]]
        sure = [row for row in self._rows if not row.is_mistake and row.top[0].probability >= _SURE_ENOUGH]
        shown = {row.name: row for row in [*told, *uncertain, *sure[:: -(-len(sure) // _MEASURED_N) or 1]]}
        cards = make_cards(self._explainer, list(shown.values()), self._pictures, self._maps)
        wrong_cards = [cards[row.name] for row in told if row.name in cards]
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
            "true_classes": Counter(card.row.true_class for card in wrong_cards).most_common(),
            "predicted_classes": Counter(card.row.top[0].index for card in wrong_cards).most_common(),
            "groups": [self._describe_group(group) for group in groups[: SHOWN["groups"]]],
            "group_of": {row.name: number for number, group in enumerate(groups) for row in group},
            "uncertain": [(cards[row.name], _margin_note(row)) for row in uncertain if row.name in cards],
            "unfaithful": _least_faithful(cards.values())[: SHOWN["unfaithful"]],
            "measured_n": sum(card.drops is not None for card in cards.values()),
            "pairs": pairs[: SHOWN["pairs"]],
            "matrix": _matrix(counts),
            "classes": [(each, map_uri(each.mean_map)) for each in self.evidence[: SHOWN["classes"]]],
            "classes_n": len(self.evidence),
            "min_pictures": MIN_PICTURES,
        }

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

    def _describe_group(self, group: Sequence[Row]) -> dict[str, Any]:
        labels = self._explainer.classifier.labels
        names = sorted({labels[row.top[0].index] for row in group})
        more = f" and {len(names) - 2} more" if len(names) > 2 else ""
        mean_map = np.mean([self._maps[row.number] / self._maps[row.number].max() for row in group], axis=0)
        return {"n": len(group), "called": f"{', '.join(names[:2])}{more}", "uri": map_uri(mean_map)}


def _matrix(counts: Counter[tuple[int, int]]) -> dict[str, Any] | None:
    """Returns the columns and rows of the confusion matrix, where it has few classes."""
    true, predicted = (sorted({pair[at] for pair in counts}) for at in (0, 1))
    if not counts or len({*true, *predicted}) > _MATRIX_CLASSES:
        return None
    rows = [(index, [(column, counts[index, column]) for column in predicted]) for index in true]
    return {"columns": predicted, "rows": rows}


def _least_faithful(cards: Iterable[Card]) -> list[Card]:
    """Returns the cards of unfaithful maps, the worst first."""
    found = [(card.drops.top - card.drops.random, card) for card in cards if card.drops and card.drops.is_unfaithful]
    return [card for _, card in sorted(found, key=lambda each: (each[0], each[1].row.name))]


def _margin_note(row: Row) -> str:
    entropy = "" if row.entropy_bits is None else f", entropy {row.entropy_bits:.1f} bits"
    return f"margin {100 * row.margin:.0f} points{entropy}"
