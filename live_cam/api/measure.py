"""What the map of an explained image is worth by published metrics, beside maps that know nothing of the network."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from live_cam.api.picture_set.boxes import BoxPx, mask_of_boxes
from live_cam.api.result import Result
from live_cam.errors import LiveCamError
from live_cam.explain.base import ExplainerProtocol
from live_cam.explain.metrics.base import Estimate, Explain, Predict, estimate, explain_with, input_image, predict_with
from live_cam.explain.metrics.baselines import centre_map, random_map
from live_cam.explain.metrics.confidence import confidence
from live_cam.explain.metrics.deletion import deletion, insertion
from live_cam.explain.metrics.localization import pointing_game, relevance_mass
from live_cam.explain.metrics.properties import max_sensitivity, sparseness
from live_cam.explain.metrics.randomization import similarity
from live_cam.explain.metrics.road import road
from live_cam.explain.randomized import randomized_explainer
from live_cam.types import Box

_log = logging.getLogger("live_cam")

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
    "randomization": Metric("randomised weights, rank correlation, low", "Adebayo 2018"),
    "pointing_game": Metric("pointing game, 0..1, high", "Zhang 2016"),
    "relevance_mass": Metric("relevance mass, 0..1, high", "Arras 2022"),
}
"""What `measure` measures, by name; see docs/metrics.md."""

_COLUMNS: Final = ("map", "random", "centre")

Values = Mapping[str, float]
"""A value for each of `METRICS`; NaN where it is not defined."""


def with_random_weights(explainer: ExplainerProtocol) -> ExplainerProtocol | None:
    """Returns the explainer of the same network with random weights; None, with a warning, if there can't be one."""
    try:
        return randomized_explainer(explainer)
    except LiveCamError as error:
        _log.warning("the maps are not compared with those of random weights: %s", error)
        return None


def measure(
    explainer: ExplainerProtocol,
    randomized: ExplainerProtocol | None,
    result: Result,
    boxes: Sequence[BoxPx] = (),
    seed: int = 0,
) -> dict[str, Values]:
    """Measures the map of a class, and a random and a centred one.

    Args:
        explainer: What made the map.
        randomized: See `with_random_weights`.
        result: The explained image.
        boxes: The objects of the class in the image.
        seed: Chooses the random map, and what metrics draw.

    Returns:
        The values of `map`, `random` and `centre`.
    """
    image = input_image(explainer, result.frame.rgb)
    target = result.target.index
    assert target is not None
    frame_px = result.frame.rgb.shape[0], result.frame.rgb.shape[1]
    predict, explain = predict_with(explainer), explain_with(explainer, target)
    explain_randomized = None if randomized is None else explain_with(randomized, target)
    values = measure_with(predict, explain, explain_randomized, image, result.map, target, seed)
    located = locate(result.map, boxes, frame_px, result.map_box, image.shape[:2], seed)
    return {name: {**of_map, **located[name]} for name, of_map in values.items()}


def measure_with(
    predict: Predict,
    explain: Explain,
    explain_randomized: Explain | None,
    image: NDArray[np.uint8],
    saliency_map: NDArray[np.float32],
    target: int,
    seed: int,
) -> dict[str, Values]:
    """Measures the map of a class by what the network makes of changed images.

    Args:
        predict: Returns probabilities.
        explain: Returns the maps of the class.
        explain_randomized: Returns those of random weights; None to leave out what needs them.
        image: The network's input, uint8 (H, W, 3), RGB.
        saliency_map: Its map, float32 (h, w).
        target: The class.
        seed: Chooses the random map, and what metrics draw.

    Returns:
        The values of `map`, `random` and `centre`, without those that need an object.
    """
    maps = _with_baselines(saliency_map, image.shape[:2], seed)
    values = {name: _measure(predict, image, each, target, seed) for name, each in maps.items()}
    values["map"]["max_sensitivity"] = max_sensitivity(image, explain, seed=seed)
    if explain_randomized is not None:
        with np.errstate(over="ignore", invalid="ignore"):
            (of_random,) = explain_randomized(image[np.newaxis])
        for name, other in _with_baselines(of_random, image.shape[:2], seed).items():
            values[name]["randomization"] = _rank_correlation(maps[name], other, image.shape[:2])
    return dict(values)


def locate(
    saliency_map: NDArray[np.float32],
    boxes: Sequence[BoxPx],
    frame_px: tuple[int, int],
    covered: Box,
    size_px: tuple[int, ...],
    seed: int,
) -> dict[str, Values]:
    """Measures how much of a map lies on the object, which takes no pass of the network.

    Args:
        saliency_map: float32 (h, w).
        boxes: The objects of the class in the frame; without any the values are NaN.
        frame_px: Height and width of the frame.
        covered: What of it the map covers.
        size_px: Height and width at which map and object are compared.
        seed: Chooses the random map.

    Returns:
        Pointing game and relevance mass of `map`, `random` and `centre`.
    """
    mask = mask_of_boxes(boxes, frame_px, covered, (size_px[0], size_px[1]))
    maps = _with_baselines(saliency_map, size_px, seed)
    if not mask.any():
        return {name: {"pointing_game": math.nan, "relevance_mass": math.nan} for name in maps}
    return {
        name: {"pointing_game": pointing_game(each, mask), "relevance_mass": relevance_mass(each, mask)}
        for name, each in maps.items()
    }


def estimates(measured: Sequence[Mapping[str, Values]]) -> dict[str, dict[str, Estimate]]:
    """Returns the means over images of those of `METRICS` that were measured, for `map`, `random` and `centre`."""
    found = {}
    for name in METRICS:
        of_maps = {column: estimate(each[column].get(name, math.nan) for each in measured) for column in _COLUMNS}
        if any(each.n for each in of_maps.values()):
            found[name] = of_maps
    return found


def table_lines(measured: Sequence[Mapping[str, Values]]) -> list[str]:
    """Returns a table for the terminal: means over images, with standard errors, beside the baselines."""
    rows = [["mean ± standard error", *_COLUMNS]]
    for name, of_maps in estimates(measured).items():
        metric = METRICS[name]
        rows.append([f"{metric.title} ({metric.paper})", *map(format_estimate, of_maps.values())])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def metrics_as_json(measured: Sequence[Mapping[str, Values]]) -> dict[str, dict[str, dict[str, float | None]]]:
    """Returns the means over images, for each map and metric, as values of JSON; null is what is not defined."""
    found = estimates(measured)
    return {
        column: {name: of_maps[column].as_dict() for name, of_maps in found.items() if of_maps[column].n}
        for column in _COLUMNS
    }


def as_json(result: Result, values: Mapping[str, Values]) -> str:
    """Returns the result's line of JSON with `metrics`; null is what is not defined."""
    metrics = {
        name: {metric: None if math.isnan(value) else round(value, 6) for metric, value in each.items()}
        for name, each in values.items()
    }
    return json.dumps({**result.as_dict(), "metrics": metrics})


def _with_baselines(
    saliency_map: NDArray[np.float32], size_px: tuple[int, ...], seed: int
) -> dict[str, NDArray[np.float32]]:
    size = size_px[0], size_px[1]
    return {"map": saliency_map, "random": random_map(size, seed), "centre": centre_map(size)}


def _measure(
    predict: Predict, image: NDArray[np.uint8], saliency_map: NDArray[np.float32], target: int, seed: int
) -> dict[str, float]:
    masked = confidence(image, saliency_map, predict, target)
    return {
        "deletion": deletion(image, saliency_map, predict, target, steps=STEPS, seed=seed).area,
        "insertion": insertion(image, saliency_map, predict, target, steps=STEPS, seed=seed).area,
        "drop_percent": masked.drop_percent,
        "increase_percent": masked.increase_percent,
        "road": road(image, saliency_map, predict, target, fractions=ROAD_FRACTIONS, seed=seed).combined,
        "sparseness": sparseness(saliency_map, (image.shape[0], image.shape[1])),
        "max_sensitivity": math.nan,
    }


def _rank_correlation(
    saliency_map: NDArray[np.float32], of_random: NDArray[np.float32], size_px: tuple[int, ...]
) -> float:
    """Returns that of a map with the one of random weights, whose numbers may have overflowed: then NaN."""
    if not np.isfinite(of_random).all():
        return math.nan
    return similarity(saliency_map, of_random, (size_px[0], size_px[1])).spearman


def format_estimate(each: Estimate) -> str:
    """Returns a mean and its standard error, as far as there are any."""
    if not each.n:
        return ""
    return f"{each.mean:.3g}" + ("" if math.isnan(each.standard_error) else f" ± {each.standard_error:.2g}")
