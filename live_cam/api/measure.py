"""What the map of an explained image is worth by published metrics, beside maps that know nothing of the network."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from live_cam.api.picture_set.boxes import BoxPx, mask_of_boxes
from live_cam.api.result import Result
from live_cam.explain.base import ExplainerProtocol
from live_cam.explain.metrics.base import Estimate, estimate, explain_with, input_image, predict_with
from live_cam.explain.metrics.baselines import centre_map, random_map
from live_cam.explain.metrics.confidence import confidence
from live_cam.explain.metrics.deletion import deletion, insertion
from live_cam.explain.metrics.localization import pointing_game, relevance_mass
from live_cam.explain.metrics.properties import max_sensitivity, sparseness
from live_cam.explain.metrics.road import road

STEPS: Final = 28
"""Of deletion and insertion: an eighth of the paper's, which would take minutes for each image."""

ROAD_FRACTIONS: Final = (0.2, 0.5, 0.8)
"""A third of the default, since to fill in most of an image takes longer than to explain it."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as a table names it.

    Attributes:
        title: What is measured, its unit, and what is good.
        paper: Its first author and year.
    """

    title: str
    paper: str


METRICS: Final[dict[str, Metric]] = {
    "deletion": Metric("deletion, area 0..1, low", "Petsiuk 2018"),
    "insertion": Metric("insertion, area 0..1, high", "Petsiuk 2018"),
    "drop_percent": Metric("drop, %, low", "Chattopadhay 2018"),
    "increase_percent": Metric("increase, %, high", "Chattopadhay 2018"),
    "road": Metric("ROAD, -0.5..0.5, high", "Rong 2022"),
    "sparseness": Metric("sparseness, Gini 0..1", "Chalasani 2020"),
    "max_sensitivity": Metric("max-sensitivity, share, low", "Yeh 2019"),
    "pointing_game": Metric("pointing game, 0..1, high", "Zhang 2016"),
    "relevance_mass": Metric("relevance mass, 0..1, high", "Arras 2022"),
}
"""What `measure` measures, by name; see docs/metrics.md."""

Values = Mapping[str, float]
"""A value for each of `METRICS`; NaN where it is not defined."""


def measure(
    explainer: ExplainerProtocol, result: Result, boxes: Sequence[BoxPx] = (), seed: int = 0
) -> dict[str, Values]:
    """Measures the map of a class, and a random and a centred one.

    Args:
        explainer: What made the map.
        result: The explained image.
        boxes: The objects of the class in the image.
        seed: Chooses the random map, and what metrics draw.

    Returns:
        The values of `map`, `random` and `centre`.
    """
    image = input_image(explainer, result.frame.rgb)
    size_px = image.shape[0], image.shape[1]
    target = result.target.index
    assert target is not None
    frame_px = result.frame.rgb.shape[0], result.frame.rgb.shape[1]
    mask = mask_of_boxes(boxes, frame_px, result.map_box, size_px)
    maps = {"map": result.map, "random": random_map(size_px, seed), "centre": centre_map(size_px)}
    values = {name: _measure(explainer, image, each, target, mask, seed) for name, each in maps.items()}
    values["map"]["max_sensitivity"] = max_sensitivity(image, explain_with(explainer, target), seed=seed)
    return dict(values)


def table_lines(measured: Sequence[Mapping[str, Values]]) -> list[str]:
    """Returns a table for the terminal: means over images, with standard errors, beside the baselines."""
    rows = [["mean ± standard error", *measured[0]]]
    for name, metric in METRICS.items():
        of_maps = [estimate(values[column][name] for values in measured) for column in measured[0]]
        if any(each.n for each in of_maps):
            rows.append([f"{metric.title} ({metric.paper})", *map(_cell, of_maps)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def as_json(result: Result, values: Mapping[str, Values]) -> str:
    """Returns the result's line of JSON with `metrics`; null is what is not defined."""
    metrics = {
        name: {metric: None if math.isnan(value) else round(value, 6) for metric, value in each.items()}
        for name, each in values.items()
    }
    return json.dumps({**result.as_dict(), "metrics": metrics})


def _measure(
    explainer: ExplainerProtocol,
    image: NDArray[np.uint8],
    saliency_map: NDArray[np.float32],
    target: int,
    mask: NDArray[np.bool_],
    seed: int,
) -> dict[str, float]:
    predict = predict_with(explainer)
    masked = confidence(image, saliency_map, predict, target)
    height, width = mask.shape
    return {
        "deletion": deletion(image, saliency_map, predict, target, steps=STEPS, seed=seed).area,
        "insertion": insertion(image, saliency_map, predict, target, steps=STEPS, seed=seed).area,
        "drop_percent": masked.drop_percent,
        "increase_percent": masked.increase_percent,
        "road": road(image, saliency_map, predict, target, fractions=ROAD_FRACTIONS, seed=seed).combined,
        "sparseness": sparseness(saliency_map, (height, width)),
        "max_sensitivity": math.nan,
        "pointing_game": pointing_game(saliency_map, mask) if mask.any() else math.nan,
        "relevance_mass": relevance_mass(saliency_map, mask) if mask.any() else math.nan,
    }


def _cell(each: Estimate) -> str:
    if not each.n:
        return ""
    return f"{each.mean:.3g}" + ("" if math.isnan(each.standard_error) else f" ± {each.standard_error:.2g}")
